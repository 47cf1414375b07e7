// Walks through the explorer as a reader does: npm run e2e [-- --url http://127.0.0.1:7080]
// Without an address it serves the built pages with the mock; with one it walks through a running ledger.
// --stamped FILE adds a file that was timestamped there, with FILE.evident beside it.
import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { basename } from "node:path";
import { after, before, describe, test } from "node:test";
import { fileURLToPath } from "node:url";
import { argument, launch, open } from "./browser.js";
import { serve } from "./serve.js";

/** The record of the made-up ledger that names files. */
const RECORD = "9278b2aef9a5f32488c64d993bd8dc4aa163a1e1ad13fc1dcb5f59ce332dfa9e";

const given = argument("url");
const stamped = argument("stamped");
/** @type {import("playwright-core").Browser} */
let browser;
/** @type {{ url: string, close: () => void }} */
let server;

before(async () => {
  server = given ? { url: given.replace(/\/$/, ""), close: () => {} } : await serve();
  browser = await launch();
});

after(async () => {
  await browser.close();
  server.close();
});

/**
 * Opens a page, walks, and fails on any script error, dialog or breach of policy.
 * @param {string} path
 * @param {(page: import("playwright-core").Page) => Promise<void>} walk
 * @param {import("./browser.js").View} [view]
 */
async function walk(path, walk, view) {
  const { page, problems, close } = await open(browser, view);
  page.setDefaultTimeout(15_000);
  try {
    await page.goto(`${server.url}/${path}`);
    await walk(page);
    assert.deepEqual(problems, []);
  } finally {
    await close();
  }
}

/**
 * Drops files on the window as a file manager would.
 * @param {import("playwright-core").Page} page
 * @param {{ name: string, text: string }[]} files
 */
async function drop(page, files) {
  const data = await page.evaluateHandle((list) => {
    const transfer = new DataTransfer();
    for (const { name, text } of list) transfer.items.add(new File([text], name));
    return transfer;
  }, files);
  await page.dispatchEvent("main", "dragenter", { dataTransfer: data });
  await page.dispatchEvent("main", "drop", { dataTransfer: data });
}

/** @param {import("playwright-core").Page} page */
const firstRow = (page) => page.locator("tbody tr").first();

describe("browser", () => {
  test("the overview follows the ledger", () =>
    walk("#/", async (page) => {
      await firstRow(page).waitFor();
      const height = await firstRow(page).locator("th").innerText();
      await page.waitForFunction((old) => document.querySelector("tbody th")?.textContent !== old, height, {
        timeout: 45_000,
      });
      assert.match(await page.locator(".privacy").innerText(), /does not leave this machine/);
    }));

  test("every badge opens its proof, and Escape closes it", () =>
    walk("#/", async (page) => {
      await firstRow(page).locator("[data-badge=proven]").click();
      const dialog = page.getByRole("dialog");
      await dialog.getByText("evident/block/v1").waitFor({ state: "attached" });
      assert.ok((await dialog.locator("ol ol li").count()) >= 12, "the twelve words end the chain");
      await page.keyboard.press("Escape");
      await dialog.waitFor({ state: "detached" });
    }));

  test("a block leads to its records and to its neighbours", () =>
    walk("#/", async (page) => {
      const full = page.locator("tbody tr", { hasNot: page.getByText("no records") }).first();
      await full.locator("th a").click();
      await page.locator("section li a").first().click();
      await page.locator("figure").waitFor();
      assert.match(page.url(), /#\/record\/[0-9a-f]{64}$/);
      await page.goBack();
      await page.getByRole("link", { name: "Previous block" }).click();
      await page.locator("dl").waitFor();
    }));

  test("a file that nobody recorded is proven absent", () =>
    walk("#/", async (page) => {
      await firstRow(page).waitFor();
      await drop(page, [{ name: "港口 日出.txt", text: `never recorded ${Math.random()}` }]);
      await page.locator("[data-found=false]").waitFor();
      await page.locator("[data-found=false] [data-badge=proven]").click();
      await page.getByRole("dialog").getByText("State proof").waitFor();
    }));

  test("a file dropped on any page is looked up", () =>
    walk("#/members", async (page) => {
      await page.locator("article").first().waitFor();
      await drop(page, [{ name: "a.txt", text: `never recorded ${Math.random()}` }]);
      await page.locator("[data-found=false]").waitFor();
    }));

  test("the twelve words are shown and confirmed", () =>
    walk("#/trust", async (page) => {
      const words = page.locator(".paper ol li");
      await words.first().waitFor();
      assert.equal(await words.count(), 12);
      await page.getByRole("button", { name: "Yes, they match" }).click();
      await page.getByText("You compared these words").waitFor();
    }));

  test("every member says what it last cosigned", () =>
    walk("#/members", async (page) => {
      await page.locator("article").first().waitFor();
      const members = await page.locator("article").count();
      assert.equal(await page.locator("article a[href^='#/block/']").count(), members);
    }));

  test("a damaged proof is not valid", () =>
    walk("#/verify", async (page) => {
      await drop(page, [{ name: "a.evident", text: '{"format":"evident/proof/v1"}' }]);
      await page.locator("[data-verdict]:not([data-verdict=valid]), [role=alert]").waitFor();
    }));

  test("the keyboard is enough", () =>
    walk("#/", async (page) => {
      await firstRow(page).waitFor();
      await page.keyboard.press("Tab");
      assert.equal(await page.evaluate(() => document.activeElement?.textContent), "Skip to content");
      await page.keyboard.press("Enter");
      assert.equal(await page.evaluate(() => document.activeElement?.id), "main");
      await page.keyboard.press("/");
      await page.keyboard.type("0");
      await page.keyboard.press("Enter");
      await page.waitForURL(/#\/block\/0$/);
    }));

  test("language and theme are remembered", () =>
    walk("#/members", async (page) => {
      await page.getByRole("button", { name: "中文" }).click();
      await page.getByRole("heading", { name: "成员" }).waitFor();
      await page.getByRole("button", { name: /外观/ }).click();
      await page.getByRole("button", { name: /外观/ }).click();
      await page.reload();
      await page.getByRole("heading", { name: "成员" }).waitFor();
      assert.equal(await page.evaluate(() => document.documentElement.dataset.theme), "dark");
      assert.equal(await page.evaluate(() => document.documentElement.lang), "zh-Hans");
    }));

  test("no page is wider than a small telephone", async () => {
    for (const path of ["#/", "#/block/0", "#/members", "#/verify", "#/trust", "#/nowhere"]) {
      await walk(
        path,
        async (page) => {
          await page.waitForTimeout(500);
          const overflow = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
          assert.ok(overflow <= 0, `${path} is ${overflow}px too wide`);
        },
        { width: 360 },
      );
    }
  });
});

if (stamped)
  describe("a stamped file", () => {
    const name = basename(stamped);
    const file = { name, mimeType: "", buffer: readFileSync(stamped) };
    const proof = { name: `${name}.evident`, mimeType: "", buffer: readFileSync(`${stamped}.evident`) };

    /** @param {import("playwright-core").Page} page @param {typeof file[]} files */
    async function choose(page, files) {
      const chooser = page.waitForEvent("filechooser");
      await page.locator(".zone button").click();
      await (await chooser).setFiles(files);
    }

    test("is found, and its record opens", () =>
      walk("#/", async (page) => {
        await choose(page, [file]);
        await page.locator("[data-found=true]").getByRole("link").click();
        await page.locator("figure").waitFor();
      }));

    test("is verified with its proof", () =>
      walk("#/verify", async (page) => {
        await choose(page, [file, proof]);
        await page.locator("[data-verdict=valid]").waitFor();
      }));

    test("is altered once a byte is another", () =>
      walk("#/verify", async (page) => {
        const changed = Buffer.from(file.buffer);
        changed[changed.length - 1] ^= 1;
        await choose(page, [{ ...file, buffer: changed }, proof]);
        await page.locator("[data-verdict=altered]").waitFor();
      }));
  });

// What only a made-up ledger can show on demand.
if (!given)
  describe("browser, made-up ledger", () => {
    test("a recorded file is found, and its record opens", () =>
      walk("?still#/", async (page) => {
        await firstRow(page).waitFor();
        await drop(page, [{ name: "港口 日出.jpg", text: "recorded photograph" }]);
        await page.locator("[data-found=true]").getByRole("link").click();
        await page.locator("figure").waitFor();
      }));

    test("markup and reordering characters in a record stay text", () =>
      walk("?still#/block/1283", async (page) => {
        await page.locator("section li a").first().click();
        await page.getByText("<img src=x onerror=alert(1)>").waitFor();
        await page.getByText("U+202E").waitFor();
        assert.equal(await page.locator("main img").count(), 0);
      }));

    test("a proof dropped on the overview is verified, then compared with its file", () =>
      walk("?still#/", async (page) => {
        await firstRow(page).waitFor();
        await drop(page, [{ name: "p.evident", text: '{"format":"evident/proof/v1","mock":"valid"}' }]);
        await page.locator("[data-verdict=valid]").waitFor();
        await drop(page, [{ name: "p.jpg", text: "recorded photograph" }]);
        await page.getByText("The file is exactly the one that was recorded").waitFor();
        await drop(page, [{ name: "q.jpg", text: "another photograph" }]);
        await page.locator("[data-verdict=altered]").waitFor();
      }));

    test("an unknown ledger is trusted only after its words were compared", () =>
      walk("?still#/verify", async (page) => {
        await drop(page, [
          { name: "p.evident", text: '{"format":"evident/proof/v1","mock":"unknown ledger"}' },
        ]);
        await page.locator("[data-verdict='unknown ledger']").waitFor();
        await page.getByRole("button", { name: "The words match my printed copy" }).click();
        await page.locator("[data-verdict=valid]").waitFor();
      }));

    test("a proof is saved as a file", () =>
      walk("?still#/block/1283", async (page) => {
        await page.locator("section li a").first().click();
        const download = page.waitForEvent("download");
        await page.getByRole("button", { name: "Save the proof" }).click();
        assert.match((await download).suggestedFilename(), /^[0-9a-f]{16}\.evident$/);
      }));

    test("a first key is made, and files are timestamped in the page", () =>
      walk("?still&nokey#/stamp", async (page) => {
        await page.getByLabel("Your name on records").fill("two words");
        await page.keyboard.press("Enter");
        await page.getByText("This cannot be the name of a key.").waitFor();
        await page.getByLabel("Your name on records").fill("ada");
        await page.keyboard.press("Enter");
        await page.getByText("Signed as").waitFor();
        await drop(page, [
          { name: "a.txt", text: "one" },
          { name: "b.txt", text: "two" },
        ]);
        await page.getByRole("radio", { name: "One for all together" }).check();
        await page.getByRole("button", { name: "Timestamp 2 files" }).click();
        await page.locator("[data-state=final]").getByText("kept by 3 of 3").waitFor();
        assert.equal(await page.locator(".queue li").count(), 1);
      }));

    test("who keeps a file is proven, told, or gone", async () => {
      await walk(`?still#/record/${RECORD}`, async (page) => {
        await page.getByText("Kept by 3 of 3 members").waitFor();
        await page.locator("[data-mode=sealed]").getByText("named by a node, without a receipt").waitFor();
      });
      await walk(`?still&erased#/record/${RECORD}`, async (page) => {
        await page.getByText("This file was erased").first().waitFor();
        assert.equal(await page.getByRole("button", { name: "Preview" }).count(), 0);
      });
    });

    test("a stale head, a lying node and a silent ledger are said plainly", async () => {
      await walk("?stale#/", async (page) => {
        await page.getByText("This view is stale").waitFor();
        await page.getByText("contradicts its proof").waitFor();
      });
      await walk("?down#/", (page) => page.getByText("No node answers.").waitFor());
    });

    test("a site without the light client says what is missing", () =>
      walk("bare/#/", (page) => page.getByText("The light client is missing from this site.").waitFor()));
  });

if (!given)
  describe("desktop binding, made-up ledger", () => {
    test("files are chosen, timestamped, and can be cancelled", () =>
      walk(
        "#/stamp",
        async (page) => {
          await page.getByRole("button", { name: "Choose files" }).click();
          await page.getByRole("button", { name: "Timestamp 3 files" }).click();
          await page.locator("[data-state=final]").getByText(".evident").waitFor();
          await page.locator("[data-state=failed]").getByText("The file is not there.").waitFor();
          const large = page.locator("[data-state=uploading]");
          await large.getByText("left").waitFor();
          await large.getByRole("button", { name: "Pause" }).click();
          await page.locator("[data-state=paused]").getByRole("button", { name: "Resume" }).click();
          await large.getByRole("button", { name: "Cancel" }).click();
          await page.locator("[data-state=cancelled]").waitFor();
          await page.getByRole("button", { name: "Clear finished" }).click();
          await page.getByText("Nothing is on its way.").waitFor();
        },
        { desktop: true },
      ));

    test("dropped paths are looked up without their bytes entering the page", () =>
      walk(
        "#/",
        async (page) => {
          await firstRow(page).waitFor();
          await page.evaluate(() =>
            /** @type {any} */ (window).evidentDrop(["/home/ada/Pictures/港口 日出.jpg"]),
          );
          await page.locator("[data-found=true]").waitFor();
        },
        { desktop: true },
      ));
  });

test("nothing made up is in the shipped pages", () => {
  const dist = fileURLToPath(new URL("../dist/assets/", import.meta.url));
  for (const name of readdirSync(dist)) {
    assert.ok(!readFileSync(dist + name, "utf8").includes("Harbour Consortium"), `${name} holds the mock`);
  }
});
