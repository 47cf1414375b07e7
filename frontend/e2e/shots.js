// Takes every page × light/dark × en/zh × narrow/wide: npm run shots -- --out DIR [--only NAME]
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { argument, launch, open } from "./browser.js";
import { serve } from "./serve.js";

/** The record of the made-up ledger that names files. */
const RECORDED_ID = "9278b2aef9a5f32488c64d993bd8dc4aa163a1e1ad13fc1dcb5f59ce332dfa9e";

const out = argument("out");
if (!out) throw new Error("say where to: npm run shots -- --out DIR");
const only = argument("only");

const server = await serve();
const browser = await launch();
mkdirSync(out, { recursive: true });

/** @typedef {import("playwright-core").Page} Page */

/** @param {Page} page @param {string} name @param {string} content */
async function give(page, name, content) {
  const chooser = page.waitForEvent("filechooser");
  await page.locator(".zone .button").click();
  await (
    await chooser
  ).setFiles({ name, mimeType: "application/octet-stream", buffer: Buffer.from(content) });
}

/** @param {Page} page @param {string[]} names */
async function stamp(page, names) {
  const chooser = page.waitForEvent("filechooser");
  await page.locator(".zone .button").click();
  await (await chooser).setFiles(names.map((name) => ({ name, mimeType: "", buffer: Buffer.from(name) })));
  await page.locator(".start .primary").click();
}

/** @param {string} verdict */
const proof = (verdict) => `{"format":"evident/proof/v1","mock":"${verdict}"}`;

/** @type {{ name: string, path: string, desktop?: boolean, act?: (page: Page) => Promise<void> }[]} */
const pages = [
  { name: "overview", path: "/?still&pinned#/", act: (page) => page.locator("tbody tr").first().waitFor() },
  { name: "overview-first", path: "/?still#/", act: (page) => page.locator("tbody tr").first().waitFor() },
  {
    name: "overview-stale",
    path: "/?stale&pinned#/",
    act: (page) => page.locator("tbody tr").first().waitFor(),
  },
  { name: "overview-down", path: "/?down#/", act: (page) => page.getByRole("alert").first().waitFor() },
  { name: "core-missing", path: "/bare/#/", act: (page) => page.getByRole("alert").first().waitFor() },
  {
    name: "lookup-found",
    path: "/?still&pinned#/",
    act: async (page) => {
      await give(page, "港口 日出.jpg", "recorded photograph");
      await page.locator("[data-found=true]").waitFor();
    },
  },
  {
    name: "lookup-absent",
    path: "/?still&pinned#/",
    act: async (page) => {
      await give(page, "notes.txt", "never seen");
      await page.locator("[data-found=false]").waitFor();
    },
  },
  { name: "block", path: "/?still#/block/1283", act: (page) => page.locator("dl").first().waitFor() },
  { name: "block-empty", path: "/?still#/block/1281", act: (page) => page.locator("dl").first().waitFor() },
  {
    name: "record",
    path: "/?still#/block/1283",
    act: async (page) => {
      await page.locator("section li a").first().click();
      await page.locator("figure").waitFor();
    },
  },
  {
    name: "proof",
    path: "/?still#/block/1283",
    act: async (page) => {
      await page.locator("section li a").first().click();
      await page.locator("[data-badge=proven]").first().click();
      await page.locator("dialog ol li").first().waitFor();
    },
  },
  { name: "members", path: "/?still#/members", act: (page) => page.locator("article").first().waitFor() },
  { name: "search", path: "/?still#/search/ada", act: (page) => page.locator("ul li").first().waitFor() },
  { name: "search-empty", path: "/?still#/search/nothing" },
  { name: "trust", path: "/?still#/trust", act: (page) => page.locator("ol li").first().waitFor() },
  { name: "verify", path: "/?still#/verify" },
  ...["valid", "altered", "unknown ledger", "disclosed"].map((verdict) => ({
    name: `verify-${verdict.replace(" ", "-")}`,
    path: "/?still#/verify",
    /** @param {Page} page */
    act: async (page) => {
      await give(page, "港口 日出.jpg.evident", proof(verdict));
      await page.locator("[data-verdict]").waitFor();
    },
  })),
  {
    name: "stamp-first",
    path: "/?still&nokey#/stamp",
    act: (page) => page.locator("form .line input").waitFor(),
  },
  {
    name: "stamp-browser",
    path: "/?still#/stamp",
    act: async (page) => {
      await stamp(page, ["港口 日出.jpg", "storing.mov", "letter.txt"]);
      await page.locator("[data-state=storing]").waitFor();
    },
  },
  {
    name: "stamp-desktop",
    path: "/#/stamp",
    desktop: true,
    act: async (page) => {
      await page.locator(".zone .button").click();
      await page.locator(".start .primary").click();
      await page.locator("[data-state=final]").waitFor();
      await page.getByRole("button", { name: /^(Watch a folder|监视文件夹)$/ }).click();
      await page.locator(".zone .button").click();
      await page.locator(".start").waitFor();
    },
  },
  ...["preview", "share"].map((pane) => ({
    name: `record-${pane}`,
    path: `/?still#/record/${RECORDED_ID}`,
    /** @param {Page} page */
    act: async (page) => {
      const button = page.locator("[data-mode=sealed] .stored .buttons button");
      await button.nth(pane === "preview" ? 0 : 2).click();
      await page.locator("[data-preview]:not([data-preview=opening]), .stored form").first().waitFor();
    },
  })),
  {
    name: "record-erased",
    path: `/?still&erased#/record/${RECORDED_ID}`,
    act: (page) => page.locator(".stored [role=status]").first().waitFor(),
  },
  {
    name: "contracts",
    path: "/?still#/contracts",
    act: (page) => page.locator("[data-contract]").first().waitFor(),
  },
  ...["food", "certificate"].map((contract) => ({
    name: `contract-${contract}`,
    path: `/?still#/contract/${contract}`,
    /** @param {Page} page */
    act: (page) => page.locator("[data-status]").first().waitFor(),
  })),
  ...Object.entries({
    lot: "food/01%2F06901234200072%2F10%2FB261103",
    recalled: "food/01%2F04012345120011%2F10%2FHS-88",
    vaccine: "medicine/01%2F06907654000100%2F10%2FV26-1107",
    goods: "goods/01%2F06905555001233%2F21%2FJH-000417",
    absent: "goods/01%2F06905555001233%2F21%2FNOBODY",
  }).map(([name, item]) => ({
    name: `item-${name}`,
    path: `/?still#/item/${item}`,
    /** @param {Page} page */
    act: (page) => page.locator("h2").first().waitFor(),
  })),
  ...Object.entries({
    sell: "food/sell/01%2F06901234200072%2F10%2FB261103",
    transform: "food/transform",
    log: "medicine/log/01%2F06907654000100%2F10%2FV26-1107",
    certificate: "certificate/draft",
    register: "copyright/register",
  }).map(([name, action]) => ({
    name: `act-${name}`,
    path: `/?still#/act/${action}`,
    /** @param {Page} page */
    act: async (page) => {
      await page.locator("form fieldset").first().waitFor();
      if (name === "log") await page.getByRole("button", { name: /Read it again|签署前复核/ }).click();
    },
  })),
  {
    name: "draft",
    path: "/?still#/act/food/sell/01%2F06901234200072%2F10%2FB261103",
    act: async (page) => {
      await page.locator("[data-path=quantity] input").fill("999000");
      await page.locator("form button[type=submit]").click();
      await page.locator("[data-signer] button").click();
      await page.getByRole("button", { name: /Try it|试运行/ }).click();
      await page.locator("[data-refusal]").waitFor();
    },
  },
  { name: "draft-empty", path: "/?still#/draft" },
  { name: "scan", path: "/?still#/scan" },
  {
    name: "scan-nothing",
    path: "/?still#/scan",
    act: async (page) => {
      await page.locator("#typed").fill("(01)09506000134352(10)NOBODY");
      await page.keyboard.press("Enter");
      await page.locator("[data-resolved]").waitFor();
    },
  },
  { name: "missing", path: "/?still#/nowhere" },
];

for (const lang of /** @type {const} */ (["en", "zh"])) {
  for (const theme of /** @type {const} */ (["light", "dark"])) {
    for (const width of [360, 1280]) {
      for (const { name, path, desktop, act } of pages) {
        if (only && !name.startsWith(only)) continue;
        const { page, problems, close } = await open(browser, { lang, theme, width, desktop });
        await page.goto(server.url + path);
        await act?.(page);
        await page.waitForTimeout(250);
        const file = `${name}-${lang}-${theme}-${width}.png`;
        await page.screenshot({ path: join(out, file), fullPage: !name.startsWith("proof") });
        const overflow = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
        if (overflow > 0) console.log(`${file}: wider than the window by ${overflow}px`);
        for (const problem of problems) console.log(`${file}: ${problem}`);
        await close();
      }
    }
  }
}
await browser.close();
server.close();
