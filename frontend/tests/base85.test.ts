import { expect, test } from "vitest";
import { decode85, encode85 } from "$lib/client/base85";

const pattern = (length: number) => Uint8Array.from({ length }, (_, i) => (i * 2_654_435_761) >>> 13);

test.each([0, 1, 2, 3, 4, 5, 4095, 100_003])("%i bytes come back", (length) => {
  const bytes = pattern(length);
  expect(decode85(encode85(bytes))).toEqual(bytes);
});

test("the largest group", () => {
  const bytes = new Uint8Array(8).fill(255);
  expect(decode85(encode85(bytes))).toEqual(bytes);
});

test("nothing of it means anything to HTML or a script", () => {
  expect(encode85(pattern(100_000))).not.toMatch(/[<>&"'\\`\s/-]/);
});
