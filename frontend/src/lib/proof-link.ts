/**
 * A proof in a link: in its fragment, which a browser sends to nobody. Whoever opens the link verifies the proof on the
 * spot, as if it had come in a file.
 */
const MARK = "#/verify/";

/** What is packed can unpack to much more. */
const MAX_PROOF_BYTES = 2 << 20;
export const MAX_PROOF_LINK = 512 << 10;

export async function packProof(proof: string): Promise<string> {
  const packed = new Blob([proof]).stream().pipeThrough(new CompressionStream("deflate-raw"));
  const bytes = new Uint8Array(await new Response(packed).arrayBuffer());
  let binary = "";
  for (const byte of bytes) binary += String.fromCharCode(byte);
  return MARK + btoa(binary).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
}

/** Returns the proof's text; null if the link was cut, or changed on its way, or is too long. */
export async function unpackProof(packed: string): Promise<string | null> {
  try {
    const binary = atob(packed.replaceAll("-", "+").replaceAll("_", "/"));
    const bytes = Uint8Array.from(binary, (character) => character.charCodeAt(0));
    const reader = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("deflate-raw")).getReader();
    const chunks: Uint8Array<ArrayBuffer>[] = [];
    let size = 0;
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return new TextDecoder("utf-8", { fatal: true }).decode(await new Blob(chunks).arrayBuffer());
      size += value.length;
      if (size > MAX_PROOF_BYTES) {
        await reader.cancel();
        return null;
      }
      chunks.push(value);
    }
  } catch {
    return null;
  }
}
