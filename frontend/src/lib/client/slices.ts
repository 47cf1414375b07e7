/**
 * Feeds a file to a digest in slices, so that a file of any size needs the
 * memory of two slices: the one being hashed and the one being read ahead.
 */
import type { Work } from "./index";
import { cancelled } from "./envelope";

export const SLICE_BYTES = 4 * 1024 * 1024;

export interface Sliceable {
  readonly size: number;
  slice(start: number, end: number): { arrayBuffer(): Promise<ArrayBuffer> };
}

export async function feed(
  file: Sliceable,
  write: (slice: ArrayBuffer) => Promise<void>,
  work: Work,
  sliceBytes = SLICE_BYTES,
): Promise<void> {
  const read = (from: number) => file.slice(from, Math.min(from + sliceBytes, file.size)).arrayBuffer();
  work.onProgress(0, file.size);
  let ahead = file.size > 0 ? read(0) : null;
  for (let done = 0; ahead !== null;) {
    const slice: ArrayBuffer = await ahead;
    if (work.signal.aborted) throw cancelled();
    const length = slice.byteLength;
    if (length === 0) throw new Error("the file became shorter while it was read");
    const next = done + length;
    ahead = next < file.size ? read(next) : null;
    // A failed write must not leave the read ahead as an unhandled rejection.
    ahead?.catch(() => {});
    await write(slice);
    done = next;
    work.onProgress(done, file.size);
  }
  if (work.signal.aborted) throw cancelled();
}
