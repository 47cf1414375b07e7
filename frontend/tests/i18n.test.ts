import { expect, test } from "vitest";
import { languages } from "$lib/i18n";

/** Every message by its path, functions called with sample values. */
function flat(value: unknown, path = ""): [string, string][] {
  if (typeof value === "string") return [[path, value]];
  if (typeof value === "function") {
    const sample = Array.from({ length: value.length }, (_, i) => i + 2);
    return [[path, (value as (...parameters: number[]) => string)(...sample)]];
  }
  return Object.entries(value as object).flatMap(([key, inner]) =>
    flat(inner, path ? `${path}.${key}` : key),
  );
}

const en = flat(languages.en);
const zh = flat(languages.zh);

test("both languages have the same entries", () => {
  expect(zh.map(([path]) => path).sort()).toEqual(en.map(([path]) => path).sort());
});

test("no entry is empty", () => {
  expect([...en, ...zh].filter(([, text]) => text.trim() === "")).toEqual([]);
});

test("both languages use the same values", () => {
  const numbers = (text: string) => (text.match(/\d/g) ?? []).sort().join();
  const english = new Map(en);
  const differing = zh.filter(([path, text]) => numbers(text) !== numbers(english.get(path)!));
  expect(differing.map(([path]) => path)).toEqual([]);
});

test("Chinese is written in Chinese, except for names of formats", () => {
  const latin = zh.filter(([, text]) => !/[\u4e00-\u9fff]/.test(text)).map(([path]) => path);
  expect(latin.sort()).toEqual(["lookup.cid", "lookup.sha256", "record.cid", "record.sha256"]);
});
