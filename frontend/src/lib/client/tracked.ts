/** Work that the light client does under a job's name: events tell how far it is, and it can be cancelled. */
import { cancelled } from "./envelope";
import type { Client, Work } from "./index";

export async function tracked<T>(
  client: Pick<Client, "call" | "subscribe">,
  work: Work,
  begin: (job: string) => Promise<T>,
): Promise<T> {
  const job = crypto.randomUUID();
  const stop = client.subscribe((event) => {
    if (event.kind === "progress" && event.job === job) {
      work.onProgress(Number(event.done), Number(event.size));
    }
  });
  const cancel = () => void client.call("cancel", { job });
  work.signal.addEventListener("abort", cancel);
  try {
    const result = await begin(job);
    if (work.signal.aborted) throw cancelled();
    return result;
  } finally {
    work.signal.removeEventListener("abort", cancel);
    stop();
  }
}
