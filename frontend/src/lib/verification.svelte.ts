/** A proof and, if the reader has it, the file it is about, or a whole package, on their way to a verdict. */
import { asClientError, type ClientError } from "./client/envelope";
import { MAX_PROOF_BYTES } from "./client/proof-file";
import type { Client, FileDigest, LocalFile, PackageReport, Report } from "./client";
import { unpackProof } from "./proof-link";
import { compareTrust } from "./trust-root";

interface ProofFile {
  name: string;
  text: string;
}

export class Verification {
  proof = $state.raw<ProofFile | null>(null);
  file = $state.raw<LocalFile | null>(null);
  /** A package has proof and files inside. */
  package = $state.raw<LocalFile | null>(null);
  packageReport = $state.raw<PackageReport | null>(null);
  hashing = $state.raw<{ done: number; size: number } | null>(null);
  checking = $state(false);
  report = $state.raw<Report | null>(null);
  checkedAt = $state(0);
  error = $state.raw<ClientError | null>(null);
  /** A proof was asked for and something else was given. */
  refused = $state<"notProof" | "tooBig" | null>(null);

  /** What the reader holds of the ledger to trust: its fingerprint, or its twelve words. */
  named = $state("");

  /** Fingerprints that a person has compared. */
  #confirmed = new Set<string>();
  #digest: FileDigest | null = null;
  #asked = 0;
  #work: AbortController | null = null;

  constructor(readonly client: Client) {}

  get withFile(): boolean {
    return this.file !== null || this.packageReport?.stages.some(isContentPassed) === true;
  }

  /** What was found, of a proof or of a package. */
  get answer(): Report | PackageReport | null {
    return this.report ?? this.packageReport;
  }

  /** What was found, if it is a state, a refusal or an accusation. */
  get other(): Report | null {
    const report = this.report;
    return report && (report.item || report.refusal || report.accusation) ? report : null;
  }

  /** Sorts what was handed over into proof and file, then checks. */
  async add(files: LocalFile[], wanted: "either" | "proof" = "either"): Promise<void> {
    this.refused = null;
    this.error = null;
    try {
      for (const file of files) {
        if (file.size !== null && file.size > MAX_PROOF_BYTES && wanted === "proof") {
          this.refused = "tooBig";
          return;
        }
        if (await this.client.isPackage(file)) {
          this.reset();
          this.package = file;
          continue;
        }
        const text = await this.client.readProof(file);
        if (text !== null) this.proof = { name: file.name, text };
        else if (wanted === "proof") this.refused = "notProof";
        else this.#setFile(file);
      }
      await this.check();
    } catch (thrown) {
      this.error = asClientError(thrown);
    }
  }

  /** Takes a proof out of a link. */
  async addLink(packed: string): Promise<void> {
    const text = await unpackProof(packed);
    this.reset();
    if (text === null) {
      this.refused = "notProof";
      return;
    }
    this.proof = { name: "", text };
    await this.check();
  }

  /** Only the newest question is answered; what it replaces ends silently. */
  async check(): Promise<void> {
    if (this.package) return this.#checkPackage(this.package);
    if (!this.proof) return;
    const mine = ++this.#asked;
    const proof = this.proof.text;
    this.error = null;
    this.checking = true;
    try {
      const file = await this.#digested();
      const report = await this.#verify({ proof, ...(file && { file }) });
      if (mine !== this.#asked) return;
      this.report = report;
      this.checkedAt = Date.now();
    } catch (thrown) {
      if (mine !== this.#asked) return;
      this.report = null;
      this.error = asClientError(thrown);
    } finally {
      if (mine === this.#asked) this.checking = false;
    }
  }

  /** Reads the package once, and once more if the ledger it leads to was confirmed or named. */
  async #checkPackage(file: LocalFile): Promise<void> {
    const mine = ++this.#asked;
    const work = (this.#work = new AbortController());
    const verify = (genesis: string) => {
      this.hashing = { done: 0, size: file.size ?? 0 };
      return this.client.verifyPackage(file, genesis, {
        signal: work.signal,
        onProgress: (done, size) => {
          if (this.#work === work) this.hashing = { done, size };
        },
      });
    };
    this.error = null;
    try {
      let report = await verify("");
      if (report.verdict === "unknown ledger" && this.#trusts(report))
        report = await verify(report.fingerprint);
      if (mine !== this.#asked) return;
      this.packageReport = report;
      this.checkedAt = Date.now();
    } catch (thrown) {
      if (mine !== this.#asked || work.signal.aborted) return;
      this.packageReport = null;
      this.error = asClientError(thrown);
    } finally {
      if (this.#work === work) this.hashing = null;
    }
  }

  #trusts(report: Report | PackageReport): boolean {
    return this.#confirmed.has(report.fingerprint) || compareTrust(this.named, report) === "same";
  }

  /** A person says that the words, or the fingerprint, are those of a copy they trust. */
  async confirm(): Promise<void> {
    if (!this.answer) return;
    this.#confirmed.add(this.answer.fingerprint);
    await this.check();
  }

  removeFile(): void {
    this.#setFile(null);
    this.report = null;
    void this.check();
  }

  reset(): void {
    this.#asked++;
    this.checking = false;
    this.proof = this.report = this.error = this.refused = null;
    this.package = this.packageReport = null;
    this.#setFile(null);
  }

  #setFile(file: LocalFile | null): void {
    this.#work?.abort();
    this.file = file;
    this.#digest = null;
    this.hashing = null;
  }

  async #verify(params: { proof: string; file?: FileDigest }): Promise<Report> {
    const report = await this.client.call("verify", params);
    if (report.verdict !== "unknown ledger" || !this.#trusts(report)) return report;
    return this.client.call("verify", { ...params, genesis: report.fingerprint });
  }

  async #digested(): Promise<FileDigest | null> {
    if (!this.file || this.#digest) return this.#digest;
    const work = (this.#work = new AbortController());
    this.hashing = { done: 0, size: this.file.size ?? 0 };
    try {
      this.#digest = await this.client.digest(this.file, {
        signal: work.signal,
        onProgress: (done, size) => {
          if (this.#work === work) this.hashing = { done, size };
        },
      });
      return this.#digest;
    } finally {
      if (this.#work === work) this.hashing = null;
    }
  }
}

function isContentPassed({ name, status }: { name: string; status: string }): boolean {
  return name === "content" && status === "passed";
}
