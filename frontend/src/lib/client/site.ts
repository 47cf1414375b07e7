/** The light client that lies beside the page, on the server that both came from. */
import type { Client } from "./index";
import type { Start } from "./worker-messages";
import { FilesInBrowser } from "./files";
import { connectBrowser } from "./wasm";

export function connectSite(): Client {
  return connectBrowser(
    () => begun(new Worker(new URL("./worker.ts", import.meta.url), { type: "module", name: "evident" })),
    (onEvent) =>
      new FilesInBrowser(
        () =>
          begun(new Worker(new URL("./worker-files.ts", import.meta.url), { type: "module", name: "files" })),
        onEvent,
      ),
  );
}

function begun(worker: Worker): Worker {
  worker.postMessage({ kind: "start", base: document.baseURI } satisfies Start);
  return worker;
}
