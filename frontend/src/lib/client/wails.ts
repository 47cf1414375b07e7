/**
 * The desktop transport: the native light client behind the Wails binding.
 * Files stay paths; bytes never pass through the page or its asset server.
 */
import type { Client, LocalFile, Method, Params, Result, Work } from "./index";
import { Drops } from "./drops";
import { cancelled, open } from "./envelope";
import type { LedgerEvent, FileDigest } from "./types.gen";

export interface DesktopBinding {
  Invoke(method: string, params: string): Promise<string>;
}

declare global {
  interface Window {
    go?: { app?: { App?: DesktopBinding } };
    runtime?: {
      EventsOn(name: string, handler: (json: string) => void): () => void;
      OnFileDrop(handler: (x: number, y: number, paths: string[]) => void, onTargetOnly: boolean): void;
    };
  }
}

export function connectDesktop(app: DesktopBinding): Client {
  const listeners = new Set<(event: LedgerEvent) => void>();
  const drops = new Drops(false);
  window.runtime?.EventsOn("evident", (json) => {
    const event = JSON.parse(json) as LedgerEvent;
    for (const listener of listeners) listener(event);
  });
  window.runtime?.OnFileDrop((_x, _y, paths) => drops.deliver(paths.map(fromPath)), false);

  const call = async <M extends Method>(method: M, params: Params<M>) =>
    open<Result<M>>(await app.Invoke(method, JSON.stringify(params)));

  const subscribe = (listener: (event: LedgerEvent) => void) => {
    listeners.add(listener);
    return () => void listeners.delete(listener);
  };

  async function digest(file: LocalFile, work: Work): Promise<FileDigest> {
    const job = crypto.randomUUID();
    const stop = subscribe((event) => {
      if (event.kind === "progress" && event.job === job) {
        work.onProgress(Number(event.done), Number(event.size));
      }
    });
    const cancel = () => void call("cancel", { job });
    work.signal.addEventListener("abort", cancel);
    try {
      const result = await call("digest", { job, path: pathOf(file) });
      if (work.signal.aborted) throw cancelled();
      return result;
    } finally {
      work.signal.removeEventListener("abort", cancel);
      stop();
    }
  }

  return {
    can: { desktop: true, canStamp: true, canHashInPage: false, follow: true },
    call,
    subscribe,
    digest,
    readProof: async (file) => (await call("inspect", { path: pathOf(file) })).proof || null,
    onDrop: (listener) => drops.listen(listener),
    pick: async () =>
      (await call("pickFiles", {})).files.map(({ path, name, size }) => ({ path, name, size: Number(size) })),
    saveProof: async (id) => (await call("saveProof", { id })).path || null,
  };
}

function fromPath(path: string): LocalFile {
  return { path, name: path.split(/[\\/]/).at(-1) ?? path, size: null };
}

function pathOf(file: LocalFile): string {
  if (!file.path) throw new Error(`${file.name} has no path on this machine`);
  return file.path;
}
