// Takes files through a running consortium as a rights holder does: npm run e2e:files
// Sealed in the browser, kept by three members, fetched back, played with seeking; a page that is closed in the middle
// loses nothing.
import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync, utimesSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { fileURLToPath } from "node:url";
import { launch, open } from "./browser.js";
import { consortium } from "./consortium.js";

const film = fileURLToPath(new URL("testdata/ball.webm", import.meta.url));
const LARGE = 24 << 20;

/** @typedef {import("playwright-core").Page} Page */
/** @type {import("playwright-core").Browser} */
let browser;
/** @type {Awaited<ReturnType<typeof consortium>>} */
let ledger;
/** @type {string} */
let dir;

before(async () => {
  ledger = await consortium();
  browser = await launch();
  dir = mkdtempSync(join(tmpdir(), "evident-files-"));
});

after(async () => {
  await browser?.close();
  await ledger?.close();
  rmSync(dir, { recursive: true, force: true });
});

/** Runs in every page: saving goes to the browser's downloads, since no test can use the system's dialog. */
const withoutDialog = () => Reflect.deleteProperty(window, "showSaveFilePicker");

/** @param {(page: Page) => Promise<void>} walk */
async function walk(walk) {
  const { page, problems, close } = await open(browser);
  page.setDefaultTimeout(60_000);
  try {
    await page.addInitScript(withoutDialog);
    await page.goto(`${ledger.url}/#/stamp`);
    await walk(page);
    assert.deepEqual(problems, []);
  } finally {
    await close();
  }
}

/** @param {Page} page */
async function makeKey(page) {
  await page.getByLabel("Your name on records").fill("ada");
  await page.getByRole("button", { name: "Make a key" }).click();
  await page.getByText("Signed as").waitFor();
}

/** @param {Page} page @param {string[]} paths @param {string} button */
async function choose(page, paths, button = "Choose files") {
  const chooser = page.waitForEvent("filechooser");
  await page.getByRole("button", { name: button, exact: true }).first().click();
  await (await chooser).setFiles(paths);
}

/** Stamps files in a mode and opens the record of the first. @param {Page} page @param {string[]} paths @param {string} mode */
async function stamp(page, paths, mode) {
  await page.getByRole("group").getByText(mode, { exact: true }).click();
  await choose(page, paths);
  await page.getByRole("button", { name: /^Timestamp \d+ file/ }).click();
  await page.locator("[data-state=final]").first().waitFor();
}

/** A file without repetition. @param {string} name @param {number} size */
function fileOf(name, size) {
  const path = join(dir, name);
  const content = Buffer.alloc(size);
  for (let i = 0, x = 1; i + 4 <= size; i += 4)
    content.writeUInt32LE((x = (Math.imul(x, 1664525) + 1013904223) >>> 0), i);
  writeFileSync(path, content);
  utimesSync(path, 1_700_000_000, 1_700_000_000);
  return { path, content };
}

/** @param {Page} page */
async function saved(page) {
  const download = page.waitForEvent("download");
  await page.getByRole("button", { name: "Save the file" }).click();
  return readFileSync(await (await download).path());
}

describe("evidence files, through a running consortium", () => {
  test("a sealed film is kept by three members, comes back, and plays with seeking", () =>
    walk(async (page) => {
      await makeKey(page);
      await stamp(page, [film], "Sealed");
      await page.locator("[data-state=final]").getByText("kept by 3 of 3").waitFor();
      await page.getByRole("link", { name: "Open the record" }).click();
      await page.getByText("Kept by 3 of 3 members").waitFor();
      assert.ok(
        !(await page.locator("main").innerText()).includes("ball.webm"),
        "the record does not name the file",
      );
      await page.getByRole("button", { name: "Preview" }).click();
      await page.locator("video").waitFor();
      const played = await page.locator("video").evaluate(async (node) => {
        const video = /** @type {HTMLVideoElement} */ (node);
        const once = (/** @type {string} */ type) =>
          new Promise((resolve, reject) => {
            video.addEventListener(type, resolve, { once: true });
            video.addEventListener("error", () => reject(new Error(video.error?.message)), { once: true });
          });
        if (video.readyState < 1) await once("loadedmetadata");
        video.muted = true;
        await video.play();
        while (video.currentTime < 0.3) await new Promise((resolve) => setTimeout(resolve, 50));
        const seeked = once("seeked");
        video.currentTime = 9;
        await seeked;
        while (video.currentTime < 9.2) await new Promise((resolve) => setTimeout(resolve, 50));
        return { duration: video.duration, width: video.videoWidth, at: video.currentTime };
      });
      assert.ok(
        Math.abs(played.duration - 12) < 0.5 && played.width === 160 && played.at > 9,
        JSON.stringify(played),
      );
      assert.deepEqual(await saved(page), readFileSync(film), "the saved file is the one that was sealed");
      await page.getByText("Its whole content is what the record says").waitFor();
    }));

  test("a page closed in the middle of sealing goes on when the file is chosen again", () =>
    walk(async (page) => {
      const { path, content } = fileOf("rushes.bin", LARGE);
      await makeKey(page);
      await page.route("**/v1/files/car", async (route) => {
        await new Promise((resolve) => setTimeout(resolve, 400));
        await route.continue().catch(() => {});
      });
      await page.getByText("Sealed", { exact: true }).click();
      await choose(page, [path]);
      await page.getByRole("button", { name: "Timestamp 1 file" }).click();
      await page.locator("[data-state=uploading]").waitFor();
      await page.waitForFunction(() => {
        const bar = document.querySelector("li progress");
        return bar instanceof HTMLProgressElement && bar.value > 4e6;
      });
      await page.reload();
      await page.getByText("1 file was not read to the end").waitFor();
      await choose(page, [path], "Choose the file again");
      await page.locator("[data-state=final]").getByText("kept by 3 of 3").waitFor();
      await page.getByRole("link", { name: "Open the record" }).click();
      assert.ok((await saved(page)).equals(content), "the file that comes back is whole");
    }));

  test("a digest leaves the file where it is", () =>
    walk(async (page) => {
      const { path } = fileOf("letter.txt", 100);
      /** @type {string[]} */
      const sent = [];
      page.on("request", (request) => request.url().includes("/v1/files/") && sent.push(request.url()));
      await makeKey(page);
      await stamp(page, [path], "Digest only");
      await page.getByRole("link", { name: "Open the record" }).click();
      await page.locator("[data-mode=digest]").getByText("letter.txt").waitFor();
      assert.deepEqual(sent, []);
    }));

  test("keys and secrets survive in a backup", async () => {
    let backup = "";
    let record = "";
    const { path, content } = fileOf("score.pdf", 5000);
    await walk(async (page) => {
      await makeKey(page);
      await stamp(page, [path], "Sealed");
      await page.getByRole("link", { name: "Open the record" }).click();
      record = page.url();
      await page.goto(`${ledger.url}/#/trust`);
      await page.getByLabel("Passphrase", { exact: true }).first().fill("harbour lantern ocean velvet");
      await page.getByLabel("Passphrase, again").fill("harbour lantern ocean velvet");
      const download = page.waitForEvent("download");
      await page.getByRole("button", { name: "Save a backup" }).click();
      backup = await (await download).path();
      writeFileSync(join(dir, "backup.age"), readFileSync(backup));
    });
    await walk(async (page) => {
      await page.goto(record);
      await page.getByRole("button", { name: "Preview" }).click();
      await page.getByText("What opens this file is not on this machine.").waitFor();
      await page.goto(`${ledger.url}/#/trust`);
      await page.getByLabel("Passphrase", { exact: true }).last().fill("harbour lantern ocean velvet");
      await choose(page, [join(dir, "backup.age")], "Choose the backup");
      await page.getByText("1 key and 1 secret restored.").waitFor();
      await page.goto(record);
      assert.ok((await saved(page)).equals(content));
    });
  });
});
