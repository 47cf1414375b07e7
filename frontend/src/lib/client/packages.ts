/**
 * A package on its way from the page to the worker that verifies it: the worker
 * asks for pieces by a port of its own, because not every engine can read a
 * dropped file inside a worker. At most one piece is under way.
 */
import type { Core } from "./core";
import { cancelled, open } from "./envelope";
import type { Work } from "./index";
import type { PackageReport } from "./types.gen";

type FromWorker = { offset: number; length: number } | { done: number; total: number };
type ToWorker = ArrayBuffer | "stop" | "unreadable";

/** The page's side. */
export async function verifyPackage(
  core: Core,
  file: Blob,
  genesis: string,
  work: Work,
): Promise<PackageReport> {
  const { port1, port2 } = new MessageChannel();
  const say = (message: ToWorker) =>
    port1.postMessage(message, message instanceof ArrayBuffer ? [message] : []);
  port1.onmessage = ({ data }: MessageEvent<FromWorker>) => {
    if ("done" in data) return work.onProgress(data.done, data.total);
    const piece = file.slice(data.offset, data.offset + data.length).arrayBuffer();
    piece.then(say, () => say("unreadable"));
  };
  const stop = () => say("stop");
  work.signal.addEventListener("abort", stop);
  try {
    const answer = await core.ask({ kind: "package", size: file.size, genesis, port: port2 }, [port2]);
    if (work.signal.aborted) throw cancelled();
    return open<PackageReport>(answer as string);
  } finally {
    work.signal.removeEventListener("abort", stop);
    port1.close();
  }
}

/** The worker's side: what the Go program is given. */
export function piecesFrom(port: MessagePort) {
  let settle: ((piece: Uint8Array) => void) | null = null;
  let refuse: ((error: Error) => void) | null = null;
  let stopped = false;
  port.onmessage = ({ data }: MessageEvent<ToWorker>) => {
    if (data === "stop") stopped = true;
    else if (data === "unreadable") refuse?.(new Error("the file changed, or cannot be read"));
    else settle?.(new Uint8Array(data));
  };
  return {
    read: (offset: number, length: number) =>
      new Promise<Uint8Array>((resolve, reject) => {
        settle = resolve;
        refuse = reject;
        port.postMessage({ offset, length } satisfies FromWorker);
      }),
    progress: (done: number, total: number) => {
      port.postMessage({ done, total } satisfies FromWorker);
      return !stopped;
    },
  };
}

/** A package begins with its manifest. */
export async function isPackage(file: Blob): Promise<boolean> {
  const start = new Uint8Array(await file.slice(0, 30 + 13).arrayBuffer());
  const text = new TextDecoder("latin1").decode(start);
  return text.startsWith("PK\x03\x04") && text.endsWith("manifest.json");
}
