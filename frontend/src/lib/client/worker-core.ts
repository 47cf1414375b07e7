/// <reference lib="webworker" />
/**
 * What every worker around a Go program does: pass calls to the functions that
 * the program sets on globalThis, and its events back. Where the program comes
 * from is the worker's own affair.
 */
import type { FromWorker, Request, Start, ToWorker } from "./worker-messages";
import { piecesFrom } from "./packages";
import { sinkTo, type Sink } from "./sinks";

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
  evidentHold(path: string, file: File): void;
  evidentRead(token: string, offset: number, length: number): Promise<Uint8Array<ArrayBuffer>>;
  evidentFetch(record: string, index: number, sink: Sink): Promise<string>;
  evidentProof(record: string): Promise<string>;
  evidentExport(params: string, sink: Sink): Promise<string>;
  evidentVerifyPackage(
    size: number,
    genesis: string,
    read: (offset: number, length: number) => Promise<Uint8Array>,
    progress: (done: number, total: number) => boolean,
  ): Promise<string>;
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
      const value = await answer(data);
      const transfer = value instanceof ArrayBuffer ? [value] : [];
      self.postMessage({ kind: "answer", id: data.id, value } satisfies FromWorker, { transfer });
    } catch (thrown) {
      const code = thrown instanceof Missing ? "core_missing" : "core_stopped";
      const message = thrown instanceof Error ? thrown.message : String(thrown);
      post({ kind: "failure", id: data.id, code, message });
    }
  };
}

function answer(request: Request): Promise<string | ArrayBuffer> | string | number | void {
  switch (request.kind) {
    case "invoke":
      return scope.evidentInvoke!(request.method, request.params);
    case "digestOpen":
      return scope.evidentDigestOpen();
    case "digestWrite":
      return scope.evidentDigestWrite(request.handle, new Uint8Array(request.slice));
    case "digestClose":
      return scope.evidentDigestClose(request.handle);
    case "hold":
      return scope.evidentHold(request.path, request.file);
    case "read":
      return scope
        .evidentRead(request.token, request.offset, request.length)
        .then((bytes) => bytes.buffer, refused);
    case "fetch":
      return scope.evidentFetch(request.record, request.index, sinkTo(request.to));
    case "proof":
      return scope.evidentProof(request.record);
    case "export":
      return scope.evidentExport(request.params, sinkTo(request.to));
    case "package": {
      const { read, progress } = piecesFrom(request.port);
      return scope.evidentVerifyPackage(request.size, request.genesis, read, progress);
    }
  }
}

/** A call that was refused says so to its caller; the program lives on. */
function refused(error: Error): string {
  return JSON.stringify({ error: { code: "evidence", message: error.message, hint: "" } });
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
