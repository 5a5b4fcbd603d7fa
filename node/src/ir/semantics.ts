/**
 * What each pure opcode does to words: one function per row of the opcode table, used by the interpreter and by the
 * builder's constant folding. Arguments are unsigned words of the opcode's types; f32 arguments and results hold no NaN
 * other than 0x7fc00000.
 */

import * as float from "../float/ops.ts";
import { canonical } from "../float/words.ts";
import type { PureOpcode, WordType } from "./opcodes.ts";

/** The word that `op` computes from its arguments and immediate; unused arguments are ignored. */
export type Semantics = (a: number, b: number, c: number, imm: number) => number;

const TRUE = float.TRUE_MASK;

export const SEMANTICS: Readonly<Record<PureOpcode, Semantics>> = {
  add: float.add,
  sub: float.sub,
  mul: float.mul,
  fma: float.fma,
  div: float.div,
  sqrt: float.sqrt,
  neg: float.neg,
  abs: float.abs,
  max: float.max,
  min: float.min,
  lt: float.lt,
  le: float.le,
  eq: float.eq,
  floor: float.floor,
  nearest: float.nearest,
  toI32: float.toI32,
  fromI32: float.fromI32,
  bitsOf: (a) => a,
  fromBits: (a) => canonical(a),
  select: (a, b, c) => (a !== 0 ? b : c),
  addI: (a, b) => (a + b) >>> 0,
  subI: (a, b) => (a - b) >>> 0,
  mulI: (a, b) => Math.imul(a, b) >>> 0,
  mulhiU: float.mulhiU,
  and: (a, b) => (a & b) >>> 0,
  or: (a, b) => (a | b) >>> 0,
  xor: (a, b) => (a ^ b) >>> 0,
  shl: (a, _b, _c, imm) => (a << imm) >>> 0,
  shrS: (a, _b, _c, imm) => (a >> imm) >>> 0,
  shrU: (a, _b, _c, imm) => a >>> imm,
  divU: float.divU,
  remU: float.remU,
  ltI: (a, b) => ((a | 0) < (b | 0) ? TRUE : 0),
  leI: (a, b) => ((a | 0) <= (b | 0) ? TRUE : 0),
  eqI: (a, b) => (a === b ? TRUE : 0),
  boolToI32: (a) => a,
};

/** The value a register of `type` gets when it loads `word`: one NaN, and masks of 0 or 0xffffffff. */
export function loadedWord(type: WordType, word: number): number {
  switch (type) {
    case "f32":
      return canonical(word);
    case "i32":
      return word >>> 0;
    case "bool":
      return word === 0 ? 0 : TRUE;
  }
}
