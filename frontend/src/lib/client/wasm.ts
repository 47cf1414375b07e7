/**
 * The browser transport: a Go program as WebAssembly in a worker, and a
 * second worker of the same kind for hashing, so that a large file never holds
 * up the ledger. Slices are read here and handed over, because not every
 * engine can read a dropped file inside a worker.
 */
import type { Client, LocalFile, Method, Params, Result, Work } from "./index";
import { Drops, fromFile } from "./drops";
import { ClientError, open } from "./envelope";
import { readProofText } from "./proof-file";
import { feed } from "./slices";
import type { FromWorker, Request } from "./worker-messages";
import type { LedgerEvent, FileDigest } from "./types.gen";

interface Waiting {
  resolve(value: unknown): void;
  reject(error: ClientError): void;
}

/** A worker whose requests are answered by number. */
export class Core {
  #worker: Worker;
  #waiting = new Map<number, Waiting>();
  #next = 0;
  #broken: ClientError | null = null;

  constructor(worker: Worker, onEvent: (event: LedgerEvent) => void) {
    this.#worker = worker;
    worker.onmessage = ({ data }: MessageEvent<FromWorker>) => {
      if (data.kind === "event") onEvent(JSON.parse(data.json) as LedgerEvent);
      else if (data.kind === "stopped") this.#stop(new ClientError(data.code, data.message, ""));
      else this.#settle(data);
    };
    worker.onerror = (event) => this.#stop(new ClientError("core_stopped", event.message, ""));
  }

  get broken(): boolean {
    return this.#broken !== null;
  }

  ask(request: Request, transfer: Transferable[] = []): Promise<unknown> {
    if (this.#broken) return Promise.reject(this.#broken);
    const id = this.#next++;
    return new Promise((resolve, reject) => {
      this.#waiting.set(id, { resolve, reject });
      this.#worker.postMessage({ id, ...request }, transfer);
    });
  }

  #settle(answer: Extract<FromWorker, { kind: "answer" | "failure" }>): void {
    const waiting = this.#waiting.get(answer.id);
    this.#waiting.delete(answer.id);
    if (answer.kind === "answer") return waiting?.resolve(answer.value);
    const error = new ClientError(answer.code, answer.message, "");
    waiting?.reject(error);
    this.#stop(error);
  }

  /** A core that failed once answers nothing more; the next call starts another. */
  #stop(error: ClientError): void {
    this.#worker.terminate();
    this.#broken = error;
    for (const waiting of this.#waiting.values()) waiting.reject(error);
    this.#waiting.clear();
  }
}

/** @param start makes a worker that has been told what to start from */
export function connectBrowser(start: () => Worker, follows: boolean): Client {
  const listeners = new Set<(event: LedgerEvent) => void>();
  const ledger = kept(start, (event) => listeners.forEach((listener) => listener(event)));
  const hasher = kept(start, () => {});
  const drops = new Drops(true);

  async function digest(file: LocalFile, work: Work): Promise<FileDigest> {
    const core = hasher();
    const handle = (await core.ask({ kind: "digestOpen" })) as number;
    let closed = false;
    try {
      await feed(
        blobOf(file),
        async (slice) => void (await core.ask({ kind: "digestWrite", handle, slice }, [slice])),
        work,
      );
      closed = true;
      return JSON.parse((await core.ask({ kind: "digestClose", handle })) as string) as FileDigest;
    } finally {
      // An abandoned digest is closed too, so the worker holds nothing for it.
      if (!closed) core.ask({ kind: "digestClose", handle }).catch(() => {});
    }
  }

  return {
    can: { desktop: false, canStamp: false, canHashInPage: true, follow: follows },
    call: async <M extends Method>(method: M, params: Params<M>) =>
      open<Result<M>>(
        (await ledger().ask({ kind: "invoke", method, params: JSON.stringify(params) })) as string,
      ),
    subscribe: (listener) => {
      listeners.add(listener);
      return () => void listeners.delete(listener);
    },
    digest,
    readProof: (file) => readProofText(blobOf(file), file.name),
    onDrop: (listener) => drops.listen(listener),
    pick: pickInPage,
    saveProof: async (id, text) => {
      const name = `${id.slice(0, 16)}.evident`;
      download(name, text);
      return name;
    },
  };
}

/** Starts a core when it is first needed, and anew after it failed. */
function kept(start: () => Worker, onEvent: (event: LedgerEvent) => void): () => Core {
  let core: Core | null = null;
  return () => (core && !core.broken ? core : (core = new Core(start(), onEvent)));
}

function blobOf(file: LocalFile): Blob {
  if (!file.blob) throw new Error(`${file.name} was not handed over by the browser`);
  return file.blob;
}

function pickInPage(): Promise<LocalFile[]> {
  const input = document.createElement("input");
  input.type = "file";
  input.multiple = true;
  return new Promise((resolve) => {
    input.addEventListener("change", () => resolve([...(input.files ?? [])].map(fromFile)));
    input.addEventListener("cancel", () => resolve([]));
    input.click();
  });
}

function download(name: string, text: string): void {
  const url = URL.createObjectURL(new Blob([text], { type: "application/json" }));
  const link = document.createElement("a");
  link.href = url;
  link.download = name;
  link.click();
  // The download has its own reference once it has begun.
  setTimeout(() => URL.revokeObjectURL(url), 10_000);
}
