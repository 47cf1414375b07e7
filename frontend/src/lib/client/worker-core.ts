/// <reference lib="webworker" />
/**
 * What every worker around a Go program does: pass calls to the functions that
 * the program sets on globalThis, and its events back. Where the program comes
 * from is the worker's own affair.
 */
import type { FromWorker, Request, Start, ToWorker } from "./worker-messages";

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

/** Something that the program needs was not there. */
export class Missing extends Error {}

/** Loads the program; wasm_exec.js, which sets Go, has to be there when it calls `go`. */
export type Load = (
  start: Start,
  go: () => GoProgram,
) => Promise<[program: GoProgram, instance: WebAssembly.Instance]>;

const START_LIMIT_MS = 20_000;
const scope = globalThis as unknown as CoreScope;
const post = (message: FromWorker) => self.postMessage(message);

/** Answers the page's messages for as long as the worker lives. */
export function serve(load: Load): void {
  let ready: Promise<void> | null = null;
  scope.evidentEvent = (json) => post({ kind: "event", json });
  self.onmessage = async ({ data }: MessageEvent<ToWorker>) => {
    if (data.kind === "start") {
      ready = start(load, data);
      ready.catch(() => {}); // every call reports it
      return;
    }
    try {
      await ready;
      post({ kind: "answer", id: data.id, value: await answer(data) });
    } catch (thrown) {
      const code = thrown instanceof Missing ? "core_missing" : "core_stopped";
      const message = thrown instanceof Error ? thrown.message : String(thrown);
      post({ kind: "failure", id: data.id, code, message });
    }
  };
}

function answer(request: Request): Promise<string> | string | number | void {
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

async function start(load: Load, message: Start): Promise<void> {
  const [program, instance] = await load(message, () => new scope.Go());
  program.run(instance).then(
    () => post({ kind: "stopped", code: "core_stopped", message: "the program ended" }),
    (error: unknown) => post({ kind: "stopped", code: "core_stopped", message: String(error) }),
  );
  for (const begun = performance.now(); !scope.evidentInvoke;) {
    if (performance.now() - begun > START_LIMIT_MS) throw new Error("the light client did not start");
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}
