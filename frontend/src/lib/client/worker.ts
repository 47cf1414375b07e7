/** The worker of the explorer: its program lies beside the page. */
import { Missing, serve } from "./worker-core";

serve(async ({ base }, go) => {
  const glue = new URL("wasm_exec.js", base).href;
  await import(/* @vite-ignore */ glue).catch(() => {
    throw new Missing("wasm_exec.js could not be loaded");
  });
  const program = go();
  program.argv = ["evident", base];
  return [program, await instantiate(new URL("evident.wasm", base).href, program.importObject)];
});

async function instantiate(url: string, imports: WebAssembly.Imports): Promise<WebAssembly.Instance> {
  const response = await fetch(url);
  if (!response.ok) throw new Missing(`evident.wasm: ${response.status}`);
  if (response.headers.get("Content-Type")?.startsWith("application/wasm")) {
    return (await WebAssembly.instantiateStreaming(response, imports)).instance;
  }
  return (await WebAssembly.instantiate(await response.arrayBuffer(), imports)).instance;
}
