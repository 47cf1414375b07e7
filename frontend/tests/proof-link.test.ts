// @vitest-environment node
import { expect, test } from "vitest";
import { parseRoute } from "../src/lib/routes";
import { packProof, unpackProof } from "../src/lib/proof-link";

const proof = `{"format":"evident/proof/v1","text":"${"李娜 Li Na ".repeat(500)}"}\n`;

test("a proof comes out of its link as it went in", async () => {
  const route = parseRoute(await packProof(proof));
  if (route.page !== "verify") throw new Error(`the link leads to ${route.page}`);
  expect(route.packed.length).toBeLessThan(1000);
  expect(await unpackProof(route.packed)).toBe(proof);
});

test("a link that the command line made", async () => {
  expect(await unpackProof("qlZKyy_KTSxRslJKLctMSc0r0S8oys9P0y8zVKoFBAAA__8")).toBe(
    '{"format":"evident/proof/v1"}',
  );
});

test.each([
  ["cut", (packed: string) => packed.slice(0, -8)],
  ["changed", (packed: string) => `A${packed.slice(1, 20)}${packed}`],
  ["no base64", () => "a"],
  ["empty", () => ""],
])("a link that was %s", async (_, change) => {
  const packed = (await packProof(proof)).slice("#/verify/".length);
  expect(await unpackProof(change(packed))).toBeNull();
});

test("what would fill the memory is not unpacked", async () => {
  const packed = (await packProof(" ".repeat(4 << 20))).slice("#/verify/".length);
  expect(await unpackProof(packed)).toBeNull();
});
