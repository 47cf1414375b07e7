declare module "virtual:offline-worker" {
  /** wasm_exec.js and the worker around the verifier, as one classic script. */
  const script: string;
  export default script;
}
