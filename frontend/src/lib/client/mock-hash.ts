/** What stands for digests in the made-up ledger. */

/** Spreads a text over 64 hex digits. */
export function hex(seed: string): string {
  let a = 0x9e3779b9;
  let out = "";
  for (let i = 0; out.length < 64; i++) {
    for (const character of `${seed}/${i}`)
      a = Math.imul(a ^ character.charCodeAt(0), 0x85ebca6b) ^ (a >>> 13);
    out += (a >>> 0).toString(16).padStart(8, "0");
  }
  return out;
}

export function base64(seed: string): string {
  return btoa(
    String.fromCharCode(
      ...hex(seed)
        .match(/../g)!
        .map((pair) => parseInt(pair, 16)),
    ),
  );
}
