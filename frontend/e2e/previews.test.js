// Opens hostile files as a reader would, with the built pages and a made-up ledger: npm run e2e:previews
// Nothing in a file may run, become part of the page, or even be refused by its policy: that would mean it was tried.
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { launch, open } from "./browser.js";
import { serve } from "./serve.js";

/** The record of the made-up ledger that names files. */
const RECORD = "9278b2aef9a5f32488c64d993bd8dc4aa163a1e1ad13fc1dcb5f59ce332dfa9e";
const [PUBLIC, SEALED] = [1, 2];

/** What each of the made-up files is shown as, in their order from the second on. */
const shown = [
  { name: "letter.html", as: "text", says: "<script>document.title" },
  { name: "drawing.svg", as: "text", says: "<svg xmlns" },
  { name: "catalogue.pdf", as: /pdf|none/, says: "" },
  { name: "notes.txt", as: "text", says: "港口系列初稿" },
  { name: "cover.jpg, which is a page", as: "broken", says: "" },
  { name: "print.pdf, which is a page", as: "none", says: "" },
  { name: "港口 日出.bmp", as: "picture", says: "" },
];

/** @type {import("playwright-core").Browser} */
let browser;
/** @type {{ url: string, close: () => void }} */
let server;

before(async () => {
  server = await serve();
  browser = await launch();
});

after(async () => {
  await browser.close();
  server.close();
});

/**
 * Opens a record whose public file is the made-up one of that number.
 * @param {number} sample
 * @param {(page: import("playwright-core").Page) => Promise<void>} walk
 */
async function withFile(sample, walk) {
  const { page, problems, close } = await open(browser);
  page.setDefaultTimeout(15_000);
  await page.addInitScript(() => {
    const kept = /** @type {any} */ (window);
    kept.refusedByPolicy = [];
    document.addEventListener("securitypolicyviolation", (event) =>
      kept.refusedByPolicy.push(`${event.violatedDirective} ${event.blockedURI}`),
    );
  });
  try {
    await page.goto(`${server.url}/?still&sample=${sample}#/record/${RECORD}`);
    await walk(page);
    assert.deepEqual(await page.evaluate(() => /** @type {any} */ (window).refusedByPolicy), []);
    assert.doesNotMatch(await page.title(), /ran/);
    assert.deepEqual(problems, []);
  } finally {
    await close();
  }
}

/** @param {import("playwright-core").Page} page @param {number} index */
async function preview(page, index) {
  const mode = index === SEALED ? "sealed" : "public";
  await page.locator(`[data-mode=${mode}] .stored`).getByRole("button", { name: "Preview" }).click();
  await page.locator("[data-preview]:not([data-preview=opening])").waitFor();
}

describe("files in the page", () => {
  for (const [sample, { name, as, says }] of shown.entries()) {
    test(`${name} never runs`, () =>
      withFile(sample, async (page) => {
        await preview(page, PUBLIC);
        if (as === "broken") await page.locator("[data-preview=broken]").waitFor();
        assert.match(
          String(await page.locator("[data-preview]").getAttribute("data-preview")),
          new RegExp(as),
        );
        if (says) await page.locator("[data-preview] pre").getByText(says).waitFor();
        await page.waitForTimeout(300);
        assert.equal(
          await page.locator("main script, main svg script, main h1:has-text('A letter')").count(),
          0,
        );
      }));
  }

  test("a preview is closed, and its bytes with it", () =>
    withFile(SEALED, async (page) => {
      await preview(page, SEALED);
      await page.getByRole("button", { name: "Close the preview" }).click();
      await page.locator("[data-preview]").waitFor({ state: "detached" });
    }));

  test("the service worker answers ranges for players, and nothing else", () =>
    withFile(0, async (page) => {
      await preview(page, PUBLIC);
      const answers = await page.evaluate(
        async (token) => {
          await navigator.serviceWorker.register("./sw.js");
          if (!navigator.serviceWorker.controller)
            await new Promise((resolve) =>
              navigator.serviceWorker.addEventListener("controllerchange", resolve),
            );
          /** @param {string} type @param {string} [range] */
          const ask = async (type, range) => {
            const address = `./evidence/${token}?size=64&type=${encodeURIComponent(type)}`;
            const response = await fetch(address, range ? { headers: { Range: range } } : {});
            return [
              response.status,
              response.headers.get("Content-Range"),
              response.headers.get("Content-Security-Policy"),
            ];
          };
          return {
            page: await ask("text/html"),
            drawing: await ask("image/svg+xml"),
            outside: await ask("video/webm", "bytes=64-"),
            backwards: await ask("video/webm", "bytes=9-3"),
            several: await ask("video/webm", "bytes=0-1,4-5"),
          };
        },
        `${RECORD.slice(0, 8)}-${PUBLIC}`,
      );
      const guarded = "sandbox; default-src 'none'";
      assert.deepEqual(answers, {
        page: [404, null, guarded],
        drawing: [404, null, guarded],
        outside: [416, "bytes */64", guarded],
        backwards: [416, "bytes */64", guarded],
        several: [416, "bytes */64", guarded],
      });
    }));
});
