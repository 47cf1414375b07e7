/** Tells a proof, a state proof, a refused record or an accusation from any other file without trusting its name. */

export const MAX_PROOF_BYTES = 24 * 1024 * 1024;

const FORMAT = /^\s*\{\s*"format"\s*:\s*"evident\/(proof|state|refused|accusation)\/v/;
const SNIFF_BYTES = 1024;

/** The proof's text, or null when the file is something else. */
export async function readProofText(file: Blob, name: string): Promise<string | null> {
  if (file.size > MAX_PROOF_BYTES) return null;
  const named = /\.(evident|accusation)$/i.test(name);
  return named || FORMAT.test(await file.slice(0, SNIFF_BYTES).text()) ? file.text() : null;
}
