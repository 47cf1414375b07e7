/** The worker of the explorer. */
import { serveProgram } from "./worker-site";

serveProgram("evident.wasm");
