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
  { hash: "#/verify", want: { page: "verify", packed: "" } },
  { hash: "#/verify/q1Y-_w", want: { page: "verify", packed: "q1Y-_w" } },
  { hash: "#/verify/a+b", want: { page: "missing" } },
  { hash: "#/verify/a/b", want: { page: "missing" } },
  { hash: `#/verify/${"a".repeat(600_000)}`, want: { page: "missing" } },
  { hash: "#/trust", want: { page: "trust" } },
  { hash: "#/stamp", want: { page: "stamp" } },
  { hash: "#/contracts", want: { page: "contracts" } },
  { hash: "#/scan", want: { page: "scan" } },
  { hash: "#/contract/food", want: { page: "contract", name: "food", version: 0 } },
  { hash: "#/contract/food/2", want: { page: "contract", name: "food", version: 2 } },
  { hash: "#/contract/food/0", want: { page: "missing" } },
  { hash: "#/contract/Food", want: { page: "missing" } },
  {
    hash: "#/item/food/01%2F0690%2F10%2FB1",
    want: { page: "item", contract: "food", item: "01/0690/10/B1" },
  },
  { hash: "#/item/food/a/b", want: { page: "missing" } },
  { hash: "#/item/food", want: { page: "missing" } },
  { hash: "#/act/food/sell/a%2Fb", want: { page: "act", contract: "food", action: "sell", item: "a/b" } },
  { hash: "#/act/food/commission", want: { page: "act", contract: "food", action: "commission", item: "" } },
  { hash: "#/act/food", want: { page: "missing" } },
  { hash: "#/draft", want: { page: "draft", link: "" } },
  { hash: "#/draft/", want: { page: "draft", link: "" } },
  { hash: `#/draft/${"x".repeat(9000)}`, want: { page: "draft", link: `#/draft/${"x".repeat(9000)}` } },
  { hash: "#/__proto__", want: { page: "missing" } },
])("$hash", ({ hash, want }) => expect(parseRoute(hash)).toEqual(want));

test("addresses lead back to their routes", () => {
  expect(parseRoute(href.block("12"))).toEqual({ page: "block", height: "12" });
  expect(parseRoute(href.record(id))).toEqual({ page: "record", id });
  expect(parseRoute(href.item("food", "01/06/10/a b%"))).toEqual({
    page: "item",
    contract: "food",
    item: "01/06/10/a b%",
  });
  expect(parseRoute(href.act("food", "sell", "01/06"))).toEqual({
    page: "act",
    contract: "food",
    action: "sell",
    item: "01/06",
  });
  expect(parseRoute(href.contract("food", 3))).toEqual({ page: "contract", name: "food", version: 3 });
  expect(parseRoute(href.search("a/b c#%"))).toEqual({ page: "search", query: "a/b c#%" });
});

test.each([
  { query: " 42 ", want: "#/block/42" },
  { query: "#42", want: "#/block/42" },
  { query: "ada", want: "#/search/ada" },
  { query: id, want: `#/search/${id}` },
])("a query of $query leads to $want", ({ query, want }) => expect(destination(query)).toBe(want));
