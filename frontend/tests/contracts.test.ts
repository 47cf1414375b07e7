import { describe, expect, test } from "vitest";
import type { ItemLink, LedgerRecord, RelatedItem } from "$lib/client";
import { library } from "$lib/client/mock-library";
import { MockLedger } from "$lib/client/mock";
import { OIL, VACCINE } from "$lib/client/mock-stories";
import { Acting } from "$lib/contract/acting.svelte";
import { parseDefinition, titleField, type Definition, type Field } from "$lib/contract/definition";
import { blank, blankFields, isPrivate, read, type Inputs } from "$lib/contract/form";
import { layout, type Sizes } from "$lib/contract/graph";
import { itemNameOf } from "$lib/contract/itemname";
import { nextOf } from "$lib/contract/next";
import { isKey, keysIn } from "$lib/contract/parties.svelte";
import { signersOf, timeline } from "$lib/contract/timeline";
import {
  durationText,
  fromDecimal,
  fromLocalInput,
  numberText,
  toDecimal,
  toLocalInput,
} from "$lib/contract/units";

const definitions = Object.entries(library).map(([name, json]) => [name, parseDefinition(json)] as const);
const of = (name: string): Definition => definitions.find(([other]) => other === name)![1];
const action = (contract: string, name: string) => of(contract).actions.find((one) => one.name === name)!;

describe("every definition of the library", () => {
  test.each(definitions)(
    "%s has words in both languages, and statuses that its actions know",
    (_, definition) => {
      const words = [
        definition.title,
        definition.item,
        ...definition.roles.values(),
        ...definition.statuses.values(),
        ...definition.state.map(({ label }) => label),
        ...definition.actions.flatMap(({ title, input, rules, signers }) => [
          title,
          ...input.map(({ label }) => label),
          ...rules.map(({ message }) => message),
          ...(signers ? [signers.message] : []),
        ]),
      ];
      expect(words.filter(({ en, zh }) => en === "" || zh === "")).toEqual([]);
      const known = new Set(["none", ...definition.statuses.keys()]);
      for (const { from, to } of definition.actions)
        expect([...(from ?? []), ...to].filter((status) => !known.has(status))).toEqual([]);
    },
  );

  test.each(definitions)(
    "%s: an empty form names every required field that must hold something",
    (_, definition) => {
      for (const { input } of definition.actions) {
        const { problems, values } = read(input, blankFields(input));
        for (const field of input.filter(({ required }) => required)) {
          const said = [...problems.keys()].some(
            (path) => path === field.name || path.startsWith(`${field.name}.`),
          );
          expect(said || field.name in values).toBe(true);
        }
      }
    },
  );
});

test.each([
  { contract: "food", warn: ["destroyed", "recalled"], alarms: ["recalled"], title: "product" },
  { contract: "goods", warn: ["decommissioned", "stolen", "suspect"], alarms: [], title: "product" },
  { contract: "registry", warn: ["withdrawn"], alarms: [], title: "person" },
  { contract: "certificate", warn: ["revoked", "suspended"], alarms: [], title: "" },
])("$contract: what a reader is warned of follows from the rules", ({ contract, warn, alarms, title }) => {
  const definition = of(contract);
  expect(definition.warn.toSorted()).toEqual(warn);
  expect(definition.alarms).toEqual(alarms);
  expect(titleField(definition)).toBe(title);
});

test("what a contract finds by itself is told from what authors claim", () => {
  expect(of("food").found.has("recalled")).toBe(true);
  expect(of("food").found.has("product")).toBe(false);
  expect(of("food").found.has("occurred_at")).toBe(false);
  expect(of("certificate").found.has("issuer")).toBe(true);
});

describe("numbers with units", () => {
  test.each([
    { typed: "8", digits: 2, want: { value: 800 } },
    { typed: "-0.5", digits: 2, want: { value: -50 } },
    { typed: "−273,15", digits: 2, want: { value: -27315 } },
    { typed: "1 234.50", digits: 2, want: { value: 123450 } },
    { typed: "0.1", digits: 0, want: { problem: "decimal" } },
    { typed: "1.0", digits: 0, want: { value: 1 } },
    { typed: "8.001", digits: 2, want: { problem: "decimal" } },
    { typed: "1e3", digits: 0, want: { problem: "decimal" } },
    { typed: "", digits: 0, want: { problem: "decimal" } },
    { typed: "-0", digits: 0, want: { value: 0 } },
    { typed: "9007199254740991", digits: 0, want: { value: Number.MAX_SAFE_INTEGER } },
    { typed: "9007199254740992", digits: 0, want: { problem: "huge" } },
    { typed: "9223372036854775807", digits: 0, want: { problem: "huge" } },
  ])("$typed with $digits digits", ({ typed, digits, want }) =>
    expect(fromDecimal(typed, digits)).toEqual(want),
  );

  test.each([-27315, -5, 0, 7, 800, 123456])("%i comes back", (value) =>
    expect(fromDecimal(toDecimal(value, 2), 2)).toEqual({ value }),
  );

  test("are said as people say them", () => {
    expect(numberText(931, "celsius", "en")).toBe("9.31 °C");
    expect(numberText(3_400, "share", "zh")).toBe("34.00 %");
    expect(numberText(48_650_000, "money", "en", "CNY")).toBe("CN¥486,500.00");
    expect(numberText(5_000, "money", "en", "JPY")).toContain("5,000");
    expect(numberText(12, "money", "en", "not a currency")).toContain("12");
    expect(durationText(5_400_000, "en")).toBe("1 hour 30 minutes");
    expect(durationText(0, "en")).toBe("0 milliseconds");
  });
});

describe("times", () => {
  test.each(["2026-04-31T10:00", "2026-13-01T10:00", "2026-11-23", "25:00", ""])("%s is none", (text) =>
    expect(fromLocalInput(text)).toBeNull(),
  );
  test("come back to the minute", () => {
    const ms = new Date(2026, 10, 23, 14, 5).getTime();
    expect(fromLocalInput(toLocalInput(ms))).toBe(ms);
  });
});

describe("forms", () => {
  const fill = (contract: string, name: string, inputs: Inputs) =>
    read(action(contract, name).input, { ...blankFields(action(contract, name).input), ...inputs });

  test("a temperature log", () => {
    const row = { at: "2026-11-23T10:00", celsius: "9.31" };
    const { values, problems } = fill("medicine", "log", {
      readings: [row],
      until: "2026-11-23T10:00",
      calibrated_until: "2027-01-01T00:00",
      occurred_at: "2026-11-23T10:00",
    });
    expect(problems.size).toBe(0);
    expect(values.readings).toEqual([{ at: fromLocalInput(row.at), celsius: 931 }]);
    expect("late" in values).toBe(false);
  });

  test.each<{ name: string; inputs: Inputs; path: string; code: string; limit: string }>([
    {
      name: "beyond the limit",
      inputs: { readings: [{ at: "2026-11-23T10:00", celsius: "200.01" }] },
      path: "readings.0.celsius",
      code: "most",
      limit: "200.00",
    },
    {
      name: "too cold",
      inputs: { readings: [{ at: "2026-11-23T10:00", celsius: "-300" }] },
      path: "readings.0.celsius",
      code: "least",
      limit: "-273.15",
    },
    {
      name: "no number",
      inputs: { readings: [{ at: "2026-11-23T10:00", celsius: "warm" }] },
      path: "readings.0.celsius",
      code: "number",
      limit: "2",
    },
    { name: "no such day", inputs: { until: "2026-02-30T10:00" }, path: "until", code: "time", limit: "" },
    { name: "none", inputs: { readings: [] }, path: "readings", code: "required", limit: "" },
  ])("a log: $name", ({ inputs, path, code, limit }) =>
    expect(fill("medicine", "log", inputs).problems.get(path)).toEqual({ code, limit }),
  );

  test.each([
    { field: "lot", text: "A B", code: "pattern" },
    { field: "lot", text: "x".repeat(21), code: "pattern" },
    { field: "product", text: "油".repeat(201), code: "long" },
    { field: "gtin", text: "1".repeat(15), code: "long" },
  ])("$field $code", ({ field, text, code }) =>
    expect(fill("food", "commission", { [field]: text }).problems.get(field)?.code).toBe(code),
  );

  test("characters are counted as people see them", () =>
    expect(fill("food", "commission", { product: "𠮷".repeat(200) }).problems.has("product")).toBe(false));

  test("an amount follows the currency beside it", () => {
    expect(fill("bill", "issue", { amount: "486500", currency: "CNY" }).values.amount).toBe(48_650_000);
    expect(fill("bill", "issue", { amount: "486500", currency: "JPY" }).values.amount).toBe(486_500);
    expect(
      read(action("bill", "endorse").input, { endorsee: "x", amount: "1.50" }, "EUR").values.amount,
    ).toBe(150);
  });

  test("private fields leave the record, with names that are there and different", () => {
    const subject = action("certificate", "draft").input.find(({ name }) => name === "subject")!;
    expect(isPrivate(subject.shape)).toBe(true);
    const { values, hidden, problems } = read([subject], { subject: [{ name: "names", digest: "林晓" }] });
    expect(values).toEqual({});
    expect(hidden).toEqual({ subject: { names: "林晓" } });
    expect(problems.size).toBe(0);
    expect(read([subject], { subject: [] }).values).toEqual({ subject: [] });
    const twice = [
      { name: "names", digest: "a" },
      { name: "names", digest: "" },
    ];
    expect([...read([subject], { subject: twice }).problems.keys()]).toEqual(["subject.1.digest", "subject"]);
  });

  test("lists keep what stands twice out", () => {
    const serials: Field = action("medicine", "administer").input.find(({ name }) => name === "serials")!;
    expect(read([serials], { serials: ["A1", "A1"] }).problems.get("serials")?.code).toBe("twice");
    expect(blank(serials.shape)).toEqual([]);
  });

  test("the item's name follows the contract's own rule", () => {
    expect(itemNameOf(action("food", "commission"), { gtin: "06901234200072", lot: "B1" })).toBe(
      "01/06901234200072/10/B1",
    );
    expect(itemNameOf(action("food", "commission"), { lot: "B1" })).toBe("01/…/10/B1");
    expect(itemNameOf(action("copyright", "register"), {})).toBe("");
    expect(itemNameOf(action("registry", "vouch"), {})).toBeNull();
  });
});

describe("a form in the making", () => {
  const begin = () => new Acting("food", action("food", "sell"), OIL, "");

  test("is kept over a reload, and undone step by step", () => {
    localStorage.clear();
    const first = begin();
    first.set("quantity", "1");
    first.set("quantity", "12");
    first.set("late", "true");
    const again = begin();
    expect(again.inputs).toMatchObject({ quantity: "12", late: "true" });
    first.undo();
    expect(first.inputs).toMatchObject({ quantity: "12", late: "" });
    first.undo();
    expect(first.inputs).toMatchObject({ quantity: "" });
    expect(first.canUndo).toBe(false);
  });

  test("what somebody else wrote into the storage does no harm", () => {
    localStorage.setItem(`evident.act.food/sell/${OIL}`, "{");
    expect(begin().inputs.quantity).toBe("");
  });
});

describe("what can be done next", () => {
  const names = (contract: string, status: string, fields = {}) =>
    nextOf(of(contract), { status, fields }).map(({ action }) => action.name);

  test("follows from the status", () => {
    expect(names("food", "none")).toEqual(["commission", "transform"]);
    expect(names("food", "in_transit")).toContain("receive");
    expect(names("food", "in_transit")).not.toContain("ship");
    expect(names("food", "in_transit")).not.toContain("release_hold");
  });

  test("a hold leaves what a hold allows", () => {
    const held = nextOf(of("food"), { status: "stored", fields: { held: "ab".repeat(32) } });
    expect(held.filter(({ blocked }) => !blocked).map(({ action }) => action.name)).toEqual([
      "annotate",
      "release_hold",
    ]);
  });

  test("names roles, and the item's own parties", () => {
    const possessor = `ada+0a0b0c0d+${"A".repeat(44)}`;
    const sell = nextOf(of("food"), { status: "stored", fields: { possessor } }).find(
      ({ action }) => action.name === "sell",
    )!;
    expect(sell.roles.map(({ en }) => en)).toEqual(["Retailer"]);
    expect(sell.keys).toEqual([possessor]);
    expect(isKey(possessor)).toBe(true);
    expect(keysIn({ a: [{ b: possessor }], c: "ada+x" })).toEqual([possessor]);
  });
});

describe("timeline", () => {
  async function records(item: string, contract: string): Promise<LedgerRecord[]> {
    const answer = await new MockLedger().invoke("history", JSON.stringify({ contract, item }));
    return (JSON.parse(answer) as { ok: { records: LedgerRecord[] } }).ok.records;
  }

  test("tells what was done, when, and what it certainly led to", async () => {
    const events = timeline(await records(OIL, "food"), of("food"));
    expect(events.map(({ record }) => record.action)).toEqual([
      "sell",
      "receive",
      "ship",
      "report",
      "sample",
      "transform",
    ]);
    expect(events.map(({ led }) => led)).toEqual(["", "stored", "in_transit", "", "", "commissioned"]);
    expect(events[1]!.late).toBe(true);
    expect(events[0]!.occurred).toBeLessThan(events[0]!.record.existedBy);
  });

  test("a corrected record is told as such", async () => {
    const list = await records(OIL, "food");
    const correction = {
      ...list[0]!,
      id: "c".repeat(64),
      action: "correct",
      fields: { record: list[2]!.id },
    };
    const events = timeline([correction, ...list], of("food"));
    expect(events.filter(({ correctedBy }) => correctedBy).map(({ record }) => record.action)).toEqual([
      "ship",
    ]);
  });

  test("signers come in the order of their first record", async () => {
    const signers = signersOf(await records(VACCINE, "medicine"));
    expect([...signers].map(([key, actions]) => [key.split("+")[0], actions])).toEqual([
      ["serum", ["manufacture", "quarantine", "ship"]],
      ["quality", ["release"]],
      ["nmpa", ["release"]],
      ["depot", ["receive", "log"]],
    ]);
  });
});

describe("family tree", () => {
  const item = (name: string, depth: number): RelatedItem => ({
    name,
    depth,
    status: "stored",
    fields: {},
    badge: "proven",
  });
  const sizes: Sizes = { box: { width: 100, height: 40 }, gap: { layer: 30, beside: 10 } };
  const items = [item("me", 0), item("a", -1), item("b", -1), item("c", 1), item("d", 1), item("e", 2)];
  const links: ItemLink[] = [
    { from: "b", to: "me" },
    { from: "a", to: "me" },
    { from: "me", to: "c" },
    { from: "me", to: "d" },
    { from: "c", to: "e" },
  ];

  test.each([true, false])("boxes never overlap, and lie inside (across: %s)", (across) => {
    const { nodes, width, height, lines } = layout(items, links, sizes, across);
    expect(nodes.length).toBe(items.length);
    expect(lines.length).toBe(links.length);
    for (const a of nodes) {
      expect(a.x >= 0 && a.y >= 0 && a.x + 100 <= width && a.y + 40 <= height).toBe(true);
      for (const b of nodes.filter((other) => other !== a))
        expect(Math.abs(a.x - b.x) >= 100 || Math.abs(a.y - b.y) >= 40).toBe(true);
    }
  });

  test("ancestors stand before, descendants behind", () => {
    const place = new Map(layout(items, links, sizes, true).nodes.map(({ item, x }) => [item.name, x]));
    expect(place.get("a")).toBeLessThan(place.get("me")!);
    expect(place.get("e")).toBeGreaterThan(place.get("c")!);
  });

  test("lines that could be uncrossed are", () => {
    const crossed = [item("p", 0), item("q", 0), item("x", 1), item("y", 1)];
    const pairs = [
      { from: "p", to: "y" },
      { from: "q", to: "x" },
    ];
    const { nodes } = layout(crossed, pairs, sizes, true);
    const y = (name: string) => nodes.find(({ item }) => item.name === name)!.y;
    expect(y("p") < y("q")).toBe(y("y") < y("x"));
  });

  test("nothing, and links to items that are not shown", () => {
    expect(layout([], [], sizes, true)).toEqual({ width: 0, height: 0, nodes: [], lines: [] });
    expect(layout([item("me", 0)], links, sizes, true).lines).toEqual([]);
  });
});
