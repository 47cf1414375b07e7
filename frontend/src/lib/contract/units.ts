/** Whole numbers of the ledger as people write them: 800 is 8.00 °C, 1050 is 10.50 %. Exact, never by floating point. */
import { localTime, type Lang } from "$lib/format";
import type { NumberFormat } from "./definition";

export interface Unit {
  /** How many digits stand behind the point. */
  digits: number;
  sign: string;
}

export function unitOf(format: NumberFormat, currency = ""): Unit {
  switch (format) {
    case "celsius":
      return { digits: 2, sign: "°C" };
    case "share":
      return { digits: 2, sign: "%" };
    case "money":
      return { digits: currencyDigits(currency), sign: currency };
    default:
      return { digits: 0, sign: "" };
  }
}

const isCurrency = (text: string) => /^[A-Z]{3}$/.test(text);

function currencyDigits(currency: string): number {
  if (!isCurrency(currency)) return 0;
  return new Intl.NumberFormat("en", { style: "currency", currency }).resolvedOptions()
    .maximumFractionDigits!;
}

/** 123456 with two digits is "1234.56". */
export function toDecimal(value: number, digits: number): string {
  const text = String(Math.abs(value)).padStart(digits + 1, "0");
  const point = text.length - digits;
  const whole = digits === 0 ? text : `${text.slice(0, point)}.${text.slice(point)}`;
  return value < 0 ? `-${whole}` : whole;
}

export type Parsed = { value: number } | { problem: "decimal" | "huge" };

/** Reads what a person typed; more digits than the unit has are no number of it. */
export function fromDecimal(typed: string, digits: number): Parsed {
  const match = /^([+-]?)(\d{1,30})(?:[.,](\d*))?$/.exec(
    typed.replace(/[\s\u00a0\u202f']/g, "").replace("−", "-"),
  );
  const [, sign, whole, fraction = ""] = match ?? [];
  if (whole === undefined || fraction.replace(/0+$/, "").length > digits) return { problem: "decimal" };
  const value = Number(`${whole}${fraction.slice(0, digits).padEnd(digits, "0")}`);
  if (value > Number.MAX_SAFE_INTEGER) return { problem: "huge" };
  return { value: sign === "-" && value !== 0 ? -value : value };
}

export function numberText(value: number, format: NumberFormat, lang: Lang, currency = ""): string {
  if (format === "time") return localTime(value, lang);
  if (format === "duration") return durationText(value, lang);
  const { digits, sign } = unitOf(format, currency);
  const amount = toDecimal(value, digits) as Intl.StringNumericLiteral;
  const locale = lang === "zh" ? "zh-CN" : "en-GB";
  if (format === "money" && isCurrency(sign)) {
    return new Intl.NumberFormat(locale, { style: "currency", currency: sign }).format(amount);
  }
  const number = new Intl.NumberFormat(locale, { minimumFractionDigits: digits }).format(amount);
  return sign ? `${number} ${sign}` : number;
}

const PARTS = [
  ["day", 86_400_000],
  ["hour", 3_600_000],
  ["minute", 60_000],
  ["second", 1_000],
  ["millisecond", 1],
] as const;

/** 5,400,000 is "1 hour 30 minutes". */
export function durationText(ms: number, lang: Lang): string {
  const said: string[] = [];
  let rest = Math.abs(ms);
  for (const [unit, length] of PARTS) {
    const n = Math.floor(rest / length);
    rest -= n * length;
    if (n === 0 && !(unit === "millisecond" && said.length === 0)) continue;
    const format = { style: "unit", unit, unitDisplay: "long" } as const;
    said.push(new Intl.NumberFormat(lang === "zh" ? "zh-CN" : "en-GB", format).format(n));
  }
  return said.join(" ");
}

/** What an input of type datetime-local holds, in the reader's own time zone. */
export function toLocalInput(ms: number): string {
  const date = new Date(ms);
  const two = (n: number) => String(n).padStart(2, "0");
  const day = `${String(date.getFullYear()).padStart(4, "0")}-${two(date.getMonth() + 1)}-${two(date.getDate())}`;
  return `${day}T${two(date.getHours())}:${two(date.getMinutes())}`;
}

/** Null where the text is no time, as on the thirty-first of April. */
export function fromLocalInput(text: string): number | null {
  if (!/^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}(:\d{2})?$/.test(text)) return null;
  const ms = new Date(text).getTime();
  return Number.isNaN(ms) || toLocalInput(ms) !== text.slice(0, 16) ? null : ms;
}

/** Minutes, as a duration is typed. */
export const MINUTE = 60_000;
