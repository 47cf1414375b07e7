// Prints how long the verifier in one file takes from being opened, from the disk and without a network, to its first
// verdict on a proof, in milliseconds: the median of five, each in a fresh profile of the browser.
const fs = require("node:fs");
const path = require("node:path");
const url = require("node:url");
const zlib = require("node:zlib");
const { chromium } = require(path.resolve(__dirname, "../../frontend/node_modules/playwright-core"));

const OPENED = 5;
const [executablePath] = process.argv.slice(2);
const root = path.resolve(__dirname, "../..");
const page = path.join(root, "frontend/dist/verify.html");

/** A proof of the shared vectors, behind its head. */
function proof() {
  const text = fs.readFileSync(path.join(root, "lightclient/testdata/vectors/proof/plain.txt"), "utf8");
  const body = text.slice(text.indexOf("\n\n") + 2);
  return text.includes("\nencoding: zlib\n") ? zlib.inflateSync(Buffer.from(body, "base64")) : Buffer.from(body);
}

async function open(browser) {
  const context = await browser.newContext({ offline: true });
  const tab = await context.newPage();
  const begun = performance.now();
  await tab.goto(url.pathToFileURL(page).href);
  const chooser = tab.waitForEvent("filechooser");
  await tab.locator(".zone button").last().click();
  await (await chooser).setFiles([{ name: "plain.evident", mimeType: "", buffer: proof() }]);
  await tab.locator('[data-verdict="unknown ledger"]').waitFor();
  const ms = performance.now() - begun;
  await context.close();
  return ms;
}

async function main() {
  const browser = await chromium.launch({ executablePath, args: ["--no-sandbox"] });
  const times = [];
  for (let i = 0; i < OPENED; i++) times.push(await open(browser));
  await browser.close();
  console.log(times.sort((a, b) => a - b)[Math.floor(OPENED / 2)]);
}

main().catch((error) => {
  console.error(error);
  process.exit(1);
});
