/** Loads a program that lies beside the page. */
import { Missing, serve } from "./worker-core";

export function serveProgram(file: string): void {
  serve(async ({ base }, go) => {
    const glue = new URL("wasm_exec.js", base).href;
    await import(/* @vite-ignore */ glue).catch(() => {
      throw new Missing("wasm_exec.js could not be loaded");
    });
    const program = go();
    program.argv = ["evident", base];
    return [program, await instantiate(new URL(file, base), program.importObject)];
  });
}

async function instantiate(url: URL, imports: WebAssembly.Imports): Promise<WebAssembly.Instance> {
  const response = await fetch(url);
  if (!response.ok) throw new Missing(`${url.pathname.split("/").at(-1)}: ${response.status}`);
  if (response.headers.get("Content-Type")?.startsWith("application/wasm")) {
    return (await WebAssembly.instantiateStreaming(response, imports)).instance;
  }
  return (await WebAssembly.instantiate(await response.arrayBuffer(), imports)).instance;
}
