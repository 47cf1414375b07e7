import { describe, expect, test } from "vitest";
import { fieldText, pieces } from "$lib/untrusted";

const shown = (text: string) =>
  pieces(text)
    .map((piece) => (piece.hidden ? `[${piece.text}]` : piece.text))
    .join("");

describe("pieces", () => {
  test.each([
    { name: "plain", text: "harbour.jpg", want: "harbour.jpg" },
    { name: "Chinese and spaces", text: "港口 日出.jpg", want: "港口 日出.jpg" },
    { name: "line feed stays", text: "a\nb", want: "a\nb" },
    { name: "carriage return", text: "a\rb", want: "a[U+000D]b" },
    { name: "right-to-left override", text: "a\u202egpj.exe", want: "a[U+202E]gpj.exe" },
    { name: "isolates", text: "\u2066x\u2069", want: "[U+2066]x[U+2069]" },
    { name: "zero width", text: "pay\u200bpal", want: "pay[U+200B]pal" },
    { name: "NUL and escape", text: "\u0000\u001b[31m", want: "[U+0000][U+001B][31m" },
    { name: "tags beyond the basic plane", text: "x\u{e0041}", want: "x[U+E0041]" },
    { name: "byte-order mark", text: "\ufeffx", want: "[U+FEFF]x" },
    { name: "markup is only text", text: "<b>", want: "<b>" },
    { name: "empty", text: "", want: "" },
  ])("$name", ({ text, want }) => expect(shown(text)).toBe(want));
});

test("fields are strings or JSON", () => {
  expect(fieldText("a")).toBe("a");
  expect(fieldText({ a: [1] })).toBe('{"a":[1]}');
  expect(fieldText(undefined)).toBe("");
});
