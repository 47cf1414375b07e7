import { describe, expect, test, vi } from "vitest";
import { mockClient } from "$lib/client/mock-client";
import type { LocalFile, Opened, StampJob } from "$lib/client";
import { fromFile } from "$lib/client/drops";
import { duration } from "$lib/format";
import { MAX_TEXT, MAX_WHOLE, Preview } from "$lib/preview.svelte";
import { isFinished, isOpen, Stamping } from "$lib/stamping.svelte";

const file = (name: string): LocalFile => ({ name, size: 9, path: `/home/${name}` });

describe("the queue", () => {
  test("files are handed over as chosen: in one mode, each or together", async () => {
    const client = mockClient(true);
    const stamp = vi.spyOn(client, "stamp");
    const stamping = new Stamping(client);
    expect(stamping.mode).toBe("sealed");
    stamping.together = true;
    stamping.statement = "  first draft ";
    stamping.choose([file("a")]);
    await stamping.start();
    expect(stamp.mock.calls[0]![1]).toEqual({ statement: "first draft", mode: "sealed", together: false });
    stamping.mode = "digest";
    stamping.choose([file("a"), file("b")]);
    await stamping.start();
    expect(stamp.mock.calls[1]![1]).toMatchObject({ mode: "digest", together: true });
  });

  test("what needs a look comes first, what is done last", async () => {
    const stamping = new Stamping(mockClient(true));
    const states: StampJob["state"][] = ["final", "queued", "failed", "uploading", "paused"];
    stamping.jobs = states.map((state) => ({ job: state, state }) as StampJob);
    expect(stamping.sorted.map((job) => job.state)).toEqual([
      "failed",
      "paused",
      "uploading",
      "queued",
      "final",
    ]);
    expect(states.filter((state) => isFinished({ state } as StampJob))).toEqual(["final", "failed"]);
  });

  test.each([
    { state: "uploading", record: "", open: true },
    { state: "queued", record: "", open: true },
    { state: "queued", record: "ab", open: false }, // signed: it goes on by itself
    { state: "waiting", record: "ab", open: false },
    { state: "final", record: "ab", open: false },
  ] as const)("$state with record “$record” can be called back: $open", ({ state, record, open }) => {
    expect(isOpen({ state, record } as StampJob)).toBe(open);
  });

  test("a file that a job waits for goes to that job, others are chosen", async () => {
    const client = mockClient();
    const handAgain = vi.spyOn(client, "handAgain").mockResolvedValue(1);
    const stamping = new Stamping(client);
    stamping.jobs = [{ job: "1", path: "/home/a", state: "paused", code: "file_needed" } as StampJob];
    expect(stamping.resumable).toBe(false);
    stamping.choose([file("a"), file("b")]);
    expect(handAgain).toHaveBeenCalledWith([file("a")]);
    expect(stamping.chosen).toEqual([file("b")]);
  });

  test("pause, resume, cancel and clear reach the queue", async () => {
    const client = mockClient(true);
    const stamping = new Stamping(client);
    const stop = stamping.follow();
    stamping.choose([{ ...file("series.tar"), size: 3e9 }, file("a")]);
    await stamping.start();
    await vi.waitFor(() => expect(stamping.jobs.map(({ state }) => state)).toEqual(["uploading", "final"]));
    await stamping.pause();
    expect(stamping.jobs[0]!.state).toBe("paused");
    expect(stamping.totals?.paused).toBe(true);
    await stamping.resume();
    expect(stamping.jobs[0]!.state).toBe("uploading");
    await stamping.cancel(stamping.jobs[0]!.job);
    await stamping.clear();
    expect(stamping.jobs).toEqual([]);
    stop();
  });
});

test("a file has the same name when it is chosen again, and another one has not", () => {
  const make = (text: string, lastModified: number) =>
    fromFile(new File([text], "a.txt", { lastModified })).path;
  expect(make("abc", 5)).toBe(make("abc", 5));
  expect(new Set([make("abc", 5), make("abcd", 5), make("abc", 6)]).size).toBe(3);
});

describe("previews", () => {
  const opened = (change: Partial<Opened>): Opened => ({
    token: "t",
    name: "a",
    media: "",
    size: "10",
    mode: "sealed",
    kind: "other",
    key: "here",
    url: "",
    ...change,
  });

  /** Opens a file whose content repeats one byte. */
  async function show(change: Partial<Opened>) {
    const client = mockClient();
    vi.spyOn(client, "call").mockResolvedValue(opened(change) as never);
    vi.spyOn(client, "readEvidence").mockImplementation(
      async (_opened, _offset, length) => new Uint8Array(length).fill(65).buffer,
    );
    URL.createObjectURL = () => "blob:made";
    URL.revokeObjectURL = () => {};
    const preview = new Preview(client);
    await preview.open("ab", 0);
    return { preview, client };
  }

  test.each([
    { name: "no key", change: { key: "none", token: "" }, want: { kind: "no_key" } },
    { name: "a program", change: { kind: "other" }, want: { kind: "none", why: "other" } },
    { name: "a picture", change: { kind: "image", media: "image/png" }, want: { kind: "picture" } },
    {
      name: "a drawing that says it is a picture",
      change: { kind: "image", media: "image/svg+xml" },
      want: { kind: "none", why: "other" },
    },
    {
      name: "a huge picture",
      change: { kind: "image", media: "image/png", size: String(MAX_WHOLE + 1) },
      want: { kind: "none", why: "large" },
    },
    {
      name: "a short film without a player's address",
      change: { kind: "video", media: "video/mp4" },
      want: { kind: "player", video: true },
    },
    {
      name: "a long one",
      change: { kind: "video", size: String(MAX_WHOLE + 1) },
      want: { kind: "none", why: "player" },
    },
    {
      name: "a text",
      change: { kind: "text", media: "text/html" },
      want: { kind: "text", text: "AAAAAAAAAA", cut: false },
    },
    {
      name: "a long text",
      change: { kind: "text", size: String(MAX_TEXT * 3) },
      want: { kind: "text", cut: true },
    },
  ] as const)("$name", async ({ change, want }) => {
    const { preview } = await show(change);
    expect(preview.shown).toMatchObject(want);
  });

  test("what begins otherwise is not shown as a PDF", async () => {
    Object.defineProperty(navigator, "pdfViewerEnabled", { value: true, configurable: true });
    const { preview } = await show({ kind: "pdf" });
    expect(preview.shown).toEqual({ kind: "none", why: "other" });
  });

  test("closing gives the file back", async () => {
    const { preview, client } = await show({ kind: "other" });
    preview.close();
    expect(client.call).toHaveBeenLastCalledWith("closeEvidence", { token: "t" });
  });
});

test.each([
  { ms: 400, en: "1 second", zh: "1秒钟" },
  { ms: 59_000, en: "59 seconds", zh: "59秒钟" },
  { ms: 169_000, en: "3 minutes", zh: "3分钟" },
  { ms: 7_300_000, en: "2 hours", zh: "2小时" },
])("$ms ms is $en", ({ ms, en, zh }) => {
  expect(duration(ms, "en")).toBe(en);
  expect(duration(ms, "zh")).toBe(zh);
});
