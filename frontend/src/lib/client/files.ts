/**
 * Evidence files in the browser: a worker of its own takes them to the members
 * and back. Files are handed to it as they are; it reads them in slices.
 */
import { kept, type Core } from "./core";
import { open } from "./envelope";
import type { EvidencePlace, LocalFile } from "./index";
import { Player, takeDownload } from "./player";
import type {
  Exported,
  ExportParams,
  FetchJob,
  LedgerEvent,
  Methods,
  Opened,
  StampParams,
  StampStatus,
} from "./types.gen";

/** The methods of the table that this worker answers. */
const METHODS = new Set<keyof Methods>([
  "keys",
  "makeKey",
  "stamp",
  "stampStatus",
  "pause",
  "resume",
  "retry",
  "cancel",
  "clearFinished",
  "openEvidence",
  "closeEvidence",
  "recipient",
  "share",
  "receive",
  "backup",
  "restore",
  "prepare",
  "openDraft",
  "sign",
  "check",
  "submit",
  "privateFields",
  "disclose",
]);

export class FilesInBrowser {
  /** The worker; anew after it failed. */
  readonly core: () => Core;
  #player = new Player((token, offset, length) => this.#read(token, offset, length));

  /** @param start makes a worker that has been told what to start from */
  constructor(start: () => Worker, onEvent: (event: LedgerEvent) => void) {
    // Both workers follow the ledger; the other one tells of blocks.
    this.core = kept(start, (event) => event.kind !== "block" && onEvent(event));
  }

  answers(method: keyof Methods): boolean {
    return METHODS.has(method);
  }

  async invoke(method: keyof Methods, params: object): Promise<string> {
    return (await this.core().ask({ kind: "invoke", method, params: JSON.stringify(params) })) as string;
  }

  async stamp(files: LocalFile[], how: Omit<StampParams, "paths">): Promise<StampStatus> {
    const paths = await this.#hold(files);
    return open(await this.invoke("stamp", { ...how, paths }));
  }

  async handAgain(files: LocalFile[]): Promise<number> {
    const paths = new Set(await this.#hold(files));
    const { jobs } = open<StampStatus>(await this.invoke("stampStatus", {}));
    const waiting = jobs.filter((job) => job.code === "file_needed" && paths.has(job.path));
    if (waiting.length > 0) open(await this.invoke("resume", { jobs: waiting.map(({ job }) => job) }));
    return waiting.length;
  }

  /** The author's own proof discloses what was sealed; empty if there is none here. */
  async proof(record: string): Promise<string> {
    return (await this.core().ask({ kind: "proof", record })) as string;
  }

  async readEvidence(opened: Opened, offset: number, length: number): Promise<ArrayBuffer> {
    return this.#read(opened.token, offset, length);
  }

  playable(opened: Opened): Promise<string | null> {
    return this.#player.address(opened);
  }

  async saveEvidence(file: EvidencePlace): Promise<FetchJob | null> {
    const to = await target(file.name);
    if (to === null) return null;
    const transfer = to instanceof MessagePort ? [to] : [];
    const { record, index } = file;
    return open((await this.core().ask({ kind: "fetch", record, index, to }, transfer)) as string);
  }

  async exportPackage(params: ExportParams): Promise<Exported | null> {
    const to = await target(`${params.records[0]!.slice(0, 16)}.zip`);
    if (to === null) return null;
    const transfer = to instanceof MessagePort ? [to] : [];
    return open(
      (await this.core().ask({ kind: "export", params: JSON.stringify(params), to }, transfer)) as string,
    );
  }

  async #read(token: string, offset: number, length: number): Promise<ArrayBuffer> {
    const answer = (await this.core().ask({ kind: "read", token, offset, length })) as ArrayBuffer | string;
    return typeof answer === "string" ? open(answer) : answer;
  }

  async #hold(files: LocalFile[]): Promise<string[]> {
    const paths: string[] = [];
    for (const { blob, path } of files) {
      if (!(blob instanceof File) || !path) throw new Error("the file was not handed over by the browser");
      await this.core().ask({ kind: "hold", path, file: blob });
      paths.push(path);
    }
    return paths;
  }
}

interface SavePicker {
  showSaveFilePicker?(options: { suggestedName: string }): Promise<FileSystemFileHandle>;
}

/** Where the user wants the file: a place on the disk, or the browser's downloads. */
async function target(name: string): Promise<FileSystemFileHandle | MessagePort | null> {
  const picker = (window as SavePicker).showSaveFilePicker;
  if (!picker) return takeDownload(name);
  try {
    return await picker.call(window, { suggestedName: name });
  } catch (thrown) {
    if (thrown instanceof DOMException && thrown.name === "AbortError") return null;
    return takeDownload(name);
  }
}
