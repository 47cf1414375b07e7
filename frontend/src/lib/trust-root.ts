/** Compares what a reader holds of a ledger with the ledger a proof leads to. */

interface TrustRoot {
  fingerprint: string;
  words: string[];
}

/** "short": not a whole fingerprint and not twelve words yet. */
export type Comparison = "empty" | "short" | "same" | "other";

const WORDS = 12;
const DIGITS = 64;

/** Takes a fingerprint or the words as people copy them: numbered, in groups, in capitals. */
export function compareTrust(held: string, root: TrustRoot): Comparison {
  const text = held.trim().toLowerCase();
  if (text === "") return "empty";
  const digits = text.replace(/[\s:-]/g, "");
  if (/^[0-9a-f]+$/.test(digits) && /[0-9]/.test(digits)) {
    if (digits.length < DIGITS) return "short";
    return digits === root.fingerprint ? "same" : "other";
  }
  const words = text.match(/[a-z]+/g) ?? [];
  if (words.length < WORDS) return "short";
  return root.words.length === WORDS && words.join(" ") === root.words.join(" ") ? "same" : "other";
}
