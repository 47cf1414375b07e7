/**
 * A contract's definition as the pages use it: JSON Schema made into shapes,
 * names in the order in which an item's life needs them. Nothing here knows a
 * particular contract.
 */

export interface Words {
  en: string;
  zh: string;
}

export type NumberFormat = "time" | "duration" | "celsius" | "money" | "share" | "";
export type TextFormat = "key" | "item" | "record" | "commitment" | "";

export type Shape =
  | {
      kind: "text";
      format: TextFormat;
      minLength: number;
      maxLength: number;
      pattern: string;
      choices: string[];
    }
  | { kind: "number"; format: NumberFormat; minimum: number; maximum: number }
  | { kind: "boolean" }
  | { kind: "list"; of: Shape; minItems: number; maxItems: number; unique: boolean }
  | { kind: "object"; fields: Field[] };

export interface Field {
  name: string;
  label: Words;
  required: boolean;
  shape: Shape;
}

export interface Condition {
  id: string;
  message: Words;
  expr: string;
}

export interface Action {
  name: string;
  title: Words;
  /** Statuses it starts from; "none" begins an item. Null: any. */
  from: string[] | null;
  /** Statuses it may lead to; empty: the status stays. */
  to: string[];
  whileHeld: boolean;
  /** Null: anyone may sign. */
  signers: Condition | null;
  input: Field[];
  rules: Condition[];
  /** How many other actions it leaves open. */
  leaves: number;
}

export interface Definition {
  name: string;
  version: number;
  title: Words;
  item: Words;
  /** Statuses out of the ordinary, that a reader is warned of. */
  warn: string[];
  /** State fields that forbid things when they are true of an ancestor. */
  alarms: string[];
  roles: Map<string, Words>;
  statuses: Map<string, Words>;
  state: Field[];
  /** State fields that no action takes over from its input: what they say is the contract's own finding. */
  found: Set<string>;
  parents: string;
  actions: Action[];
}

type Json = { readonly [name: string]: unknown };

export function parseDefinition(json: Json): Definition {
  const types = object(json.types);
  const actions = Object.entries(object(json.actions)).map(([name, raw]) =>
    parseAction(name, object(raw), types),
  );
  const ordered = byLife(actions);
  return {
    name: text(json.name),
    version: Number(json.version),
    title: words(json.title),
    item: words(json.item),
    warn: unusual(actions),
    alarms: alarmsOf(actions),
    roles: wordMap(json.roles),
    statuses: sortedStatuses(wordMap(json.statuses), ordered),
    state: inOrderOf(fieldsOf({ properties: json.state }, types), ordered),
    found: foundBy(json),
    parents: text(json.parents),
    actions: ordered,
  };
}

function foundBy(json: Json): Set<string> {
  const found = new Set(Object.keys(object(json.state)));
  found.delete("occurred_at"); // every contract takes it from the input by itself
  for (const action of Object.values(object(json.actions)).map(object)) {
    const touches = Array.isArray(action.touches) ? action.touches : [];
    for (const set of [action, ...touches.map(object)].map((one) => object(one.set))) {
      for (const [field, expr] of Object.entries(set)) if (/\binput\b/.test(text(expr))) found.delete(field);
    }
  }
  return found;
}

function parseAction(name: string, raw: Json, types: Json): Action {
  const rules = (Array.isArray(raw.rules) ? raw.rules : []).map((rule) => condition(object(rule)));
  const to = Array.isArray(raw.to) ? raw.to.map((one) => text(object(one).status)) : [text(raw.to)];
  return {
    name,
    title: words(raw.title),
    from: Array.isArray(raw.from) ? texts(raw.from) : null,
    to: [...new Set(to)].filter((status) => status !== ""),
    whileHeld: raw.while_held === true,
    signers: typeof raw.signers === "object" ? condition(object(raw.signers)) : null,
    input: fieldsOf(object(raw.input), types),
    rules,
    leaves: 0,
  };
}

function condition(raw: Json): Condition {
  return { id: text(raw.id), message: words(raw), expr: text(raw.expr) };
}

/** Required fields come in their own order, which the canonical form keeps; the others follow by name. */
function fieldsOf(schema: Json, types: Json): Field[] {
  const required = texts(schema.required);
  const properties = Object.entries(object(schema.properties)).map(([name, raw]) => ({
    name,
    label: words(raw),
    required: required.includes(name),
    shape: shapeOf(object(raw), types),
  }));
  const place = (name: string) => (required.includes(name) ? required.indexOf(name) : required.length);
  return properties.sort((a, b) => place(a.name) - place(b.name));
}

function shapeOf(raw: Json, types: Json): Shape {
  if (raw.$ref) return { kind: "object", fields: fieldsOf(object(types[text(raw.$ref)]), types) };
  const format = text(raw.format);
  switch (raw.type) {
    case "integer":
      return {
        kind: "number",
        format: format as NumberFormat,
        minimum: number(raw.minimum, Number.MIN_SAFE_INTEGER),
        maximum: number(raw.maximum, Number.MAX_SAFE_INTEGER),
      };
    case "boolean":
      return { kind: "boolean" };
    case "array":
      return {
        kind: "list",
        of: shapeOf(object(raw.items), types),
        minItems: number(raw.minItems, 0),
        maxItems: number(raw.maxItems, 0),
        unique: raw.uniqueItems === true,
      };
    default:
      return {
        kind: "text",
        format: format as TextFormat,
        minLength: number(raw.minLength, 0),
        maxLength: number(raw.maxLength, MAX_TEXT),
        pattern: text(raw.pattern),
        choices: texts(raw.enum),
      };
  }
}

/** What a record can hold at most. */
const MAX_TEXT = 32 << 10;

/** Actions in the order in which an item can first meet them; those that any status allows come last. */
function byLife(actions: Action[]): Action[] {
  const depth = new Map([["none", 0]]);
  for (let grown = true; grown;) {
    grown = false;
    for (const { from, to } of actions) {
      const starts = (from ?? []).flatMap((status) => depth.get(status) ?? []);
      for (const status of starts.length > 0 ? to : []) {
        if (depth.has(status)) continue;
        depth.set(status, Math.min(...starts) + 1);
        grown = true;
      }
    }
  }
  const first = ({ from }: Action) =>
    from ? Math.min(...from.map((status) => depth.get(status) ?? depth.size)) : depth.size + 1;
  const choices = (status: string) => actions.filter(({ from }) => from?.includes(status)).length;
  for (const action of actions) {
    const after = action.to.length > 0 ? action.to : (action.from ?? []);
    action.leaves = Math.max(...after.map(choices), 0);
  }
  // What leaves more to do comes before what ends an item.
  return actions.toSorted((a, b) => first(a) - first(b) || b.leaves - a.leaves);
}

/**
 * A status is out of the ordinary if nobody brings an item there without a
 * reason, or if every way on from it, of several, asks for one.
 */
function unusual(actions: Action[]): string[] {
  const gives = ({ input }: Action) => input.some(({ name, required }) => required && name === "reason");
  return [...new Set(actions.flatMap(({ to }) => to))].filter((status) => {
    const there = actions.filter(({ to }) => to.includes(status));
    const on = actions.filter(({ from }) => from?.includes(status));
    return there.every(gives) || (on.length > 1 && on.every(gives));
  });
}

/** What rules refuse of ancestors: ledger.ancestors(…).all(a, !a.recalled) */
function alarmsOf(actions: Action[]): string[] {
  const exprs = actions.flatMap(({ rules }) => rules.map(({ expr }) => expr));
  const named = exprs.flatMap((expr) => [
    ...expr.matchAll(/ledger\.ancestors\(.*\)\.all\((\w+), !\1\.([a-z0-9_]+)\)/g),
  ]);
  return [...new Set(named.map(([, , field]) => field!))];
}

function sortedStatuses(statuses: Map<string, Words>, actions: Action[]): Map<string, Words> {
  const met = [...new Set(actions.flatMap(({ to }) => to))].filter((name) => statuses.has(name));
  return new Map([...met, ...statuses.keys()].map((name) => [name, statuses.get(name)!]));
}

/** State fields in the order in which the actions ask for them. */
function inOrderOf(state: Field[], actions: Action[]): Field[] {
  const asked = [...new Set(actions.flatMap(({ input }) => input.map(({ name }) => name)))];
  const place = ({ name }: Field) => (asked.includes(name) ? asked.indexOf(name) : asked.length);
  return state.toSorted((a, b) => place(a) - place(b));
}

/**
 * The field that names an item to people: the first one that an item begins
 * with and that is free text of some length, as products, titles and persons are.
 */
export function titleField(definition: Definition): string {
  const begins = definition.actions.filter(({ from }) => from?.includes("none"));
  const named = begins.flatMap(({ input }) => input.filter(isTitle)).map(({ name }) => name);
  return named.find((name) => definition.state.some((field) => field.name === name)) ?? "";
}

function isTitle({ required, shape }: Field): boolean {
  if (!required || shape.kind !== "text" || shape.format || shape.pattern) return false;
  return shape.choices.length === 0 && shape.maxLength >= 60 && shape.maxLength <= 500;
}

function object(value: unknown): Json {
  return typeof value === "object" && value !== null && !Array.isArray(value) ? (value as Json) : {};
}

function text(value: unknown): string {
  return typeof value === "string" ? value : "";
}

function texts(value: unknown): string[] {
  return Array.isArray(value) ? value.filter((one) => typeof one === "string") : [];
}

function number(value: unknown, otherwise: number): number {
  return typeof value === "number" ? value : otherwise;
}

function words(value: unknown): Words {
  const { en, zh } = object(value);
  return { en: text(en), zh: text(zh) };
}

function wordMap(value: unknown): Map<string, Words> {
  return new Map(Object.entries(object(value)).map(([name, label]) => [name, words(label)]));
}
