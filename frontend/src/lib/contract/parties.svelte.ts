/** Who keys belong to, asked once for each page and filled in when the answer is there. */
import { SvelteMap } from "svelte/reactivity";
import type { Client, Party } from "$lib/client";

const AT_ONCE = 32;

export class Parties {
  #known = new SvelteMap<string, Party>();
  #asked = new Set<string>();

  constructor(readonly client: Client) {}

  /** What is known of a key; undefined until the register has answered. */
  of(key: string): Party | undefined {
    return this.#known.get(key);
  }

  want(keys: string[]): void {
    const fresh = [...new Set(keys)].filter((key) => isKey(key) && !this.#asked.has(key));
    for (const key of fresh) this.#asked.add(key);
    for (let i = 0; i < fresh.length; i += AT_ONCE) void this.#ask(fresh.slice(i, i + AT_ONCE));
  }

  /** Without an answer a key stays a key; the page's own question reports what went wrong. */
  async #ask(keys: string[]): Promise<void> {
    try {
      const { parties } = await this.client.call("parties", { keys });
      for (const party of parties) this.#known.set(party.key, party);
    } catch {
      for (const key of keys) this.#asked.delete(key);
    }
  }
}

/** The form of a verifier key: name+hash+base64. */
export function isKey(text: string): boolean {
  return /^[^+\s]{1,128}\+[0-9a-f]{8}\+[A-Za-z0-9+/=]{40,}$/.test(text);
}

export function keyName(key: string): string {
  return key.split("+")[0] ?? key;
}

/** Every key among the values of an item or a record. */
export function keysIn(value: unknown): string[] {
  if (typeof value === "string") return isKey(value) ? [value] : [];
  if (typeof value !== "object" || value === null) return [];
  return Object.values(value).flatMap(keysIn);
}
