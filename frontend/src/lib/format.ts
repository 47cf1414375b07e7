/** Values as people read them; every function is pure and takes its language. */

export type Lang = "en" | "zh";

const locale = { en: "en-GB", zh: "zh-CN" } as const;

/** Keeps both ends of a hash, which is what people compare. */
export function shorten(hash: string, head = 8, tail = 6): string {
  return hash.length <= head + tail + 1 ? hash : `${hash.slice(0, head)}…${hash.slice(-tail)}`;
}

/** Groups of four, so that two fingerprints can be compared by eye. */
export function groups(hash: string): string[] {
  return hash.match(/.{1,4}/g) ?? [];
}

export function count(value: string | number, lang: Lang): string {
  return /^\d+$/.test(String(value)) ? BigInt(value).toLocaleString(locale[lang]) : String(value);
}

const UNITS = ["KiB", "MiB", "GiB", "TiB"];

export function bytes(size: string | number, lang: Lang): string {
  const value = Number(size);
  if (value < 1024) return lang === "zh" ? `${value} 字节` : `${value} ${value === 1 ? "byte" : "bytes"}`;
  const power = Math.min(Math.floor(Math.log(value) / Math.log(1024)), UNITS.length);
  const digits = new Intl.NumberFormat(locale[lang], { maximumSignificantDigits: 3 });
  return `${digits.format(value / 1024 ** power)} ${UNITS[power - 1]}`;
}

export function localTime(ms: number, lang: Lang): string {
  return new Intl.DateTimeFormat(locale[lang], {
    year: "numeric",
    month: lang === "zh" ? "2-digit" : "short",
    day: "2-digit",
    hour: "2-digit",
    minute: "2-digit",
    second: "2-digit",
    hourCycle: "h23",
  }).format(ms);
}

export function clockTime(ms: number, lang: Lang): string {
  return new Intl.DateTimeFormat(locale[lang], {
    hour: "2-digit",
    minute: "2-digit",
    second: "2-digit",
    hourCycle: "h23",
  }).format(ms);
}

export function utcTime(ms: number): string {
  return `${new Date(ms).toISOString().replace("T", " ").replace("Z", "")} UTC`;
}

const STEPS: [unit: Intl.RelativeTimeFormatUnit, seconds: number][] = [
  ["day", 86_400],
  ["hour", 3_600],
  ["minute", 60],
];

/** How long ago, in the largest whole unit; below a second it is "now". */
export function age(ms: number, lang: Lang): string {
  const seconds = Math.max(0, Math.floor(ms / 1000));
  const relative = new Intl.RelativeTimeFormat(locale[lang], { numeric: seconds < 1 ? "auto" : "always" });
  for (const [unit, length] of STEPS) {
    if (seconds >= length) return relative.format(-Math.floor(seconds / length), unit);
  }
  return relative.format(-seconds, "second");
}

const LENGTHS: [unit: string, seconds: number][] = [
  ["day", 86_400],
  ["hour", 3_600],
  ["minute", 60],
  ["second", 1],
];

/** How long something takes, in the largest unit: nobody needs more of an estimate. */
export function duration(ms: number, lang: Lang): string {
  const seconds = Math.max(1, Math.round(ms / 1000));
  const [unit, length] = LENGTHS.find(([, length]) => seconds >= length)!;
  const style = { style: "unit", unit, unitDisplay: "long" } as const;
  return new Intl.NumberFormat(locale[lang], style).format(Math.round(seconds / length));
}
