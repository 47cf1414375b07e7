// A whole consortium on free loopback ports, from bin/evidentd or the program that EVIDENTD names.
import { spawn } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const program = process.env.EVIDENTD ?? fileURLToPath(new URL("../../bin/evidentd", import.meta.url));
const START_MS = 30_000;

/** @returns {Promise<{ url: string, nodes: string[], close: () => Promise<void> }>} */
export async function consortium() {
  const dir = mkdtempSync(join(tmpdir(), "evident-e2e-"));
  const child = spawn(program, ["dev", "--dir", dir, "--http", "127.0.0.1:0"], { stdio: "ignore" });
  const ended = new Promise((resolve) => child.once("exit", resolve));
  const close = async () => {
    child.kill("SIGTERM");
    await ended;
    rmSync(dir, { recursive: true, force: true });
  };
  for (const begun = Date.now(); Date.now() - begun < START_MS;) {
    const nodes = await running(dir);
    if (nodes) return { url: nodes[0], nodes, close };
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
  await close();
  throw new Error(`the consortium did not start within ${START_MS} ms`);
}

/** @param {string} dir @returns {Promise<string[] | null>} */
async function running(dir) {
  try {
    const { nodes } = JSON.parse(readFileSync(join(dir, "consortium.json"), "utf8"));
    const heads = await Promise.all(nodes.map((/** @type {string} */ url) => fetch(`${url}/v1/head?from=0`)));
    return heads.every((response) => response.ok) ? nodes : null;
  } catch {
    return null;
  }
}
