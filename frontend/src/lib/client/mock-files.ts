/** Evidence files of the made-up ledger: a queue that runs by itself, keys, and files to look at. */
import { MockFailure } from "./mock-failure";
import { hex } from "./mock-hash";
import { key } from "./mock-people";
import { samples } from "./mock-samples";
import type * as seam from "./types.gen";

interface Ground {
  readonly now: () => number;
  emit(event: seam.LedgerEvent): void;
}

type Names =
  | "pickFiles"
  | "pickFolder"
  | "cancel"
  | "stamp"
  | "stampStatus"
  | "pause"
  | "resume"
  | "retry"
  | "clearFinished"
  | "watches"
  | "watch"
  | "unwatch"
  | "storage"
  | "openEvidence"
  | "closeEvidence"
  | "saveEvidence"
  | "recipient"
  | "share"
  | "erase"
  | "receive"
  | "backup"
  | "restore"
  | "keys"
  | "unlock"
  | "makeKey";
type Handler = (params: never) => object;

const KEEPERS: [member: string, organisation: string][] = [
  ["court.harbour.example", "Harbour District Court"],
  ["notary.harbour.example", "滨海公证处"],
  ["museum.harbour.example", "Museum of Maritime Art"],
];
const RECORDED_ID = hex("record 1284 0");
const STEP_MS = 60;

export class MockFiles {
  jobs: seam.StampJob[] = [];
  keyNames: string[];
  folders: seam.Watch[] = [];
  /** Whether the members have erased the files of every record. */
  erased = false;
  /** Shifts which made-up file stands for which of a record. */
  sample = 0;
  #opened = new Map<string, Uint8Array<ArrayBuffer>>();

  constructor(
    readonly ground: Ground,
    keyNames = ["ada"],
  ) {
    this.keyNames = keyNames;
  }

  readonly handlers: { [M in Names]: Handler } = {
    pickFiles: () => ({
      files: [
        { path: "/home/ada/Pictures/港口 日出.jpg", name: "港口 日出.jpg", size: "48211" },
        { path: "/home/ada/Pictures/harbour series.tar", name: "harbour series.tar", size: "3221225472" },
        { path: "/home/ada/Pictures/missing", name: "missing", size: "48211" },
      ],
    }),
    pickFolder: () => ({
      files: [1, 2, 3].map((i) => ({
        path: `/home/ada/Pictures/trip/IMG_00${i}.jpg`,
        name: `IMG_00${i}.jpg`,
        size: String(4_100_000 + i * 9_311),
      })),
    }),
    stamp: (params: seam.StampParams) => this.#stamp(params),
    stampStatus: () => this.#status(),
    pause: ({ jobs }: seam.JobsParams) =>
      this.#each(jobs, (job) => (finished(job) ? null : { state: "paused", rate: 0, leftMs: 0 })),
    resume: ({ jobs }: seam.JobsParams) =>
      this.#each(jobs, (job) =>
        job.state === "paused"
          ? { state: "uploading", code: "", error: "", hint: "", rate: 11_400_000, leftMs: 191_000 }
          : null,
      ),
    retry: ({ job }: seam.JobParams) =>
      this.#each([job], () => ({ state: "queued", code: "", error: "", hint: "" })),
    cancel: ({ job }: seam.JobParams) => {
      this.#each([job], () => ({ state: "cancelled", rate: 0, leftMs: 0 }));
      return {};
    },
    clearFinished: () => {
      this.jobs = this.jobs.filter((job) => !finished(job));
      return this.#status();
    },
    watches: () => ({ folders: this.folders }),
    watch: ({ path, mode, together }: seam.WatchParams) => {
      this.folders = [
        ...this.folders,
        {
          path: path || "/home/ada/Pictures/Camera roll",
          mode,
          together,
          files: 1284,
          waiting: 3,
          lastAt: this.ground.now() - 340_000,
          error: "",
          hint: "",
        },
      ];
      return { folders: this.folders };
    },
    unwatch: ({ path }: seam.PathParams) => {
      this.folders = this.folders.filter((folder) => folder.path !== path);
      return { folders: this.folders };
    },
    storage: ({ index }: seam.EvidenceParams) => this.#storage(index),
    openEvidence: ({ record, index }: seam.EvidenceParams) => this.#open(record, index),
    closeEvidence: ({ token }: seam.TokenParams) => {
      this.#opened.delete(token);
      return {};
    },
    saveEvidence: (place: seam.EvidenceParams) => this.fetch(place),
    recipient: () => ({ recipient: `age1pq1${hex("recipient").slice(0, 52)}` }),
    share: ({ recipient }: seam.ShareParams) => {
      if (!recipient.startsWith("age1")) throw new MockFailure("recipient");
      return {
        text: `-----BEGIN AGE ENCRYPTED FILE-----\n${hex("share")}\n-----END AGE ENCRYPTED FILE-----\n`,
      };
    },
    erase: ({ index }: seam.EraseParams) => {
      this.erased = true;
      return this.#storage(index);
    },
    receive: ({ text }: seam.ReceiveParams) => {
      if (!text.includes("BEGIN AGE")) throw new MockFailure("share");
      return { record: RECORDED_ID, index: 2, name: "rushes.mp4" };
    },
    backup: ({ passphrase }: seam.BackupParams) => {
      if (passphrase.length < 12) throw new MockFailure("passphrase_short");
      return { path: "", text: "-----BEGIN AGE ENCRYPTED FILE-----\n-----END AGE ENCRYPTED FILE-----\n" };
    },
    restore: ({ text }: seam.RestoreParams) => {
      if (!text.includes("BEGIN AGE")) throw new MockFailure("backup");
      this.keyNames = ["ada"];
      return { keys: 1, secrets: 12 };
    },
    keys: () => this.#keys(),
    unlock: () => ({}),
    makeKey: ({ name }: seam.KeyParams) => {
      if (!/^[^\s+/\\]+$/.test(name)) throw new MockFailure("key_name");
      this.keyNames = [...this.keyNames, name];
      return this.#keys();
    },
  };

  read(token: string, offset: number, length: number): ArrayBuffer {
    return this.#opened.get(token)!.slice(offset, offset + length).buffer;
  }

  fetch({ record, index }: seam.EvidenceParams): seam.FetchJob {
    const { name, content } = samples[(index + this.sample) % samples.length]!;
    const size = String(content.length);
    const job: seam.FetchJob = {
      job: `fetch-${index}`,
      record,
      index,
      name,
      size,
      done: "0",
      rate: 0,
      leftMs: 0,
      state: "fetching",
      path: "",
      code: "",
      error: "",
      hint: "",
    };
    setTimeout(
      () => this.ground.emit({ kind: "fetch", job: { ...job, state: "saved", done: size } }),
      STEP_MS,
    );
    return job;
  }

  #keys(): seam.Keys {
    return {
      keys: this.keyNames.map((name) => ({ name, key: key(name), created: this.ground.now() - 86_400_000 })),
    };
  }

  #open(record: string, index: number): seam.Opened {
    const { name, media, kind, content } = samples[(index + this.sample) % samples.length]!;
    const token = `${record.slice(0, 8)}-${index}`;
    this.#opened.set(token, content);
    const mode = index === 1 ? "public" : "sealed";
    return {
      token,
      name,
      media,
      size: String(content.length),
      mode,
      kind,
      key: mode === "public" ? "not_needed" : "here",
      url: "",
    };
  }

  #storage(index: number): seam.Storage {
    const keepers = KEEPERS.map(([member, organisation], i) => ({
      member,
      organisation,
      time: this.ground.now() - 3_600_000 - i * 1_000,
    }));
    if (index === 0) return { wanted: 0, kept: [], told: [], erased: [] };
    if (this.erased) return { wanted: 3, kept: [], told: [], erased: keepers };
    return index === 1
      ? { wanted: 3, kept: keepers, told: [], erased: [] }
      : { wanted: 3, kept: keepers.slice(0, 2), told: ["museum.harbour.example"], erased: [] };
  }

  #stamp({ paths, mode = "digest", together = false }: seam.StampParams): seam.StampStatus {
    const groups = together ? [paths] : paths.map((path) => [path]);
    this.jobs = [...this.jobs, ...groups.map((group, i) => newJob(group, mode, this.jobs.length + i))];
    this.#run();
    return this.#status();
  }

  #status(): seam.StampStatus {
    return { jobs: this.jobs, totals: this.#totals() };
  }

  #totals(): seam.StampTotals {
    const left = this.jobs.filter((job) => !finished(job));
    const sum = (of: (job: seam.StampJob) => number, jobs = left) =>
      jobs.reduce((total, job) => total + of(job), 0);
    return {
      files: sum((job) => job.files, this.jobs),
      finished: sum(
        (job) => job.files,
        this.jobs.filter((job) => job.state === "final" || job.state === "cancelled"),
      ),
      failed: sum(
        (job) => job.files,
        this.jobs.filter((job) => job.state === "failed"),
      ),
      size: String(sum((job) => Number(job.size))),
      done: String(sum((job) => Number(job.done))),
      rate: sum((job) => job.rate),
      leftMs: sum((job) => job.leftMs),
      paused: left.length > 0 && left.every((job) => job.state === "paused"),
    };
  }

  #each(jobs: string[], change: (job: seam.StampJob) => Partial<seam.StampJob> | null): seam.StampStatus {
    for (const { job } of this.jobs.filter((other) => jobs.length === 0 || jobs.includes(other.job))) {
      this.#set(job, change);
    }
    return this.#status();
  }

  #set(job: string, change: (job: seam.StampJob) => Partial<seam.StampJob> | null): void {
    this.jobs = this.jobs.map((other) => (other.job === job ? { ...other, ...change(other) } : other));
    const changed = this.jobs.find((other) => other.job === job);
    if (changed) this.ground.emit({ kind: "stamp", job: changed });
    this.ground.emit({ kind: "totals", totals: this.#totals() });
  }

  /** Large files stay half way, so that progress and its buttons can be looked at. */
  #run(): void {
    for (const { job, state } of this.jobs) {
      if (state === "queued") setTimeout(() => this.#set(job, (now) => this.#next(now)), STEP_MS);
    }
  }

  #next(job: seam.StampJob): Partial<seam.StampJob> {
    if (job.path.endsWith("missing"))
      return { state: "failed", code: "no_file", error: "The file is not there." };
    if (Number(job.size) > 1e9) {
      const done = "1288490188";
      return job.mode === "digest"
        ? { state: "hashing", done, rate: 412_000_000, leftMs: 4_700 }
        : { state: "uploading", done, sent: done, rate: 11_400_000, leftMs: 169_000 };
    }
    const stored = job.mode === "digest" ? [] : this.#storage(1).kept;
    const record = { record: RECORDED_ID, height: "1284", done: job.size, stored, wanted: stored.length };
    if (job.name.includes("storing"))
      return { state: "storing", ...record, wanted: 3, stored: stored.slice(0, 1) };
    return { state: "final", ...record, proofPath: `${job.path.replace(/\?.*/, "")}.evident` };
  }
}

function finished(job: seam.StampJob): boolean {
  return ["final", "failed", "cancelled"].includes(job.state);
}

function newJob(paths: string[], mode: seam.StampJob["mode"], number: number): seam.StampJob {
  const [path = ""] = paths;
  const name = path.replace(/\?.*/, "").split("/").at(-1)!;
  const size = name.endsWith(".tar") ? "3221225472" : "48211";
  return {
    job: `job-${number}`,
    path,
    name,
    files: paths.length,
    size,
    mode,
    state: "queued",
    done: "0",
    sent: "0",
    toSend: mode === "digest" ? "0" : size,
    rate: 0,
    leftMs: 0,
    stored: [],
    wanted: 0,
    record: "",
    height: "",
    proofPath: "",
    code: "",
    error: "",
    hint: "",
  };
}
