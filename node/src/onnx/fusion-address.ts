/**
 * Addresses of loads while primitives are merged (spec, "Lowering"): affine forms over the digits of the element index, and
 * how an address in a tensor becomes the digits of the program that makes the tensor. Exact integers; what might wrap or
 * leave the tensor is not understood, and then nothing is merged.
 */

import { registerLayout } from "../ir/scalar.ts";
import type { Instruction, RegisterLayout, ScalarProgram } from "../ir/scalar.ts";

/** constant + sum of coefficients[i] * digit i. */
export interface Form {
  readonly constant: number;
  readonly coefficients: readonly number[];
}

/** A digit with the values 0 .. extent - 1 that moves an address by `stride` words: of the element index or of a counter. */
export interface Walk {
  readonly extent: number;
  readonly stride: number;
}

/** Forms of the registers that the prologue sees, by register; null where a register has none. */
export interface Forms {
  readonly layout: RegisterLayout;
  readonly of: readonly (Form | null)[];
}

const LIMIT = 2 ** 40;

export function formsOf(program: ScalarProgram): Forms {
  const layout = registerLayout(program);
  const of: (Form | null)[] = [];
  const none = program.extents.map(() => 0);
  program.constants.forEach(({ type, word }, register) => {
    of[register] = type === "i32" ? { constant: word | 0, coefficients: none } : null;
  });
  of[layout.step] = null;
  program.extents.forEach((extent, digit) => {
    of[layout.digits + digit] = {
      constant: 0,
      coefficients: none.map((_, other) => (other === digit && extent > 1 ? 1 : 0)),
    };
  });
  program.prologue.forEach((instruction, index) => {
    of[layout.prologue + index] = formOf(instruction, of);
  });
  return { layout, of };
}

function formOf({ op, imm, a, b }: Instruction, of: readonly (Form | null)[]): Form | null {
  const [left, right] = [of[a] ?? null, of[b] ?? null];
  switch (op) {
    case "addI":
      return left && right && sum(left, right, 1);
    case "subI":
      return left && right && sum(left, right, -1);
    case "mulI":
      if (left === null || right === null) return null;
      if (isConstant(right)) return scaled(left, right.constant);
      return isConstant(left) ? scaled(right, left.constant) : null;
    case "shl":
      return left && scaled(left, 2 ** imm);
    default:
      return null;
  }
}

const isConstant = ({ coefficients }: Form): boolean => coefficients.every((coefficient) => coefficient === 0);

export function sum(left: Form, right: Form, factor: number): Form | null {
  return bounded({
    constant: left.constant + factor * right.constant,
    coefficients: left.coefficients.map((coefficient, digit) => coefficient + factor * right.coefficients[digit]),
  });
}

function scaled({ constant, coefficients }: Form, factor: number): Form | null {
  return bounded({
    constant: constant * factor,
    coefficients: coefficients.map((coefficient) => coefficient * factor),
  });
}

function bounded(form: Form): Form | null {
  return [form.constant, ...form.coefficients].every((part) => Math.abs(part) < LIMIT) ? form : null;
}

/** The least and the greatest value over all digits. */
export function rangeOf(constant: number, walks: readonly Walk[]): { low: number; high: number } {
  let [low, high] = [constant, constant];
  for (const { extent, stride } of walks) {
    if (stride < 0) low += (extent - 1) * stride;
    else high += (extent - 1) * stride;
  }
  return { low, high };
}

/** Words between neighbours along each digit of a program's output. */
export function stridesOfExtents(extents: readonly number[]): number[] {
  const strides = new Array<number>(extents.length);
  let stride = 1;
  for (let digit = extents.length - 1; digit >= 0; digit--) {
    strides[digit] = stride;
    stride *= extents[digit];
  }
  return strides;
}

/**
 * The extents, slowest first, that a walk is cut into so that no part crosses a digit of a tensor with these strides; the
 * walk's own where no cut is needed.
 */
export function cutsOf({ extent, stride }: Walk, tensor: readonly number[]): number[] {
  const step = Math.abs(stride);
  if (step === 0 || extent === 1) return [extent];
  const parts: number[] = [];
  let inner = 1;
  for (const boundary of tensor.toSorted((x, y) => x - y)) {
    const size = boundary / step;
    if (size <= inner || size >= extent || size % inner !== 0 || extent % size !== 0) continue;
    parts.unshift(size / inner);
    inner = size;
  }
  return [extent / inner, ...parts];
}

/** Digits of a tensor, each as a constant and a multiple of each walk. */
export interface DigitForm {
  readonly constant: number;
  /** One per walk. */
  readonly multiples: readonly number[];
}

/**
 * The digits, in a tensor of these extents, of the address `constant` + walks. Null unless every digit stays inside its
 * extent; with `isLoose` digits may leave it, which the caller must then exclude.
 */
export function digitsOf(
  extents: readonly number[],
  constant: number,
  walks: readonly Walk[],
  isLoose = false,
): DigitForm[] | null {
  const strides = stridesOfExtents(extents);
  const divided = (address: number, isNear: boolean): number[] => {
    let rest = address;
    return strides.map((stride, digit) => {
      if (extents[digit] === 1 && stride !== 1) return 0;
      const quotient = isNear ? Math.round(rest / stride) : Math.trunc(rest / stride);
      rest -= quotient * stride;
      return quotient;
    });
  };
  const constants = divided(constant, isLoose);
  const multiples = walks.map(({ stride }) => divided(stride, false));
  const forms = strides.map((_, digit) => ({
    constant: constants[digit],
    multiples: multiples.map((list) => list[digit]),
  }));
  const isInside = forms.every((form, digit) => {
    const { low, high } = rangeOf(form.constant, walksOf(form, walks));
    return low >= 0 && high < extents[digit];
  });
  return isInside || isLoose ? forms : null;
}

/** How one digit moves along the walks. */
export function walksOf({ multiples }: DigitForm, walks: readonly Walk[]): Walk[] {
  return multiples.map((stride, index) => ({ extent: walks[index].extent, stride }));
}
