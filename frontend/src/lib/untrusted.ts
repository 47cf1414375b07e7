/**
 * Text that others wrote, made safe to look at: characters that a reader cannot
 * see, or that reorder what he sees, are shown by their code point instead.
 */

export interface Piece {
  text: string;
  hidden: boolean;
}

// Controls, soft hyphen, Arabic letter mark, zero-width and bidi controls, line
// separators, invisible operators, variation tags, byte-order mark.
const HIDDEN =
  /[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u00ad\u061c\u115f\u1160\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\u3164\ufeff\uffa0\ufff9-\ufffb]|[\u{e0000}-\u{e0fff}]/gu;

export function pieces(text: string): Piece[] {
  const found: Piece[] = [];
  let from = 0;
  for (const match of text.matchAll(HIDDEN)) {
    if (match.index > from) found.push({ text: text.slice(from, match.index), hidden: false });
    found.push({ text: codePoint(match[0]), hidden: true });
    from = match.index + match[0].length;
  }
  if (from < text.length) found.push({ text: text.slice(from), hidden: false });
  return found;
}

function codePoint(character: string): string {
  return `U+${character.codePointAt(0)!.toString(16).toUpperCase().padStart(4, "0")}`;
}

/** A field's value as text: strings bare, everything else as JSON. */
export function fieldText(value: unknown): string {
  return typeof value === "string" ? value : (JSON.stringify(value) ?? "");
}
