/** The reader's language and theme, remembered on this machine. */
import type { Lang } from "./format";

export type Theme = "system" | "light" | "dark";

const KEY = "evident.preferences";

interface Preferences {
  lang: Lang;
  theme: Theme;
}

function remembered(): Preferences {
  const first: Preferences = { lang: navigator.language.startsWith("zh") ? "zh" : "en", theme: "system" };
  try {
    const stored = JSON.parse(localStorage.getItem(KEY) ?? "{}") as Partial<Preferences>;
    if (stored.lang === "en" || stored.lang === "zh") first.lang = stored.lang;
    if (stored.theme === "light" || stored.theme === "dark") first.theme = stored.theme;
  } catch {
    // Storage may be closed to the page; the defaults serve.
  }
  return first;
}

const preferences = $state(remembered());

export const lang = (): Lang => preferences.lang;
export const theme = (): Theme => preferences.theme;

export function setLang(next: Lang): void {
  preferences.lang = next;
  remember();
}

export function setTheme(next: Theme): void {
  preferences.theme = next;
  remember();
}

/** Puts the preferences on the document, where the style sheet reads them. */
export function applyPreferences(): void {
  document.documentElement.lang = preferences.lang === "zh" ? "zh-Hans" : "en";
  document.documentElement.dataset.theme = preferences.theme;
}

function remember(): void {
  applyPreferences();
  try {
    localStorage.setItem(KEY, JSON.stringify(preferences));
  } catch {
    // Not remembered, still in force.
  }
}
