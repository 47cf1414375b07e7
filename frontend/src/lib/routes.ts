/**
 * Addresses are hashes (#/record/…), because they work alike in the desktop
 * window, on a node and on a static host. What does not parse is "missing".
 */

export type Route =
  | { page: "overview" }
  | { page: "block"; height: string }
  | { page: "record"; id: string }
  | { page: "search"; query: string }
  | { page: "members" }
  | { page: "verify" }
  | { page: "trust" }
  | { page: "stamp" }
  | { page: "missing" };

const MAX_HASH = 1000;

export function parseRoute(hash: string): Route {
  const [page = "", argument = "", ...rest] = hash
    .slice(0, MAX_HASH)
    .replace(/^#?\/?/, "")
    .split("/");
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
    case "members":
    case "verify":
    case "trust":
    case "stamp":
      return argument ? { page: "missing" } : { page };
    case "":
      return argument ? { page: "missing" } : { page: "overview" };
    default:
      return { page: "missing" };
  }
}

export const href = {
  overview: "#/",
  members: "#/members",
  verify: "#/verify",
  trust: "#/trust",
  stamp: "#/stamp",
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
