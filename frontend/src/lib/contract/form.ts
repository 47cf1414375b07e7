/**
 * A form made from the fields of an action: what a person typed on one side,
 * the record's values on the other, and the schema's limits between them.
 * Everything typed is text, so that a half-typed number stays as it is.
 */
import type { Field, Shape } from "./definition";
import { fromDecimal, fromLocalInput, MINUTE, toDecimal, toLocalInput, unitOf } from "./units";

export type Input = string | Input[] | { [name: string]: Input };
export type Inputs = { [name: string]: Input };

export interface Problem {
  code:
    | "required"
    | "short"
    | "long"
    | "few"
    | "many"
    | "twice"
    | "pattern"
    | "number"
    | "huge"
    | "least"
    | "most"
    | "time";
  /** The limit, as a person would write it. */
  limit: string;
}

/** Problems by the path of their field: "authors.0.share". */
export type Problems = Map<string, Problem>;

export interface Reading {
  values: { [name: string]: unknown };
  /** What the record only commits to: for each list of commitments, the values by their names. */
  hidden: { [list: string]: { [name: string]: string } };
  problems: Problems;
}

/** A list of names with salted digests: people type the values, and the record holds none of them. */
export function isPrivate(shape: Shape): boolean {
  if (shape.kind !== "list" || shape.of.kind !== "object") return false;
  const { fields } = shape.of;
  return fields.length === 2 && fields.every(({ name }) => name === "name" || name === "digest");
}

export function blank(shape: Shape): Input {
  if (shape.kind === "list") return Array.from({ length: shape.minItems }, () => blank(shape.of));
  if (shape.kind === "object") return blankFields(shape.fields);
  return "";
}

export function blankFields(fields: Field[]): Inputs {
  return Object.fromEntries(fields.map(({ name, shape }) => [name, blank(shape)]));
}

/** What the record would hold, and what stands in the way. */
export function read(fields: Field[], inputs: Inputs, currency = ""): Reading {
  const problems: Problems = new Map();
  const open = fields.filter(({ shape }) => !isPrivate(shape));
  const values = readFields(open, inputs, "", currencyOf(fields, inputs) || currency, problems);
  const hidden: Reading["hidden"] = {};
  for (const field of fields.filter(({ shape }) => isPrivate(shape))) {
    const rows = (inputs[field.name] as Inputs[] | undefined) ?? [];
    if (rows.length > 0) hidden[field.name] = readPrivate(field.name, rows, problems);
    else if (field.required) values[field.name] = [];
  }
  return { values, hidden, problems };
}

function readPrivate(list: string, rows: Inputs[], problems: Problems): { [name: string]: string } {
  rows.forEach((row, i) => {
    for (const part of ["name", "digest"])
      if (!row[part]) problems.set(`${list}.${i}.${part}`, { code: "required", limit: "" });
  });
  const names = rows.map(({ name }) => String(name));
  if (new Set(names).size < names.length) problems.set(list, { code: "twice", limit: "" });
  return Object.fromEntries(rows.map(({ name, digest }) => [String(name), String(digest)]));
}

/** The amounts of a form are in the currency that stands beside them. */
export function currencyOf(fields: Field[], inputs: Inputs): string {
  const typed = fields.some(({ name }) => name === "currency") ? inputs.currency : "";
  return typeof typed === "string" ? typed.trim() : "";
}

function readFields(
  fields: Field[],
  inputs: Inputs,
  path: string,
  currency: string,
  problems: Problems,
): { [name: string]: unknown } {
  const values: { [name: string]: unknown } = {};
  for (const { name, shape, required } of fields) {
    const here = path + name;
    const input = inputs[name] ?? blank(shape);
    if (isEmpty(input)) {
      if (required && !mayBeEmpty(shape)) problems.set(here, { code: "required", limit: "" });
      else if (required) values[name] = shape.kind === "list" ? [] : "";
      continue;
    }
    const value = readOne(shape, input, here, currency, problems);
    if (value !== undefined) values[name] = value;
  }
  return values;
}

/** A required text or list without a least length may be left empty. */
function mayBeEmpty(shape: Shape): boolean {
  if (shape.kind === "list") return shape.minItems === 0;
  return shape.kind === "text" && shape.minLength === 0 && !shape.pattern && shape.choices.length === 0;
}

function isEmpty(input: Input): boolean {
  if (typeof input === "string") return input === "";
  return Array.isArray(input) ? input.length === 0 : Object.values(input).every(isEmpty);
}

/** The value, or undefined when it is not one yet. */
function readOne(shape: Shape, input: Input, path: string, currency: string, problems: Problems): unknown {
  const report = (code: Problem["code"], limit: string | number = "") =>
    void problems.set(path, { code, limit: String(limit) });
  switch (shape.kind) {
    case "text":
      return readText(shape, input as string, report);
    case "number":
      return readNumber(shape, input as string, currency, report);
    case "boolean":
      return input === "true";
    case "object":
      return readFields(shape.fields, input as Inputs, `${path}.`, currency, problems);
    case "list": {
      const list = input as Input[];
      if (list.length < shape.minItems) report("few", shape.minItems);
      if (list.length > shape.maxItems) report("many", shape.maxItems);
      const values = list.map((one, i) => readOne(shape.of, one, `${path}.${i}`, currency, problems));
      if (shape.unique && new Set(values.map((one) => JSON.stringify(one))).size < values.length)
        report("twice");
      return values;
    }
  }
}

type Report = (code: Problem["code"], limit?: string | number) => void;

function readText(shape: Extract<Shape, { kind: "text" }>, text: string, report: Report): unknown {
  const length = [...text].length;
  if (text === "") report("required");
  else if (length < shape.minLength) report("short", shape.minLength);
  else if (length > shape.maxLength) report("long", shape.maxLength);
  else if (shape.pattern && !new RegExp(shape.pattern, "u").test(text)) report("pattern", shape.pattern);
  else return text;
}

function readNumber(
  shape: Extract<Shape, { kind: "number" }>,
  text: string,
  currency: string,
  report: Report,
): unknown {
  const value = parseNumber(shape.format, text, currency, report);
  if (value === undefined) return;
  if (value < shape.minimum) report("least", asTyped(shape.format, shape.minimum, currency));
  else if (value > shape.maximum) report("most", asTyped(shape.format, shape.maximum, currency));
  else return value;
}

function parseNumber(
  format: Extract<Shape, { kind: "number" }>["format"],
  text: string,
  currency: string,
  report: Report,
): number | undefined {
  if (format === "time") return fromLocalInput(text) ?? void report("time");
  const parsed = fromDecimal(text, format === "duration" ? 0 : unitOf(format, currency).digits);
  if ("problem" in parsed) {
    return void report(parsed.problem === "huge" ? "huge" : "number", unitOf(format, currency).digits);
  }
  return format === "duration" ? parsed.value * MINUTE : parsed.value;
}

/** A value as it would be typed, for limits and for filling a form in. */
export function asTyped(
  format: Extract<Shape, { kind: "number" }>["format"],
  value: number,
  currency = "",
): string {
  if (format === "time") return toLocalInput(value);
  if (format === "duration") return String(value / MINUTE);
  return toDecimal(value, unitOf(format, currency).digits);
}
