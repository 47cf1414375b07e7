import { describe, expect, test } from "vitest";
import { age, bytes, count, groups, localTime, shorten, utcTime } from "$lib/format";

describe("shorten", () => {
  const hash = "0123456789abcdef".repeat(4);
  test.each([
    { name: "keeps both ends", text: hash, want: "01234567…abcdef" },
    { name: "leaves short text", text: "0123456789abcde", want: "0123456789abcde" },
    { name: "leaves empty text", text: "", want: "" },
  ])("$name", ({ text, want }) => expect(shorten(text)).toBe(want));
});

describe("bytes", () => {
  test.each([
    { size: "0", en: "0 bytes", zh: "0 字节" },
    { size: "1", en: "1 byte", zh: "1 字节" },
    { size: "1023", en: "1023 bytes", zh: "1023 字节" },
    { size: "1024", en: "1 KiB", zh: "1 KiB" },
    { size: "48211", en: "47.1 KiB", zh: "47.1 KiB" },
    { size: "3221225472", en: "3 GiB", zh: "3 GiB" },
  ])("$size", ({ size, en, zh }) => {
    expect(bytes(size, "en")).toBe(en);
    expect(bytes(size, "zh")).toBe(zh);
  });
});

describe("count", () => {
  test("groups digits beyond the safe integers", () => {
    expect(count("18446744073709551615", "en")).toBe("18,446,744,073,709,551,615");
  });
  test("leaves what is no number", () => expect(count("soon", "en")).toBe("soon"));
});

describe("age", () => {
  test.each([
    { ms: -5, en: "now", zh: "现在" },
    { ms: 999, en: "now", zh: "现在" },
    { ms: 3_000, en: "3 seconds ago", zh: "3秒钟前" },
    { ms: 60_000, en: "1 minute ago", zh: "1分钟前" },
    { ms: 7_200_000, en: "2 hours ago", zh: "2小时前" },
    { ms: 172_800_000, en: "2 days ago", zh: "2天前" },
  ])("$ms", ({ ms, en, zh }) => {
    expect(age(ms, "en")).toBe(en);
    expect(age(ms, "zh")).toBe(zh);
  });
});

test("times are local, with UTC beside them", () => {
  const ms = Date.UTC(2025, 10, 22, 22, 0, 0, 123);
  expect(utcTime(ms)).toBe("2025-11-22 22:00:00.123 UTC");
  expect(localTime(ms, "en")).toContain("2025");
});

test("fingerprints are grouped by four", () => expect(groups("1f0a9c3b55")).toEqual(["1f0a", "9c3b", "55"]));
