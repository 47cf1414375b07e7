import { expect, test } from "vitest";
import { compareTrust } from "$lib/trust-root";

const words = "harvest ocean velvet captain mirror walnut orbit gentle plastic season admit lantern".split(
  " ",
);
const fingerprint = "1f0a9c3b55d20e77".repeat(4);
const root = { fingerprint, words };

test.each([
  { name: "nothing", held: "  ", want: "empty" },
  { name: "the fingerprint", held: fingerprint, want: "same" },
  { name: "in groups and capitals", held: fingerprint.replace(/(.{4})/g, "$1 ").toUpperCase(), want: "same" },
  { name: "half a fingerprint", held: fingerprint.slice(32), want: "short" },
  { name: "another fingerprint", held: fingerprint.replace("1", "2"), want: "other" },
  { name: "too long a fingerprint", held: `${fingerprint}00`, want: "other" },
  { name: "the words", held: words.join(" "), want: "same" },
  {
    name: "numbered lines",
    held: words.map((word, i) => `${i + 1}. ${word.toUpperCase()}`).join("\n"),
    want: "same",
  },
  { name: "eleven words", held: words.slice(1).join(" "), want: "short" },
  { name: "another order", held: words.toReversed().join(" "), want: "other" },
  { name: "a word too many", held: [...words, "extra"].join(" "), want: "other" },
])("$name", ({ held, want }) => expect(compareTrust(held, root)).toBe(want));

test("a proof without a genesis is never the one named", () => {
  expect(compareTrust(words.join(" "), { fingerprint: "", words: [] })).toBe("other");
});
