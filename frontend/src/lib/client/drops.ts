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
    if (event.type === "drop" && this.takesFiles) {
      this.deliver([...(event.dataTransfer?.files ?? [])].map(fromFile));
    }
  }
}

export function fromFile(file: File): LocalFile {
  return { name: file.name, size: file.size, blob: file };
}
