// Starts the system's Chromium and opens pages that report every breach of the page's policy.
import { chromium } from "playwright-core";
import { fake } from "./serve.js";

const quiet = [
  "--disable-quic",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
];

/** @param {string[]} more switches of the browser */
export function launch(more = []) {
  return chromium.launch({
    executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
    args: ["--no-sandbox", ...quiet, ...more],
  });
}

/**
 * @typedef {object} View
 * @property {"en" | "zh"} [lang]
 * @property {"light" | "dark"} [theme]
 * @property {number} [width]
 * @property {number} [height]
 * @property {boolean} [desktop]
 */

/**
 * @param {import("playwright-core").Browser} browser
 * @param {View} view
 */
export async function open(
  browser,
  { lang = "en", theme = "light", width = 1280, height = 860, desktop = false } = {},
) {
  const context = await browser.newContext({
    viewport: { width, height },
    colorScheme: theme,
    locale: lang === "zh" ? "zh-CN" : "en-GB",
    reducedMotion: "reduce",
    permissions: ["clipboard-read", "clipboard-write"],
    acceptDownloads: true,
  });
  const page = await context.newPage();
  /** @type {string[]} */
  const problems = [];
  page.on("pageerror", (error) => problems.push(error.message));
  page.on("console", (message) => {
    if (message.type() === "error" && !/Failed to load resource/.test(message.text()))
      problems.push(message.text());
  });
  page.on("dialog", (dialog) => {
    problems.push(`dialog: ${dialog.message()}`);
    void dialog.dismiss();
  });
  if (desktop) await page.addInitScript(await fake("fake-desktop"));
  return { page, problems, close: () => context.close() };
}

/**
 * The value after --name on the command line.
 * @param {string} name
 */
export function argument(name) {
  const at = process.argv.indexOf(`--${name}`);
  return at < 0 ? undefined : process.argv[at + 1];
}
