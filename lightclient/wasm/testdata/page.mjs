// A page without a browser: loads the program as the worker does, makes the
// calls given as JSON, and prints the answers as JSON.
import { readFileSync } from "node:fs";

const [, , glue, program, base, calls] = process.argv;
(0, eval)(readFileSync(glue, "utf8"));
const events = [];
globalThis.evidentEvent = (json) => events.push(JSON.parse(json));
const go = new Go();
go.argv = ["evident", base];
const { instance } = await WebAssembly.instantiate(readFileSync(program), go.importObject);
go.run(instance);

const answers = [];
for (const [method, params] of JSON.parse(calls)) {
  if (method === "wait for an event") {
    for (let i = 0; events.length === 0 && i < 1200; i++) await new Promise((resolve) => setTimeout(resolve, 50));
    continue;
  }
  answers.push(JSON.parse(await globalThis.evidentInvoke(method, JSON.stringify(params))));
}
const handle = globalThis.evidentDigestOpen();
for (const slice of ["hel", "lo"]) globalThis.evidentDigestWrite(handle, new TextEncoder().encode(slice));
const digest = JSON.parse(globalThis.evidentDigestClose(handle));
console.log(JSON.stringify({ answers, digest, events }));
process.exit(0);
