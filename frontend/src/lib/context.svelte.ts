/** What every page needs from the window around it: the client, the newest state, the proof panel. */
import { createContext } from "svelte";
import { asClientError, type ClientError } from "./client/envelope";
import type { Badge, BlockSummary, Client, LocalFile, Proof, Status, Trust } from "./client";

const NEWEST = 20;
const POLL_MS = 5_000;

/** The ledger as this window follows it: newest blocks, head and its age. */
export class Live {
  status = $state<Status | null>(null);
  error = $state<ClientError | null>(null);
  blocks = $state<BlockSummary[] | null>(null);
  arrived = $state<string | null>(null);
  #seenAt = $state(0);
  #now = $state(0);

  constructor(readonly client: Client) {}

  /** The head's age as of now: as told, plus what has passed since. */
  get headAgeMs(): number {
    return (this.status?.headAgeMs ?? 0) + Math.max(0, this.#now - this.#seenAt);
  }

  follow(): () => void {
    const unsubscribe = this.client.subscribe((event) => {
      if (event.kind === "block") this.#arrive(event.block);
    });
    const tick = setInterval(() => (this.#now = performance.now()), 1_000);
    const poll = setInterval(() => void this.refresh(), POLL_MS);
    void this.refresh();
    return () => {
      unsubscribe();
      clearInterval(tick);
      clearInterval(poll);
    };
  }

  async refresh(): Promise<void> {
    try {
      const status = await this.client.call("status", {});
      this.#seenAt = this.#now = performance.now();
      this.status = status;
      this.blocks ??= (await this.client.call("blocks", { limit: NEWEST })).blocks;
      this.error = null;
    } catch (thrown) {
      this.error = asClientError(thrown);
    }
  }

  #arrive(block: BlockSummary): void {
    const known = this.blocks ?? [];
    if (known.some((other) => other.height === block.height)) return;
    this.blocks = [block, ...known]
      .sort((a, b) => (BigInt(a.height) < BigInt(b.height) ? 1 : -1))
      .slice(0, NEWEST);
    this.arrived = block.height;
    void this.refresh();
  }
}

/** What a badge says, and where the proof behind it comes from. */
export interface Subject {
  label: string;
  value: string;
  badge: Badge;
  proof: () => Promise<Proof>;
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
