/** What every page needs from the window around it: the client, the newest state, the proof panel. */
import { createContext } from "svelte";
import { asClientError, type ClientError } from "./client/envelope";
import type { Badge, BlockSummary, Client, LocalFile, Proof, Status, Trust } from "./client";

const PAGE = 20;
const POLL_MS = 5_000;
const FLUSH_MS = 250;
const BEAT_MS = 15_000;
/** By then the first node has told of the others. */
const SETTLED_MS = 1_500;

/** The ledger as this window follows it: newest blocks, head and its age. */
export class Live {
  status = $state.raw<Status | null>(null);
  error = $state.raw<ClientError | null>(null);
  blocks = $state.raw<BlockSummary[] | null>(null);
  /** The head when the window opened; whatever is above arrived since. */
  since = $state<string | null>(null);
  /** Rises now and then, for answers that age without an event. */
  beat = $state(0);
  #seenAt = $state(0);
  #now = $state(0);
  #keep = PAGE;
  #pending: BlockSummary[] = [];

  constructor(readonly client: Client) {}

  /** The head's age as of now: as told, plus what has passed since. */
  get headAgeMs(): number {
    return (this.status?.headAgeMs ?? 0) + Math.max(0, this.#now - this.#seenAt);
  }

  follow(): () => void {
    const unsubscribe = this.client.subscribe((event) => {
      if (event.kind === "block") this.#pending.push(event.block);
    });
    // A busy ledger makes many blocks a second; the page follows four times a second.
    const flush = setInterval(() => this.#flush(), FLUSH_MS);
    const tick = setInterval(() => (this.#now = performance.now()), 1_000);
    const poll = setInterval(() => void this.refresh(), POLL_MS);
    const beat = setInterval(() => this.beat++, BEAT_MS);
    const settled = setTimeout(() => void this.refresh(), SETTLED_MS);
    void this.refresh();
    return () => {
      unsubscribe();
      clearTimeout(settled);
      for (const timer of [flush, tick, poll, beat]) clearInterval(timer);
    };
  }

  async refresh(): Promise<void> {
    await this.#try(async () => {
      this.#see(await this.client.call("status", {}));
      if (this.blocks?.[0]?.height === this.status!.height) return;
      await this.#reload();
      this.since ??= this.status!.height;
    });
  }

  /** One page further back. */
  async older(): Promise<void> {
    const before = this.blocks?.at(-1)?.height;
    await this.#try(async () => {
      const { blocks } = await this.client.call("blocks", { limit: PAGE, before });
      this.#keep += PAGE;
      this.blocks = [...(this.blocks ?? []), ...blocks];
    });
  }

  async #reload(): Promise<void> {
    this.blocks = (await this.client.call("blocks", { limit: this.#keep })).blocks;
  }

  #see(status: Status): void {
    this.#seenAt = this.#now = performance.now();
    this.status = status;
  }

  #flush(): void {
    const pending = this.#pending.splice(0);
    if (pending.length === 0 || !this.blocks || !this.status) return;
    const fresh = pending.filter((block) => BigInt(block.height) > BigInt(this.blocks?.[0]?.height ?? -1));
    const newest = fresh.toSorted((a, b) => (BigInt(a.height) < BigInt(b.height) ? 1 : -1));
    const [head] = newest;
    if (!head) return;
    this.blocks = [...newest, ...this.blocks].slice(0, this.#keep);
    this.#see({
      ...this.status,
      height: head.height,
      headTime: head.notBefore,
      headAgeMs: Math.max(0, Date.now() - head.notBefore),
      stale: false,
    });
    const gap = BigInt(head.height) - BigInt(this.blocks.at(-1)!.height) !== BigInt(this.blocks.length - 1);
    if (gap) void this.#try(() => this.#reload());
  }

  async #try(step: () => Promise<void>): Promise<void> {
    try {
      await step();
      this.error = null;
    } catch (thrown) {
      this.error = asClientError(thrown);
    }
  }
}

/** What a badge says, and where the proof behind it comes from. */
export interface Subject {
  label: string;
  value: string;
  badge: Badge;
  proof: () => Promise<Proof>;
  /** Of the ledger that the proof leads to, where that is not the one followed here. */
  words?: string[];
}

export interface Surroundings {
  client: Client;
  live: Live;
  /** Opens the panel with the proof behind a value. */
  explain(subject: Subject): void;
  /** Whether the trust root was compared with print; null while unknown. */
  trust(): Trust | null;
  setTrust(trust: Trust): void;
  /** Carries dropped files from one page to the verifier. */
  handOver(files: LocalFile[]): void;
  takeOver(): LocalFile[];
}

export const [surroundings, provideSurroundings] = createContext<Surroundings>();
