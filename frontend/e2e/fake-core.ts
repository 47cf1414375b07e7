/**
 * Takes the place of wasm_exec.js in the worker: the mock behind the very
 * globals that the Go core sets, so that the shipped page, transport and worker
 * are what is tested.
 */
import { MockLedger } from "../src/lib/client/mock";
import type { Sink } from "../src/lib/client/sinks";

interface Open {
  size: number;
  start: string;
}

interface CoreScope {
  Go: unknown;
  evidentEvent(json: string): void;
}

class Go {
  argv: string[] = [];
  importObject = {};

  run(): Promise<void> {
    const scope = globalThis as unknown as CoreScope & { [name: string]: unknown };
    const address = new URL(this.argv[1]!);
    const ledger = new MockLedger();
    const digests = new Map<number, Open>();
    ledger.stale = address.searchParams.has("stale");
    ledger.down = address.searchParams.has("down");
    ledger.pinned = address.searchParams.has("pinned");
    if (address.searchParams.has("nokey")) ledger.files.keyNames = [];
    ledger.files.sample = Number(address.searchParams.get("sample") ?? 0);
    ledger.files.erased = address.searchParams.has("erased");
    ledger.onEvent((json) => scope.evidentEvent(json));
    scope.evidentHold = () => {};
    scope.evidentRead = async (token: string, offset: number, length: number) =>
      new Uint8Array(ledger.files.read(token, offset, length));
    scope.evidentFetch = async (record: string, index: number, sink: Sink) => {
      const job = ledger.files.fetch({ record, index });
      await sink.open(job.name, Number(job.size));
      await sink.commit();
      return JSON.stringify({ ok: job });
    };
    scope.evidentProof = async () => "";
    scope.evidentExport = async (params: string, sink: Sink) => {
      await sink.open("", 0);
      await sink.commit();
      return ledger.invoke("export", params);
    };
    scope.evidentVerifyPackage = async () => JSON.stringify({ ok: ledger.package() });
    scope.evidentInvoke = (method: string, params: string) => ledger.invoke(method, params);
    scope.evidentDigestOpen = () => {
      digests.set(digests.size, { size: 0, start: "" });
      return digests.size - 1;
    };
    scope.evidentDigestWrite = (handle: number, slice: Uint8Array) => {
      const digest = digests.get(handle)!;
      digest.start ||= new TextDecoder().decode(slice.subarray(0, 64));
      digest.size += slice.length;
    };
    scope.evidentDigestClose = (handle: number) => JSON.stringify(ledger.digest(digests.get(handle)!));
    if (!ledger.down && !ledger.stale && !address.searchParams.has("still"))
      setInterval(() => ledger.advance(), 1_500);
    return new Promise(() => {});
  }
}

(globalThis as unknown as CoreScope).Go = Go;
