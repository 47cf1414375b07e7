/**
 * A made-up ledger behind the same seam, for tests and for looking at pages.
 * It verifies nothing, and nothing that is shipped may import it.
 */
import { MockContracts } from "./mock-contracts";
import { MockFailure } from "./mock-failure";
import { MockFiles } from "./mock-files";
import { base64, hex } from "./mock-hash";
import { packageReport } from "./mock-packages";
import type * as seam from "./types.gen";

export { hex } from "./mock-hash";

type Answer = object;
type Handler = (params: never) => Answer;

const MEMBERS = [
  ["court.harbour.example", "Harbour District Court", "CN-310115-C-0007", "court"],
  ["notary.harbour.example", "滨海公证处", "CN-310115-N-0142", "notary"],
  ["museum.harbour.example", "Museum of Maritime Art", "GB-CC-1089230", "registrar"],
  ["guild.harbour.example", "Guild of Photographers", "DE-HRB-220417", "registrar"],
] as const;

export const WORDS =
  "harvest ocean velvet captain mirror walnut orbit gentle plastic season admit lantern".split(" ");
export const OTHER_WORDS =
  "anchor bright canvas dune ember forest glance humble island jungle kitten lemon".split(" ");
const LEDGER = "harbour.example/1f0a9c3b55d20e77";
const FINGERPRINT = "1f0a9c3b55d20e77" + hex("genesis").slice(16);
const OTHER_FINGERPRINT = hex("another genesis");
const BLOCK_MS = 6_000;

const EVIDENCE: seam.Evidence[] = [
  {
    name: "港口 日出.jpg",
    size: "48211",
    media: "image/jpeg",
    mode: "digest",
    sha256: hex("photo"),
    commit: "",
    cid: `bafybei${hex(hex("photo")).slice(0, 52)}`,
  },
  {
    name: "catalogue.pdf",
    size: "1288490",
    media: "application/pdf",
    mode: "public",
    sha256: hex("catalogue"),
    commit: "",
    cid: `bafybei${hex("catalogue in public").slice(0, 52)}`,
  },
  {
    name: "",
    size: "3221225920",
    media: "",
    mode: "sealed",
    sha256: "",
    commit: base64("commitment"),
    cid: `bafybei${hex("sealed").slice(0, 52)}`,
  },
];
/** What a file must begin with to count as recorded. */
export const RECORDED_MARK = "recorded";
export const RECORDED_ID = hex("record 1284 0");

export class MockLedger {
  height = 1284;
  stale = false;
  pinned = false;
  down = false;
  readonly contracts = new MockContracts(this);
  readonly files = new MockFiles(this);
  #listeners: ((json: string) => void)[] = [];
  #start: number;

  constructor(readonly now: () => number = Date.now) {
    this.#start = now() - this.height * BLOCK_MS - 2_500;
  }

  /** The in-band envelope, as every transport carries it. */
  async invoke(method: string, params: string): Promise<string> {
    try {
      if (this.down) throw new MockFailure("unavailable", "dial tcp 127.0.0.1:7080: connection refused");
      const handler = this.#handlers[method as keyof seam.Methods];
      if (!handler) throw new MockFailure("bad_request", `no method ${method}`);
      return JSON.stringify({ ok: handler(JSON.parse(params) as never) });
    } catch (thrown) {
      if (!(thrown instanceof MockFailure)) throw thrown;
      return JSON.stringify({ error: { code: thrown.code, message: thrown.message, hint: thrown.hint } });
    }
  }

  onEvent(listener: (json: string) => void): void {
    this.#listeners.push(listener);
  }

  emit(event: seam.LedgerEvent): void {
    for (const listener of this.#listeners) listener(JSON.stringify(event));
  }

  /** Makes the next block final. */
  advance(): void {
    this.height++;
    this.#start = this.now() - this.height * BLOCK_MS - 200;
    this.emit({ kind: "block", block: this.#summary(this.height) });
  }

  digest(bytes: { size: number; start: string }): seam.FileDigest {
    const sha256 = bytes.start.startsWith(RECORDED_MARK) ? hex("photo") : hex(`${bytes.size} ${bytes.start}`);
    return { sha256, cid: `bafybei${hex(sha256).slice(0, 52)}`, size: String(bytes.size) };
  }

  readonly #handlers: { [M in keyof seam.Methods]: Handler } = {
    ...this.contracts.handlers,
    ...this.files.handlers,
    status: () => this.#status(),
    blocks: ({ before, limit }: seam.BlocksParams) => {
      const from = before === undefined ? this.height : Number(before) - 1;
      const heights = Array.from({ length: limit }, (_, i) => from - i).filter((height) => height >= 0);
      return { blocks: heights.map((height) => this.#summary(height)) };
    },
    block: ({ height }: seam.BlockParams) => this.#block(this.#known(height)),
    record: ({ id }: seam.RecordParams) => this.contracts.record(id) ?? this.#record(id),
    members: () => ({ members: MEMBERS.map((_, i) => this.#member(i)) }),
    lookup: ({ sha256 }: seam.LookupParams) => this.#lookup(sha256),
    search: ({ query }: seam.SearchParams) => this.#search(query),
    verify: (params: seam.VerifyParams) => this.#verify(params),
    trust: ({ genesis }: seam.TrustParams) => {
      if (genesis === FINGERPRINT) this.pinned = true;
      return { fingerprint: FINGERPRINT, words: WORDS, pinned: this.pinned };
    },
    inspect: ({ path }: seam.PathParams) => {
      const name = path.split("/").at(-1)!;
      return {
        name,
        size: "48211",
        proof: name.endsWith(".evident") ? proofText("valid") : "",
        package: name.endsWith(".zip"),
      };
    },
    digest: ({ job, path }: seam.DigestParams) => {
      this.emit({ kind: "progress", job, done: "24000", size: "48211" });
      return this.digest({ size: 48211, start: path.includes("日出") ? RECORDED_MARK : path });
    },
    verifyPackage: () => this.package(),
    export: ({ records }: seam.ExportParams) => ({
      path: `/home/ada/${records[0]!.slice(0, 16)}.zip`,
      records: records.length,
      files: 0,
      size: "184211",
    }),
    saveProof: ({ id }: seam.RecordParams) => ({ path: `/home/ada/${id.slice(0, 16)}.evident` }),
  };

  package(): seam.PackageReport {
    return packageReport(LEDGER, FINGERPRINT, WORDS, this.timeOf(40));
  }

  timeOf(height: number): number {
    return this.#start + height * BLOCK_MS;
  }

  #known(height: string): number {
    const value = Number(height);
    if (value > this.height) throw new MockFailure("not_found", `block ${height} is not final`);
    return value;
  }

  #status(): seam.Status {
    const ages = this.stale ? 187_000 : this.now() - this.timeOf(this.height);
    return {
      ledger: LEDGER,
      name: "Harbour Consortium",
      words: WORDS,
      fingerprint: FINGERPRINT,
      height: String(this.height),
      headTime: this.timeOf(this.height),
      headAgeMs: ages,
      stale: this.stale,
      members: 4,
      quorum: 3,
      sources: MEMBERS.map(([name], i) => ({
        url: `http://127.0.0.1:${7080 + i}`,
        member: name,
        state: this.stale && i === 2 ? "lied" : i === 3 ? "down" : "ok",
        height: String(this.height),
        error: i === 3 ? "connection refused" : "",
      })),
    };
  }

  #summary(height: number): seam.BlockSummary {
    return {
      height: String(height),
      time: this.timeOf(height) - 9,
      records: height % 3 === 0 ? 0 : ((height * 7) % 23) + 1,
      hash: hex(`header ${height}`),
      notBefore: this.timeOf(height),
      cosigners: height % 5 === 0 ? 3 : 4,
      badge: "proven",
    };
  }

  #cosignatures(height: number): seam.Cosignature[] {
    const summary = this.#summary(height);
    return MEMBERS.slice(0, summary.cosigners).map(([member, organisation], i) => ({
      member,
      organisation,
      time: summary.notBefore + i,
    }));
  }

  #header(height: number): string {
    return [
      "evident/block/v1",
      `ledger ${LEDGER}`,
      `height ${height}`,
      `parent ${base64(`header ${height - 1}`)}`,
      `time ${this.#summary(height).time}`,
      `records ${this.#summary(height).records} ${base64(`records ${height}`)}`,
      `state ${base64(`state ${height}`)}`,
      `members ${base64("members")}`,
      `next ${base64("members")}`,
      "",
    ].join("\n");
  }

  #certificate(height: number): string {
    const lines = this.#cosignatures(height).map(
      ({ member }) => `— ${member} ${base64(`${member} ${height}`)}`,
    );
    return [LEDGER, height + 1, base64(`root ${height}`), "", ...lines, ""].join("\n");
  }

  proofOf(height: number, id: string | null, note = this.#note(height)): seam.Proof {
    return {
      height: String(height),
      header: this.#header(height),
      headerHash: hex(`header ${height}`),
      inclusion: Array.from({ length: 11 }, (_, i) => base64(`inclusion ${height} ${i}`)),
      size: String(this.height + 1),
      root: base64(`root ${this.height}`),
      certificate: this.#certificate(height),
      cosignatures: this.#cosignatures(height),
      members: 4,
      quorum: 3,
      record:
        id === null
          ? null
          : {
              id,
              note,
              index: 0,
              count: Math.max(1, this.#summary(height).records),
              path: Array.from({ length: 5 }, (_, i) => base64(`path ${id} ${i}`)),
            },
      state: null,
    };
  }

  #note(height: number): string {
    const json = `{"action":"deposit","after":{"root":"${base64("after")}","size":${height}},"at":${this.timeOf(height) - 1800},"by":["ada+1a2b3c4d+${base64("ada")}"],"contract":"notes","evidence":[{"cid":"bafybei${hex(hex("photo")).slice(0, 52)}","media":"image/jpeg","name":"港口 日出.jpg","sha256":"${hex("photo")}","size":48211}],"fields":{"statement":"First draft of the harbour series"},"item":"","ledger":"${LEDGER}","nonce":"7f3a","prev":"","seq":1,"version":1}`;
    return `evident/record/v1\n${json}\n\n— ada ${base64(`signature ${height}`)}\n`;
  }

  #recordSummary(height: number, index: number): seam.RecordSummary {
    return {
      id: hex(`record ${height} ${index}`),
      height: String(height),
      index,
      contract: "notes",
      action: index % 4 === 3 ? "correct" : "deposit",
      item: "",
      at: this.timeOf(height) - 1800 + index * 31,
      by: [
        {
          name: ["ada", "林晓", "gallery.example"][index % 3]!,
          key: `ada+1a2b3c4d+${base64(`key ${index % 3}`)}`,
        },
      ],
      evidence: 1,
      badge: "proven",
    };
  }

  #block(height: number): seam.Block {
    const summary = this.#summary(height);
    return {
      summary,
      header: this.#header(height),
      parent: hex(`header ${height - 1}`),
      recordsRoot: hex(`records ${height}`),
      stateRoot: hex(`state ${height}`),
      certificate: this.#certificate(height),
      cosignatures: this.#cosignatures(height),
      records: Array.from({ length: summary.records }, (_, i) => this.#recordSummary(height, i)),
      proof: this.proofOf(height, null),
    };
  }

  #record(id: string, disclosed = false): seam.LedgerRecord {
    const height = this.#heightOf(id);
    const summary = this.#recordSummary(height, 0);
    return {
      ...summary,
      id,
      version: 1,
      seq: 1,
      prev: "",
      item: id,
      fields: {
        statement: "First draft of the harbour series.\n港口系列初稿，摄于日出前。",
        title: "Harbour at dawn \u202egpj.exe",
        markup: "<img src=x onerror=alert(1)>",
      },
      evidence: disclosed
        ? EVIDENCE.map((file) => (file.mode === "sealed" ? { ...file, sha256: hex("sealed file") } : file))
        : EVIDENCE,
      signedAfter: { size: String(height), root: base64("after"), time: this.timeOf(height - 1) },
      existedBy: this.timeOf(height),
      note: this.#note(height),
      badges: {
        height: "proven",
        author: "proven",
        at: "claimed",
        fields: "claimed",
        evidence: "claimed",
        signedAfter: "proven",
        existedBy: "proven",
        state: height % 2 ? "unverified" : "proven",
      },
      state: {
        present: true,
        value: `{"record":"${id.slice(0, 16)}…","seq":1}`,
        seq: 1,
        height: String(height),
      },
      proof: this.proofOf(height, id),
      proofFile: proofText("valid"),
    };
  }

  #heightOf(id: string): number {
    for (let height = this.height; height > this.height - 100; height--) {
      for (let index = 0; index < 24; index++) {
        if (hex(`record ${height} ${index}`) === id) return height;
      }
    }
    throw new MockFailure("not_found", `no record ${id}`);
  }

  #member(i: number): seam.Member {
    const [name, organisation, registry, role] = MEMBERS[i]!;
    const height = i === 3 ? this.height - 4 : this.height;
    return {
      name,
      organisation,
      registry,
      roles: ["member", role],
      key: `${name}+${hex(name).slice(0, 8)}+${base64(name)}`,
      node: `12D3KooW${base64(`node ${name}`).replace(/[+/=]/g, "").slice(0, 44)}`,
      addresses: [`/ip4/127.0.0.1/tcp/${7180 + i}`, `http://127.0.0.1:${7080 + i}`],
      lastCosigned: { height: String(height), time: this.timeOf(height) },
    };
  }

  #lookup(sha256: string): seam.Lookup {
    const found = sha256 === hex("photo");
    return {
      found,
      record: found ? this.#recordSummary(1284, 0) : null,
      existedBy: found ? this.timeOf(1284) : 0,
      provenAbsentAtHeight: found ? "" : String(this.height),
      proof: {
        ...this.proofOf(found ? 1284 : this.height, found ? RECORDED_ID : null),
        state: {
          space: "digest",
          name: sha256,
          value: found ? `{"record":"${RECORDED_ID}"}` : "",
          proof: base64("state"),
        },
      },
    };
  }

  #search(query: string): seam.Search {
    if (query.includes("nothing")) return { hits: [] };
    const records = [0, 1, 2].map((i) => this.#recordSummary(1283 + (i % 2), i));
    return { hits: records.map((record) => ({ kind: "record", record, block: null })) };
  }

  #verify({ proof, file, genesis }: seam.VerifyParams): seam.Report {
    const kind = /"mock":"([a-z ]+)"/.exec(proof)?.[1] ?? "altered";
    const foreign = kind === "unknown ledger" && genesis !== OTHER_FINGERPRINT;
    const disclosed = kind === "disclosed";
    const altered = kind === "altered" || (file !== undefined && file.sha256 !== hex("photo"));
    const verdict = altered
      ? "altered"
      : foreign
        ? "unknown ledger"
        : kind === "incomplete"
          ? "incomplete"
          : "valid";
    const stage = (name: string, status: seam.Stage["status"], en = "", zh = en): seam.Stage => ({
      name,
      status,
      en,
      zh,
    });
    return {
      verdict,
      exit: verdict === "valid" ? 0 : verdict === "altered" ? 1 : 2,
      stages: [
        stage("container", "passed", "evident/proof/v1, 2,914 bytes"),
        file
          ? stage(
              "content",
              altered ? "failed" : "passed",
              altered ? "the file's SHA-256 is not the recorded one" : "SHA-256 and size match",
            )
          : stage("content", "absent", "no file was given"),
        disclosed
          ? stage(
              "disclosure",
              "passed",
              "The digests of 1 sealed files are disclosed, and they are the ones recorded.",
              "已披露 1 个密封文件的摘要，与记录相符。",
            )
          : stage("disclosure", "absent", "The proof discloses no hidden value.", "证明未披露任何隐藏值。"),
        stage("record signature", "passed", "ada+1a2b3c4d"),
        stage("inclusion", kind === "altered" ? "failed" : "passed", "leaf 0 of 13, 4 hashes"),
        stage("certificate", kind === "altered" ? "not run" : "passed", "4 of 4 members, quorum 3"),
        stage(
          "member history",
          foreign ? "failed" : "passed",
          foreign ? "the genesis is not the pinned one" : "genesis set, no change",
        ),
        stage("consistency", "absent"),
        stage("state", "absent"),
        stage("anchors", "not run"),
      ],
      ledger: LEDGER,
      fingerprint: foreign ? OTHER_FINGERPRINT : FINGERPRINT,
      words: foreign ? OTHER_WORDS : WORDS,
      record: kind === "altered" ? null : this.#record(RECORDED_ID, disclosed),
      private: [],
      item: null,
      refusal: null,
      accusation: null,
    };
  }
}

/** A file the mock verifies to the verdict asked for. */
export function proofText(verdict: seam.Report["verdict"]): string {
  return `{"format":"evident/proof/v1","mock":"${verdict}"}`;
}
