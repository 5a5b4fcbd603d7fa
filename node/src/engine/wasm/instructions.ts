/**
 * What each pure opcode is in WebAssembly: on four lanes, and on one scalar where all lanes hold the same integer. Keyed by
 * the opcode table. Float results may hold any NaN; whoever looks at bits canonicalises first.
 */

import type { PureOpcode } from "../../ir/opcodes.ts";
import { extractLane, i32Const, OP, replaceLane, shuffleWords, simd, v128Const } from "./emit.ts";
import type { Code, SimdName } from "./emit.ts";
import { fmaCode } from "./fma.ts";
import type { FmaMode } from "./fma.ts";

/** What an instruction's code may need beside its arguments. */
export interface InstructionContext {
  readonly fma: FmaMode;
  readonly imm: number;
  /** The word of the second argument where it is a constant: divisors always are. */
  readonly divisor: number;
  /** Leaves a vector of canonical NaN. */
  readonly nan: Code;
  /** Whether a NaN in the argument may keep its payload, as it shows in nothing that is stored. */
  readonly keepsPayload: boolean;
}

/** Code that leaves the result; arguments are code that leaves them and may be used more than once. */
export type Emit = (args: readonly Code[], context: InstructionContext) => Code;

const lanewise =
  (name: SimdName): Emit =>
  (args) => [...args, simd(name)];

const shifted =
  (name: SimdName): Emit =>
  ([a], { imm }) => [a, i32Const(imm), simd(name)];

/** x, with every NaN replaced by the canonical one. */
export function canonicalVector(x: Code, nan: Code = v128Const([0x7fc00000]), choose = simd("bitselect")): Code {
  return [x, nan, x, x, simd("f32x4Eq"), choose];
}

/** Chooses lanes by a mask of whole lanes, with one instruction where the host has relaxed SIMD: it does where it fuses. */
export function selectCode({ kind }: FmaMode): Code {
  return simd(kind === "fused" ? "i32x4RelaxedSelect" : "bitselect");
}

const isPowerOfTwo = (divisor: number): boolean => (divisor & (divisor - 1)) === 0;
const log2 = (divisor: number): number => 31 - Math.clz32(divisor);

// There is no vector division, so lanes are divided one by one.
function divideLanes([a]: readonly Code[], divisor: number, operation: Code): Code {
  const quotient = (lane: number): Code => [a, extractLane(lane), i32Const(divisor), operation];
  return [[quotient(0), simd("i32x4Splat")], [1, 2, 3].map((lane): Code => [quotient(lane), replaceLane(lane)])];
}

/** On vectors. */
export const VECTOR_CODE: Readonly<Record<PureOpcode, Emit>> = {
  add: lanewise("f32x4Add"),
  sub: lanewise("f32x4Sub"),
  mul: lanewise("f32x4Mul"),
  fma: (args, { fma }) => [...args, fmaCode(fma)],
  div: lanewise("f32x4Div"),
  sqrt: lanewise("f32x4Sqrt"),
  neg: lanewise("f32x4Neg"),
  abs: lanewise("f32x4Abs"),
  max: lanewise("f32x4Pmax"),
  min: lanewise("f32x4Pmin"),
  lt: lanewise("f32x4Lt"),
  le: lanewise("f32x4Le"),
  eq: lanewise("f32x4Eq"),
  floor: lanewise("f32x4Floor"),
  nearest: lanewise("f32x4Nearest"),
  toI32: lanewise("i32x4TruncSatS"),
  fromI32: lanewise("f32x4ConvertS"),
  bitsOf: ([a], { fma, nan, keepsPayload }) => (keepsPayload ? a : canonicalVector(a, nan, selectCode(fma))),
  fromBits: ([a]) => a,
  select: ([mask, b, c], { fma }) => [b, c, mask, selectCode(fma)],
  addI: lanewise("i32x4Add"),
  subI: lanewise("i32x4Sub"),
  mulI: lanewise("i32x4Mul"),
  mulhiU: ([a, b]) => [[a, b, simd("i64x2ExtmulLowU")], [a, b, simd("i64x2ExtmulHighU")], shuffleWords([1, 3, 5, 7])],
  and: lanewise("and"),
  or: lanewise("or"),
  xor: lanewise("xor"),
  shl: shifted("i32x4Shl"),
  shrS: shifted("i32x4ShrS"),
  shrU: shifted("i32x4ShrU"),
  divU: (args, { divisor }) =>
    isPowerOfTwo(divisor)
      ? [args[0], i32Const(log2(divisor)), simd("i32x4ShrU")]
      : divideLanes(args, divisor, OP.i32DivU),
  remU: (args, { divisor }) =>
    isPowerOfTwo(divisor) ? [args[0], v128Const([divisor - 1]), simd("and")] : divideLanes(args, divisor, OP.i32RemU),
  ltI: lanewise("i32x4LtS"),
  leI: lanewise("i32x4LeS"),
  eqI: lanewise("i32x4Eq"),
  boolToI32: ([a]) => a,
};

const scalar =
  (operation: Code): Emit =>
  (args) => [...args, operation];

// A comparison gives 0 or 1; a mask is 0 or -1.
const compared =
  (operation: Code): Emit =>
  (args) => [i32Const(0), ...args, operation, OP.i32Sub];

const shiftedScalar =
  (operation: Code): Emit =>
  ([a], { imm }) => [a, i32Const(imm), operation];

/** On scalars, for opcodes whose arguments and result are integers or masks. */
export const SCALAR_CODE: Readonly<Partial<Record<PureOpcode, Emit>>> = {
  select: ([mask, b, c]) => [b, c, mask, OP.select],
  addI: scalar(OP.i32Add),
  subI: scalar(OP.i32Sub),
  mulI: scalar(OP.i32Mul),
  mulhiU: ([a, b]) => [
    [a, OP.i64ExtendI32U, b, OP.i64ExtendI32U, OP.i64Mul],
    [OP.i64Const32, OP.i64ShrU, OP.i32WrapI64],
  ],
  and: scalar(OP.i32And),
  or: scalar(OP.i32Or),
  xor: scalar(OP.i32Xor),
  shl: shiftedScalar(OP.i32Shl),
  shrS: shiftedScalar(OP.i32ShrS),
  shrU: shiftedScalar(OP.i32ShrU),
  divU: ([a], { divisor }) => [a, i32Const(divisor), OP.i32DivU],
  remU: ([a], { divisor }) => [a, i32Const(divisor), OP.i32RemU],
  ltI: compared(OP.i32LtS),
  leI: compared(OP.i32LeS),
  eqI: compared(OP.i32Eq),
  boolToI32: ([a]) => a,
};
