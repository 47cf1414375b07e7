// Answers for files that exist nowhere but in the light client of a page: a player asks for ranges of a video, a download
// for the whole. The page that asked has the bytes, verified and decrypted. Nothing else is touched, nothing is kept, and
// nothing that is answered here can be a document with scripts in it.

const PIECE = 1 << 20;
const PLAYS = /^(video|audio)\/[a-z0-9.+-]{1,60}$/;
const GUARDED = {
  "Cache-Control": "no-store",
  "Content-Security-Policy": "sandbox; default-src 'none'",
  "X-Content-Type-Options": "nosniff",
};

/** Downloads that a page has announced, by their ids: the port that the pieces come from. */
const downloads = new Map();

self.addEventListener("install", () => self.skipWaiting());
self.addEventListener("activate", (event) => event.waitUntil(self.clients.claim()));

self.addEventListener("message", ({ data, ports: [pieces, ready] }) => {
  if (data.kind !== "download") return;
  downloads.set(data.id, { name: data.name, pieces });
  ready.postMessage("ready");
});

self.addEventListener("fetch", (event) => {
  const url = new URL(event.request.url);
  const below = new URL("./evidence/", self.registration.scope);
  if (url.origin !== below.origin || !url.pathname.startsWith(below.pathname)) return;
  const [token, id] = url.pathname.slice(below.pathname.length).split("/");
  event.respondWith(token === "download" ? download(id) : play(event, token, url.searchParams));
});

function refuse(status, headers = {}) {
  return new Response(null, { status, headers: { ...GUARDED, ...headers } });
}

/** Answers a player's request for a range, or for the whole. */
async function play(event, token, query) {
  const size = Number(query.get("size"));
  const type = query.get("type") ?? "";
  const page = await self.clients.get(event.clientId);
  if (!page || !PLAYS.test(type) || !Number.isSafeInteger(size)) return refuse(404);
  const asked = event.request.headers.get("Range");
  const range = asked === null ? { from: 0, to: size } : parseRange(asked, size);
  if (!range) return refuse(416, { "Content-Range": `bytes */${size}` });
  const headers = {
    ...GUARDED,
    "Accept-Ranges": "bytes",
    "Content-Length": String(range.to - range.from),
    "Content-Type": type,
  };
  if (asked !== null) headers["Content-Range"] = `bytes ${range.from}-${range.to - 1}/${size}`;
  return new Response(streamOf(page, token, range), { status: asked === null ? 200 : 206, headers });
}

/** One range of bytes; players ask for no more. */
function parseRange(text, size) {
  const parts = /^bytes=(\d*)-(\d*)$/.exec(text);
  if (!parts || (parts[1] === "" && parts[2] === "")) return null;
  if (parts[1] === "") return { from: Math.max(0, size - Number(parts[2])), to: size };
  const from = Number(parts[1]);
  const to = parts[2] === "" ? size : Math.min(Number(parts[2]) + 1, size);
  return from < to ? { from, to } : null;
}

/** Asks the page for the next piece when the player has room for it. */
function streamOf(page, token, { from, to }) {
  let next = from;
  return new ReadableStream(
    {
      async pull(controller) {
        const bytes = await ask(page, { kind: "read", token, offset: next, length: Math.min(PIECE, to - next) });
        if (!bytes || bytes.byteLength === 0) return controller.error(new Error("the light client has no more"));
        next += bytes.byteLength;
        controller.enqueue(new Uint8Array(bytes));
        if (next >= to) controller.close();
      },
    },
    { highWaterMark: 0 },
  );
}

function ask(page, message) {
  const { port1, port2 } = new MessageChannel();
  return new Promise((resolve) => {
    port1.onmessage = ({ data }) => resolve(data);
    page.postMessage(message, [port2]);
  });
}

/** A download is whole only when the page says so; else the browser shows that it failed. */
function download(id) {
  const waiting = downloads.get(id);
  if (!waiting) return refuse(404);
  downloads.delete(id);
  const { name, pieces } = waiting;
  let owed = false; // a piece was taken and not answered yet
  const more = () => {
    owed = false;
    pieces.postMessage("more");
  };
  const body = new ReadableStream({
    start(controller) {
      pieces.onmessage = ({ data }) => {
        if (data.kind === "failed") return controller.error(new Error("the file is not what was recorded"));
        owed = true;
        if (data.kind === "piece") controller.enqueue(new Uint8Array(data.bytes));
        else controller.close();
        if (data.kind === "end" || controller.desiredSize > 0) more();
      };
    },
    pull: () => owed && more(),
    cancel: () => pieces.postMessage("stop"),
  });
  const headers = {
    ...GUARDED,
    "Content-Disposition": `attachment; filename*=UTF-8''${encodeURIComponent(name).replace(/['()*]/g, (c) => `%${c.charCodeAt(0).toString(16)}`)}`,
    "Content-Type": "application/octet-stream",
  };
  return new Response(body, { headers });
}
