/** The library of contracts as it lies in the repository, for the made-up ledger: parsed, with what they include. */
import { parse } from "yaml";

type Json = { [name: string]: unknown };

const files = import.meta.glob<string>("../../../../fullnode/contract/library/*.yaml", {
  query: "?raw",
  import: "default",
  eager: true,
});

function read(name: string): Json {
  const [, text] = Object.entries(files).find(([path]) => path.endsWith(`/${name}.yaml`)) ?? [];
  return parse(text ?? "") as Json;
}

const common = read("common");

/** Definitions by name, in canonical order of their members, as the ledger holds them. */
export const library: { [name: string]: Json } = Object.fromEntries(
  Object.keys(files)
    .map((path) => path.replace(/^.*\/|\.yaml$/g, ""))
    .filter((name) => name !== "common")
    .map((name) => [name, canonical(included(read(name))) as Json]),
);

function included({ include, ...own }: Json): Json {
  if (!include) return own;
  const merged = ["roles", "state", "actions"].map((part) => [
    part,
    { ...(common[part] as Json), ...(own[part] as Json) },
  ]);
  return { ...own, ...Object.fromEntries(merged) };
}

function canonical(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(canonical);
  if (typeof value !== "object" || value === null) return value;
  const sorted = Object.entries(value).toSorted(([a], [b]) => (a < b ? -1 : 1));
  return Object.fromEntries(sorted.map(([name, inner]) => [name, canonical(inner)]));
}
