// @vitest-environment node
import { importer, type ImporterOptions } from "ipfs-unixfs-importer";
import { fixedSize } from "ipfs-unixfs-importer/chunker";
import { balanced } from "ipfs-unixfs-importer/layout";
import { expect, test } from "vitest";
import vectors from "../../lightclient/evidence/testdata/unixfs.json";

// An importer that we did not write gives the CIDs that stand in our records: the same file holds the light client's own.
test.each(vectors)("$Size bytes, leaves of $Leaf, $Links links", async ({ Size, Leaf, Links, CID }) => {
  expect(await cidOf(stream(Size), parameters(Leaf, Links))).toBe(CID);
});

// The profile has a name, under which others know it.
test.each(vectors.filter((v) => v.Leaf === 1 << 20))("unixfs-v1-2025, $Size bytes", async ({ Size, CID }) => {
  expect(await cidOf(stream(Size), { profile: "unixfs-v1-2025" })).toBe(CID);
});

const parameters = (leaf: number, links: number): ImporterOptions => ({
  cidVersion: 1,
  rawLeaves: true,
  reduceSingleLeafToSelf: true,
  chunker: fixedSize({ chunkSize: leaf }),
  layout: balanced({ maxChildrenPerNode: links }),
});

async function cidOf(content: Uint8Array, options: ImporterOptions): Promise<string> {
  const nowhere = { put: async (cid: never) => cid };
  let root = "";
  for await (const entry of importer([{ content }], nowhere, options)) root = entry.cid.toString();
  return root;
}

function stream(size: number): Uint8Array {
  const bytes = new Uint8Array(size);
  for (let i = 0, x = 0; i < size; i++) {
    x = (Math.imul(x, 1_664_525) + 1_013_904_223) >>> 0;
    bytes[i] = x >>> 24;
  }
  return bytes;
}
