/** A worker with a Go program in it, whose requests are answered by number. */
import { ClientError } from "./envelope";
import type { LedgerEvent } from "./types.gen";
import type { FromWorker, Request } from "./worker-messages";

interface Waiting {
  resolve(value: unknown): void;
  reject(error: ClientError): void;
}

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

/** Starts a core when it is first needed, and anew after it failed. */
export function kept(start: () => Worker, onEvent: (event: LedgerEvent) => void): () => Core {
  let core: Core | null = null;
  return () => (core && !core.broken ? core : (core = new Core(start(), onEvent)));
}
