/** Items of the made-up ledger with their past: what people would have recorded of oil, vaccine, a bill and a marriage. */
import { hex } from "./mock-hash";
import { key } from "./mock-people";

export interface Step {
  action: string;
  by: string[];
  /** How many blocks ago. */
  ago: number;
  fields?: { [name: string]: unknown };
  evidence?: { name: string; media: string; size: string }[];
}

export interface Story {
  contract: string;
  name: string;
  status: string;
  fields: { [name: string]: unknown };
  steps: Step[];
  /** Made by a record of another item. */
  touched?: boolean;
}

/** Puts the check digit behind the digits of a GS1 key. */
export function checked(digits: string): string {
  const sum = [...digits]
    .reverse()
    .reduce((total, digit, i) => total + Number(digit) * (i % 2 === 0 ? 3 : 1), 0);
  return digits + String((10 - (sum % 10)) % 10);
}

const lot = (article: string, number: string) => `01/${checked(article)}/10/${number}`;
const QUAY = checked("690123400001");
const STORE = checked("690123400018");
const SSCC = checked("06901234000000127");

export const SEED = lot("0690123411001", "WY-2610");
const RAPE = lot("0401234512001", "HS-88");
export const OIL = lot("0690123420007", "B261103");
const CHILI = lot("0690123430006", "OQ-0415");
const DRESSING = lot("0690123431003", "OQ-0421");
export const VACCINE = lot("0690765400010", "V26-1107");
export const TEASET = `01/${checked("0690555500123")}/21/JH-000417`;
export const MARRIAGE = hex("marriage");
export const BILL = hex("bill");
const PHOTO = hex("harbour series");
const POSTER = hex("harbour poster");
/** Where the contract keeps which marriage of a spouse is in force. */
const places = ["lin", "lindqvist"].map((spouse) => `holder/marriage/${hex(spouse)}`);

/** What the marriage certificate commits to. */
export const SUBJECT = {
  names: "林晓 · Ada Lindqvist",
  born: "1994-03-02 · 1993-11-27",
  registered_at: "滨海区民政局",
};

/** @param at the time of a number of days from now */
export function stories(at: (days: number) => number): Story[] {
  const occurred = (days: number) => ({ occurred_at: at(days) });
  const grown = (name: string, product: string, by: string, quantity: number, days: number) => ({
    gtin: name.split("/")[1],
    lot: name.split("/")[3],
    product,
    quantity,
    unit: "g",
    expires: at(300),
    location: QUAY,
    possessor: key(by),
    ...occurred(days),
  });
  const lotNow = (name: string, product: string, by: string, on_hand: number, more: object) => ({
    gtin: name.split("/")[1],
    lot: name.split("/")[3],
    product,
    on_hand,
    unit: "g",
    expires: at(300),
    needs_test: false,
    location: QUAY,
    possessor: key(by),
    occurred_at: at(-30),
    ...more,
  });
  return [
    {
      contract: "food",
      name: OIL,
      status: "stored",
      fields: lotNow(OIL, "山茶调和油 Camellia blend oil 500 ml", "ada", 118_000, {
        needs_test: true,
        test: "conformant",
        location: STORE,
        sscc: SSCC,
        made_from: [SEED, RAPE],
        occurred_at: at(-2),
      }),
      steps: [
        {
          action: "transform",
          by: ["press"],
          ago: 620,
          fields: {
            ...grown(OIL, "山茶调和油 Camellia blend oil 500 ml", "press", 240_000, -20),
            needs_test: true,
            yield: 3_400,
            inputs: [
              { lot: SEED, quantity: 600_000 },
              { lot: RAPE, quantity: 120_000 },
            ],
          },
        },
        { action: "sample", by: ["lab"], ago: 590, fields: occurred(-19) },
        {
          action: "report",
          by: ["lab"],
          ago: 540,
          fields: { conformant: true, ...occurred(-17) },
          evidence: [{ name: "检测报告 B261103.pdf", media: "application/pdf", size: "288412" }],
        },
        {
          action: "ship",
          by: ["press"],
          ago: 500,
          fields: { consignee: key("ada"), sscc: SSCC, ...occurred(-15) },
        },
        {
          action: "receive",
          by: ["ada"],
          ago: 430,
          fields: { location: STORE, late: true, ...occurred(-14) },
        },
        { action: "sell", by: ["ada"], ago: 120, fields: { quantity: 122_000, ...occurred(-2) } },
      ],
    },
    {
      contract: "food",
      name: SEED,
      status: "transformed",
      fields: lotNow(SEED, "油茶籽 Camellia seed", "press", 0, {}),
      steps: [
        {
          action: "commission",
          by: ["wuyuan"],
          ago: 800,
          fields: grown(SEED, "油茶籽 Camellia seed", "wuyuan", 600_000, -34),
        },
        {
          action: "ship",
          by: ["wuyuan"],
          ago: 780,
          fields: { consignee: key("press"), sscc: SSCC, ...occurred(-31) },
        },
        { action: "receive", by: ["press"], ago: 760, fields: { location: QUAY, ...occurred(-30) } },
      ],
    },
    {
      contract: "food",
      name: RAPE,
      status: "recalled",
      fields: lotNow(RAPE, "Rapeseed, organic", "heritage", 380_000, {
        recalled: true,
        reason: "Pesticide residue above the limit in a retained sample",
      }),
      steps: [
        {
          action: "commission",
          by: ["heritage"],
          ago: 810,
          fields: grown(RAPE, "Rapeseed, organic", "heritage", 500_000, -40),
        },
        {
          action: "recall",
          by: ["health"],
          ago: 60,
          fields: { reason: "Pesticide residue above the limit in a retained sample", ...occurred(-1) },
          evidence: [{ name: "抽检通报.pdf", media: "application/pdf", size: "91204" }],
        },
      ],
    },
    {
      contract: "food",
      name: CHILI,
      status: "commissioned",
      fields: lotNow(CHILI, "Chili crisp 210 g", "kitchen", 84_000, { made_from: [OIL] }),
      steps: [
        {
          action: "transform",
          by: ["kitchen"],
          ago: 110,
          fields: {
            ...grown(CHILI, "Chili crisp 210 g", "kitchen", 84_000, -2),
            inputs: [{ lot: OIL, quantity: 60_000 }],
          },
        },
      ],
    },
    {
      contract: "food",
      name: DRESSING,
      status: "commissioned",
      fields: lotNow(DRESSING, "Ginger dressing", "kitchen", 20_000, { made_from: [OIL] }),
      steps: [
        {
          action: "transform",
          by: ["kitchen"],
          ago: 90,
          fields: {
            ...grown(DRESSING, "Ginger dressing", "kitchen", 20_000, -1),
            inputs: [{ lot: OIL, quantity: 12_000 }],
          },
        },
      ],
    },
    {
      contract: "medicine",
      name: VACCINE,
      status: "on_hold",
      fields: {
        occurred_at: at(-1),
        gtin: VACCINE.split("/")[1],
        lot: "V26-1107",
        product: "吸附破伤风疫苗 Tetanus vaccine, adsorbed",
        doses: 20_000,
        expires: at(700),
        lowest: 200,
        highest: 800,
        interval: 600_000,
        read_until: at(-1),
        possessor: key("depot"),
        location: STORE,
      },
      steps: [
        {
          action: "manufacture",
          by: ["serum"],
          ago: 900,
          fields: {
            gtin: VACCINE.split("/")[1],
            lot: "V26-1107",
            product: "吸附破伤风疫苗 Tetanus vaccine, adsorbed",
            doses: 20_000,
            expires: at(700),
            lowest: 200,
            highest: 800,
            interval: 600_000,
            possessor: key("serum"),
            location: QUAY,
            ...occurred(-60),
          },
        },
        { action: "quarantine", by: ["serum"], ago: 880, fields: occurred(-59) },
        {
          action: "release",
          by: ["quality", "nmpa"],
          ago: 700,
          fields: occurred(-40),
          evidence: [{ name: "批签发证明.pdf", media: "application/pdf", size: "150333" }],
        },
        {
          action: "ship",
          by: ["serum"],
          ago: 300,
          fields: { consignee: key("depot"), sscc: SSCC, ...occurred(-4) },
        },
        { action: "receive", by: ["depot"], ago: 240, fields: { location: STORE, ...occurred(-3) } },
        {
          action: "log",
          by: ["depot"],
          ago: 40,
          fields: {
            readings: [
              { at: at(-1.02), celsius: 412 },
              { at: at(-1.01), celsius: 931 },
              { at: at(-1), celsius: 655 },
            ],
            until: at(-1),
            calibrated_until: at(90),
            ...occurred(-1),
          },
        },
      ],
    },
    {
      contract: "goods",
      name: TEASET,
      status: "suspect",
      fields: {
        gtin: TEASET.split("/")[1],
        serial: "JH-000417",
        product: "青花盖碗 Blue-and-white lidded bowl",
        commitment: hex("secret"),
        counter: 14,
        seen: [
          { region: "CN-31", at: at(-0.6) },
          { region: "DE", at: at(-0.4) },
          { region: "BR", at: at(-0.1) },
        ],
        possessor: key("linxiao"),
        before: "activated",
      },
      steps: [
        {
          action: "commission",
          by: ["porcelain"],
          ago: 700,
          fields: {
            gtin: TEASET.split("/")[1],
            serial: "JH-000417",
            product: "青花盖碗 Blue-and-white lidded bowl",
            possessor: key("porcelain"),
          },
        },
        { action: "tag", by: ["kiln"], ago: 690, fields: { commitment: hex("secret") } },
        { action: "distribute", by: ["porcelain", "ada"], ago: 500, fields: { receiver: key("ada") } },
        { action: "sell", by: ["ada"], ago: 330 },
        {
          action: "activate",
          by: ["linxiao"],
          ago: 320,
          fields: { owner: key("linxiao"), secret: "k7Qm-90Zt-Wd3x-11" },
        },
        { action: "scan", by: ["ada"], ago: 30, fields: { counter: 14, region: "BR" } },
      ],
    },
    {
      contract: "bill",
      name: BILL,
      status: "held",
      fields: {
        drawer: key("shipyard"),
        drawee: key("steel"),
        holder: key("bank"),
        amount: 48_650_000,
        currency: "CNY",
        maturity: at(64),
        transferable: true,
        endorsers: [
          { key: key("ada"), number: 1 },
          { key: key("linxiao"), number: 2 },
        ],
      },
      steps: [
        {
          action: "issue",
          by: ["shipyard"],
          ago: 640,
          fields: {
            drawer: key("shipyard"),
            drawee: key("steel"),
            payee: key("ada"),
            amount: 48_650_000,
            currency: "CNY",
            maturity: at(64),
            transferable: true,
          },
        },
        { action: "accept", by: ["steel"], ago: 600 },
        { action: "take", by: ["ada"], ago: 560 },
        {
          action: "endorse",
          by: ["ada"],
          ago: 410,
          fields: { endorsee: key("linxiao"), amount: 48_650_000 },
        },
        {
          action: "endorse",
          by: ["linxiao"],
          ago: 200,
          fields: { endorsee: key("bank"), amount: 48_650_000 },
        },
      ],
    },
    {
      contract: "certificate",
      name: MARRIAGE,
      status: "active",
      fields: {
        type: "marriage",
        holder: hex("lin"),
        spouse: hex("lindqvist"),
        subject: Object.keys(SUBJECT).map((name) => ({ name, digest: hex(name) })),
        issuer: [key("civil"), key("civil2")],
        valid_from: at(-12),
        held: hex("hold"),
      },
      steps: [
        {
          action: "draft",
          by: ["civil"],
          ago: 420,
          fields: {
            type: "marriage",
            holder: hex("lin"),
            spouse: hex("lindqvist"),
            subject: Object.keys(SUBJECT).map((name) => ({ name, digest: hex(name) })),
            valid_from: at(-12),
          },
        },
        { action: "issue", by: ["civil", "civil2"], ago: 400 },
        {
          action: "hold",
          by: ["health"],
          ago: 20,
          fields: { reason: "Order (2026) 沪0115民初 417: the register is to be compared first" },
        },
      ],
    },
    ...places.map((name) => ({
      contract: "certificate",
      name,
      status: "taken",
      fields: { certificate: MARRIAGE },
      steps: [],
      touched: true,
    })),
    {
      contract: "copyright",
      name: PHOTO,
      status: "licensed",
      fields: {
        title: "港口系列 Harbour series",
        work_type: "photographic",
        authors_named: [
          { name: "林晓", key: key("linxiao"), contribution: "photographs", share: 8_000 },
          { name: "Ada Lindqvist", key: key("ada"), contribution: "captions", share: 2_000 },
        ],
        unconfirmed: ["Ada Lindqvist"],
        holder: key("linxiao"),
        licence: "CC-BY-4.0",
        versions: 1,
      },
      steps: [
        {
          action: "register",
          by: ["linxiao"],
          ago: 850,
          fields: {
            title: "港口系列 Harbour series",
            work_type: "photographic",
            authors: [{ name: "林晓", key: key("linxiao"), contribution: "photographs", share: 8_000 }],
            claimant: key("linxiao"),
            completed: 2026,
            licence: "CC-BY-4.0",
          },
          evidence: [{ name: "港口 日出.jpg", media: "image/jpeg", size: "48211" }],
        },
      ],
    },
    {
      contract: "copyright",
      name: POSTER,
      status: "registered",
      fields: { title: "Harbour poster", work_type: "pictorial", holder: key("ada"), derived_from: [PHOTO] },
      steps: [
        {
          action: "register",
          by: ["ada"],
          ago: 210,
          fields: {
            title: "Harbour poster",
            work_type: "pictorial",
            authors: [{ name: "Ada Lindqvist", share: 10_000 }],
            claimant: key("ada"),
            derived_from: [PHOTO],
          },
        },
      ],
    },
  ];
}
