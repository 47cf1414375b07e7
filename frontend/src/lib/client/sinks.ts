/// <reference lib="webworker" />
/**
 * Where a file that is fetched goes to, a piece at a time. The light client
 * commits only when it has compared the whole content with the record.
 */

export interface Sink {
  open(name: string, size: number): Promise<void>;
  write(bytes: Uint8Array<ArrayBuffer>): Promise<void>;
  commit(): Promise<void>;
  abort(): Promise<void>;
}

/** What passes to whoever takes the pieces at the other end of a port; each message is answered by "more". */
export type Piece = { kind: "piece"; bytes: ArrayBuffer } | { kind: "end" } | { kind: "failed" };

export function sinkTo(to: FileSystemFileHandle | MessagePort): Sink {
  return to instanceof MessagePort ? portSink(to) : fileSink(to);
}

/** The browser writes beside the file and puts the whole in its place on close. */
function fileSink(handle: FileSystemFileHandle): Sink {
  let stream: FileSystemWritableFileStream;
  return {
    open: async () => void (stream = await handle.createWritable()),
    write: (bytes) => stream.write(bytes),
    commit: () => stream.close(),
    abort: () => stream.abort(),
  };
}

function portSink(port: MessagePort): Sink {
  let settle: { more(): void; stop(): void } | null = null;
  port.onmessage = ({ data }) => (data === "more" ? settle?.more() : settle?.stop());
  const send = (message: Piece, transfer: Transferable[] = []) =>
    new Promise<void>((resolve, reject) => {
      settle = { more: resolve, stop: () => reject(new Error("the browser stopped the download")) };
      port.postMessage(message, transfer);
    });
  return {
    open: async () => {},
    write: (bytes) => send({ kind: "piece", bytes: bytes.buffer }, [bytes.buffer]),
    commit: () => send({ kind: "end" }),
    abort: async () => port.postMessage({ kind: "failed" } satisfies Piece),
  };
}
