// Prints, as JSON, how fast Chromium takes files in beside WebCrypto's SHA-256 in the same page, in MB/s: the digests of a
// file that is hashed at once and of one that is hashed by pieces, and the larger one sealed and sent to a node.
const fs = require("node:fs");
const path = require("node:path");
const { chromium } = require(path.resolve(__dirname, "../../frontend/node_modules/playwright-core"));

const [executablePath, address, small, large] = process.argv.slice(2);
const LIMIT_MS = 300_000;

/** Runs in the page before its own scripts: notes when each job changed its state. */
function watch() {
  const Real = window.Worker;
  window.states = [];
  window.Worker = class extends Real {
    constructor(...args) {
      super(...args);
      this.addEventListener("message", ({ data }) => {
        if (data.kind !== "event") return;
        const event = JSON.parse(data.json);
        if (event.kind === "stamp") window.states.push({ at: performance.now(), job: event.job.job, state: event.job.state, signed: event.job.record !== "" });
      });
    }
  };
}

/** WebCrypto, with pieces as large as ours. */
function webCrypto() {
  const piece = new Uint8Array(1 << 20);
  return (async () => {
    let n = 0;
    const begun = performance.now();
    while (performance.now() - begun < 2_000) {
      await crypto.subtle.digest("SHA-256", piece);
      n++;
    }
    return (n * piece.length) / 1e3 / (performance.now() - begun);
  })();
}

/** Stamps a file and returns the rate from its first byte to the signature. */
async function stamp(page, file, mode) {
  await page.evaluate(() => (window.states = []));
  await page.getByRole("group").getByText(mode, { exact: true }).click();
  const chooser = page.waitForEvent("filechooser");
  await page.getByRole("button", { name: "Choose files" }).first().click();
  await (await chooser).setFiles([file]);
  await page.getByRole("button", { name: "Timestamp 1 file" }).click();
  const taken = await page.waitForFunction(
    () => {
      const first = window.states.find(({ state }) => state === "hashing" || state === "sealing");
      const signed = window.states.find((seen) => seen.job === first?.job && seen.signed);
      return signed ? signed.at - first.at : null;
    },
    undefined,
    { timeout: LIMIT_MS },
  );
  return fs.statSync(file).size / 1e3 / (await taken.jsonValue());
}

async function main() {
  const browser = await chromium.launch({ executablePath, args: ["--no-sandbox", "--disable-quic", "--disable-background-networking", "--disable-component-update", "--disable-sync"] });
  const page = await (await browser.newContext()).newPage();
  await page.addInitScript(watch);
  await page.goto(`${address}/#/stamp`);
  await page.getByLabel("Your name on records").fill("bench");
  await page.getByRole("button", { name: "Make a key" }).click();
  await page.getByText("Signed as").waitFor();
  await stamp(page, small, "Digest only"); // compiled and connected from here on
  const figures = {
    webcrypto: await page.evaluate(webCrypto),
    small: await stamp(page, small, "Digest only"),
    large: await stamp(page, large, "Digest only"),
    sealed: await stamp(page, large, "Sealed"),
  };
  await browser.close();
  console.log(JSON.stringify(figures));
}

main().catch((error) => {
  console.error(error);
  process.exit(1);
});
