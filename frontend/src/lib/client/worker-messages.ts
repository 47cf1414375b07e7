/** What passes between the page and the worker that holds the Go core. */

export type Request =
  | { kind: "invoke"; method: string; params: string }
  | { kind: "digestOpen" }
  | { kind: "digestWrite"; handle: number; slice: ArrayBuffer }
  | { kind: "digestClose"; handle: number }
  | { kind: "hold"; path: string; file: File }
  | { kind: "read"; token: string; offset: number; length: number }
  | { kind: "fetch"; record: string; index: number; to: FileSystemFileHandle | MessagePort }
  | { kind: "proof"; record: string }
  | { kind: "export"; params: string; to: FileSystemFileHandle | MessagePort }
  | { kind: "package"; size: number; genesis: string; port: MessagePort };

export interface Start {
  kind: "start";
  /** The address of the page. */
  base: string;
  /** The program itself, where the page has it. */
  program?: ArrayBuffer;
}

export type ToWorker = Start | ({ id: number } & Request);

export type FromWorker =
  | { kind: "answer"; id: number; value: unknown }
  | { kind: "failure"; id: number; code: string; message: string }
  | { kind: "event"; json: string }
  | { kind: "stopped"; code: string; message: string };
