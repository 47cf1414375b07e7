// Walks through contracts as their parties do: npm run e2e:contracts [-- --url http://127.0.0.1:7080 --code TEXT]
// Without an address it serves the built pages with the mock; with one it scans a code of a lot on a running ledger,
// such as 01/…/10/… after `evident demo food`.
import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { deflateRawSync } from "node:zlib";
import { argument, launch, open } from "./browser.js";
import { codeFilm, codePicture } from "./pictures.js";
import { serve } from "./serve.js";

const given = argument("url");
/** A lot of the made-up ledger: oil, made of seed and of rapeseed that was recalled. */
const OIL = "01/06901234200072/10/B261103";
const code = argument("code") ?? OIL;
const digitalLink = `https://id.example.org/${code}?17=271231`;

/** @typedef {import("playwright-core").Page} Page */
/** @type {import("playwright-core").Browser} */
let browser;
/** @type {{ url: string, close: () => void }} */
let server;
const folder = mkdtempSync(join(tmpdir(), "evident-"));

before(async () => {
  server = given ? { url: given.replace(/\/$/, ""), close: () => {} } : await serve();
  const film = join(folder, "code.y4m");
  writeFileSync(film, codeFilm(digitalLink));
  browser = await launch([
    "--use-fake-ui-for-media-stream",
    "--use-fake-device-for-media-stream",
    `--use-file-for-fake-video-capture=${film}`,
  ]);
});

after(async () => {
  await browser.close();
  server.close();
  rmSync(folder, { recursive: true });
});

/**
 * @param {string} path
 * @param {(page: Page) => Promise<void>} walk
 * @param {import("./browser.js").View} [view]
 */
async function walk(path, walk, view) {
  const { page, problems, close } = await open(browser, view);
  page.setDefaultTimeout(30_000);
  try {
    await page.goto(`${server.url}/${path}`);
    await walk(page);
    const overflow = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
    assert.ok(overflow <= 0, `${overflow}px too wide`);
    assert.deepEqual(problems, []);
  } finally {
    await close();
  }
}

/** @param {string} name */
const item = (name) => encodeURIComponent(name);

/** @param {Page} page @param {string} text */
async function choosePicture(page, text) {
  const chooser = page.waitForEvent("filechooser");
  await page.getByRole("button", { name: /Choose a picture|选择代码的照片/ }).click();
  await (await chooser).setFiles({ name: "code.png", mimeType: "image/png", buffer: codePicture(text) });
}

/** The page of the scanned lot says what was proven and what was not. @param {Page} page */
async function readsTheLot(page) {
  await page.waitForURL(/#\/item\/food\//);
  await page.getByText("Proven on this device").waitFor();
  await page.getByText("A code can be copied from one thing to another").waitFor();
  assert.equal((await page.locator("h1 + p bdi").innerText()).trim(), code);
  assert.ok((await page.locator("ol li[data-action]").count()) > 0, "the past is shown");
}

describe("a code on a package", () => {
  const phone = { width: 360, height: 740 };

  test("a picture of it opens the lot, proven", () =>
    walk(
      "#/scan",
      async (page) => {
        await choosePicture(page, digitalLink);
        await readsTheLot(page);
      },
      phone,
    ));

  test("the camera opens it too", () =>
    walk(
      "#/scan",
      async (page) => {
        await page.getByRole("button", { name: "Start the camera" }).click();
        await readsTheLot(page);
      },
      phone,
    ));

  test("typed from the package, it is the same lot", () =>
    walk(
      "#/scan",
      async (page) => {
        const [, gtin, , lot] = code.split("/");
        await page.getByLabel("Or type what stands under the code").fill(`(01)${gtin}(10)${lot}`);
        await page.keyboard.press("Enter");
        await readsTheLot(page);
      },
      phone,
    ));

  test("the code that the item's page shows leads back to it", () =>
    walk(
      `#/item/food/${item(code)}`,
      async (page) => {
        const link = await page.locator("[data-code]").getAttribute("data-code");
        await page.goto(`${server.url}/#/scan`);
        await choosePicture(page, link ?? "");
        await readsTheLot(page);
      },
      phone,
    ));

  test("a code that nobody recorded is proven to be absent", () =>
    walk(
      "#/scan",
      async (page) => {
        await choosePicture(page, "https://id.example.org/01/09506000134352/10/NOBODY");
        await page.getByText("Nothing on this ledger has this name").waitFor();
      },
      phone,
    ));

  test("a picture without a code, and a code of something else, are told apart", () =>
    walk(
      "#/scan",
      async (page) => {
        await choosePicture(page, "hello");
        await page.getByText("This code names nothing that can be looked up").waitFor();
        const chooser = page.waitForEvent("filechooser");
        await page.getByRole("button", { name: "Choose a picture" }).click();
        await (
          await chooser
        ).setFiles({ name: "a.png", mimeType: "image/png", buffer: Buffer.from("no picture") });
        await page.getByText("There is no readable code in this picture.").waitFor();
      },
      phone,
    ));
});

describe("contracts and items", () => {
  test("the overview leads to a contract, its items and a proof of each", () =>
    walk("#/contracts", async (page) => {
      await page.locator("[data-contract=food] a").click();
      await page.getByRole("heading", { name: "What can be done" }).waitFor();
      await page.getByRole("heading", { name: "Newest items" }).waitFor();
      await page.locator("section li [data-badge=proven]").first().click();
      await page.getByRole("dialog").getByText("State proof").waitFor();
      await page.keyboard.press("Escape");
    }));

  test("every value of an item says whether it is proven or claimed", () =>
    walk(`#/item/food/${item(code)}`, async (page) => {
      await page.locator("[data-badge=claimed]").first().waitFor();
      await page.locator("[data-badge=proven]").first().click();
      await page.getByRole("dialog").getByText("State proof").waitFor();
      await page.keyboard.press("Escape");
    }));

  test("an item that does not exist is proven absent, and can be begun", () =>
    walk(`#/item/food/${item("01/09506000134352/10/NOBODY")}`, async (page) => {
      await page.getByText("There is no such item").waitFor();
      await page.getByRole("link", { name: "Commission" }).click();
      await page.waitForURL(/#\/act\/food\/commission/);
    }));
});

// What only a made-up ledger can show on demand.
if (!given)
  describe("made-up ledger", () => {
    test("a recalled ingredient is said first", () =>
      walk(`#/item/food/${item(OIL)}`, async (page) => {
        const warning = page.getByRole("alert").first();
        await warning.getByText("Something it was made from: Recalled").waitFor();
        await warning.getByRole("link", { name: "Rapeseed, organic" }).click();
        await page.getByText("Take care: Recalled").waitFor();
      }));

    test("the family tree is walked with the keyboard", () =>
      walk(`#/item/food/${item(OIL)}`, async (page) => {
        const tree = page.getByRole("group", { name: /Family tree of/ });
        await tree.getByRole("link", { name: /Chili crisp/ }).focus();
        await page.keyboard.press("Enter");
        await page.getByRole("heading", { level: 1, name: "Chili crisp" }).waitFor();
      }));

    test("a form keeps to the schema, and what was typed survives a reload", () =>
      walk(`?still#/act/food/sell/${item(OIL)}`, async (page) => {
        await page.getByRole("button", { name: "Read it again" }).click();
        await page.locator("[data-path=quantity]").getByText("This is needed.").waitFor();
        await page.getByLabel("Quantity").fill("12.5");
        await page.getByText("A whole number, please.").waitFor();
        await page.getByLabel("Quantity").fill("999000");
        await page.reload();
        assert.equal(await page.getByLabel("Quantity").inputValue(), "999000");
      }));

    test("a refusal says which rule, and what it looked at", () =>
      walk(`?still#/act/food/sell/${item(OIL)}`, async (page) => {
        await page.getByLabel("Quantity").fill("999000");
        await page.getByRole("button", { name: "Read it again" }).click();
        await page.getByRole("button", { name: "Sign as ada" }).click();
        await page.getByRole("button", { name: "Try it without recording" }).click();
        const refusal = page.locator("[data-refusal=on_hand]");
        await refusal.getByText("more is sold than is on hand").waitFor();
        await refusal.getByText("item.on_hand").waitFor();
        await refusal.getByRole("link", { name: "Change it" }).click();
        assert.equal(await page.getByLabel("Quantity").inputValue(), "999000");
      }));

    test("a draft goes from party to party as a link, and to the ledger when all have signed", () =>
      walk(`?still#/act/food/sell/${item(OIL)}`, async (page) => {
        await page.getByLabel("Quantity").fill("5000");
        await page.getByRole("button", { name: "Add another signer" }).click();
        await page.getByLabel("A verifier key 2").fill(`lab+0a0b0c0d+${"A".repeat(44)}`);
        await page.getByRole("button", { name: "Read it again" }).click();
        await page.getByRole("button", { name: "Sign as ada" }).click();
        await page.locator("[data-signer=ada][data-signed=true]").waitFor();
        const link = await page.locator("textarea[readonly]").inputValue();
        const download = page.waitForEvent("download");
        await page.getByRole("button", { name: "Save as a file" }).click();
        assert.match((await download).suggestedFilename(), /^sell-[0-9a-f]{8}\.draft$/);
        await page.goto(`${server.url}/?still#/draft`);
        await page.getByLabel("Link or text of a draft").fill(link);
        await page.getByRole("button", { name: "Open", exact: true }).click();
        await page.locator("[data-signer=ada][data-signed=true]").waitFor();
        await page.locator("[data-signer=lab][data-signed=false]").waitFor();
        assert.equal(await page.getByRole("button", { name: "Submit" }).count(), 0);
      }));

    test("submitted, the draft leads to its item", () =>
      walk(`?still#/act/food/sell/${item(OIL)}`, async (page) => {
        await page.getByLabel("Quantity").fill("5000");
        await page.getByRole("button", { name: "Read it again" }).click();
        await page.getByRole("button", { name: "Sign as ada" }).click();
        await page.getByRole("button", { name: "Submit to the ledger" }).click();
        await page.locator("[data-final]").getByRole("link", { name: "Open the item" }).click();
        await page.getByRole("heading", { level: 1, name: /Camellia/ }).waitFor();
        await page.goto(`${server.url}/?still#/act/food/sell/${item(OIL)}`);
        assert.equal(await page.getByLabel("Quantity").inputValue(), "");
      }));

    test("a file is named by its digest, and stays in the draft over a reload", () =>
      walk(`?still#/act/food/report/${item(OIL)}`, async (page) => {
        const chooser = page.waitForEvent("filechooser");
        await page.getByRole("button", { name: "Add a file" }).click();
        await (
          await chooser
        ).setFiles({ name: "报告.pdf", mimeType: "application/pdf", buffer: Buffer.from("report") });
        await page.getByRole("button", { name: "Remove: 报告.pdf" }).waitFor();
        await page.getByLabel("Yes").check();
        await page.getByRole("button", { name: "Read it again" }).click();
        await page.locator("[data-mode=digest]").getByText("报告.pdf").waitFor();
        await page.reload();
        await page.locator("[data-mode=digest]").getByText("报告.pdf").waitFor();
      }));

    test("a damaged link is explained", () =>
      walk("#/draft/TJLfatRAFM", (page) => page.getByText("This is not a whole draft.").waitFor()));

    test("a held certificate is said to be held, and its private fields are shown by choice", () =>
      walk("#/contract/certificate", async (page) => {
        await page.locator("section li a").first().click();
        await page.getByRole("alert").getByText("On hold").waitFor();
        assert.equal(await page.locator("[data-next=revoke] a").count(), 0);
        await page.locator("[data-disclose]").getByLabel(/names/).check();
        const download = page.waitForEvent("download");
        await page.getByRole("button", { name: "Save a proof of 1 field" }).click();
        assert.match((await download).suggestedFilename(), /\.evident$/);
      }));

    test("a proof in a link is verified where it is opened, and one that was cut is not", async () => {
      const packed = deflateRawSync('{"format":"evident/proof/v1","mock":"valid"}').toString("base64url");
      await walk(`#/verify/${packed}`, async (page) => {
        await page.locator("[data-verdict=valid]").waitFor();
        await page.locator("[data-shown=state]").waitFor();
      });
      await walk(`#/verify/${packed.slice(0, -9)}`, async (page) => {
        await page.getByText("is not a proof").first().waitFor();
        assert.equal(await page.locator("[data-verdict]").count(), 0);
      });
    });

    test("every page of every contract fits a small telephone, in both languages", async () => {
      for (const name of [
        "bill",
        "certificate",
        "copyright",
        "food",
        "goods",
        "medicine",
        "access",
        "deposit",
      ]) {
        for (const lang of /** @type {const} */ (["en", "zh"])) {
          await walk(`#/contract/${name}`, (page) => page.locator("h1").waitFor(), { width: 360, lang });
        }
      }
    });
  });
