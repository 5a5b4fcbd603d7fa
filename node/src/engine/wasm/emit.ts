/**
 * A small typed emitter of WebAssembly binaries: fragments of code, functions, modules. It knows the instructions that the
 * kernels use and checks nothing; the engine that compiles the module validates it.
 */

/** Instructions as bytes, nested so that fragments join without copying. */
export type Code = readonly (number | Code)[];

/** Codes of value types. */
export const I32 = 0x7f;
export const V128 = 0x7b;

/** A function under construction. Locals are numbered after the parameters. */
export interface FunctionDraft {
  readonly parameters: readonly number[];
  readonly results: readonly number[];
  readonly locals: number[];
  /** Null where the module does not export it. */
  readonly name: string | null;
  body: Code;
}

/** A function without a body yet. */
export function draftFunction(
  name: string | null,
  parameters: readonly number[],
  results: readonly number[] = [],
): FunctionDraft {
  return { name, parameters, results, locals: [], body: [] };
}

/** A new local of the given type; it starts as zero. */
export function addLocal(draft: FunctionDraft, type: number): number {
  return draft.parameters.length + draft.locals.push(type) - 1;
}

export function unsignedLeb(value: number): number[] {
  const bytes: number[] = [];
  let rest = value;
  do {
    const low = rest % 128;
    rest = Math.floor(rest / 128);
    bytes.push(rest > 0 ? low | 128 : low);
  } while (rest > 0);
  return bytes;
}

// Of a 32-bit integer: the last byte's bit 6 is the sign.
function signedLeb(value: number): number[] {
  const bytes: number[] = [];
  for (let rest = value | 0; ; rest >>= 7) {
    const low = rest & 127;
    if ((rest >= 0 && rest < 64) || (rest < 0 && rest >= -64)) return [...bytes, low];
    bytes.push(low | 128);
  }
}

export const get = (local: number): Code => [0x20, unsignedLeb(local)];
export const set = (local: number): Code => [0x21, unsignedLeb(local)];
export const tee = (local: number): Code => [0x22, unsignedLeb(local)];
export const i32Const = (value: number): Code => [0x41, signedLeb(value)];
export const call = (index: number): Code => [0x10, unsignedLeb(index)];

/** Instructions without immediates, by name. */
export const OP = {
  return: [0x0f],
  select: [0x1b],
  i32Eqz: [0x45],
  i32Eq: [0x46],
  i32Ne: [0x47],
  i32LtS: [0x48],
  i32LtU: [0x49],
  i32GtU: [0x4b],
  i32LeS: [0x4c],
  i32LeU: [0x4d],
  i32GeU: [0x4f],
  i32Add: [0x6a],
  i32Sub: [0x6b],
  i32Mul: [0x6c],
  i32DivU: [0x6e],
  i32RemU: [0x70],
  i32And: [0x71],
  i32Or: [0x72],
  i32Xor: [0x73],
  i32Shl: [0x74],
  i32ShrS: [0x75],
  i32ShrU: [0x76],
  i64Mul: [0x7e],
  i64ShrU: [0x88],
  i32WrapI64: [0xa7],
  i64ExtendI32U: [0xad],
  /** The constant 32, to take the high half of a product. */
  i64Const32: [0x42, 32],
} as const satisfies Record<string, Code>;

const SIMD_CODES = {
  i32x4Splat: 0x11,
  f32x4Splat: 0x13,
  i32x4Eq: 0x37,
  i32x4Ne: 0x38,
  i32x4LtS: 0x39,
  i32x4LeS: 0x3d,
  f32x4Eq: 0x41,
  f32x4Lt: 0x43,
  f32x4Le: 0x45,
  f64x2Lt: 0x49,
  f64x2Gt: 0x4a,
  not: 0x4d,
  and: 0x4e,
  andNot: 0x4f,
  or: 0x50,
  xor: 0x51,
  bitselect: 0x52,
  anyTrue: 0x53,
  /** Two f64 to two f32 in the low half, zeros above. */
  demote: 0x5e,
  /** The low two f32 to two f64. */
  promote: 0x5f,
  f32x4Floor: 0x68,
  f32x4Nearest: 0x6a,
  i32x4AllTrue: 0xa3,
  i32x4Shl: 0xab,
  i32x4ShrS: 0xac,
  i32x4ShrU: 0xad,
  i32x4Add: 0xae,
  i32x4Sub: 0xb1,
  i32x4Mul: 0xb5,
  i64x2ShrS: 0xcc,
  i64x2Add: 0xce,
  i64x2Sub: 0xd1,
  i64x2Eq: 0xd6,
  i64x2ExtmulLowU: 0xde,
  i64x2ExtmulHighU: 0xdf,
  f32x4Abs: 0xe0,
  f32x4Neg: 0xe1,
  f32x4Sqrt: 0xe3,
  f32x4Add: 0xe4,
  f32x4Sub: 0xe5,
  f32x4Mul: 0xe6,
  f32x4Div: 0xe7,
  /** b < a ? b : a */
  f32x4Pmin: 0xea,
  /** a < b ? b : a */
  f32x4Pmax: 0xeb,
  f64x2Abs: 0xec,
  f64x2Add: 0xf0,
  f64x2Sub: 0xf1,
  f64x2Mul: 0xf2,
  i32x4TruncSatS: 0xf8,
  f32x4ConvertS: 0xfa,
  /** Relaxed SIMD: a where the mask's bits are set, b where they are clear; lanes of other masks are as the host likes. */
  i32x4RelaxedSelect: 0x10b,
  /** Relaxed SIMD: a * b + c, fused or not as the host likes. */
  f32x4RelaxedMadd: 0x105,
} as const;

export type SimdName = keyof typeof SIMD_CODES;

/** A SIMD instruction without immediates. */
export const simd = (name: SimdName): Code => [0xfd, unsignedLeb(SIMD_CODES[name])];

/** A vector constant of four words. */
export function v128Const(words: readonly number[]): Code {
  return [0xfd, 0x0c, [...new Uint8Array(Uint32Array.from({ length: 4 }, (_, i) => words[i % words.length]).buffer)]];
}

/** Picks 16 bytes out of two vectors. */
export const shuffle = (bytes: readonly number[]): Code => [0xfd, 0x0d, bytes];

/** Picks four words out of two vectors, 0..3 from the first and 4..7 from the second. */
export const shuffleWords = (words: readonly number[]): Code =>
  shuffle(words.flatMap((word) => [4 * word, 4 * word + 1, 4 * word + 2, 4 * word + 3]));

export const extractLane = (lane: number): Code => [0xfd, 0x1b, lane];
export const replaceLane = (lane: number): Code => [0xfd, 0x1c, lane];

// Memory instructions take an address from the stack and add `offset` bytes. Alignment hints are those of a word.
export const i32Load = (offset = 0): Code => [0x28, 2, unsignedLeb(offset)];
export const i32Store = (offset = 0): Code => [0x36, 2, unsignedLeb(offset)];
export const v128Load = (offset = 0): Code => [0xfd, 0x00, 2, unsignedLeb(offset)];
export const v128Store = (offset = 0): Code => [0xfd, 0x0b, 2, unsignedLeb(offset)];
export const load32Splat = (offset = 0): Code => [0xfd, 0x09, 2, unsignedLeb(offset)];
/** Takes an address and a vector. */
export const load32Lane = (lane: number, offset = 0): Code => [0xfd, 0x56, 2, unsignedLeb(offset), lane];
/** Takes an address and a vector. */
export const store32Lane = (lane: number, offset = 0): Code => [0xfd, 0x5a, 2, unsignedLeb(offset), lane];

const VOID = 0x40;
export const block = (body: Code): Code => [0x02, VOID, body, 0x0b];
export const loop = (body: Code): Code => [0x03, VOID, body, 0x0b];
export const branch = (depth: number): Code => [0x0c, unsignedLeb(depth)];
export const branchIf = (depth: number): Code => [0x0d, unsignedLeb(depth)];
/** Takes a condition from the stack; `result` is a value type that both arms leave, or void. */
export function ifElse(then: Code, otherwise: Code = [], result: number = VOID): Code {
  return otherwise.length === 0 ? [0x04, result, then, 0x0b] : [0x04, result, then, 0x05, otherwise, 0x0b];
}

/** local += constant */
export const increment = (local: number, by: number): Code => [get(local), i32Const(by), OP.i32Add, set(local)];

const MAGIC = [0x00, 0x61, 0x73, 0x6d, 0x01, 0x00, 0x00, 0x00];

/** The limits of the imported memory: unshared of any size, or shared with a maximum, which sharing asks for. */
const UNSHARED_LIMITS: Code = [0, 1];
const SHARED_LIMITS: Code = [3, 1, unsignedLeb(65536)];

/**
 * A module of the functions, in order, which all see the one memory imported as `host.memory`. Whether that memory is
 * shared between threads is part of the module.
 */
export function assembleModule(functions: readonly FunctionDraft[], isShared = false): Uint8Array {
  const text = (name: string): Code => [name.length, [...new TextEncoder().encode(name)]];
  const vector = (items: readonly Code[]): Code => [unsignedLeb(items.length), items];
  const types = functions.map(({ parameters, results }): Code => [
    0x60,
    vector(parameters.map((type) => [type])),
    vector(results.map((type) => [type])),
  ]);
  const exported = functions.flatMap(({ name }, index) =>
    name === null ? [] : [[text(name), 0, unsignedLeb(index)] as Code],
  );
  const sections: readonly [number, Code][] = [
    [1, vector(types)],
    [2, vector([[text("host"), text("memory"), 2, isShared ? SHARED_LIMITS : UNSHARED_LIMITS]])],
    [3, vector(functions.map((_, index) => unsignedLeb(index)))],
    [7, vector(exported)],
    [10, vector(functions.map(functionCode))],
  ];
  return flatten([MAGIC, sections.map(([id, content]): Code => [id, sized(content)])]);
}

function functionCode({ locals, body }: FunctionDraft): Code {
  const groups: [count: number, type: number][] = [];
  for (const type of locals) {
    const last = groups.at(-1);
    if (last?.[1] === type) last[0]++;
    else groups.push([1, type]);
  }
  const declared = groups.map(([count, type]): Code => [unsignedLeb(count), type]);
  return sized([unsignedLeb(groups.length), declared, body, 0x0b]);
}

function sized(content: Code): Code {
  return [unsignedLeb(byteLength(content)), content];
}

function byteLength(code: Code): number {
  let length = 0;
  for (const part of code) length += typeof part === "number" ? 1 : byteLength(part);
  return length;
}

function flatten(code: Code): Uint8Array {
  const bytes = new Uint8Array(byteLength(code));
  let at = 0;
  const write = (part: Code): void => {
    for (const item of part) {
      if (typeof item === "number") bytes[at++] = item;
      else write(item);
    }
  };
  write(code);
  return bytes;
}
