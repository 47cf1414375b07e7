/** How a contract names a new item, where one of the action's rules says so. */
import type { Action } from "./definition";

/** Stands in a name for what was not filled in yet. */
export const UNKNOWN = "…";

/**
 * The name that the rule asks for: "" if the item is named by its first record,
 * null if no rule tells and a person has to.
 */
export function itemNameOf(action: Action, values: { [name: string]: unknown }): string | null {
  for (const { expr } of action.rules) {
    const match = /^record\.item == (.+)$/.exec(expr.trim());
    const name = match && joined(match[1]!, values);
    if (typeof name === "string") return name;
  }
  return null;
}

/** Texts and inputs with + between them; anything else is no plain name. */
function joined(expr: string, values: { [name: string]: unknown }): string | null {
  let name = "";
  for (const term of expr.split("+").map((part) => part.trim())) {
    const literal = /^"([^"\\]*)"$/.exec(term);
    const input = /^input\.([a-z0-9_]+)$/.exec(term);
    if (literal) name += literal[1];
    else if (input) name += String(values[input[1]!] ?? UNKNOWN);
    else return null;
  }
  return name;
}
