/**
 * The verifier inside the page itself, for a page that is one file and has no
 * network: the worker comes from a Blob, the program from the page's own text.
 */
import { decode85 } from "./base85";
import { ClientError } from "./envelope";
import type { Client } from "./index";
import type { Start } from "./worker-messages";
import { connectBrowser } from "./wasm";

/**
 * @param script the worker, with wasm_exec.js before it
 * @param packed the program, compressed by gzip, as base85 writes it
 */
export async function connectOffline(script: string, packed: string): Promise<Client> {
  if (
    typeof Worker === "undefined" ||
    typeof WebAssembly === "undefined" ||
    typeof DecompressionStream === "undefined"
  ) {
    throw new ClientError("no_webassembly", "This browser cannot run the verifier.", "");
  }
  const program = await unpack(packed);
  const address = URL.createObjectURL(new Blob([script], { type: "text/javascript" }));
  const make = () => {
    const worker = new Worker(address, { name: "evident" });
    worker.postMessage({ kind: "start", base: document.baseURI, program } satisfies Start);
    return worker;
  };
  // The first one gets ready while the reader looks for the proof.
  let first: Worker | null = make();
  return connectBrowser(() => {
    const worker = first ?? make();
    first = null;
    return worker;
  });
}

async function unpack(packed: string): Promise<ArrayBuffer> {
  const gunzip = new DecompressionStream("gzip");
  const writer = gunzip.writable.getWriter();
  void writer.write(decode85(packed));
  void writer.close();
  return new Response(gunzip.readable).arrayBuffer();
}
