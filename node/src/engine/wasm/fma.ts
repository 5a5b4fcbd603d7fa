/**
 * The fused multiply-add of four lanes: the host's relaxed_madd where a probe shows that it rounds once, else an exact
 * emulation in binary64 with rounding to odd (numerics, "Words and arithmetic"). Both give the interpreter's bits, up to
 * the payload of a NaN.
 */

import { fma as exactFma } from "../../float/ops.ts";
import { createRandom, DIRECTED_CLASSES, drawOperands } from "../../float/directed.ts";
import { canonical } from "../../float/words.ts";
import {
  addLocal,
  assembleModule,
  call,
  draftFunction,
  get,
  I32,
  i32Const,
  ifElse,
  set,
  shuffleWords,
  simd,
  tee,
  V128,
  v128Const,
  v128Load,
  v128Store,
} from "./emit.ts";
import type { Code, FunctionDraft } from "./emit.ts";

/** How a module computes fma: with the instruction, or by calling a function of its own. */
export type FmaMode = { readonly kind: "fused" } | { readonly kind: "emulated"; readonly functionIndex: number };

/** Three vectors on the stack become one. */
export function fmaCode(mode: FmaMode): Code {
  return mode.kind === "fused" ? simd("f32x4RelaxedMadd") : call(mode.functionIndex);
}

/**
 * The emulation as a function of three vectors. The product of two binary32 is exact in binary64, so only the sum is rounded
 * twice. That is harmless unless the first rounding hits the middle between two neighbours in binary32, or the result is
 * below its normal range: then everything is done once more, rounding to odd.
 */
export function emulatedFma(): FunctionDraft {
  const draft = draftFunction(null, [V128, V128, V128], [V128]);
  const sums = [addLocal(draft, V128), addLocal(draft, V128)];
  const sum = (upper: boolean): Code => [
    [wide(0, upper), wide(1, upper), simd("f64x2Mul"), wide(2, upper), simd("f64x2Add")],
    set(sums[upper ? 1 : 0]),
  ];
  const isSuspect = (local: number): Code => [
    [get(local), v128Const([DROPPED_BITS, 0, DROPPED_BITS, 0]), simd("and")],
    [v128Const([MIDDLE, 0, MIDDLE, 0]), simd("i64x2Eq")],
    [get(local), simd("f64x2Abs"), v128Const([0, LEAST_NORMAL, 0, LEAST_NORMAL]), simd("f64x2Lt"), simd("or")],
  ];
  draft.body = [
    [sum(false), sum(true)],
    [isSuspect(sums[0]), isSuspect(sums[1]), simd("or"), simd("anyTrue")],
    ifElse(
      [oddHalf(draft, false), oddHalf(draft, true), shuffleWords([0, 1, 4, 5])],
      [get(sums[0]), simd("demote"), get(sums[1]), simd("demote"), shuffleWords([0, 1, 4, 5])],
      V128,
    ),
  ];
  return draft;
}

/** The bits of a binary64 that binary32 has no room for, the first of them, and the high word of 2^-126. */
const DROPPED_BITS = 0x1fffffff;
const MIDDLE = 0x10000000;
const LEAST_NORMAL = (1023 - 126) * 2 ** 20;

/** Two words of a vector as binary64. */
function wide(local: number, upper: boolean): Code {
  return [get(local), upper ? [get(local), shuffleWords([2, 3, 2, 3])] : [], simd("promote")];
}

/**
 * Half of the result by rounding to odd: TwoSum finds the error of the sum; where there is one and the sum is even, its
 * neighbour on the error's side is taken, and the rounding to binary32 is then the only one. An infinity or NaN makes the
 * error NaN, which compares as no error.
 */
function oddHalf(draft: FunctionDraft, upper: boolean): Code {
  const [product, addend, sum, virtual, error] = [0, 1, 2, 3, 4].map(() => addLocal(draft, V128));
  return [
    [wide(0, upper), wide(1, upper), simd("f64x2Mul"), set(product), wide(2, upper), set(addend)],
    [get(product), get(addend), simd("f64x2Add"), tee(sum), get(product), simd("f64x2Sub"), set(virtual)],
    [get(product), get(sum), get(virtual), simd("f64x2Sub"), simd("f64x2Sub")],
    [get(addend), get(virtual), simd("f64x2Sub"), simd("f64x2Add"), set(error)],
    // sum + step, where step is 1 or -1 in the last place, or 0.
    get(sum),
    [get(error), simd("f64x2Abs"), v128Const([0]), simd("f64x2Gt")],
    [v128Const([1, 0, 1, 0]), get(sum), simd("andNot"), simd("and"), set(product)],
    // With the mask m of unequal signs, (1 ^ m) - m is 1 or -1, and (0 ^ m) - m is 0.
    [get(error), get(sum), simd("xor"), i32Const(63), simd("i64x2ShrS"), set(virtual)],
    [get(product), get(virtual), simd("xor"), get(virtual), simd("i64x2Sub")],
    [simd("i64x2Add"), simd("demote")],
  ];
}

let hostIsFused: boolean | undefined;

/** Whether relaxed_madd exists on this host and rounds once. Probed on first use. */
export function isFusedHost(): boolean {
  hostIsFused ??= roundsOnce(ofThree(simd("f32x4RelaxedMadd")));
  return hostIsFused;
}

/** A function of three vectors from code that makes one of them on the stack. */
export function ofThree(code: Code): FunctionDraft {
  return { ...draftFunction(null, [V128, V128, V128], [V128]), body: [get(0), get(1), get(2), code] };
}

const PROBE_CASES = 1024;

/** Whether a function of three vectors exists on this host and is the interpreter's fma, up to the payload of a NaN. */
export function roundsOnce(madd: FunctionDraft): boolean {
  const draft = draftFunction("run", [I32]);
  draft.body = [get(0), [get(0), v128Load(0), get(0), v128Load(16), get(0), v128Load(32), call(0)], v128Store(48)];
  const bytes = assembleModule([madd, draft]);
  if (!WebAssembly.validate(bytes as BufferSource)) return false;
  const memory = new WebAssembly.Memory({ initial: 1 });
  const { exports } = new WebAssembly.Instance(new WebAssembly.Module(bytes as BufferSource), { host: { memory } });
  const run = exports["run"] as (at: number) => void;
  const words = new Uint32Array(memory.buffer);
  const random = createRandom(1);
  const names = Object.keys(DIRECTED_CLASSES);
  for (let index = 0; index < PROBE_CASES; index++) {
    const triples = [0, 1, 2, 3].map((lane) => drawOperands(random, names[(4 * index + lane) % names.length], 3));
    triples.forEach((triple, lane) => triple.forEach((word, operand) => (words[4 * operand + lane] = word)));
    run(0);
    if (triples.some(([a, b, c], lane) => canonical(words[12 + lane]) !== exactFma(a, b, c))) return false;
  }
  return true;
}
