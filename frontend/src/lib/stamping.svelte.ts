/** Files chosen for a timestamp, and the queue of those under way. */
import { asClientError, type ClientError } from "./client/envelope";
import type { Client, Key, LocalFile, StampJob } from "./client";

export class Stamping {
  chosen = $state.raw<LocalFile[]>([]);
  jobs = $state.raw<StampJob[]>([]);
  keys = $state.raw<Key[] | null>(null);
  statement = $state("");
  sending = $state(false);
  error = $state.raw<ClientError | null>(null);

  constructor(readonly client: Client) {}

  follow(): () => void {
    const stop = this.client.subscribe((event) => {
      if (event.kind === "stamp") this.#merge([event.job]);
    });
    void this.#try(async () => {
      this.keys = (await this.client.call("keys", {})).keys;
      this.#merge((await this.client.call("stampStatus", {})).jobs);
    });
    return stop;
  }

  /** The same path is chosen once. */
  choose(files: LocalFile[]): void {
    const known = new Set(this.chosen.map((file) => file.path));
    this.chosen = [...this.chosen, ...files.filter((file) => !known.has(file.path))];
  }

  remove(file: LocalFile): void {
    this.chosen = this.chosen.filter((other) => other !== file);
  }

  async pick(): Promise<void> {
    await this.#try(async () => this.choose(await this.client.pick()));
  }

  async start(): Promise<void> {
    const paths = this.chosen.flatMap((file) => file.path ?? []);
    this.sending = true;
    await this.#try(async () => {
      this.#merge((await this.client.call("stamp", { paths, statement: this.statement.trim() })).jobs);
      this.chosen = [];
    });
    this.sending = false;
  }

  async cancel(job: string): Promise<void> {
    await this.#try(async () => void (await this.client.call("cancel", { job })));
  }

  #merge(jobs: StampJob[]): void {
    const byId = new Map(this.jobs.map((job) => [job.job, job]));
    for (const job of jobs) byId.set(job.job, job);
    this.jobs = [...byId.values()];
  }

  async #try(step: () => Promise<void>): Promise<void> {
    try {
      this.error = null;
      await step();
    } catch (thrown) {
      this.error = asClientError(thrown);
    }
  }
}
