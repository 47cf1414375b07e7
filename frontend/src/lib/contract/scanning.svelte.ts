/** From a camera, a picture or typed text to what the code names. */
import { asClientError, type ClientError } from "$lib/client/envelope";
import type { Client, Resolved } from "$lib/client";
import { openReader, type Reader } from "$lib/scanner";

export type ScanPhase =
  | { name: "idle" }
  | { name: "camera" }
  | { name: "asking"; text: string }
  | { name: "answered"; text: string; resolved: Resolved }
  | { name: "blind"; why: "noCode" | "denied" | "noCamera" }
  | { name: "failed"; error: ClientError };

const LOOK_MS = 120;

export class Scanning {
  phase = $state.raw<ScanPhase>({ name: "idle" });
  stream = $state.raw<MediaStream | null>(null);
  #reader: Promise<Reader> | null = null;
  #looking = 0;

  constructor(
    readonly client: Client,
    readonly found: (resolved: Resolved) => void,
  ) {}

  get hasCamera(): boolean {
    return typeof navigator.mediaDevices?.getUserMedia === "function";
  }

  async start(): Promise<void> {
    const mine = ++this.#looking;
    this.phase = { name: "camera" };
    try {
      const stream = await navigator.mediaDevices.getUserMedia({
        video: { facingMode: "environment", width: { ideal: 1280 } },
      });
      if (mine === this.#looking) this.stream = stream;
      else end(stream);
    } catch (thrown) {
      const denied = thrown instanceof DOMException && thrown.name === "NotAllowedError";
      if (mine === this.#looking) this.phase = { name: "blind", why: denied ? "denied" : "noCamera" };
    }
  }

  /** Looks at the moving picture until a code is in it. */
  async watch(video: HTMLVideoElement): Promise<void> {
    const mine = this.#looking;
    const reader = await this.#open();
    while (mine === this.#looking && this.stream) {
      const text = video.readyState >= video.HAVE_CURRENT_DATA ? await reader.read(video) : null;
      if (mine !== this.#looking) return;
      if (text) return this.resolve(text);
      await new Promise((resolve) => setTimeout(resolve, LOOK_MS));
    }
  }

  async picture(blob: Blob): Promise<void> {
    this.stop();
    const mine = this.#looking;
    try {
      const reader = await this.#open();
      const bitmap = await createImageBitmap(blob).catch(() => null);
      const text = bitmap && (await reader.read(bitmap));
      bitmap?.close();
      if (mine !== this.#looking) return;
      if (text) await this.resolve(text);
      else this.phase = { name: "blind", why: "noCode" };
    } catch (thrown) {
      this.phase = { name: "failed", error: asClientError(thrown) };
    }
  }

  async resolve(text: string): Promise<void> {
    this.stop();
    const mine = this.#looking;
    this.phase = { name: "asking", text };
    try {
      const resolved = await this.client.call("resolve", { text });
      if (mine !== this.#looking) return;
      this.phase = { name: "answered", text, resolved };
      this.found(resolved);
    } catch (thrown) {
      if (mine === this.#looking) this.phase = { name: "failed", error: asClientError(thrown) };
    }
  }

  /** Ends whatever was under way, and lets go of the camera. */
  stop(): void {
    this.#looking++;
    if (this.stream) end(this.stream);
    this.stream = null;
    this.phase = { name: "idle" };
  }

  #open(): Promise<Reader> {
    return (this.#reader ??= openReader());
  }
}

function end(stream: MediaStream): void {
  for (const track of stream.getTracks()) track.stop();
}
