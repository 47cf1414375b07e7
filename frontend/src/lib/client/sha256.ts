/**
 * SHA-256 of a stream, at several times the speed of a compiled Go program: WebCrypto is faster still, but wants
 * all bytes at once. The compression function is WebAssembly that is put together here, with its 64 rounds unrolled.
 */

const BLOCK = 64;
/** Memory: the state in the first 64 bytes, then the blocks. */
const INPUT = 64;
const PAGE = 65_536;
const PAGES = 17;
const ROOM = PAGES * PAGE - INPUT;

const OP = {
  loop: 0x03,
  brIf: 0x0d,
  get: 0x20,
  set: 0x21,
  tee: 0x22,
  load: 0x28,
  store: 0x36,
  const: 0x41,
  add: 0x6a,
  and: 0x71,
  or: 0x72,
  xor: 0x73,
  shrU: 0x76,
  rotl: 0x77,
  rotr: 0x78,
  end: 0x0b,
} as const;

/** The first 32 bits of the fractional parts of roots of the first primes, as the standard defines its constants. */
function fractions(count: number, root: (n: number) => number): number[] {
  const primes: number[] = [];
  for (let n = 2; primes.length < count; n++) if (primes.every((prime) => n % prime !== 0)) primes.push(n);
  return primes.map((prime) => ((root(prime) % 1) * 2 ** 32) | 0);
}

const K = fractions(64, Math.cbrt);
const START = fractions(8, Math.sqrt);

/** Signed and unsigned LEB128. */
function signed(value: number): number[] {
  const out: number[] = [];
  for (let rest = value | 0; ; rest >>= 7) {
    const low = rest & 0x7f;
    if ((rest >> 7 === 0 && !(low & 0x40)) || (rest >> 7 === -1 && low & 0x40)) return [...out, low];
    out.push(low | 0x80);
  }
}

function unsigned(value: number): number[] {
  return value < 0x80 ? [value] : [(value & 0x7f) | 0x80, ...unsigned(value >>> 7)];
}

const section = (id: number, body: number[]) => [id, ...unsigned(body.length), ...body];
const text = (value: string) => [value.length, ...new TextEncoder().encode(value)];

/** Locals: the two parameters, the working variables a to h, the schedule's 16 words, one sum. */
const AT = 0;
const END = 1;
const word = (t: number) => 10 + (t & 15);
const T1 = 26;

const get = (local: number) => [OP.get, local];
const value = (n: number) => [OP.const, ...signed(n)];
const rotated = (local: number, by: number) => [...get(local), ...value(by), OP.rotr];
const load = (base: number[], offset: number) => [...base, OP.load, 2, ...unsigned(offset)];

function sigma(local: number, first: number, second: number, third: number, shift: boolean): number[] {
  const last = shift ? [...get(local), ...value(third), OP.shrU] : rotated(local, third);
  return [...rotated(local, first), ...rotated(local, second), OP.xor, ...last, OP.xor];
}

/** A word of the input, whose bytes are in the other order. */
function input(t: number): number[] {
  const swap = (by: number, mask: number) => [...get(T1), ...value(by), OP.rotl, ...value(mask), OP.and];
  return [
    ...load(get(AT), 4 * t),
    ...[OP.set, T1],
    ...swap(8, 0x00ff00ff),
    ...swap(24, 0xff00ff00),
    OP.or,
    ...[OP.set, word(t)],
  ];
}

function schedule(t: number): number[] {
  return [
    ...get(word(t)),
    ...sigma(word(t + 1), 7, 18, 3, true),
    OP.add,
    ...get(word(t + 9)),
    OP.add,
    ...sigma(word(t + 14), 17, 19, 10, true),
    OP.add,
    ...[OP.set, word(t)],
  ];
}

function round(t: number): number[] {
  const [a, b, c, d, e, f, g, h] = Array.from({ length: 8 }, (_, i) => 2 + ((i - t + 64) & 7)) as [
    number, number, number, number, number, number, number, number,
  ]; // prettier-ignore
  return [
    ...(t < 16 ? input(t) : schedule(t)),
    ...get(h),
    ...sigma(e, 6, 11, 25, false),
    OP.add,
    ...[...get(g), ...get(e), ...get(f), ...get(g), OP.xor, OP.and, OP.xor],
    OP.add,
    ...value(K[t]!),
    OP.add,
    ...get(word(t)),
    OP.add,
    ...[OP.tee, T1],
    ...get(d),
    OP.add,
    ...[OP.set, d],
    ...get(T1),
    ...sigma(a, 2, 13, 22, false),
    OP.add,
    ...[...get(a), ...get(b), OP.xor, ...get(b), ...get(c), OP.xor, OP.and, ...get(b), OP.xor],
    OP.add,
    ...[OP.set, h],
  ];
}

function moduleBytes(): Uint8Array<ArrayBuffer> {
  const state = Array.from({ length: 8 }, (_, i) => i);
  const body = [
    ...[1, 25, 0x7f], // locals of type i32 behind the parameters
    ...[OP.loop, 0x40],
    ...state.flatMap((i) => [...load(value(0), 4 * i), OP.set, 2 + i]),
    ...Array.from({ length: 64 }, (_, t) => round(t)).flat(),
    ...state.flatMap((i) => [
      ...value(0),
      ...load(value(0), 4 * i),
      ...get(2 + i),
      OP.add,
      ...[OP.store, 2, ...unsigned(4 * i)],
    ]),
    ...[...get(AT), ...value(BLOCK), OP.add, OP.tee, AT, ...get(END)],
    ...[0x49, OP.brIf, 0], // while at < end
    OP.end,
    OP.end,
  ];
  return new Uint8Array([
    ...[0, 0x61, 0x73, 0x6d, 1, 0, 0, 0],
    ...section(1, [1, 0x60, 2, 0x7f, 0x7f, 0]),
    ...section(3, [1, 0]),
    ...section(5, [1, 0, PAGES]),
    ...section(7, [2, ...text("memory"), 2, 0, ...text("compress"), 0, 0]),
    ...section(10, [1, ...unsigned(body.length), ...body]),
  ]);
}

let compiled: WebAssembly.Module | null = null;

export class SHA256 {
  #memory: Uint8Array;
  #view: DataView;
  #compress: (from: number, to: number) => void;
  #filled = 0;
  #length = 0;

  constructor() {
    compiled ??= new WebAssembly.Module(moduleBytes());
    const { exports } = new WebAssembly.Instance(compiled);
    const buffer = (exports["memory"] as WebAssembly.Memory).buffer;
    this.#memory = new Uint8Array(buffer);
    this.#view = new DataView(buffer);
    this.#compress = exports["compress"] as (from: number, to: number) => void;
    START.forEach((n, i) => this.#view.setInt32(4 * i, n, true));
  }

  write(bytes: Uint8Array): void {
    this.#length += bytes.length;
    for (let at = 0; at < bytes.length;) {
      const n = Math.min(ROOM - (ROOM % BLOCK) - this.#filled, bytes.length - at);
      this.#memory.set(bytes.subarray(at, at + n), INPUT + this.#filled);
      this.#filled += n;
      at += n;
      this.#flush();
    }
  }

  sum(): Uint8Array<ArrayBuffer> {
    const length = this.#length;
    const zeros = (BLOCK * 2 - 9 - (length % BLOCK)) % BLOCK;
    const tail = new Uint8Array(1 + zeros + 8);
    tail[0] = 0x80;
    const view = new DataView(tail.buffer);
    view.setUint32(tail.length - 8, Math.floor(length / 2 ** 29));
    view.setUint32(tail.length - 4, (length << 3) >>> 0);
    this.write(tail);
    const out = new DataView(new ArrayBuffer(32));
    for (let i = 0; i < 8; i++) out.setInt32(4 * i, this.#view.getInt32(4 * i, true));
    return new Uint8Array(out.buffer);
  }

  /** Compresses whole blocks; what is left moves to the beginning. */
  #flush(): void {
    const whole = this.#filled - (this.#filled % BLOCK);
    if (whole === 0) return;
    this.#compress(INPUT, INPUT + whole);
    this.#memory.copyWithin(INPUT, INPUT + whole, INPUT + this.#filled);
    this.#filled -= whole;
  }
}

/** The browser's own hash takes files of this size at once, twice in memory; larger ones go by pieces. */
const AT_ONCE = 32 * 1024 * 1024;

export interface Whole {
  write(bytes: Uint8Array): void;
  sum(): Promise<ArrayBuffer>;
}

/** The hash of a file of a known size. */
export function whole(size: number): Whole {
  if (size > AT_ONCE || !globalThis.crypto?.subtle) {
    const hash = new SHA256();
    return { write: (bytes) => hash.write(bytes), sum: async () => hash.sum().buffer };
  }
  const all = new Uint8Array(size);
  let filled = 0;
  return {
    write: (bytes) => {
      all.set(bytes, filled);
      filled += bytes.length;
    },
    sum: () => crypto.subtle.digest("SHA-256", all),
  };
}
