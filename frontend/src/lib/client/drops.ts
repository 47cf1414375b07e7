/**
 * One place for dropped files. The window always prevents the default, because
 * a view that is left to itself navigates to the file and the page is lost.
 */
import type { LocalFile } from "./index";

type Listener = (files: LocalFile[]) => void;

export class Drops {
  #listeners: Listener[] = [];

  constructor(readonly takesFiles: boolean) {
    for (const type of ["dragenter", "dragover", "drop"] as const) {
      window.addEventListener(type, (event) => this.#handle(event));
    }
  }

  listen(listener: Listener): () => void {
    this.#listeners.push(listener);
    return () => {
      this.#listeners = this.#listeners.filter((other) => other !== listener);
    };
  }

  deliver(files: LocalFile[]): void {
    if (files.length > 0) this.#listeners.at(-1)?.(files);
  }

  #handle(event: DragEvent): void {
    event.preventDefault();
    if (event.dataTransfer) event.dataTransfer.dropEffect = "copy";
    if (event.type === "drop" && this.takesFiles && event.dataTransfer) {
      void filesIn(event.dataTransfer).then((files) => this.deliver(files));
    }
  }
}

/**
 * A file by a name that is the same when it is chosen again, and that no other
 * file is likely to have.
 */
export function fromFile(file: File, path = file.webkitRelativePath || file.name): LocalFile {
  return { name: file.name, size: file.size, blob: file, path: `${path}?${file.size}-${file.lastModified}` };
}

/** Dropped files, and those in dropped folders. Entries have to be asked for at once, before anything is awaited. */
async function filesIn(dropped: DataTransfer): Promise<LocalFile[]> {
  const entries = [...dropped.items].map((item) => item.webkitGetAsEntry?.() ?? null);
  if (!entries.some((entry) => entry?.isDirectory)) return [...dropped.files].map((file) => fromFile(file));
  const found: LocalFile[] = [];
  for (const entry of entries) if (entry) await walk(entry, found);
  return found;
}

async function walk(entry: FileSystemEntry, found: LocalFile[]): Promise<void> {
  if (entry.isFile) {
    const file = await new Promise<File>((resolve, reject) =>
      (entry as FileSystemFileEntry).file(resolve, reject),
    );
    found.push(fromFile(file, entry.fullPath.replace(/^\//, "")));
    return;
  }
  const reader = (entry as FileSystemDirectoryEntry).createReader();
  const next = () => new Promise<FileSystemEntry[]>((resolve, reject) => reader.readEntries(resolve, reject));
  for (let batch = await next(); batch.length > 0; batch = await next()) {
    for (const child of batch) await walk(child, found);
  }
}
