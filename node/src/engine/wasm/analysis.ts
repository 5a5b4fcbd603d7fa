/**
 * What the i32 registers of a scalar program hold, as far as its form tells: affine forms over the digits, the step and the
 * loop counter, and ranges of values. From these follow which loads need no bounds check and how addresses move from
 * element to element. Everything here is exact modulo 2^32; what is not known is said to be unknown.
 */

import { registerLayout } from "../../ir/scalar.ts";
import { OPCODES } from "../../ir/opcodes.ts";
import type { Instruction, LoadPattern, Loop, RegisterLayout, ScalarProgram } from "../../ir/scalar.ts";

/** constant + sum of coefficient * register, modulo 2^32. Coefficients are i32, not zero; registers ascend. */
export interface AffineForm {
  readonly constant: number;
  readonly terms: readonly (readonly [register: number, coefficient: number])[];
}

/** Signed values, both ends inclusive. */
export interface Range {
  readonly low: number;
  readonly high: number;
}

export interface Analysis {
  readonly layout: RegisterLayout;
  /** By register; null where the register is no i32 or no affine form. */
  readonly forms: readonly (AffineForm | null)[];
  /** By register; the whole of i32 where nothing is known. */
  readonly ranges: readonly Range[];
}

export const ANY: Range = { low: -(2 ** 31), high: 2 ** 31 - 1 };

const UNBOUNDED: Range = { low: -Infinity, high: Infinity };
/** Sums of a few numbers up to here are exact; beyond, a sum could round back into the range of i32. */
const EXACT = 2 ** 49;

/** Forms and ranges of every register. */
export function analyse(program: ScalarProgram): Analysis {
  const layout = registerLayout(program);
  const forms = new Array<AffineForm | null>(layout.end).fill(null);
  const ranges = Array.from({ length: layout.end }, () => ANY);
  const variable = (register: number, range: Range): void => {
    forms[register] = { constant: 0, terms: [[register, 1]] };
    ranges[register] = range;
  };
  program.constants.forEach(({ type, word }, register) => {
    if (type === "i32") forms[register] = { constant: word | 0, terms: [] };
    ranges[register] = { low: word | 0, high: word | 0 };
  });
  variable(layout.step, ANY);
  program.extents.forEach((extent, digit) => variable(layout.digits + digit, { low: 0, high: extent - 1 }));
  const { loop } = program;
  if (loop !== null) variable(layout.counter, { low: loop.start, high: loop.start + loop.count - 1 });

  const section = (instructions: readonly Instruction[], first: number): void => {
    instructions.forEach((instruction, index) => {
      const form = formOf(instruction, forms);
      const range = rangeOf(instruction, ranges);
      forms[first + index] = form;
      ranges[first + index] = form === null ? range : intersect(range, formRange(form, ranges));
    });
  };
  section(program.prologue, layout.prologue);
  section(loop?.body ?? [], layout.body);
  section(loop?.combine ?? [], layout.combine);
  section(program.epilogue, layout.epilogue);
  return { layout, forms, ranges };
}

/** How much an affine register grows with a digit or another register; 0 where it does not, or is not affine. */
export function coefficientOf({ forms }: Analysis, register: number, variable: number): number {
  return forms[register]?.terms.find(([other]) => other === variable)?.[1] ?? 0;
}

/** Whether every address of a load or gather lies below `length`, for every element, step and iteration. */
export function isInBounds(
  { ranges }: Analysis,
  program: ScalarProgram,
  { op, a, b }: Instruction,
  length: number,
): boolean {
  const base = ranges[a];
  const moved =
    op === "load" && b !== 0 && program.loop !== null
      ? patternRange(program.patterns[b - 1], program.loop)
      : { low: 0, high: 0 };
  const low = base.low + moved.low;
  const high = base.high + moved.high;
  return low >= 0 && high < length && high <= ANY.high;
}

/** Registers of the prologue and the body whose values depend on that of `register` or on what the loop carries. */
export function registersMovedBy(program: ScalarProgram, register: number): ReadonlySet<number> {
  const layout = registerLayout(program);
  const moved = new Set([register]);
  program.loop?.carried.forEach((_, index) => moved.add(layout.carried + index));
  const section = (instructions: readonly Instruction[], first: number): void =>
    instructions.forEach(({ op, a, b, c }, index) => {
      // A load's second argument is a pattern.
      const registers = op === "load" ? [a] : [a, b, c].slice(0, OPCODES[op].arguments.length);
      if (registers.some((argument) => moved.has(argument))) moved.add(first + index);
    });
  section(program.prologue, layout.prologue);
  section(program.loop?.body ?? [], layout.body);
  return moved;
}

/**
 * Registers of `bitsOf` whose argument, where it is a NaN, makes the result one whatever its bits: they may read its
 * payload, as the NaN that is stored is the one.
 */
export function payloadKeepers(program: ScalarProgram, result: number): ReadonlySet<number> {
  const layout = registerLayout(program);
  const straight: readonly (readonly [Instruction, number])[] = [
    ...program.prologue.map((instruction, index) => [instruction, layout.prologue + index] as const),
    ...program.epilogue.map((instruction, index) => [instruction, layout.epilogue + index] as const),
  ];
  const keepers = straight.filter(([{ op, a }]) => {
    if (op !== "bitsOf") return false;
    const isNaN = new Set(causesOf(program, straight, a));
    // Registers that are false where those are NaN.
    const isFalse = new Set<number>();
    for (const [instruction, register] of straight) {
      if (spreadsNaN(instruction, isNaN, isFalse)) isNaN.add(register);
      if (isComparison(instruction) && [instruction.a, instruction.b].some((x) => isNaN.has(x))) isFalse.add(register);
    }
    return isNaN.has(result);
  });
  return new Set(keepers.map(([, register]) => register));
}

/** The register, and those that must be NaN where it is: its only argument that can make it one, and so on. */
function causesOf(
  program: ScalarProgram,
  straight: readonly (readonly [Instruction, number])[],
  register: number,
): number[] {
  const instruction = straight.find(([, own]) => own === register)?.[0];
  const cause = instruction && causeOf(program, instruction);
  return cause === undefined ? [register] : [register, ...causesOf(program, straight, cause)];
}

// Neither a sum with a finite number nor a product with one that is not zero makes a NaN of anything else.
function causeOf({ constants }: ScalarProgram, { op, a, b, c }: Instruction): number | undefined {
  const isFinite = (register: number): boolean => (constants[register]?.word & 0x7f800000) < 0x7f800000;
  const isFactor = (register: number): boolean => isFinite(register) && (constants[register].word & 0x7fffffff) !== 0;
  const constant = (register: number): boolean => register < constants.length;
  switch (op) {
    case "neg":
    case "abs":
    case "floor":
    case "nearest":
      return a;
    case "max":
    case "min":
      return constant(b) && isFinite(b) ? a : undefined;
    case "add":
    case "sub":
      if (a === b && op === "add") return a;
      return constant(b) && isFinite(b) ? a : constant(a) && isFinite(a) ? b : undefined;
    case "mul":
      return constant(b) && isFactor(b) ? a : constant(a) && isFactor(a) ? b : undefined;
    case "fma":
      return constant(b) && isFactor(b) && constant(c) && isFinite(c) ? a : undefined;
    default:
      return undefined;
  }
}

function isComparison({ op }: Instruction): boolean {
  return op === "lt" || op === "le" || op === "eq";
}

/** Whether the result is NaN where the given registers are NaN, and the others false. */
function spreadsNaN({ op, a, b, c }: Instruction, isNaN: ReadonlySet<number>, isFalse: ReadonlySet<number>): boolean {
  switch (op) {
    case "add":
    case "sub":
    case "mul":
    case "div":
      return isNaN.has(a) || isNaN.has(b);
    case "fma":
      return isNaN.has(a) || isNaN.has(b) || isNaN.has(c);
    case "sqrt":
    case "neg":
    case "abs":
    case "floor":
    case "nearest":
    case "max":
    case "min":
      return isNaN.has(a);
    case "select":
      return isNaN.has(c) && (isNaN.has(b) || isFalse.has(a));
    default:
      return false;
  }
}

/** The words that a pattern adds over the whole loop, before wrapping at 32 bits. */
export function patternRange(pattern: LoadPattern, { start, count }: Loop): Range {
  let first = start;
  let last = start + count - 1;
  let range: Range = { low: 0, high: 0 };
  for (const { extent, stride } of pattern.toReversed()) {
    const wraps = Math.floor(first / extent) !== Math.floor(last / extent);
    const ends = wraps ? [0, extent - 1] : [first % extent, last % extent];
    const words = ends.map((value) => value * stride);
    if (words.some((word) => Math.abs(word) > EXACT)) return UNBOUNDED;
    range = { low: range.low + Math.min(...words), high: range.high + Math.max(...words) };
    first = Math.floor(first / extent);
    last = Math.floor(last / extent);
  }
  return range;
}

// --- Affine forms ---

function formOf({ op, imm, a, b }: Instruction, forms: readonly (AffineForm | null)[]): AffineForm | null {
  const left = forms[a];
  const right = forms[b];
  switch (op) {
    case "addI":
      return left && right && combine(left, right, 1);
    case "subI":
      return left && right && combine(left, right, -1);
    case "mulI":
      if (left === null || right === null) return null;
      if (right.terms.length === 0) return scale(left, right.constant);
      return left.terms.length === 0 ? scale(right, left.constant) : null;
    case "shl":
      return left && scale(left, 1 << imm);
    default:
      return null;
  }
}

function scale({ constant, terms }: AffineForm, factor: number): AffineForm {
  return {
    constant: Math.imul(constant, factor),
    terms: terms
      .map(([register, coefficient]) => [register, Math.imul(coefficient, factor)] as const)
      .filter(([, coefficient]) => coefficient !== 0),
  };
}

function combine(left: AffineForm, right: AffineForm, factor: number): AffineForm {
  const sums = new Map(left.terms);
  for (const [register, coefficient] of right.terms) {
    sums.set(register, ((sums.get(register) ?? 0) + Math.imul(coefficient, factor)) | 0);
  }
  const terms = [...sums].filter(([, coefficient]) => coefficient !== 0).toSorted(([x], [y]) => x - y);
  return { constant: (left.constant + Math.imul(right.constant, factor)) | 0, terms };
}

function formRange({ constant, terms }: AffineForm, ranges: readonly Range[]): Range {
  let [low, high] = [constant, constant];
  for (const [register, coefficient] of terms) {
    const ends = [ranges[register].low * coefficient, ranges[register].high * coefficient];
    if (ends.some((end) => Math.abs(end) > EXACT)) return ANY;
    low += Math.min(...ends);
    high += Math.max(...ends);
  }
  return withoutWrap(low, high);
}

// --- Ranges ---

function withoutWrap(low: number, high: number): Range {
  return low >= ANY.low && high <= ANY.high ? { low, high } : ANY;
}

// Both hold, so their intersection is not empty.
function intersect(one: Range, other: Range): Range {
  return { low: Math.max(one.low, other.low), high: Math.min(one.high, other.high) };
}

function rangeOf({ op, imm, a, b, c }: Instruction, ranges: readonly Range[]): Range {
  const [x, y, z] = [ranges[a], ranges[b], ranges[c]];
  switch (op) {
    case "addI":
      return withoutWrap(x.low + y.low, x.high + y.high);
    case "subI":
      return withoutWrap(x.low - y.high, x.high - y.low);
    case "mulI": {
      const products = [x.low * y.low, x.low * y.high, x.high * y.low, x.high * y.high];
      return withoutWrap(Math.min(...products), Math.max(...products));
    }
    case "shl":
      return withoutWrap(x.low * 2 ** imm, x.high * 2 ** imm);
    case "shrS":
      return { low: x.low >> imm, high: x.high >> imm };
    case "shrU":
      if (x.low >= 0) return { low: x.low >>> imm, high: x.high >>> imm };
      return imm === 0 ? ANY : { low: 0, high: 0xffffffff >>> imm };
    case "divU": {
      // The divisor is a constant.
      const divisor = y.low >>> 0;
      if (x.low >= 0) return { low: Math.floor(x.low / divisor), high: Math.floor(x.high / divisor) };
      return divisor === 1 ? ANY : { low: 0, high: Math.floor(0xffffffff / divisor) };
    }
    case "remU": {
      const divisor = y.low >>> 0;
      if (divisor > 2 ** 31) return ANY;
      return { low: 0, high: x.low >= 0 ? Math.min(x.high, divisor - 1) : divisor - 1 };
    }
    case "and":
      if (x.low >= 0 || y.low >= 0) {
        return { low: 0, high: Math.min(...[x, y].filter(({ low }) => low >= 0).map(({ high }) => high)) };
      }
      return ANY;
    case "select":
      return { low: Math.min(y.low, z.low), high: Math.max(y.high, z.high) };
    case "lt":
    case "le":
    case "eq":
    case "ltI":
    case "leI":
    case "eqI":
    case "boolToI32":
      return { low: -1, high: 0 };
    default:
      return ANY;
  }
}
