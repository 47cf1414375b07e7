/**
 * The browser transport: a Go program as WebAssembly in a worker, and a
 * second worker of the same kind for hashing, so that a large file never holds
 * up the ledger. Slices are read here and handed over, because not every
 * engine can read a dropped file inside a worker.
 */
import type { Client, LocalFile, Method, Params, Result, Work } from "./index";
import { kept } from "./core";
import { Drops, fromFile } from "./drops";
import { ClientError, open } from "./envelope";
import type { FilesInBrowser } from "./files";
import { isPackage, verifyPackage } from "./packages";
import { save } from "./player";
import { readProofText } from "./proof-file";
import { feed } from "./slices";
import { tracked } from "./tracked";
import type { LedgerEvent, FileDigest } from "./types.gen";

/**
 * @param start makes a worker that has been told what to start from
 * @param withFiles makes the part for evidence files, where there is a ledger to take them to
 */
export function connectBrowser(
  start: () => Worker,
  withFiles?: (onEvent: (event: LedgerEvent) => void) => FilesInBrowser,
): Client {
  const listeners = new Set<(event: LedgerEvent) => void>();
  const tell = (event: LedgerEvent) => listeners.forEach((listener) => listener(event));
  const ledger = kept(start, tell);
  const files = withFiles?.(tell);
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

  const call = async <M extends Method>(method: M, params: Params<M>) =>
    open<Result<M>>(
      files?.answers(method)
        ? await files.invoke(method, params)
        : ((await ledger().ask({ kind: "invoke", method, params: JSON.stringify(params) })) as string),
    );

  const subscribe = (listener: (event: LedgerEvent) => void) => {
    listeners.add(listener);
    return () => void listeners.delete(listener);
  };

  /** The ledger that is followed here, if there is one to follow and it can be reached. */
  async function trusted(): Promise<string> {
    if (!files) return "";
    try {
      return (await call("trust", {})).fingerprint;
    } catch {
      return "";
    }
  }

  /** The author's own proof discloses more. Where nothing can be kept, there is none. */
  const own = async (id: string) => files?.proof(id).catch(() => "");

  return {
    can: {
      desktop: false,
      canStamp: files !== undefined,
      canHashInPage: true,
      canWatch: false,
      follow: files !== undefined,
    },
    call,
    subscribe,
    digest,
    readProof: (file) => readProofText(blobOf(file), file.name),
    exportPackage: (records, how, work) =>
      tracked({ call, subscribe }, work, (job) => here(files).exportPackage({ ...how, job, records })),
    isPackage: (file) => isPackage(blobOf(file)),
    verifyPackage: async (file, genesis, work) =>
      verifyPackage((files?.core ?? hasher)(), blobOf(file), genesis || (await trusted()), work),
    onDrop: (listener) => drops.listen(listener),
    pick: () => pickInPage(false),
    pickFolder: () => pickInPage(true),
    saveProof: async (id, text) => {
      const name = `${id.slice(0, 16)}.evident`;
      save(name, new Blob([(await own(id)) || text], { type: "application/json" }));
      return name;
    },
    saveText: async (name, text) => {
      save(name, new Blob([text], { type: "text/plain" }));
      return name;
    },
    stamp: (list, how) => here(files).stamp(list, how),
    handAgain: (list) => here(files).handAgain(list),
    readEvidence: (opened, offset, length) => here(files).readEvidence(opened, offset, length),
    playable: async (opened) => (await files?.playable(opened)) ?? null,
    saveEvidence: (place) => here(files).saveEvidence(place),
  };
}

function here(files: FilesInBrowser | undefined): FilesInBrowser {
  if (!files) throw new ClientError("no_ledger", "There is no ledger here to take files to.", "");
  return files;
}

function blobOf(file: LocalFile): Blob {
  if (!file.blob) throw new Error(`${file.name} was not handed over by the browser`);
  return file.blob;
}

function pickInPage(folder: boolean): Promise<LocalFile[]> {
  const input = document.createElement("input");
  input.type = "file";
  input.multiple = true;
  input.webkitdirectory = folder;
  return new Promise((resolve) => {
    input.addEventListener("change", () => resolve([...(input.files ?? [])].map((file) => fromFile(file))));
    input.addEventListener("cancel", () => resolve([]));
    input.click();
  });
}
