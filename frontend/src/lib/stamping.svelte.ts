/** Files chosen for a timestamp, and the queue of those under way. */
import { asClientError, type ClientError } from "./client/envelope";
import type { Client, Key, LocalFile, StampJob, StampStatus, StampTotals } from "./client";

export type Mode = StampJob["mode"];

/** What needs a look comes first, what is done comes last. */
const RANK: { [S in StampJob["state"]]: number } = {
  failed: 0,
  paused: 1,
  hashing: 2,
  sealing: 2,
  uploading: 2,
  sending: 3,
  waiting: 3,
  storing: 4,
  queued: 5,
  final: 6,
  cancelled: 7,
};

export function isFinished(job: StampJob): boolean {
  return job.state === "final" || job.state === "failed" || job.state === "cancelled";
}

/** Before a record is signed, its files can be paused and called back. */
export function isOpen(job: StampJob): boolean {
  return ["queued", "hashing", "sealing", "uploading", "paused"].includes(job.state) && !job.record;
}

export class Stamping {
  chosen = $state.raw<LocalFile[]>([]);
  jobs = $state.raw<StampJob[]>([]);
  totals = $state.raw<StampTotals | null>(null);
  keys = $state.raw<Key[] | null>(null);
  mode = $state<Mode>("sealed");
  together = $state(false);
  statement = $state("");
  sending = $state(false);
  /** Files were handed over again, and none was waited for. */
  unmatched = $state(false);
  error = $state.raw<ClientError | null>(null);

  readonly sorted = $derived(this.jobs.toSorted((a, b) => RANK[a.state] - RANK[b.state]));
  /** Jobs that go on when their file is handed over again. */
  readonly needed = $derived(this.jobs.filter((job) => job.code === "file_needed"));
  readonly active = $derived(this.jobs.some((job) => isOpen(job) && job.state !== "paused"));
  readonly resumable = $derived(
    this.jobs.some((job) => job.state === "paused" && job.code !== "file_needed"),
  );
  readonly clearable = $derived(this.jobs.some(isFinished));

  constructor(readonly client: Client) {}

  follow(): () => void {
    const stop = this.client.subscribe((event) => {
      if (event.kind === "stamp") this.#merge([event.job]);
      if (event.kind === "totals") this.totals = event.totals;
    });
    void this.refresh();
    return stop;
  }

  async refresh(): Promise<void> {
    await this.#try(async () => {
      this.keys = (await this.client.call("keys", {})).keys;
      this.#take(await this.client.call("stampStatus", {}));
    });
  }

  /** The same path is chosen once. A file that a job waits for goes to that job. */
  choose(files: LocalFile[]): void {
    const waited = new Set(this.needed.map((job) => job.path));
    const again = files.filter((file) => waited.has(file.path ?? ""));
    if (again.length > 0) void this.#handAgain(again);
    const known = new Set(this.chosen.map((file) => file.path));
    const fresh = files.filter((file) => !known.has(file.path) && !waited.has(file.path ?? ""));
    this.chosen = [...this.chosen, ...fresh];
  }

  remove(file: LocalFile): void {
    this.chosen = this.chosen.filter((other) => other !== file);
  }

  removeAll(): void {
    this.chosen = [];
  }

  async pick(folder = false): Promise<void> {
    await this.#try(async () => this.choose(await (folder ? this.client.pickFolder() : this.client.pick())));
  }

  /** Asks for the files that jobs wait for. */
  async pickAgain(folder: boolean): Promise<void> {
    await this.#try(async () => {
      const files = await (folder ? this.client.pickFolder() : this.client.pick());
      if (files.length > 0) await this.#handAgain(files);
    });
  }

  async start(): Promise<void> {
    const { mode, together } = this;
    this.sending = true;
    await this.#try(async () => {
      const how = { statement: this.statement.trim(), mode, together: together && this.chosen.length > 1 };
      this.#take(await this.client.stamp(this.chosen, how));
      this.chosen = [];
    });
    this.sending = false;
  }

  async pause(jobs: string[] = []): Promise<void> {
    await this.#try(async () => this.#take(await this.client.call("pause", { jobs })));
  }

  /** All, but for those that need their file first. */
  async resume(jobs = this.#resumableIds()): Promise<void> {
    await this.#try(async () => this.#take(await this.client.call("resume", { jobs })));
  }

  async retry(job: string): Promise<void> {
    await this.#try(async () => this.#take(await this.client.call("retry", { job })));
  }

  async cancel(job: string): Promise<void> {
    await this.#try(async () => void (await this.client.call("cancel", { job })));
  }

  async clear(): Promise<void> {
    await this.#try(async () => this.#take(await this.client.call("clearFinished", {})));
  }

  #resumableIds(): string[] {
    return this.jobs
      .filter(({ state, code }) => state === "paused" && code !== "file_needed")
      .map(({ job }) => job);
  }

  async #handAgain(files: LocalFile[]): Promise<void> {
    this.unmatched = (await this.client.handAgain(files)) === 0;
  }

  #take(status: StampStatus): void {
    this.jobs = status.jobs;
    this.totals = status.totals;
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
