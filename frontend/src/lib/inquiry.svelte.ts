/** "Is it recorded, since when?": one file on its way from digest to proven answer. */
import { asClientError, type ClientError } from "./client/envelope";
import type { Client, FileDigest, LocalFile, Lookup } from "./client";

export type Phase =
  | { name: "idle" }
  | { name: "hashing"; file: LocalFile; done: number; size: number }
  | { name: "asking"; file: LocalFile }
  | { name: "answered"; file: LocalFile; digest: FileDigest; lookup: Lookup }
  | { name: "failed"; file: LocalFile; error: ClientError };

export class Inquiry {
  phase = $state.raw<Phase>({ name: "idle" });
  #work: AbortController | null = null;

  constructor(readonly client: Client) {}

  async ask(file: LocalFile): Promise<void> {
    this.#work?.abort();
    const work = (this.#work = new AbortController());
    const show = (phase: Phase) => {
      if (this.#work === work) this.phase = phase;
    };
    show({ name: "hashing", file, done: 0, size: file.size ?? 0 });
    try {
      const digest = await this.client.digest(file, {
        signal: work.signal,
        onProgress: (done, size) => show({ name: "hashing", file, done, size }),
      });
      show({ name: "asking", file });
      const lookup = await this.client.call("lookup", { sha256: digest.sha256 });
      show({ name: "answered", file, digest, lookup });
    } catch (thrown) {
      show({ name: "failed", file, error: asClientError(thrown) });
    }
  }

  /** Back to the question; whatever was under way is dropped. */
  reset(): void {
    this.#work?.abort();
    this.#work = null;
    this.phase = { name: "idle" };
  }
}
