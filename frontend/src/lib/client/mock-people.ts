/** Who is who on the made-up ledger: keys, and what the register says of them. */
import { base64, hex } from "./mock-hash";

interface Person {
  person: string;
  organisation: string;
  vouchers: string[];
  roles: [contract: string, role: string, scope?: string][];
  withdrawn?: string;
}

const COURT = "Harbour District Court";
const NOTARY = "滨海公证处";
const MUSEUM = "Museum of Maritime Art";

const people: { [name: string]: Person } = {
  ada: {
    person: "Ada Lindqvist",
    organisation: "Harbour Foods",
    vouchers: [NOTARY],
    roles: [
      ["food", "retailer"],
      ["goods", "retailer"],
    ],
  },
  wuyuan: {
    person: "程有田",
    organisation: "婺源油茶合作社",
    vouchers: [NOTARY],
    roles: [["food", "producer"]],
  },
  heritage: {
    person: "Marta Keller",
    organisation: "Heritage Seeds GmbH",
    vouchers: [MUSEUM],
    roles: [["food", "producer"]],
  },
  press: { person: "李敏", organisation: "滨海榨油厂", vouchers: [NOTARY], roles: [["food", "processor"]] },
  kitchen: {
    person: "Wei Zhang",
    organisation: "Old Quay Kitchen",
    vouchers: [NOTARY],
    roles: [["food", "processor"]],
  },
  lab: {
    person: "Dr. Okoro",
    organisation: "Harbour Food Laboratory",
    vouchers: [COURT, NOTARY],
    roles: [["food", "laboratory"]],
  },
  health: {
    person: "市场监管局",
    organisation: "滨海区市场监督管理局",
    vouchers: [COURT],
    roles: [
      ["food", "regulator"],
      ["medicine", "regulator"],
    ],
  },
  serum: {
    person: "何静",
    organisation: "江南生物制品",
    vouchers: [NOTARY],
    roles: [["medicine", "manufacturer"]],
  },
  quality: {
    person: "周岩",
    organisation: "江南生物制品",
    vouchers: [NOTARY],
    roles: [["medicine", "quality"]],
  },
  nmpa: {
    person: "批签发处",
    organisation: "国家药品监督管理局",
    vouchers: [COURT, NOTARY],
    roles: [["medicine", "authority"]],
  },
  depot: {
    person: "Cold Store 3",
    organisation: "Harbour Depot",
    vouchers: [NOTARY],
    roles: [["medicine", "clinic"]],
  },
  civil: {
    person: "王登记员",
    organisation: "滨海区民政局",
    vouchers: [COURT],
    roles: [["certificate", "issuer", "marriage"]],
  },
  civil2: {
    person: "陈登记员",
    organisation: "滨海区民政局",
    vouchers: [COURT],
    roles: [["certificate", "issuer", "marriage"]],
  },
  shipyard: { person: "Pilar Ortega", organisation: "Ortega Shipyard", vouchers: [NOTARY], roles: [] },
  steel: { person: "钢联", organisation: "东海钢铁", vouchers: [NOTARY], roles: [] },
  bank: { person: "Trade desk", organisation: "Harbour Bank", vouchers: [COURT], roles: [["bill", "bank"]] },
  porcelain: {
    person: "景华瓷业",
    organisation: "景华瓷业有限公司",
    vouchers: [MUSEUM],
    roles: [["goods", "brand"]],
  },
  kiln: {
    person: "二号窑",
    organisation: "景华瓷业有限公司",
    vouchers: [MUSEUM],
    roles: [["goods", "factory"]],
  },
  linxiao: { person: "林晓", organisation: "", vouchers: [MUSEUM], roles: [] },
  ghost: {
    person: "Former Trader",
    organisation: "Quay Imports",
    vouchers: [NOTARY],
    roles: [],
    withdrawn: "licence lapsed",
  },
};

export const key = (name: string) => `${name}+${hex(name).slice(0, 8)}+${base64(name)}`;

export function personOf(verifier: string): Person | undefined {
  return people[verifier.split("+")[0]!];
}
