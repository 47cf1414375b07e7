/**
 * Addresses are hashes (#/record/…), because they work alike in the desktop
 * window, on a node and on a static host. What does not parse is "missing".
 */

import { MAX_PROOF_LINK } from "./proof-link";

export type Route =
  | { page: "overview" }
  | { page: "block"; height: string }
  | { page: "record"; id: string }
  | { page: "search"; query: string }
  | { page: "members" }
  | { page: "verify"; packed: string }
  | { page: "trust" }
  | { page: "stamp" }
  | { page: "contracts" }
  | { page: "contract"; name: string; version: number }
  | { page: "item"; contract: string; item: string }
  | { page: "act"; contract: string; action: string; item: string }
  | { page: "draft"; link: string }
  | { page: "scan" }
  | { page: "missing" };

const MAX_HASH = 1000;
/** A link to a draft carries the draft, packed. */
const MAX_DRAFT_LINK = 512 << 10;

export function parseRoute(hash: string): Route {
  if (/^#\/draft(\/|$)/.test(hash)) {
    const link = hash.length > MAX_DRAFT_LINK ? "" : hash;
    return { page: "draft", link: link === href.draft || link === `${href.draft}/` ? "" : link };
  }
  if (hash.startsWith("#/verify/")) {
    const packed = hash.slice("#/verify/".length);
    if (packed.length > MAX_PROOF_LINK || !/^[A-Za-z0-9_-]+$/.test(packed)) return { page: "missing" };
    return { page: "verify", packed };
  }
  const [page = "", argument = "", ...rest] = hash
    .slice(0, MAX_HASH)
    .replace(/^#?\/?/, "")
    .split("/");
  if (["contract", "item", "act"].includes(page)) return contractRoute(page, argument, rest.map(decode));
  if (rest.length > 0) return { page: "missing" };
  switch (page) {
    case "block":
      return isHeight(argument) ? { page, height: argument } : { page: "missing" };
    case "record":
      return isHex64(argument) ? { page, id: argument } : { page: "missing" };
    case "search": {
      const query = decode(argument).trim();
      return query ? { page, query } : { page: "missing" };
    }
    case "verify":
      return argument ? { page: "missing" } : { page, packed: "" };
    case "members":
    case "trust":
    case "stamp":
    case "contracts":
    case "scan":
      return argument ? { page: "missing" } : { page };
    case "":
      return argument ? { page: "missing" } : { page: "overview" };
    default:
      return { page: "missing" };
  }
}

/** contract/NAME[/VERSION], item/CONTRACT/NAME, act/CONTRACT/ACTION[/ITEM] */
function contractRoute(page: string, contract: string, [second = "", third, ...more]: string[]): Route {
  if (!isWord(contract) || more.length > 0) return { page: "missing" };
  switch (page) {
    case "contract":
      if (third !== undefined || !/^([1-9][0-9]{0,8})?$/.test(second)) break;
      return { page, name: contract, version: Number(second) };
    case "item":
      if (third === undefined && second !== "") return { page, contract, item: second };
      break;
    case "act":
      if (isWord(second)) return { page, contract, action: second, item: third ?? "" };
  }
  return { page: "missing" };
}

export const href = {
  overview: "#/",
  members: "#/members",
  verify: "#/verify",
  trust: "#/trust",
  stamp: "#/stamp",
  contracts: "#/contracts",
  scan: "#/scan",
  draft: "#/draft",
  contract: (name: string, version?: number) => `#/contract/${name}${version ? `/${version}` : ""}`,
  item: (contract: string, item: string) => `#/item/${contract}/${encodeURIComponent(item)}`,
  act: (contract: string, action: string, item = "") =>
    `#/act/${contract}/${action}${item ? `/${encodeURIComponent(item)}` : ""}`,
  block: (height: string) => `#/block/${height}`,
  record: (id: string) => `#/record/${id}`,
  search: (query: string) => `#/search/${encodeURIComponent(query)}`,
};

/** Where a query leads at once, when its shape alone says what it names. */
export function destination(query: string): string {
  const trimmed = query.trim().replace(/^#/, "");
  return isHeight(trimmed) ? href.block(trimmed) : href.search(query.trim());
}

function isHeight(text: string): boolean {
  return /^(0|[1-9][0-9]{0,18})$/.test(text);
}

function isWord(text: string): boolean {
  return /^[a-z][a-z0-9_]{0,31}$/.test(text);
}

function isHex64(text: string): boolean {
  return /^[0-9a-f]{64}$/.test(text);
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return "";
  }
}
