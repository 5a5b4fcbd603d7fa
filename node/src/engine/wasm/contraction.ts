/**
 * Recognises programs whose loop is a dot product with both addresses affine in the digits (spec, "Dot product form", a
 * little wider) and lays them out for tiles: which digits walk the rows, which the columns, where their words begin. What
 * is not recognised runs as an ordinary kernel.
 */

import { blockLength, patternOffset } from "../../ir/scalar.ts";
import type { Instruction, Loop, ScalarProgram } from "../../ir/scalar.ts";
import { analyse, isInBounds } from "./analysis.ts";
import type { AffineForm, Analysis } from "./analysis.ts";
import { PANEL_COLUMNS, PART_COLUMNS } from "./tiles.ts";

/** Elements along one side: word addresses in the operand (without pattern), and places in the output, in words. */
export interface Side {
  readonly operand: number;
  readonly addresses: Int32Array;
  readonly offsets: Int32Array;
  /** The address grows by this for each unit of the step. */
  readonly perStep: number;
  /** Consecutive words that the loop reads: [words from the address, length], flat. */
  readonly runs: Int32Array;
  /** Whether every address lies inside the operand. */
  readonly isInBounds: boolean;
}

/** A dot product over all elements: for each batch, all rows times all columns. */
export interface Contraction {
  readonly count: number;
  readonly blockLength: number;
  readonly rows: Side;
  /** A multiple of 32 long: the last address is repeated. */
  readonly columns: Side;
  readonly columnCount: number;
  /** For each batch, what is added to the addresses of rows and columns and to the place in the output; flat triples. */
  readonly batches: Int32Array;
  /** The register of the total before the first block, or null. */
  readonly totalInit: number | null;
  /** Whether the output is the final total itself. */
  readonly isBare: boolean;
  /** Whether nothing but the columns reads their operand. */
  readonly ownsColumns: boolean;
}

/** The contraction that a program is, with operands of the given lengths; null if it is none. */
export function recogniseContraction(program: ScalarProgram, lengths: readonly number[]): Contraction | null {
  const analysis = analyse(program);
  const factors = dotFactors(program, analysis);
  if (factors === null || program.loop === null) return null;
  const [left, right] = factors.map(({ a }) => analysis.forms[a]);
  if (left === null || right === null) return null;
  const { loop } = program;
  const { layout } = analysis;

  const digits = [...program.extents.keys()].filter((digit) => program.extents[digit] > 1);
  const moves = (form: AffineForm, digit: number): boolean => coefficient(form, layout.digits + digit) !== 0;
  const leftDigits = digits.filter((digit) => moves(left, digit) && !moves(right, digit));
  const rightDigits = digits.filter((digit) => moves(right, digit) && !moves(left, digit));
  const batchDigits = digits.filter((digit) => moves(left, digit) === moves(right, digit));
  const isSwapped = shouldSwap(program, leftDigits, rightDigits);
  // Panels of fewer columns than a vector has lanes would be mostly empty.
  if (product((isSwapped ? leftDigits : rightDigits).map((digit) => program.extents[digit])) < 4) return null;

  const strides = program.extents.map((_, digit) => product(program.extents.slice(digit + 1)));
  const table = (own: readonly number[], form: AffineForm, constant: number): Int32Array =>
    enumerate(
      own.map((digit) => [program.extents[digit], coefficient(form, layout.digits + digit)]),
      constant,
    );
  const places = (own: readonly number[]): Int32Array =>
    enumerate(
      own.map((digit) => [program.extents[digit], strides[digit]]),
      0,
    );
  const side = (factor: Instruction, form: AffineForm, own: readonly number[], multiple: number): Side => ({
    operand: factor.imm,
    addresses: padded(table(own, form, form.constant), multiple),
    offsets: padded(places(own), multiple),
    perStep: coefficient(form, layout.step),
    runs: runsOf(program, factor, loop),
    isInBounds: isInBounds(analysis, program, factor, lengths[factor.imm]),
  });
  const [rowFactor, columnFactor] = isSwapped ? factors.toReversed() : factors;
  const [rowForm, columnForm] = isSwapped ? [right, left] : [left, right];
  const [rowDigits, columnDigits] = isSwapped ? [rightDigits, leftDigits] : [leftDigits, rightDigits];
  const batchParts = [table(batchDigits, rowForm, 0), table(batchDigits, columnForm, 0), places(batchDigits)];
  return {
    count: loop.count,
    blockLength: blockLength(loop),
    rows: side(rowFactor, rowForm, rowDigits, 1),
    columns: side(columnFactor, columnForm, columnDigits, PANEL_COLUMNS),
    columnCount: product(columnDigits.map((digit) => program.extents[digit])),
    batches: Int32Array.from({ length: 3 * batchParts[0].length }, (_, at) => batchParts[at % 3][Math.floor(at / 3)]),
    totalInit: loop.continued ? loop.carried[0].totalInit : null,
    isBare: program.result === layout.finals,
    ownsColumns: readsOf(program, columnFactor.imm) === 1,
  };
}

/** Rows below which columns that lie scattered are not worth bringing together. */
const FEW_ROWS = 4;

/**
 * Whether tiles beat an ordinary kernel: not where each of many batches packs scattered words for a few rows, as every channel
 * of a depthwise convolution would (5 to 8 times slower).
 */
export function isWorthTiles({ rows, columns, batches }: Contraction): boolean {
  const { addresses, runs } = columns;
  const areScattered = runs.length > 2 && addresses[1] !== addresses[0] + 1;
  return rows.addresses.length > FEW_ROWS || batches.length === 3 || !areScattered;
}

/** The two patterned loads whose product the loop sums, or null. */
function dotFactors({ loop, constants, operandTypes }: ScalarProgram, { layout }: Analysis): Instruction[] | null {
  if (loop === null || loop.lanes !== 1 || loop.carried.length !== 1) return null;
  const [{ init, bodyOut, combineOut }] = loop.carried;
  if (constants[init].type !== "f32" || constants[init].word !== 0) return null;
  const sum = instructionAt(loop.combine, layout.combine, combineOut);
  const terms = sum?.op === "add" ? [sum.a, sum.b].toSorted((x, y) => x - y) : [];
  if (terms[0] !== layout.totals || terms[1] !== layout.blocks) return null;
  const mac = instructionAt(loop.body, layout.body, bodyOut);
  if (mac?.op !== "fma" || mac.c !== layout.carried) return null;
  const factors = [mac.a, mac.b].map((register) => instructionAt(loop.body, layout.body, register));
  const isFactor = (factor: Instruction | undefined): factor is Instruction =>
    factor?.op === "load" && factor.b !== 0 && operandTypes[factor.imm] === "f32";
  return factors.every(isFactor) ? factors : null;
}

function readsOf({ prologue, loop, epilogue }: ScalarProgram, operand: number): number {
  const all = [...prologue, ...(loop?.body ?? []), ...(loop?.combine ?? []), ...epilogue];
  return all.filter(({ op, imm }) => (op === "load" || op === "gather") && imm === operand).length;
}

function instructionAt(section: readonly Instruction[], first: number, register: number): Instruction | undefined {
  return register >= first ? section[register - first] : undefined;
}

function coefficient({ terms }: AffineForm, register: number): number {
  return terms.find(([other]) => other === register)?.[1] ?? 0;
}

// The left side walks the rows unless that would leave the columns, which fill vectors, out of order or few.
function shouldSwap({ extents }: ScalarProgram, left: readonly number[], right: readonly number[]): boolean {
  const [leftSize, rightSize] = [left, right].map((digits) => product(digits.map((digit) => extents[digit])));
  if (Math.min(leftSize, rightSize) < PART_COLUMNS) return leftSize > rightSize;
  return Math.max(...left) > Math.max(...right);
}

function product(factors: readonly number[]): number {
  return factors.reduce((result, factor) => result * factor, 1);
}

/** constant + sum of digit * stride for every combination of digits, slowest first, modulo 2^32. */
function enumerate(digits: readonly (readonly [extent: number, stride: number])[], constant: number): Int32Array {
  let values = Int32Array.of(constant);
  for (const [extent, stride] of digits) {
    const next = new Int32Array(values.length * extent);
    values.forEach((value, index) => {
      for (let digit = 0; digit < extent; digit++) next[index * extent + digit] = value + Math.imul(digit, stride);
    });
    values = next;
  }
  return values;
}

function padded(values: Int32Array, multiple: number): Int32Array {
  const length = Math.ceil(values.length / multiple) * multiple;
  return Int32Array.from({ length }, (_, index) => values[Math.min(index, values.length - 1)]);
}

function runsOf({ patterns }: ScalarProgram, { b }: Instruction, { start, count }: Loop): Int32Array {
  const runs: number[] = [];
  for (let k = start; k < start + count; k++) {
    const offset = patternOffset(patterns[b - 1], k) | 0;
    const last = runs.length - 2;
    if (last >= 0 && ((runs[last] + runs[last + 1]) | 0) === offset) runs[last + 1]++;
    else runs.push(offset, 1);
  }
  return Int32Array.from(runs);
}
