import { svelte } from "@sveltejs/vite-plugin-svelte";
import { fileURLToPath } from "node:url";
import type { Plugin } from "vite";
import { defineConfig } from "vitest/config";

// While developing, Vite injects styles inline; the shipped page keeps the policy.
const policyOnlyInBuild: Plugin = {
  name: "policy-only-in-build",
  apply: "serve",
  transformIndexHtml: (html) => html.replace(/<meta\s+http-equiv="Content-Security-Policy"[^>]*>/, ""),
};

const node = process.env.EVIDENT_NODE ?? "http://127.0.0.1:7080";

export default defineConfig({
  base: "./",
  plugins: [svelte({ configFile: false }), policyOnlyInBuild],
  resolve: {
    alias: { $lib: fileURLToPath(new URL("src/lib", import.meta.url)) },
    conditions: process.env.VITEST ? ["browser"] : undefined,
  },
  build: {
    target: ["chrome120", "safari17", "firefox120"],
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
  },
  worker: { format: "es" },
  server: {
    host: "127.0.0.1",
    // The made-up ledger has the contracts that the members have.
    fs: { allow: [".", "../fullnode/contract/library"] },
    proxy: { "/v1": node, "/checkpoint": node, "/tile": node },
  },
  test: { environment: "jsdom", include: ["tests/**/*.test.ts"] },
});
