import { describe, expect, test, vi } from "vitest";
import { asClientError, ClientError, open } from "$lib/client/envelope";
import { readProofText } from "$lib/client/proof-file";
import { feed } from "$lib/client/slices";
import { connectDesktop } from "$lib/client/wails";
import { Core } from "$lib/client/core";
import type { LedgerEvent } from "$lib/client";
import { languages } from "$lib/i18n";
import { problem } from "$lib/problems";

describe("envelope", () => {
  test("opens a value", () => expect(open('{"ok":{"height":"3"}}')).toEqual({ height: "3" }));
  test("opens an absent value", () => expect(open('{"ok":null}')).toBeNull());

  test.each([
    {
      name: "an error",
      envelope: '{"error":{"code":"lied","message":"m","hint":"h"}}',
      code: "lied",
      message: "m",
    },
    { name: "an error without code", envelope: '{"error":{}}', code: "internal", message: "" },
    { name: "both", envelope: '{"ok":1,"error":{"code":"lied"}}', code: "internal" },
    { name: "neither", envelope: "{}", code: "internal" },
    { name: "no object", envelope: "[1]", code: "internal" },
    { name: "no JSON", envelope: "<html>", code: "internal" },
    { name: "nothing", envelope: "", code: "internal" },
  ])("throws for $name", ({ envelope, code, message }) => {
    const error = thrown(() => open(envelope));
    expect(error.code).toBe(code);
    if (message !== undefined) expect(error.message).toBe(message);
  });

  test("anything thrown becomes a client error", () => {
    expect(asClientError(new TypeError("x")).message).toBe("x");
    expect(asClientError(new DOMException("", "AbortError")).code).toBe("cancelled");
  });
});

describe("problem", () => {
  test("known codes are said in the reader's language, the detail kept", () => {
    const shown = problem(new ClientError("unavailable", "refused", ""), languages.zh);
    expect(shown).toEqual({ sentence: "没有节点应答。", next: expect.any(String), detail: "refused" });
  });
  test("unknown codes fall back to what the light client said", () => {
    const shown = problem(new ClientError("toString", "Odd.", "Do this."), languages.en);
    expect(shown).toEqual({ sentence: "Odd.", next: "Do this.", detail: "toString" });
  });
});

describe("feed", () => {
  const work = (controller = new AbortController()) => ({ signal: controller.signal, onProgress: vi.fn() });

  test.each([
    { size: 0, want: [] },
    { size: 1, want: [1] },
    { size: 4, want: [4] },
    { size: 9, want: [4, 4, 1] },
  ])("$size bytes in slices of four", async ({ size, want }) => {
    const written: number[] = [];
    const progress = work();
    await feed(blank(size), async (slice) => void written.push(slice.byteLength), progress, 4);
    expect(written).toEqual(want);
    expect(progress.onProgress).toHaveBeenLastCalledWith(size, size);
  });

  test("keeps the bytes in order", async () => {
    const bytes: number[] = [];
    const file = new Blob([Uint8Array.from({ length: 10 }, (_, i) => i)]);
    await feed(readable(file), async (slice) => void bytes.push(...new Uint8Array(slice)), work(), 3);
    expect(bytes).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
  });

  test("holds no more than the slice being written and the one ahead", async () => {
    let reads = 0;
    let writes = 0;
    let most = 0;
    const file = { ...blank(40), slice: (from: number, to: number) => (reads++, blank(40).slice(from, to)) };
    const write = async () => {
      writes++;
      most = Math.max(most, reads - writes + 1);
    };
    await feed(file, write, work(), 4);
    expect(most).toBe(2);
  });

  test("stops between slices when cancelled", async () => {
    const controller = new AbortController();
    const written: number[] = [];
    const write = async (slice: ArrayBuffer) => {
      written.push(slice.byteLength);
      if (written.length === 2) controller.abort();
    };
    await expect(feed(blank(100), write, work(controller), 4)).rejects.toMatchObject({ code: "cancelled" });
    expect(written).toEqual([4, 4]);
  });

  test("a file that shrinks while it is read is an error", async () => {
    const file = { size: 8, slice: () => ({ arrayBuffer: async () => new ArrayBuffer(0) }) };
    await expect(feed(file, async () => {}, work(), 4)).rejects.toThrow("shorter");
  });
});

describe("proof files", () => {
  const proof = '{"format":"evident/proof/v1"}';
  test.each([
    { name: "by name", file: "a.EVIDENT", text: "anything", want: "anything" },
    { name: "by content", file: "a.json", text: proof, want: proof },
    { name: "an accusation by name", file: "a.accusation", text: "anything", want: "anything" },
    ...["state/v1", "refused/v1", "accusation/v1", "proof/v2"].map((format) => {
      const text = `{ "format" : "evident/${format}"`;
      return { name: `${format} by content`, file: "a.txt", text, want: text };
    }),
    { name: "another format", file: "a.json", text: '{"format":"evident/package/v1"}', want: null },
    { name: "another JSON", file: "a.json", text: "{}", want: null },
    { name: "a picture that mentions it", file: "a.jpg", text: `JFIF ${proof}`, want: null },
  ])("$name", async ({ file, text, want }) => {
    expect(await readProofText(textual(new Blob([text])), file)).toBe(want);
  });
});

describe("worker", () => {
  function newTestCore() {
    const sent: { id: number }[] = [];
    const worker = {
      postMessage: (m: { id: number }) => sent.push(m),
      terminate: vi.fn(),
    } as unknown as Worker;
    const events: LedgerEvent[] = [];
    const core = new Core(worker, (event) => events.push(event));
    const say = (data: object) => worker.onmessage!(new MessageEvent("message", { data }));
    return { core, sent, events, say, worker };
  }
  const invoke = { kind: "invoke", method: "status", params: "{}" } as const;

  test("answers find their questions in any order", async () => {
    const { core, sent, say } = newTestCore();
    const [first, second] = [core.ask(invoke), core.ask(invoke)];
    say({ kind: "answer", id: sent[1]!.id, value: "two" });
    say({ kind: "answer", id: sent[0]!.id, value: "one" });
    expect(await Promise.all([first, second])).toEqual(["one", "two"]);
  });

  test("a core that stops fails all that wait, and all that come", async () => {
    const { core, say, worker } = newTestCore();
    const waiting = core.ask(invoke);
    say({ kind: "stopped", code: "core_stopped", message: "the program ended" });
    await expect(waiting).rejects.toMatchObject({ code: "core_stopped" });
    await expect(core.ask(invoke)).rejects.toMatchObject({ code: "core_stopped" });
    expect(core.broken).toBe(true);
    expect(worker.terminate).toHaveBeenCalled();
  });

  test("events pass through", () => {
    const { events, say } = newTestCore();
    say({ kind: "event", json: '{"kind":"block","block":{"height":"1"}}' });
    expect(events).toEqual([{ kind: "block", block: { height: "1" } }]);
  });
});

describe("desktop", () => {
  function newTestDesktop(answer: (method: string, params: string) => string) {
    let emit: (json: string) => void = () => {};
    let drop: (x: number, y: number, paths: string[]) => void = () => {};
    window.runtime = {
      EventsOn: (_name, handler) => ((emit = handler), () => {}),
      OnFileDrop: (handler) => void (drop = handler),
    };
    const client = connectDesktop({ Invoke: async (method, params) => answer(method, params) });
    return { client, emit: (json: string) => emit(json), drop: (paths: string[]) => drop(0, 0, paths) };
  }

  test("drops carry paths, and the page never follows them", () => {
    const { client, drop } = newTestDesktop(() => "");
    const got: (string | undefined)[] = [];
    client.onDrop((files) => got.push(...files.map((file) => `${file.name}|${file.path}`)));
    drop(["/a/港口 日出.jpg", "C:\\x\\y.txt"]);
    expect(got).toEqual(["港口 日出.jpg|/a/港口 日出.jpg", "y.txt|C:\\x\\y.txt"]);
    for (const type of ["dragenter", "dragover", "drop"]) {
      const event = new Event(type, { cancelable: true });
      window.dispatchEvent(event);
      expect(event.defaultPrevented).toBe(true);
    }
  });

  test("a digest reports its own progress and is cancelled by its job", async () => {
    const asked: string[] = [];
    const controller = new AbortController();
    const progress: number[] = [];
    const desktop = newTestDesktop((method, params) => {
      asked.push(method);
      if (method !== "digest") return '{"ok":{}}';
      const { job } = JSON.parse(params) as { job: string };
      desktop.emit(JSON.stringify({ kind: "progress", job, done: "5", size: "9" }));
      desktop.emit(JSON.stringify({ kind: "progress", job: "another", done: "6", size: "9" }));
      controller.abort();
      return '{"ok":{"sha256":"","cid":"","size":"9"}}';
    });
    const digest = desktop.client.digest(
      { name: "a", size: 9, path: "/a" },
      { signal: controller.signal, onProgress: (done) => progress.push(done) },
    );
    await expect(digest).rejects.toMatchObject({ code: "cancelled" });
    expect(asked).toEqual(["digest", "cancel"]);
    expect(progress).toEqual([5]);
  });
});

function thrown(act: () => unknown): ClientError {
  try {
    act();
  } catch (error) {
    return error as ClientError;
  }
  throw new Error("nothing was thrown");
}

function blank(size: number) {
  return {
    size,
    slice: (from: number, to: number) => ({ arrayBuffer: async () => new ArrayBuffer(to - from) }),
  };
}

// jsdom's Blob lacks arrayBuffer() and text(); a FileReader reads it just as well.
function read(blob: Blob): Promise<ArrayBuffer> {
  return new Promise((resolve) => {
    const reader = new FileReader();
    reader.onload = () => resolve(reader.result as ArrayBuffer);
    reader.readAsArrayBuffer(blob);
  });
}

function readable(blob: Blob) {
  return {
    size: blob.size,
    slice: (from: number, to: number) => ({ arrayBuffer: () => read(blob.slice(from, to)) }),
  };
}

function textual(blob: Blob): Blob {
  const text = async () => new TextDecoder().decode(await read(blob));
  return Object.assign(blob, {
    text,
    slice: (from: number, to: number) => textual(Blob.prototype.slice.call(blob, from, to)),
  });
}
