// @vitest-environment node
import { expect, test } from "vitest";
import { SHA256 } from "$lib/client/sha256";

const content = Uint8Array.from({ length: 3_000_000 }, (_, i) => (i * 2_654_435_761) >>> 13);
const want = async (bytes: Uint8Array<ArrayBuffer>) =>
  new Uint8Array(await crypto.subtle.digest("SHA-256", bytes));

test.each([0, 1, 3, 55, 56, 63, 64, 65, 119, 120, 128, 1_000, 1_114_048, 1_114_049, 3_000_000])(
  "%d bytes",
  async (size) => {
    const bytes = content.subarray(0, size);
    const hash = new SHA256();
    hash.write(bytes);
    expect(hash.sum()).toEqual(await want(bytes));
  },
);

test.each([1, 7, 64, 1_000, 65_537])("pieces of %d bytes", async (piece) => {
  const bytes = content.subarray(0, 200_003);
  const hash = new SHA256();
  for (let at = 0; at < bytes.length; at += piece) hash.write(bytes.subarray(at, at + piece));
  expect(hash.sum()).toEqual(await want(bytes));
});
