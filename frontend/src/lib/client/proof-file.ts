/** Tells a proof from any other file without trusting its name. */

export const MAX_PROOF_BYTES = 24 * 1024 * 1024;

const FORMAT = '"evident/proof/v1"';
const SNIFF_BYTES = 64 * 1024;

/** The proof's text, or null when the file is something else. */
export async function readProofText(file: Blob, name: string): Promise<string | null> {
  if (file.size > MAX_PROOF_BYTES) return null;
  if (name.toLowerCase().endsWith(".evident")) return file.text();
  const start = await file.slice(0, SNIFF_BYTES).text();
  if (!start.trimStart().startsWith("{")) return null;
  const text = await file.text();
  return text.includes(FORMAT) ? text : null;
}
