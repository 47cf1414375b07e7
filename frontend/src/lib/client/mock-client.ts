/** The mock as a Client without any transport, for component tests. */
import type { Client, LocalFile, Method, Params, Result } from "./index";
import { open } from "./envelope";
import { MockLedger } from "./mock";
import { readProofText } from "./proof-file";
import type { LedgerEvent } from "./types.gen";

export interface MockClient extends Client {
  ledger: MockLedger;
  drop(files: LocalFile[]): void;
}

export function mockClient(desktop = false): MockClient {
  const ledger = new MockLedger();
  const drops: ((files: LocalFile[]) => void)[] = [];
  return {
    ledger,
    can: { desktop, canStamp: true, canHashInPage: !desktop, canWatch: desktop, follow: true },
    call: async <M extends Method>(method: M, params: Params<M>) =>
      open<Result<M>>(await ledger.invoke(method, JSON.stringify(params))),
    subscribe: (listener) => {
      ledger.onEvent((json) => listener(JSON.parse(json) as LedgerEvent));
      return () => {};
    },
    digest: async (file, work) => {
      work.onProgress(0, file.size ?? 0);
      return ledger.digest({ size: file.size ?? 0, start: file.blob ? await file.blob.text() : file.name });
    },
    readProof: async (file) => (file.blob ? readProofText(file.blob, file.name) : null),
    isPackage: async (file) => file.name.endsWith(".zip"),
    verifyPackage: async () => ledger.package(),
    exportPackage: async (records, how) =>
      open(await ledger.invoke("export", JSON.stringify({ ...how, job: "export", records }))),
    onDrop: (listener) => {
      drops.push(listener);
      return () => void drops.splice(drops.indexOf(listener), 1);
    },
    drop: (files) => drops.at(-1)?.(files),
    pick: async () => [],
    pickFolder: async () => [],
    saveText: async (name) => name,
    saveProof: async (id) => `${id}.evident`,
    stamp: async (files, how) =>
      open(await ledger.invoke("stamp", JSON.stringify({ ...how, paths: files.map(({ path }) => path) }))),
    handAgain: async () => 0,
    readEvidence: async (opened, offset, length) => ledger.files.read(opened.token, offset, length),
    playable: async () => null,
    saveEvidence: async (place) => ledger.files.fetch(place),
  };
}
