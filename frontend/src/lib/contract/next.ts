/** What can be done with an item now, and by whom, as far as its definition tells. */
import type { Action, Definition, Words } from "./definition";

export interface Next {
  action: Action;
  /** Roles that its condition asks for. */
  roles: Words[];
  /** Keys of the item that its condition asks for. */
  keys: string[];
  /** A hold stands in the way. */
  blocked: boolean;
}

export interface ItemNow {
  status: string;
  fields: { [name: string]: unknown };
}

/** The status of an item that does not exist. */
export const NONE = "none";

export function nextOf(definition: Definition, item: ItemNow): Next[] {
  const held = heldBy(item) !== "";
  return definition.actions
    .filter(({ from }) => (from ? from.includes(item.status) : item.status !== NONE))
    .filter(({ name }) => held || !releases(name))
    .toSorted((a, b) => Number(a.from === null) - Number(b.from === null) || b.leaves - a.leaves)
    .map((action) => ({
      action,
      roles: rolesOf(definition, action),
      keys: keysOf(action, item.fields),
      blocked: held && !action.whileHeld,
    }));
}

/** The record that holds an item, where the contract has holds (rule C6). */
export function heldBy({ fields }: ItemNow): string {
  return typeof fields.held === "string" ? fields.held : "";
}

function releases(action: string): boolean {
  return action === "release_hold";
}

/** Roles by their names in the condition, each once. */
export function rolesOf({ roles }: Definition, { signers }: Action): Words[] {
  const named = [...(signers?.expr ?? "").matchAll(/ledger\.(?:signed|holds)\([^"]*"([a-z0-9_]+)"/g)];
  return [...new Set(named.map(([, role]) => role!))].flatMap((role) => roles.get(role) ?? []);
}

/** The item's own parties in the condition: `item.possessor in record.by`. */
function keysOf({ signers }: Action, fields: { [name: string]: unknown }): string[] {
  const named = [...(signers?.expr ?? "").matchAll(/item\.([a-z0-9_]+) in record\.by/g)];
  const keys = named.map(([, field]) => fields[field!]);
  return keys.filter((key): key is string => typeof key === "string" && key !== "");
}
