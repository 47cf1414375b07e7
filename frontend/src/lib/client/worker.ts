/// <reference lib="webworker" />
/**
 * Loads the Go core and passes calls to it. The Go side sets evidentInvoke and
 * the three digest functions on globalThis and calls evidentEvent; its first
 * argument is the address of the page, its starting point for finding nodes.
 */
import type { FromWorker, Request, ToWorker } from "./worker-messages";

interface GoProgram {
  argv: string[];
  importObject: WebAssembly.Imports;
  run(instance: WebAssembly.Instance): Promise<void>;
}

interface CoreScope {
  Go: new () => GoProgram;
  evidentInvoke?: (method: string, params: string) => Promise<string>;
  evidentEvent: (json: string) => void;
  evidentDigestOpen(): number;
  evidentDigestWrite(handle: number, slice: Uint8Array): void;
  evidentDigestClose(handle: number): string;
}

class Missing extends Error {}

const scope = globalThis as unknown as CoreScope;
const post = (message: FromWorker) => self.postMessage(message);
const START_LIMIT_MS = 20_000;

let ready: Promise<void> | null = null;

scope.evidentEvent = (json) => post({ kind: "event", json });

self.onmessage = async ({ data }: MessageEvent<ToWorker>) => {
  if (data.kind === "start") {
    ready = start(data.base);
    ready.catch(() => {}); // every call reports it
    return;
  }
  try {
    await ready;
    post({ kind: "answer", id: data.id, value: await serve(data) });
  } catch (thrown) {
    const code = thrown instanceof Missing ? "core_missing" : "core_stopped";
    const message = thrown instanceof Error ? thrown.message : String(thrown);
    post({ kind: "failure", id: data.id, code, message });
  }
};

function serve(request: Request): Promise<string> | string | number | void {
  switch (request.kind) {
    case "invoke":
      return scope.evidentInvoke!(request.method, request.params);
    case "digestOpen":
      return scope.evidentDigestOpen();
    case "digestWrite":
      return scope.evidentDigestWrite(request.handle, new Uint8Array(request.slice));
    case "digestClose":
      return scope.evidentDigestClose(request.handle);
  }
}

async function start(base: string): Promise<void> {
  const glue = new URL("wasm_exec.js", base).href;
  await import(/* @vite-ignore */ glue).catch(() => {
    throw new Missing("wasm_exec.js could not be loaded");
  });
  const go = new scope.Go();
  go.argv = ["evident", base];
  const instance = await instantiate(new URL("evident.wasm", base).href, go.importObject);
  go.run(instance).then(
    () => post({ kind: "stopped", code: "core_stopped", message: "the program ended" }),
    (error: unknown) => post({ kind: "stopped", code: "core_stopped", message: String(error) }),
  );
  for (const begun = performance.now(); !scope.evidentInvoke;) {
    if (performance.now() - begun > START_LIMIT_MS) throw new Error("the light client did not start");
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

async function instantiate(url: string, imports: WebAssembly.Imports): Promise<WebAssembly.Instance> {
  const response = await fetch(url);
  if (!response.ok) throw new Missing(`evident.wasm: ${response.status}`);
  if (response.headers.get("Content-Type")?.startsWith("application/wasm")) {
    return (await WebAssembly.instantiateStreaming(response, imports)).instance;
  }
  return (await WebAssembly.instantiate(await response.arrayBuffer(), imports)).instance;
}
