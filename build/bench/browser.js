// Prints how long a first visit takes from starting the light client's worker to its first verified answer, in
// milliseconds: the median of five, each in a fresh profile of the browser.
const path = require("node:path");
const { chromium } = require(path.resolve(__dirname, "../../frontend/node_modules/playwright-core"));

const VISITS = 5;
const [executablePath, address] = process.argv.slice(2);

/** Runs in the page before its own scripts: looks over the shoulder of the worker that the page starts. */
function watch() {
  const Real = window.Worker;
  window.Worker = class extends Real {
    constructor(...args) {
      const begun = performance.now();
      super(...args);
      const status = new Set();
      const post = this.postMessage.bind(this);
      this.postMessage = (message, ...rest) => {
        if (message.method === "status") status.add(message.id);
        post(message, ...rest);
      };
      this.addEventListener("message", ({ data }) => {
        if (data.kind === "answer" && status.has(data.id) && JSON.parse(data.value).ok?.height !== undefined)
          window.verifiedAfter ??= performance.now() - begun;
      });
    }
  };
}

async function visit(browser) {
  const context = await browser.newContext();
  const page = await context.newPage();
  await page.addInitScript(watch);
  await page.goto(address);
  const after = await page.waitForFunction(() => window.verifiedAfter, undefined, { timeout: 20_000 });
  const ms = await after.jsonValue();
  await context.close();
  return ms;
}

async function main() {
  const browser = await chromium.launch({
    executablePath,
    args: ["--no-sandbox", "--disable-quic", "--disable-background-networking", "--disable-component-update", "--disable-sync"],
  });
  const times = [];
  for (let i = 0; i < VISITS; i++) times.push(await visit(browser));
  await browser.close();
  console.log(times.sort((a, b) => a - b)[Math.floor(VISITS / 2)]);
}

main().catch((error) => {
  console.error(error);
  process.exit(1);
});
