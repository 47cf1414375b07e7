// Serves the built pages on loopback with the mock where the Go core would be.
import { createReadStream, existsSync, statSync } from "node:fs";
import { createServer } from "node:http";
import { extname, join, normalize } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "vite";

const here = fileURLToPath(new URL(".", import.meta.url));
/** PAGES names other built pages than those of `npm run build`. */
const dist = process.env.PAGES ?? join(here, "../dist");

const types = {
  ".html": "text/html; charset=utf-8",
  ".js": "text/javascript",
  ".css": "text/css",
  ".svg": "image/svg+xml",
};

// The smallest module there is; the mock needs no code in it.
const emptyModule = Buffer.from([0x00, 0x61, 0x73, 0x6d, 0x01, 0x00, 0x00, 0x00]);

/**
 * Bundles one of the fakes into a plain script.
 * @param {string} name
 * @returns {Promise<string>}
 */
export async function fake(name) {
  const result = await build({
    configFile: false,
    logLevel: "error",
    build: {
      write: false,
      lib: { entry: join(here, `${name}.ts`), formats: ["iife"], name: "fake" },
    },
  });
  const output = /** @type {{ output: { code: string }[] }[]} */ (result)[0];
  return output.output[0].code;
}

/**
 * @param {number} port 0 for any free one
 * @returns {Promise<{ url: string, close: () => void }>}
 */
export async function serve(port = 0) {
  if (!existsSync(join(dist, "index.html"))) throw new Error("dist is empty: run `npm run build` first");
  const core = await fake("fake-core");
  const server = createServer((request, response) => {
    const path = new URL(request.url ?? "/", "http://localhost").pathname;
    /** @param {string} type @param {string | Buffer} body */
    const send = (type, body) => response.writeHead(200, { "Content-Type": type }).end(body);
    // Below /bare/ lies the same site without its light client.
    const bare = path.startsWith("/bare/");
    const missing = () => response.writeHead(404, { "Content-Type": "text/plain" }).end("no such file\n");
    if (path.endsWith("/wasm_exec.js")) return bare ? missing() : send(types[".js"], core);
    if (/\/evident(-files)?\.wasm$/.test(path))
      return bare ? missing() : send("application/wasm", emptyModule);
    const file = join(dist, normalize(path.replace(/^\/bare\//, "/")).replace(/\/$/, "/index.html"));
    if (!file.startsWith(dist) || !existsSync(file) || !statSync(file).isFile()) return missing();
    const type = types[/** @type {keyof typeof types} */ (extname(file))] ?? "application/octet-stream";
    response.writeHead(200, { "Content-Type": type });
    createReadStream(file).pipe(response);
  });
  await new Promise((resolve) => server.listen(port, "127.0.0.1", () => resolve(null)));
  const address = /** @type {import("node:net").AddressInfo} */ (server.address());
  return {
    url: `http://127.0.0.1:${address.port}`,
    close: () => server.closeAllConnections() ?? server.close(),
  };
}
