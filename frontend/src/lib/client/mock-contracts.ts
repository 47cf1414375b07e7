/** Contracts, items and drafts of the made-up ledger. */
import { MockFailure } from "./mock-failure";
import { hex } from "./mock-hash";
import { library } from "./mock-library";
import { key, personOf } from "./mock-people";
import { stories, SUBJECT, type Step, type Story } from "./mock-stories";
import type * as seam from "./types.gen";

/** What the contracts need of the ledger that they are on. */
interface Ground {
  height: number;
  timeOf(height: number): number;
  proofOf(height: number, id: string | null, note?: string): seam.Proof;
}

type Handlers = { [name: string]: (params: never) => object };
type Names =
  | "contracts"
  | "contract"
  | "items"
  | "item"
  | "history"
  | "related"
  | "parties"
  | "resolve"
  | "prepare"
  | "openDraft"
  | "sign"
  | "check"
  | "submit"
  | "privateFields"
  | "disclose"
  | "saveText";

const DAY = 86_400_000;
const FORMAT = "evident/draft/v1";
/** Its dry run is refused by a rule that every reader understands. */
export const REFUSED_QUANTITY = 999_000;

export class MockContracts {
  #stories: Story[] | null = null;

  constructor(readonly ground: Ground) {}

  readonly handlers: { [M in Names]: Handlers[string] } = {
    contracts: () => ({
      contracts: Object.keys(library)
        .toSorted()
        .map((name) => this.#contract(name)),
    }),
    contract: ({ name }: seam.ContractParams) => this.#contract(name),
    items: ({ contract, before, limit }: seam.ItemsParams) => {
      const own = this.#all().filter((story) => story.contract === contract && !story.touched);
      const start = Number(before ?? 0);
      const page = own.slice(start, start + limit).map((story) => this.#item(story));
      return { items: page, next: start + limit < own.length ? String(start + limit) : "" };
    },
    item: ({ contract, item }: seam.ItemParams) => this.#item(this.#find(contract, item), contract, item),
    history: ({ contract, item }: seam.ItemParams) => ({
      records: this.#records(this.#find(contract, item)).toReversed(),
      complete: true,
    }),
    related: ({ contract, item }: seam.ItemParams) => this.#related(contract, item),
    parties: ({ keys }: seam.KeysParams) => ({ parties: keys.map(party) }),
    resolve: ({ text }: seam.ResolveParams) => this.#resolve(text),
    prepare: (params: seam.PrepareParams) => this.#prepare(params),
    openDraft: ({ text }: seam.DraftParams) => openDraft(text),
    sign: ({ text, key: signer }: seam.SignParams) => {
      const draft = openDraft(text);
      const by = draft.by.map((party) => (party.key === signer ? { ...party, signed: true } : party));
      return written({ ...draft, by });
    },
    check: ({ text }: seam.DraftParams) => {
      const refusal = this.#refusal(openDraft(text));
      return { passed: refusal === null, refusal };
    },
    submit: ({ text }: seam.DraftParams) => {
      const draft = openDraft(text);
      const refusal = this.#refusal(draft);
      return { id: draft.id, item: draft.item, height: refusal ? "" : String(this.ground.height), refusal };
    },
    privateFields: ({ id }: seam.RecordParams) => ({
      fields: this.record(id)?.fields.subject
        ? Object.entries(SUBJECT).map(([name, value]) => ({ name, value }))
        : [],
    }),
    disclose: () => ({ proof: `{"format":"evident/proof/v1","mock":"valid"}` }),
    saveText: ({ name }: seam.TextParams) => ({ path: `/home/ada/${name}` }),
  };

  /** A record of one of the items; null: it is another one. */
  record(id: string): seam.LedgerRecord | null {
    for (const story of this.#all()) {
      const found = this.#records(story).find((record) => record.id === id);
      if (found) return found;
    }
    return null;
  }

  #all(): Story[] {
    const now = this.ground.timeOf(this.ground.height);
    return (this.#stories ??= stories((days) => Math.round(now + days * DAY)));
  }

  #find(contract: string, name: string): Story | undefined {
    return this.#all().find((story) => story.contract === contract && story.name === name);
  }

  #contract(name: string): seam.Contract {
    const definition = library[name];
    if (!definition) throw new MockFailure("not_found", `no contract ${name}`);
    return { name, version: 1, digest: hex(`definition ${name}`), since: "0", badge: "proven", definition };
  }

  #item(story: Story | undefined, contract = "", name = ""): seam.Item {
    const records = story ? this.#records(story) : [];
    const height = this.ground.height;
    const proof = this.ground.proofOf(height, null);
    const state = {
      space: contract || story!.contract,
      name: name || story!.name,
      value: JSON.stringify(story?.fields ?? null),
      proof: "c3RhdGU=",
    };
    return {
      contract: state.space,
      name: state.name,
      present: story !== undefined,
      version: 1,
      status: story?.status ?? "none",
      seq: records.length,
      at: records.at(-1)?.at ?? 0,
      authors: records[0]?.by ?? [],
      first: records[0]?.id ?? "",
      last: records.at(-1)?.id ?? "",
      changed: records.at(-1)?.height ?? "0",
      fields: story?.fields ?? {},
      height: String(height),
      time: this.ground.timeOf(height),
      badge: "proven",
      proof: { ...proof, state },
    };
  }

  #records(story: Story | undefined): seam.LedgerRecord[] {
    return (story?.steps ?? []).map((step, i) => this.#step(story!, step, i));
  }

  #step(story: Story, step: Step, i: number): seam.LedgerRecord {
    const height = 1_284 - step.ago;
    const id = stepID(story, i);
    const by = step.by.map((name) => ({ name, key: key(name) }));
    const fields = step.fields ?? {};
    const statement = {
      action: step.action,
      by: by.map((author) => author.key),
      contract: story.contract,
      fields,
      item: story.name,
      seq: i + 1,
    };
    const note = `evident/record/v1\n${JSON.stringify(statement)}\n\n${by.map(({ name }) => `— ${name} …`).join("\n")}\n`;
    return {
      id,
      height: String(height),
      index: 0,
      contract: story.contract,
      version: 1,
      action: step.action,
      item: story.name,
      seq: i + 1,
      prev: i === 0 ? "" : stepID(story, i - 1),
      at: this.ground.timeOf(height) - 2_400,
      by,
      fields,
      evidence: (step.evidence ?? []).map((file) => ({
        ...file,
        mode: "public",
        sha256: hex(file.name),
        commit: "",
        cid: `bafybei${hex(`cid ${file.name}`).slice(0, 52)}`,
      })),
      signedAfter: { size: String(height), root: hex("root"), time: this.ground.timeOf(height - 1) },
      existedBy: this.ground.timeOf(height),
      note,
      badges: {
        height: "proven",
        author: "proven",
        at: "claimed",
        fields: "claimed",
        evidence: "claimed",
        signedAfter: "proven",
        existedBy: "proven",
        state: "proven",
      },
      state: {
        present: true,
        value: JSON.stringify(story.fields),
        seq: story.steps.length,
        height: String(this.ground.height),
      },
      proof: this.ground.proofOf(height, id, note),
      proofFile: `{"format":"evident/proof/v1","mock":"valid"}`,
    };
  }

  #related(contract: string, name: string): seam.Related {
    const field = String(library[contract]?.parents ?? "");
    const all = this.#all().filter((story) => story.contract === contract);
    const parents = (of: Story) => (of.fields[field] as string[] | undefined) ?? [];
    const items = new Map<string, seam.RelatedItem>();
    const links: seam.ItemLink[] = [];
    const visit = (story: Story, depth: number, direction: number) => {
      if (!items.has(story.name))
        items.set(story.name, {
          name: story.name,
          depth,
          status: story.status,
          fields: story.fields,
          badge: "proven",
        });
      const next = all.filter((other) =>
        direction < 0 ? parents(story).includes(other.name) : parents(other).includes(story.name),
      );
      for (const other of next) {
        links.push(
          direction < 0 ? { from: other.name, to: story.name } : { from: story.name, to: other.name },
        );
        visit(other, depth + direction, direction);
      }
    };
    const self = this.#find(contract, name);
    if (!self || !field) return { items: [], links: [], more: false };
    visit(self, 0, -1);
    visit(self, 0, 1);
    return { items: [...items.values()], links, more: false };
  }

  #resolve(scanned: string): seam.Resolved {
    const text = scanned.replace(/\((\d\d)\)/g, "/$1/").replace(/^\//, "");
    const none: seam.Resolved = { kind: "nothing", name: "", draft: "", items: [] };
    const record = /#\/record\/([0-9a-f]{64})$|^([0-9a-f]{64})$/.exec(text);
    if (record) return { ...none, kind: "record", name: record[1] ?? record[2]! };
    if (text.includes("#/draft/"))
      return { ...none, kind: "draft", draft: text.slice(text.indexOf("#/draft/")) };
    const own = /#\/item\/([a-z_]+)\/(.+)$/.exec(text);
    const name = own ? decodeURIComponent(own[2]!) : (/01\/\d{8,14}\/(10|21)\/[^/?]+/.exec(text)?.[0] ?? "");
    const found = this.#all().filter((story) => story.name === name && (!own || story.contract === own[1]));
    if (found.length === 0) return { ...none, name };
    return { ...none, kind: "item", name, items: found.map((story) => this.#item(story)) };
  }

  #prepare({
    contract,
    action,
    item,
    fields,
    private: hidden,
    by,
    evidence = [],
  }: seam.PrepareParams): seam.Draft {
    const before = this.#records(this.#find(contract, item));
    const id = hex(`${contract} ${action} ${item} ${JSON.stringify(fields)}`);
    const committed = Object.entries(hidden).map(([list, values]) => [
      list,
      Object.keys(values).map((name) => ({ name, digest: hex(`${name} ${values[name]}`) })),
    ]);
    const all = { ...fields, ...Object.fromEntries(committed) };
    return written({
      text: "",
      link: "",
      id,
      contract,
      version: 1,
      action,
      item: item || id,
      seq: before.length + 1,
      prev: before.at(-1)?.id ?? "",
      at: this.ground.timeOf(this.ground.height),
      fields: all,
      evidence,
      by: by.map((verifier) => ({
        name: verifier.split("+")[0]!,
        key: verifier,
        signed: false,
        here: verifier === key("ada"),
      })),
      private: Object.values(hidden).flatMap((values) =>
        Object.entries(values).map(([name, value]) => ({ name, value })),
      ),
      signed: `evident/record/v1\n${JSON.stringify({ action, by, contract, fields: all, item, seq: before.length + 1 })}\n`,
    });
  }

  #refusal({ contract, item, fields }: seam.Draft): seam.RuleRefusal | null {
    if (contract !== "food" || fields.quantity !== REFUSED_QUANTITY) return null;
    const onHand = this.#find(contract, item)?.fields.on_hand;
    return {
      rule: "on_hand",
      en: "more is sold than is on hand",
      zh: "销售数量超过现存数量",
      values: [
        { name: "input.quantity", value: String(fields.quantity) },
        { name: "item.on_hand", value: String(onHand) },
      ],
      member: "notary.harbour.example",
      note: "",
    };
  }
}

function stepID({ contract, name }: Story, i: number): string {
  return hex(`${contract} ${name} ${i}`);
}

function party(verifier: string): seam.Party {
  const known = personOf(verifier);
  return {
    key: verifier,
    person: known?.person ?? "",
    organisation: known?.organisation ?? "",
    member: false,
    vouchers: known?.vouchers ?? [],
    grants: (known?.roles ?? []).map(([contract, role, scope = ""]) => ({
      contract,
      role,
      scope,
      since: 0,
      until: 0,
    })),
    withdrawn: known?.withdrawn ?? "",
    badge: "proven",
  };
}

/** The file and the link hold the whole draft, as the real ones do. */
function written(draft: seam.Draft): seam.Draft {
  const text = JSON.stringify({ format: FORMAT, mock: { ...draft, text: "", link: "" } });
  return { ...draft, text, link: `#/draft/${encodeURIComponent(text)}` };
}

function openDraft(text: string): seam.Draft {
  const file = text.includes("#/draft/")
    ? decodeURIComponent(text.slice(text.indexOf("#/draft/") + 8))
    : text;
  try {
    const { format, mock } = JSON.parse(file) as { format: string; mock: seam.Draft };
    if (format === FORMAT) return written(mock);
  } catch {
    // Not a draft either.
  }
  throw new MockFailure("bad_draft", "read draft: it was cut, or changed on its way");
}
