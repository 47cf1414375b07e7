/**
 * A service worker lets players and downloads have a file that exists nowhere
 * but in the light client. It asks this page for bytes and knows nothing itself.
 */
import type { Piece } from "./sinks";
import type { Opened } from "./types.gen";

type Read = (token: string, offset: number, length: number) => Promise<ArrayBuffer>;

/** What the service worker asks for. */
interface Wanted {
  kind: "read";
  token: string;
  offset: number;
  length: number;
}

const START_LIMIT_MS = 5_000;

export class Player {
  #ready: Promise<boolean> | null = null;

  constructor(readonly read: Read) {}

  /** Null where there is no service worker, as on a page without a secure origin. */
  async address(opened: Opened): Promise<string | null> {
    this.#ready ??= this.#start();
    if (!(await this.#ready)) return null;
    const query = new URLSearchParams({ size: opened.size, type: opened.media });
    return `./evidence/${opened.token}?${query}`;
  }

  async #start(): Promise<boolean> {
    if (!(await serviceWorker())) return false;
    navigator.serviceWorker.addEventListener("message", ({ data, ports }: MessageEvent<Wanted>) => {
      const [port] = ports;
      if (data.kind !== "read" || !port) return;
      this.read(data.token, data.offset, data.length).then(
        (bytes) => port.postMessage(bytes, [bytes]),
        () => port.postMessage(null),
      );
    });
    navigator.serviceWorker.startMessages();
    return true;
  }
}

/** Registers the service worker and waits until it serves this page. */
async function serviceWorker(): Promise<ServiceWorker | null> {
  if (!("serviceWorker" in navigator)) return null;
  try {
    await navigator.serviceWorker.register("./sw.js");
    const controlled = new Promise((resolve) =>
      navigator.serviceWorker.addEventListener("controllerchange", resolve, { once: true }),
    );
    if (!navigator.serviceWorker.controller) {
      await Promise.race([controlled, new Promise((resolve) => setTimeout(resolve, START_LIMIT_MS))]);
    }
    return navigator.serviceWorker.controller;
  } catch {
    return null;
  }
}

/** The end of a port whose pieces become a download of the browser's. */
export async function takeDownload(name: string): Promise<MessagePort> {
  const { port1, port2 } = new MessageChannel();
  const worker = await serviceWorker();
  if (!worker) {
    collect(port1, name);
    return port2;
  }
  const id = crypto.randomUUID();
  const ready = new Promise((resolve) => {
    const { port1: here, port2: there } = new MessageChannel();
    here.onmessage = resolve;
    worker.postMessage({ kind: "download", id, name }, [port1, there]);
  });
  await ready;
  location.assign(`./evidence/download/${id}`);
  return port2;
}

/** Without a service worker the file has to fit into memory. */
function collect(port: MessagePort, name: string): void {
  const parts: ArrayBuffer[] = [];
  port.onmessage = ({ data }: MessageEvent<Piece>) => {
    if (data.kind === "piece") parts.push(data.bytes);
    if (data.kind === "end") save(name, new Blob(parts));
    port.postMessage("more");
  };
}

export function save(name: string, content: Blob): void {
  const url = URL.createObjectURL(content);
  const link = document.createElement("a");
  link.href = url;
  link.download = name;
  link.click();
  // The download has its own reference once it has begun.
  setTimeout(() => URL.revokeObjectURL(url), 10_000);
}
