/** The worker of evidence files: its program lies beside the page and is loaded when it is first needed. */
import { whole } from "./sha256";
import { serveProgram } from "./worker-site";

Object.assign(globalThis, { evidentWhole: whole });
serveProgram("evident-files.wasm");
