/**
 * Builds dist/verify.html: the Verify page, its style, the worker and the Go
 * verifier in one file. Its policy allows the one script and the one style in
 * it by their digests, a worker from a Blob, and no connection at all.
 */
import { svelte } from "@sveltejs/vite-plugin-svelte";
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";
import { build, defineConfig, type Plugin } from "vite";
import { encode85 } from "./src/lib/client/base85";

const here = (path: string) => fileURLToPath(new URL(path, import.meta.url));
const target = ["chrome120", "safari17", "firefox120"];
const alias = { $lib: here("src/lib") };

/** The worker as text: a Blob is made of it, because file:// has no second file. */
const offlineWorker: Plugin = {
  name: "offline-worker",
  resolveId: (id) => (id === "virtual:offline-worker" ? "\0offline-worker" : null),
  async load(id) {
    if (id !== "\0offline-worker") return null;
    const built = await build({
      configFile: false,
      logLevel: "warn",
      build: {
        target,
        write: false,
        lib: { entry: here("src/lib/client/worker-offline.ts"), formats: ["iife"], name: "worker" },
      },
    });
    const [{ output }] = built as { output: { code: string }[] }[];
    const glue = readFileSync(here("public/wasm_exec.js"), "utf8");
    return `export default ${JSON.stringify(`${glue}\n${output[0]!.code}`)};`;
  },
};

const oneFile: Plugin = {
  name: "one-file",
  enforce: "post",
  generateBundle: {
    order: "post",
    handler(_options, bundle) {
      let script = "";
      let style = "";
      for (const [name, part] of Object.entries(bundle)) {
        if (part.type === "chunk" && part.isEntry) script = inScript(part.code);
        else if (part.type === "asset" && name.endsWith(".css")) style = String(part.source);
        delete bundle[name];
      }
      this.emitFile({ type: "asset", fileName: "verify.html", source: page(script, style) });
    },
  },
};

function page(script: string, style: string): string {
  const program = encode85(gzipSync(readFileSync(here("verifier/verify.wasm")), { level: 9 }));
  const policy = [
    "default-src 'none'",
    `script-src ${digest(script)} 'wasm-unsafe-eval'`,
    `style-src ${digest(style)}`,
    "worker-src blob:",
    "img-src data:",
    "base-uri 'none'",
    "form-action 'none'",
  ].join("; ");
  const parts: { [mark: string]: string } = {
    "<!--policy-->": policy,
    "<!--style-->": `<style>${style}</style>`,
    "<!--program-->": `<script type="application/gzip" id="program">${program}</script>`,
    "<!--script-->": `<script>${script}</script>`,
  };
  const template = readFileSync(here("verify.html"), "utf8");
  return template.replace(/<!--(policy|style|program|script)-->/g, (mark) => parts[mark]!);
}

function digest(text: string): string {
  return `'sha256-${createHash("sha256").update(text).digest("base64")}'`;
}

/** Nothing in a string of the script may end the element that holds it. */
function inScript(code: string): string {
  return code.trim().replace(/<(?=\/script|!--|script)/gi, "\\x3c");
}

export default defineConfig({
  plugins: [svelte({ configFile: false }), offlineWorker, oneFile],
  publicDir: false,
  resolve: { alias },
  build: {
    target,
    emptyOutDir: false,
    modulePreload: false,
    cssCodeSplit: false,
    rollupOptions: {
      input: here("src/verifier.ts"),
      output: { format: "iife", codeSplitting: false },
    },
  },
});
