/** The light client that lies beside the page, on the server that both came from. */
import type { Client } from "./index";
import type { Start } from "./worker-messages";
import { connectBrowser } from "./wasm";

export function connectSite(): Client {
  return connectBrowser(() => {
    const worker = new Worker(new URL("./worker.ts", import.meta.url), { type: "module", name: "evident" });
    worker.postMessage({ kind: "start", base: document.baseURI } satisfies Start);
    return worker;
  }, true);
}
