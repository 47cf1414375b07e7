/**
 * Bytes as text inside a page: five characters for four bytes, where base64
 * takes a third more than the bytes. None of the characters means anything to
 * HTML or in a string of a script. The first says how many bytes at the end
 * only fill up the last group.
 */
const ALPHABET = Array.from({ length: 94 }, (_, i) => String.fromCharCode(33 + i))
  .filter((character) => !"<>&\"'\\`-/".includes(character))
  .join("");

const BASE = ALPHABET.length;
const VALUE = new Uint8Array(128);
for (let i = 0; i < BASE; i++) VALUE[ALPHABET.charCodeAt(i)] = i;

export function encode85(bytes: Uint8Array): string {
  const filled = new Uint8Array(Math.ceil(bytes.length / 4) * 4);
  filled.set(bytes);
  const view = new DataView(filled.buffer);
  const groups = [ALPHABET[filled.length - bytes.length]!];
  for (let at = 0; at < filled.length; at += 4) {
    let rest = view.getUint32(at);
    let group = "";
    for (let i = 0; i < 5; i++) {
      group = ALPHABET[rest % BASE]! + group;
      rest = Math.floor(rest / BASE);
    }
    groups.push(group);
  }
  return groups.join("");
}

export function decode85(text: string): Uint8Array<ArrayBuffer> {
  const filled = ((text.length - 1) / 5) * 4;
  const view = new DataView(new ArrayBuffer(filled));
  for (let at = 0, from = 1; at < filled; at += 4) {
    let group = 0;
    for (let i = 0; i < 5; i++) group = group * BASE + VALUE[text.charCodeAt(from++)]!;
    view.setUint32(at, group);
  }
  return new Uint8Array(view.buffer, 0, filled - VALUE[text.charCodeAt(0)]!);
}
