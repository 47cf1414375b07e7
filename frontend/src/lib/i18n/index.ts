/** The page's own words in the reader's language; types hold both to one shape. */
import { lang } from "$lib/preferences.svelte";
import { en } from "./en";
import { zh } from "./zh";

/** English sets the shape; every other language must have exactly its entries. */
export type Messages = Widen<typeof en>;

type Widen<T> = T extends string
  ? string
  : T extends (...parameters: infer P) => string
    ? (...parameters: P) => string
    : { readonly [K in keyof T]: Widen<T[K]> };

export const languages = { en: en as Messages, zh };

export const t = (): Messages => languages[lang()];
