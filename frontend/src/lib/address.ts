/** Where others find these pages. The desktop's own address leads nobody anywhere, so a node's takes its place. */
import type { Status } from "./client";

export function pagesAddress(status: Status | null, here: Location = location): string {
  if (/^https?:$/.test(here.protocol) && here.hostname !== "wails.localhost") {
    return `${here.origin}${here.pathname}`;
  }
  const node = status?.sources.find(({ url }) => /^https?:/.test(url));
  return node ? `${node.url.replace(/\/$/, "")}/` : "";
}
