import StampRow from "$lib/components/StampRow.svelte";
import type { StampJob } from "$lib/client";
import { t } from "$lib/i18n";
import { mount } from "svelte";
import { expect, test } from "vitest";

const job = {
  job: "1",
  name: "album",
  path: "/album",
  state: "final",
  mode: "digest",
  record: "r",
  proofPath: "/home/together/r/record.evident",
  code: "",
  error: "",
  hint: "",
  stored: [],
  wanted: 0,
  size: "3",
  done: "3",
  sent: "0",
  toSend: "0",
} as unknown as StampJob;

/** What a row says of where proofs are. */
function said(files: number): string {
  const on = { pause() {}, resume() {}, cancel() {}, retry() {}, handAgain() {}, save() {} };
  mount(StampRow, { target: document.body, props: { job: { ...job, files }, desktop: true, on } });
  return document.body.lastElementChild?.textContent ?? "";
}

// The proof of a whole batch's record proves none of its files: it is not what a person has to keep.
test("proofs of files that went together", () => {
  expect(said(1)).toContain(job.proofPath);
  for (const [files, words] of [
    [2, t().stamp.proofsBeside],
    [10_000, t().stamp.proofsBeside],
    [10_001, t().stamp.proofsAsked],
  ] as const) {
    expect(said(files)).toContain(words);
    expect(said(files)).not.toContain(job.proofPath);
  }
});
