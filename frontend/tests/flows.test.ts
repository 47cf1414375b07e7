import { describe, expect, test, vi } from "vitest";
import { cancelled } from "$lib/client/envelope";
import { hex, OTHER_WORDS, proofText, RECORDED_MARK, WORDS } from "$lib/client/mock";
import { mockClient } from "$lib/client/mock-client";
import type { FileDigest, LocalFile } from "$lib/client";
import { Live } from "$lib/context.svelte";
import { Inquiry } from "$lib/inquiry.svelte";
import { Stamping } from "$lib/stamping.svelte";
import { Verification } from "$lib/verification.svelte";

/** A file as the desktop hands it over; the mock digests it by its name. */
const file = (name: string): LocalFile => ({ name, size: 9, path: `/home/${name}` });

describe("inquiry", () => {
  test.each([
    { name: `${RECORDED_MARK}.jpg`, found: true },
    { name: "other.jpg", found: false },
  ])("$name", async ({ name, found }) => {
    const inquiry = new Inquiry(mockClient());
    await inquiry.ask(file(name));
    expect(inquiry.phase).toMatchObject({ name: "answered", lookup: { found } });
  });

  test("an unanswered lookup fails with what to do", async () => {
    const client = mockClient();
    client.ledger.down = true;
    const inquiry = new Inquiry(client);
    await inquiry.ask(file("a"));
    expect(inquiry.phase).toMatchObject({ name: "failed", error: { code: "unavailable" } });
  });

  test("a later file wins over an earlier one", async () => {
    const client = mockClient();
    let release = (_: FileDigest) => {};
    const slow = new Promise<FileDigest>((resolve) => (release = resolve));
    const digest = vi.spyOn(client, "digest").mockReturnValueOnce(slow);
    const inquiry = new Inquiry(client);
    const first = inquiry.ask(file("slow"));
    expect(digest.mock.calls[0]![1].signal.aborted).toBe(false);
    await inquiry.ask(file("fast"));
    expect(digest.mock.calls[0]![1].signal.aborted).toBe(true);
    release({ sha256: hex("x"), cid: "", size: "1" });
    await first;
    expect(inquiry.phase).toMatchObject({ name: "answered", file: { name: "fast" } });
  });

  test("reset drops what was under way", async () => {
    const inquiry = new Inquiry(mockClient());
    const asked = inquiry.ask(file("a"));
    inquiry.reset();
    await asked;
    expect(inquiry.phase).toEqual({ name: "idle" });
  });
});

describe("verification", () => {
  function newTestVerification(verdict: "valid" | "altered" | "unknown ledger" | "incomplete") {
    const client = mockClient();
    vi.spyOn(client, "readProof").mockImplementation(async ({ name }) =>
      name.endsWith(".evident") ? proofText(verdict) : null,
    );
    return new Verification(client);
  }

  test.each(["valid", "altered", "unknown ledger", "incomplete"] as const)(
    "a proof that is %s",
    async (verdict) => {
      const verification = newTestVerification(verdict);
      await verification.add([file("a.evident")]);
      expect(verification.report?.verdict).toBe(verdict);
    },
  );

  test("proof and file are told apart in any order", async () => {
    const verification = newTestVerification("valid");
    await verification.add([file(`${RECORDED_MARK}.jpg`), file("a.evident")]);
    expect(verification.proof?.name).toBe("a.evident");
    expect(verification.report?.verdict).toBe("valid");
    await verification.add([file("another.jpg")]);
    expect(verification.report?.verdict).toBe("altered");
  });

  test("a file that is taken away while it is hashed leaves no error", async () => {
    const verification = newTestVerification("valid");
    vi.spyOn(verification.client, "digest").mockImplementationOnce(
      (_, { signal }) =>
        new Promise((_resolve, reject) => signal.addEventListener("abort", () => reject(cancelled()))),
    );
    const adding = verification.add([file("a.evident"), file("large.tar")]);
    await vi.waitFor(() => expect(verification.hashing).not.toBeNull());
    verification.removeFile();
    await adding;
    await vi.waitFor(() => expect(verification.report?.verdict).toBe("valid"));
    expect(verification).toMatchObject({ error: null, hashing: null, checking: false, withFile: false });
  });

  test("a file where a proof is wanted is refused", async () => {
    const verification = newTestVerification("valid");
    await verification.add([file("a.jpg")], "proof");
    expect(verification.refused).toBe("notProof");
    await verification.add([{ ...file("a.evident"), size: 25 * 1024 * 1024 }], "proof");
    expect(verification.refused).toBe("tooBig");
  });

  test("words that match a printed copy make an unknown ledger known", async () => {
    const verification = newTestVerification("unknown ledger");
    await verification.add([file("a.evident")]);
    await verification.confirm();
    expect(verification.report?.verdict).toBe("valid");
    verification.reset();
    await verification.add([file("b.evident")]);
    expect(verification.report?.verdict).toBe("valid");
  });

  test.each([
    { held: OTHER_WORDS.join(" "), verdict: "valid" },
    { held: WORDS.join(" "), verdict: "unknown ledger" },
  ] as const)("a ledger that the reader named makes it $verdict", async ({ held, verdict }) => {
    const verification = newTestVerification("unknown ledger");
    verification.named = held;
    await verification.add([file("a.evident")]);
    expect(verification.report?.verdict).toBe(verdict);
  });
});

describe("stamping", () => {
  test("the same path is chosen once, and jobs come back final", async () => {
    const client = mockClient(true);
    const stamping = new Stamping(client);
    const stop = stamping.follow();
    stamping.choose([file("a"), file("b")]);
    stamping.choose([file("a")]);
    stamping.remove(stamping.chosen[1]!);
    expect(stamping.chosen.map(({ name }) => name)).toEqual(["a"]);
    await stamping.start();
    expect(stamping.chosen).toEqual([]);
    await vi.waitFor(() =>
      expect(stamping.jobs[0]).toMatchObject({ state: "final", proofPath: "/home/a.evident" }),
    );
    stop();
  });

  test("a file that cannot be read fails with a code that the page can say", async () => {
    const stamping = new Stamping(mockClient(true));
    const stop = stamping.follow();
    stamping.choose([file("missing")]);
    await stamping.start();
    await vi.waitFor(() => expect(stamping.jobs[0]).toMatchObject({ state: "failed", code: "no_file" }));
    stop();
  });

  test("what was chosen stays when sending fails", async () => {
    const client = mockClient(true);
    const stamping = new Stamping(client);
    stamping.choose([file("a")]);
    client.ledger.down = true;
    await stamping.start();
    expect(stamping.error?.code).toBe("unavailable");
    expect(stamping.chosen).toHaveLength(1);
  });
});

describe("live", () => {
  test("new blocks come to the top, and a gap is filled", async () => {
    vi.useFakeTimers();
    const client = mockClient();
    const live = new Live(client);
    const stop = live.follow();
    await vi.advanceTimersByTimeAsync(0);
    expect(live.blocks?.[0]?.height).toBe("1284");
    client.ledger.advance();
    await vi.advanceTimersByTimeAsync(300);
    expect(live.blocks?.slice(0, 2).map(({ height }) => height)).toEqual(["1285", "1284"]);
    client.ledger.height += 3; // three events that never arrived
    client.ledger.advance();
    await vi.advanceTimersByTimeAsync(300);
    expect(live.blocks?.slice(0, 3).map(({ height }) => height)).toEqual(["1289", "1288", "1287"]);
    expect(live.status?.height).toBe("1289");
    await live.older();
    expect(live.blocks).toHaveLength(40);
    stop();
    vi.useRealTimers();
  });

  test("an error is shown and goes away", async () => {
    const client = mockClient();
    client.ledger.down = true;
    const live = new Live(client);
    await live.refresh();
    expect(live.error?.code).toBe("unavailable");
    client.ledger.down = false;
    await live.refresh();
    expect(live.error).toBeNull();
  });
});
