import { expect, test } from "vitest";
import { destination, href, parseRoute } from "$lib/routes";

const id = "ab".repeat(32);

test.each([
  { hash: "", want: { page: "overview" } },
  { hash: "#/", want: { page: "overview" } },
  { hash: "#/block/0", want: { page: "block", height: "0" } },
  { hash: "#/block/1284", want: { page: "block", height: "1284" } },
  { hash: "#/block/007", want: { page: "missing" } },
  { hash: "#/block/-1", want: { page: "missing" } },
  { hash: "#/block/", want: { page: "missing" } },
  { hash: `#/record/${id}`, want: { page: "record", id } },
  { hash: `#/record/${id.toUpperCase()}`, want: { page: "missing" } },
  { hash: `#/record/${id}/x`, want: { page: "missing" } },
  { hash: "#/search/%E6%B8%AF%2F%231", want: { page: "search", query: "港/#1" } },
  { hash: "#/search/%E6%ZZ", want: { page: "missing" } },
  { hash: "#/members", want: { page: "members" } },
  { hash: "#/members/1", want: { page: "missing" } },
  { hash: "#/verify", want: { page: "verify" } },
  { hash: "#/trust", want: { page: "trust" } },
  { hash: "#/stamp", want: { page: "stamp" } },
  { hash: "#/__proto__", want: { page: "missing" } },
])("$hash", ({ hash, want }) => expect(parseRoute(hash)).toEqual(want));

test("addresses lead back to their routes", () => {
  expect(parseRoute(href.block("12"))).toEqual({ page: "block", height: "12" });
  expect(parseRoute(href.record(id))).toEqual({ page: "record", id });
  expect(parseRoute(href.search("a/b c#%"))).toEqual({ page: "search", query: "a/b c#%" });
});

test.each([
  { query: " 42 ", want: "#/block/42" },
  { query: "#42", want: "#/block/42" },
  { query: "ada", want: "#/search/ada" },
  { query: id, want: `#/search/${id}` },
])("a query of $query leads to $want", ({ query, want }) => expect(destination(query)).toBe(want));
