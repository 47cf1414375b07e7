/** A made-up package, as its verification would tell of it. */
import { hex } from "./mock-hash";
import type { PackageReport, Stage } from "./types.gen";

const FOUND: [name: string, status: Stage["status"], en: string, zh: string][] = [
  [
    "container",
    "passed",
    "33 entries, 271,482 bytes, in the one spelling that a package has.",
    "33 个条目、271,482 字节，格式唯一且规范。",
  ],
  ["manifest", "passed", "The manifest lists exactly these entries.", "清单所列与实际条目完全一致。"],
  ["sums", "passed", "SHA256SUMS has the digest of every other entry.", "SHA256SUMS 含其余各条目的摘要。"],
  ["proofs", "passed", "3 proofs hold.", "3 份证明全部成立。"],
  [
    "artefacts",
    "passed",
    "The texts for other programs are those in the proofs.",
    "供其他程序使用的文本与证明一致。",
  ],
  [
    "content",
    "passed",
    "2 files are in the package, and they are the ones recorded; 1 are left out.",
    "文件包内含 2 个文件，均与记录一致；另有 1 个未收入。",
  ],
  [
    "pages",
    "passed",
    "The certificate and the other texts for people are those that the proofs give.",
    "证明书及其他供阅读的文本均与证明一致。",
  ],
  ["custody", "absent", "The package has no log of custody.", "文件包不含保管记录。"],
  [
    "independent time",
    "absent",
    "The package has no time stamp from outside the ledger.",
    "文件包不含账本之外的时间戳。",
  ],
  ["renewal", "absent", "The package was not renewed.", "文件包未经更新。"],
];

export function packageReport(
  ledger: string,
  fingerprint: string,
  words: string[],
  at: number,
): PackageReport {
  return {
    verdict: "valid",
    exit: 0,
    stages: FOUND.map(([name, status, en, zh]) => ({ name, status, en, zh })),
    ledger,
    fingerprint,
    words,
    manifestSha256: hex("manifest"),
    exporter: "evident v1.0.0",
    exportedAt: at + 86_400_000,
    records: ["harbour.jpg", "港口 日出.mp4", ""].map((name, i) => ({
      id: hex(`package ${i}`),
      height: String(1280 + i),
      existedBy: at + i * 60_000,
      verdict: "valid",
      contract: "copyright",
      action: "register",
      by: [{ name: "ada", key: "ada+1a2b3c4d+AQ" }],
      evidence: [
        {
          name,
          size: String(48_211 * (i + 1) ** 4),
          media: "",
          mode: name ? "digest" : "sealed",
          sha256: name ? hex(name) : "",
          commit: "",
          cid: `bafybei${hex(`file ${i}`).slice(0, 52)}`,
        },
      ],
      private: i === 0 ? [{ name: "born", value: "1996-02-29" }] : [],
    })),
  };
}
