/** The worker of the one-file verifier: wasm_exec.js stands before it in the same script, the page hands the program over. */
import { serve } from "./worker-core";

serve(async ({ program: bytes }, go) => {
  const program = go();
  const { instance } = await WebAssembly.instantiate(bytes!, program.importObject);
  return [program, instance];
});
