/**
 * The one seam between the pages and the light client. Every page talks to this
 * interface; the desktop binding and the browser's worker implement it, and
 * nothing else in the pages knows which of the two is there.
 */
import { ClientError } from "./envelope";
import type {
  Exported,
  ExportParams,
  FetchJob,
  FileDigest,
  LedgerEvent,
  Methods,
  Opened,
  PackageReport,
  StampParams,
  StampStatus,
} from "./types.gen";

export type * from "./types.gen";
export { ClientError } from "./envelope";

export type Method = keyof Methods;
export type Params<M extends Method> = Methods[M]["params"];
export type Result<M extends Method> = Methods[M]["result"];

/** A file the user handed over: bytes in the browser, a path on the desktop. */
export interface LocalFile {
  name: string;
  size: number | null;
  blob?: Blob;
  path?: string;
}

export interface Work {
  signal: AbortSignal;
  onProgress(done: number, size: number): void;
}

export interface Abilities {
  desktop: boolean;
  canStamp: boolean;
  canHashInPage: boolean;
  /** Whether folders can be watched for new files. */
  canWatch: boolean;
  /** Whether a ledger is at hand; a verifier without a network has none. */
  follow: boolean;
}

export interface Client {
  readonly can: Abilities;
  call<M extends Method>(method: M, params: Params<M>): Promise<Result<M>>;
  subscribe(onEvent: (event: LedgerEvent) => void): () => void;
  /** Digests a file in slices; aborting leaves nothing running behind. */
  digest(file: LocalFile, work: Work): Promise<FileDigest>;
  /** The text of the proof, or null when the file is not one. */
  readProof(file: LocalFile): Promise<string | null>;
  /** Whether a file is a package, as `export` makes them. */
  isPackage(file: LocalFile): Promise<boolean>;
  /** Writes a package of these records; null when the dialog was closed. */
  exportPackage(records: string[], how: PackageContent, work: Work): Promise<Exported | null>;
  /** Verifies a package; aborting leaves nothing running behind. `genesis` is the fingerprint to trust, or empty. */
  verifyPackage(file: LocalFile, genesis: string, work: Work): Promise<PackageReport>;
  /** Files dropped anywhere on the page; the newest listener receives them. */
  onDrop(listener: (files: LocalFile[]) => void): () => void;
  /** Asks the user for files; empty when the dialog was closed. */
  pick(): Promise<LocalFile[]>;
  /** Asks for a folder and returns what is in it, at any depth. */
  pickFolder(): Promise<LocalFile[]>;
  /** Hands the proof of a record to the user; null when the dialog was closed. */
  saveProof(id: string, text: string): Promise<string | null>;
  /** Hands a text to the user as a file; null when the dialog was closed. */
  saveText(name: string, text: string): Promise<string | null>;
  /** Hands files over for a timestamp. */
  stamp(files: LocalFile[], how: Omit<StampParams, "paths">): Promise<StampStatus>;
  /** Gives paused jobs the files that they wait for; the answer counts those that go on. */
  handAgain(files: LocalFile[]): Promise<number>;
  /** Bytes of an opened file: verified and decrypted. At most 4 MiB come at a time. */
  readEvidence(opened: Opened, offset: number, length: number): Promise<ArrayBuffer>;
  /** Where a player finds an opened file and can seek in it; null if there is no such place. */
  playable(opened: Opened): Promise<string | null>;
  /** Hands what this window cannot decode to the person's web browser, where there is one beside it. */
  playOutside?(opened: Opened): void;
  /** Saves a stored file on the user's disk; null when the dialog was closed. Events tell how far it is. */
  saveEvidence(file: EvidencePlace): Promise<FetchJob | null>;
}

/** What a package holds beside the records' proofs. */
export type PackageContent = Pick<ExportParams, "history" | "content" | "disclose">;

/** A file's place in a record, and the name to save it under. */
export interface EvidencePlace {
  record: string;
  index: number;
  name: string;
}

/** Chooses the transport by what surrounds the page. */
export async function connect(): Promise<Client> {
  if (window.go?.app?.App) return (await import("./wails")).connectDesktop(window.go.app.App);
  if (typeof Worker === "undefined" || typeof WebAssembly === "undefined") {
    throw new ClientError("no_webassembly", "This browser cannot run the light client.", "");
  }
  return (await import("./site")).connectSite();
}
