/**
 * The desktop transport: the native light client behind the Wails binding.
 * Files stay paths. What is shown of a stored file comes by ranges, as a stream.
 */
import type { Client, LocalFile, Method, PackageContent, Params, Result, Work } from "./index";
import { Drops } from "./drops";
import { ClientError, open } from "./envelope";
import { tracked } from "./tracked";
import type { Exported, FileDigest, LedgerEvent, Opened, Picked } from "./types.gen";

export interface DesktopBinding {
  Invoke(method: string, params: string): Promise<string>;
}

declare global {
  interface Window {
    go?: { app?: { App?: DesktopBinding } };
    runtime?: {
      BrowserOpenURL?(url: string): void;
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

  const seam = { call, subscribe };

  const digest = (file: LocalFile, work: Work): Promise<FileDigest> =>
    tracked(seam, work, (job) => call("digest", { job, path: pathOf(file) }));

  async function exportPackage(records: string[], how: PackageContent, work: Work): Promise<Exported | null> {
    const made = await tracked(seam, work, (job) => call("export", { ...how, job, records }));
    return made.path ? made : null;
  }

  return {
    can: { desktop: true, canStamp: true, canHashInPage: false, canWatch: true, follow: true },
    call,
    subscribe,
    digest,
    readProof: async (file) => (await call("inspect", { path: pathOf(file) })).proof || null,
    isPackage: async (file) => (await call("inspect", { path: pathOf(file) })).package,
    verifyPackage: (file, genesis, work) =>
      tracked(seam, work, (job) => call("verifyPackage", { job, path: pathOf(file), genesis })),
    exportPackage,
    onDrop: (listener) => drops.listen(listener),
    pick: async () => (await call("pickFiles", {})).files.map(fromPicked),
    pickFolder: async () => (await call("pickFolder", {})).files.map(fromPicked),
    saveText: async (name, text) => (await call("saveText", { name, text })).path || null,
    saveProof: async (id) => (await call("saveProof", { id })).path || null,
    stamp: (files, how) => call("stamp", { ...how, paths: files.map(pathOf) }),
    handAgain: async () => 0, // paths stay valid
    readEvidence: readRange,
    playable: async (opened) => opened.url || null,
    playOutside: (opened) => window.runtime?.BrowserOpenURL?.(opened.url),
    saveEvidence: async ({ record, index }) => {
      const job = await call("saveEvidence", { record, index });
      return job.job ? job : null;
    },
  };
}

/** Bytes come from the app's own asset handler, which serves opened files by ranges. */
async function readRange(opened: Opened, offset: number, length: number): Promise<ArrayBuffer> {
  const last = Math.min(offset + length, Number(opened.size)) - 1;
  const response = await fetch(`/evidence/${opened.token}`, {
    headers: { Range: `bytes=${offset}-${last}` },
  });
  if (!response.ok) throw new ClientError("evidence", (await response.text()).slice(0, 200), "");
  return response.arrayBuffer();
}

function fromPicked({ path, name, size }: Picked): LocalFile {
  return { path, name, size: Number(size) };
}

function fromPath(path: string): LocalFile {
  return { path, name: path.split(/[\\/]/).at(-1) ?? path, size: null };
}

function pathOf(file: LocalFile): string {
  if (!file.path) throw new Error(`${file.name} has no path on this machine`);
  return file.path;
}
