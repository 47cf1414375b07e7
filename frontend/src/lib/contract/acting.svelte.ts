/** A form on its way to a draft: kept on this machine until it is sent, with a way back for every change. */
import type { Evidence } from "$lib/client";
import type { Action } from "./definition";
import { blankFields, read, type Input, type Inputs, type Reading } from "./form";
import { itemNameOf } from "./itemname";
import { toLocalInput } from "./units";

const PREFIX = "evident.act.";
const MAX_STEPS = 100;

interface Kept {
  inputs: Inputs;
  by: string[];
  item: string;
  evidence: Evidence[];
}

export class Acting {
  #kept = $state.raw<Kept>({ inputs: {}, by: [], item: "", evidence: [] });
  #steps = $state.raw<Kept[]>([]);
  #lastPath = "";
  /** Problems are shown once somebody wanted to go on. */
  checked = $state(false);
  readonly reading: Reading;
  /** The name by the contract's own rule; null: a person has to say. */
  readonly ruled: string | null;

  /** @param named the item whose page led here; empty: a new one */
  constructor(
    readonly contract: string,
    readonly action: Action,
    readonly named: string,
    readonly currency: string,
    readonly storage: Storage = localStorage,
  ) {
    this.#kept = this.#remembered() ?? this.#fresh();
    this.reading = $derived(read(action.input, this.#kept.inputs, currency));
    this.ruled = $derived(itemNameOf(action, this.reading.values));
  }

  get inputs(): Inputs {
    return this.#kept.inputs;
  }

  get by(): string[] {
    return this.#kept.by;
  }

  get evidence(): Evidence[] {
    return this.#kept.evidence;
  }

  get typedItem(): string {
    return this.#kept.item;
  }

  get canUndo(): boolean {
    return this.#steps.length > 0;
  }

  get item(): string {
    return this.named || (this.ruled ?? this.#kept.item.trim());
  }

  set(name: string, input: Input, path = name): void {
    this.#change({ ...this.#kept, inputs: { ...this.#kept.inputs, [name]: input } }, path);
  }

  setBy(by: string[], path = "by"): void {
    this.#change({ ...this.#kept, by }, path);
  }

  setEvidence(evidence: Evidence[]): void {
    this.#change({ ...this.#kept, evidence }, `evidence.${evidence.length}`);
  }

  setItem(item: string): void {
    this.#change({ ...this.#kept, item }, "item");
  }

  undo(): void {
    const before = this.#steps.at(-1);
    if (!before) return;
    this.#steps = this.#steps.slice(0, -1);
    this.#lastPath = "";
    this.#keep(before);
  }

  clear(): void {
    this.#change(this.#fresh(), "clear");
    this.checked = false;
  }

  /** Typing on in one field is one step back. */
  #change(next: Kept, path: string): void {
    if (path !== this.#lastPath || path === "clear")
      this.#steps = [...this.#steps, this.#kept].slice(-MAX_STEPS);
    this.#lastPath = path;
    this.#keep(next);
  }

  #fresh(): Kept {
    const inputs = blankFields(this.action.input);
    // When it happened is now, more often than not.
    if ("occurred_at" in inputs) inputs.occurred_at = toLocalInput(Date.now());
    return { inputs, by: this.#kept.by, item: "", evidence: [] };
  }

  #keep(kept: Kept): void {
    this.#kept = kept;
    try {
      this.storage.setItem(storageKey(this.contract, this.action.name, this.named), JSON.stringify(kept));
    } catch {
      // Not kept over a reload, still here.
    }
  }

  #remembered(): Kept | null {
    try {
      const text = this.storage.getItem(storageKey(this.contract, this.action.name, this.named));
      const kept = text === null ? null : (JSON.parse(text) as Partial<Kept>);
      if (!kept?.inputs) return null;
      return {
        inputs: { ...blankFields(this.action.input), ...kept.inputs },
        by: kept.by ?? [],
        item: kept.item ?? "",
        evidence: kept.evidence ?? [],
      };
    } catch {
      return null;
    }
  }
}

function storageKey(contract: string, action: string, item: string): string {
  return `${PREFIX}${contract}/${action}/${item}`;
}

/** What was typed is not needed any more once the record is final. */
export function forget(
  contract: string,
  action: string,
  item: string,
  storage: Storage = localStorage,
): void {
  for (const name of [item, ""]) storage.removeItem(storageKey(contract, action, name));
}
