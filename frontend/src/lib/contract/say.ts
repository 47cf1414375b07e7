/** A definition's words in the reader's language. */
import { lang } from "$lib/preferences.svelte";
import { t } from "$lib/i18n";
import { shorten } from "$lib/format";
import { titleField, type Definition, type Words } from "./definition";
import { NONE } from "./next";

export function say(words: Words): string {
  return words[lang()] || words.en;
}

export function statusName({ statuses }: Definition, status: string): string {
  if (status === NONE) return t().contracts.begins;
  const words = statuses.get(status);
  return words ? say(words) : status;
}

/** What an item is, without what its contract adds to that. */
export function kind({ item }: Definition): string {
  return say(item).split(/[.。]/)[0]!;
}

/** What people call an item: its title if it has one, otherwise its kind and the beginning of its name. */
export function itemTitle(definition: Definition, name: string, fields: { [name: string]: unknown }): string {
  const title = fields[titleField(definition)];
  return typeof title === "string" && title !== "" ? title : `${kind(definition)} ${shorten(name, 10, 6)}`;
}
