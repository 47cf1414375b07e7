/** The worker of evidence files: its program lies beside the page and is loaded when it is first needed. */
import { serveProgram } from "./worker-site";

serveProgram("evident-files.wasm");
