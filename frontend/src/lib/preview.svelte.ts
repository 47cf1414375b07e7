/** A stored file that somebody looks at: opened, read as far as it can be shown, closed again. */
import { asClientError, type ClientError } from "./client/envelope";
import type { Client, Opened } from "./client";

/** What is read as a whole has to fit into memory more than once. */
export const MAX_WHOLE = 64 * 1024 * 1024;
export const MAX_TEXT = 256 * 1024;
const PIECE = 4 * 1024 * 1024;

/** Pictures whose decoders never run anything; the type is ours, not the file's. */
const PICTURES = ["image/png", "image/jpeg", "image/gif", "image/webp", "image/avif", "image/bmp"];

export type Shown =
  | { kind: "opening" }
  | { kind: "no_key" }
  | { kind: "failed"; error: ClientError }
  | { kind: "picture" | "pdf"; address: string }
  | { kind: "player"; video: boolean; address: string }
  | { kind: "text"; text: string; cut: boolean }
  | { kind: "none"; why: "other" | "large" | "player" };

export class Preview {
  shown = $state.raw<Shown>({ kind: "opening" });
  opened = $state.raw<Opened | null>(null);
  #blob: string | null = null;
  #closed = false;

  constructor(readonly client: Client) {}

  async open(record: string, index: number): Promise<void> {
    try {
      const opened = await this.client.call("openEvidence", { record, index });
      this.opened = opened;
      if (this.#closed) return this.#release();
      const shown = opened.key === "none" ? ({ kind: "no_key" } as const) : await this.#show(opened);
      if (this.#closed) return this.#release();
      this.shown = shown;
    } catch (thrown) {
      this.shown = { kind: "failed", error: asClientError(thrown) };
    }
  }

  close(): void {
    this.#closed = true;
    this.#release();
  }

  #release(): void {
    if (this.#blob) URL.revokeObjectURL(this.#blob);
    this.#blob = null;
    if (this.opened?.token)
      void this.client.call("closeEvidence", { token: this.opened.token }).catch(() => {});
  }

  async #show(opened: Opened): Promise<Shown> {
    const size = Number(opened.size);
    switch (opened.kind) {
      case "video":
      case "audio":
        return this.#play(opened, size);
      case "text": {
        const bytes = await this.#read(opened, Math.min(size, MAX_TEXT));
        return {
          kind: "text",
          text: new TextDecoder().decode(bytes),
          cut: size > MAX_TEXT,
        };
      }
      case "image":
        if (!PICTURES.includes(opened.media)) return { kind: "none", why: "other" };
        if (size > MAX_WHOLE) return { kind: "none", why: "large" };
        return { kind: "picture", address: this.#address(await this.#read(opened, size), opened.media) };
      case "pdf":
        return this.#pdf(opened, size);
      case "other":
        return { kind: "none", why: "other" };
    }
  }

  /** A player seeks by itself where there is an address; else a short film fits into memory. */
  async #play(opened: Opened, size: number): Promise<Shown> {
    const video = opened.kind === "video";
    const address = await this.client.playable(opened);
    if (address) return { kind: "player", video, address };
    if (size > MAX_WHOLE) return { kind: "none", why: "player" };
    return { kind: "player", video, address: this.#address(await this.#read(opened, size), opened.media) };
  }

  /** Only what begins as a PDF is handed to the browser's viewer, which runs apart from this page. */
  async #pdf(opened: Opened, size: number): Promise<Shown> {
    if (!navigator.pdfViewerEnabled) return { kind: "none", why: "other" };
    if (size > MAX_WHOLE) return { kind: "none", why: "large" };
    const content = await this.#read(opened, size);
    if (new TextDecoder().decode(content.subarray(0, 5)) !== "%PDF-") return { kind: "none", why: "other" };
    return { kind: "pdf", address: this.#address(content, "application/pdf") };
  }

  #address(content: Uint8Array<ArrayBuffer>, type: string): string {
    this.#blob = URL.createObjectURL(new Blob([content], { type }));
    return this.#blob;
  }

  async #read(opened: Opened, size: number): Promise<Uint8Array<ArrayBuffer>> {
    const whole = new Uint8Array(size);
    for (let at = 0; at < size && !this.#closed;) {
      const part = await this.client.readEvidence(opened, at, Math.min(PIECE, size - at));
      if (part.byteLength === 0) throw new Error("the file ends too early");
      whole.set(new Uint8Array(part), at);
      at += part.byteLength;
    }
    return whole;
  }
}
