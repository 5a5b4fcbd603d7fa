/**
 * The scalar program as plain data (spec, "Scalar program"): what computes one element of a primitive's output. Register
 * numbers follow one flat order, which {@link registerLayout} states. These types can hold invalid programs; `validateScalar`
 * refuses them, and `encodeScalar` gives the bytes that a record commits to.
 */

import type { OpcodeName, WordType } from "./opcodes.ts";

/** Iterations per block of a loop that is not `single`. */
export const BLOCK_SIZE = 256;

/** The caps of a scalar program, each inclusive. */
export const SCALAR_LIMITS = {
  operands: 8,
  digits: 8,
  constants: 256,
  patterns: 16,
  carried: 8,
  sectionInstructions: 256,
  iterations: 4096,
  /** start + count */
  counterEnd: 2 ** 24,
  outputLength: 2 ** 31 - 1,
  /** Chunks of 256 words that one element may touch. */
  chunks: 48,
  gas: 2 ** 22,
  encodedBytes: 16384,
} as const;

/** One instruction; it defines the next register of its section. Fields that its opcode does not use are 0. */
export interface Instruction {
  readonly op: OpcodeName;
  /** Operand index of a load, shift of a shift, else 0. */
  readonly imm: number;
  readonly a: number;
  readonly b: number;
  readonly c: number;
}

/** A digit of the loop counter in an address: `extent` values (1..2^32-1), each `stride` words apart (i32). */
export interface PatternDigit {
  readonly extent: number;
  readonly stride: number;
}

/**
 * The affine part of an address, digits slowest first: `digit2 = k mod E2`, `digit1 = (k div E2) mod E1`,
 * `digit0 = (k div (E1*E2)) mod E0`; the address grows by the sum of digit * stride, wrapping at 32 bits.
 */
export type LoadPattern = readonly [PatternDigit, PatternDigit, PatternDigit];

/** A constant register. f32 words are never a NaN other than 0x7fc00000; bool words are 0 or 0xffffffff. */
export interface Constant {
  readonly type: WordType;
  readonly word: number;
}

/** A register that lives from iteration to iteration. Its type is that of its initial constant. All fields are registers. */
export interface Carried {
  /** A constant register: the value of every lane at the start of each block. */
  readonly init: number;
  /** The value after an iteration; visible from the body. */
  readonly bodyOut: number;
  /** The value after folding one lane or block into the total; visible from combine. */
  readonly combineOut: number;
  /** The total before the first block, visible from the prologue; 0 if the loop is not continued. */
  readonly totalInit: number;
}

/** The one counted loop: the counter runs from `start` to `start + count - 1`. */
export interface Loop {
  /** A multiple of 256. */
  readonly start: number;
  /** 1..4096. */
  readonly count: number;
  /** One block for the whole loop instead of blocks of 256; false where count <= 256. */
  readonly single: boolean;
  /** Copies of the carried registers: iteration k belongs to lane (k - start) mod lanes. */
  readonly lanes: 1 | 32;
  /** Whether the totals start from `totalInit` instead of the first block's result. */
  readonly continued: boolean;
  /** At least one. */
  readonly carried: readonly Carried[];
  /** At least one. */
  readonly body: readonly Instruction[];
  readonly combine: readonly Instruction[];
}

/** `output[e] = program(e, step, operands)` for every element e of a tensor. */
export interface ScalarProgram {
  readonly outputType: WordType;
  readonly operandTypes: readonly WordType[];
  /** The element index is split in these digits, slowest first; their product is the output's length. */
  readonly extents: readonly number[];
  readonly constants: readonly Constant[];
  /** Sorted by first use in the body. */
  readonly patterns: readonly LoadPattern[];
  readonly prologue: readonly Instruction[];
  readonly loop: Loop | null;
  readonly epilogue: readonly Instruction[];
  /** The register that holds the element's word. */
  readonly result: number;
}

/** The first register of each group; a group without registers starts where the next one does. */
export interface RegisterLayout {
  /** Always 0. */
  readonly constants: number;
  readonly step: number;
  readonly digits: number;
  readonly prologue: number;
  readonly counter: number;
  readonly carried: number;
  readonly body: number;
  readonly totals: number;
  readonly blocks: number;
  readonly combine: number;
  readonly finals: number;
  readonly epilogue: number;
  /** The number of registers. */
  readonly end: number;
}

/** Where each group of registers starts. */
export function registerLayout(program: ScalarProgram): RegisterLayout {
  const loop = program.loop;
  const carriedCount = loop?.carried.length ?? 0;
  const step = program.constants.length;
  const digits = step + 1;
  const prologue = digits + program.extents.length;
  const counter = prologue + program.prologue.length;
  const carried = counter + (loop === null ? 0 : 1);
  const body = carried + carriedCount;
  const totals = body + (loop?.body.length ?? 0);
  const blocks = totals + carriedCount;
  const combine = blocks + carriedCount;
  const finals = combine + (loop?.combine.length ?? 0);
  const epilogue = finals + carriedCount;
  const end = epilogue + program.epilogue.length;
  return {
    constants: 0,
    step,
    digits,
    prologue,
    counter,
    carried,
    body,
    totals,
    blocks,
    combine,
    finals,
    epilogue,
    end,
  };
}

/** The number of elements of the output: the product of the extents. */
export function outputLength(program: ScalarProgram): number {
  return program.extents.reduce((product, extent) => product * extent, 1);
}

/** Iterations per block of this loop. */
export function blockLength(loop: Loop): number {
  return loop.single ? loop.count : BLOCK_SIZE;
}

/** The words that `pattern` adds to a base in iteration `counter`, before wrapping at 32 bits. */
export function patternOffset(pattern: LoadPattern, counter: number): number {
  const [slow, middle, fast] = pattern;
  const outer = Math.floor(counter / fast.extent);
  const fastWords = Math.imul(counter % fast.extent, fast.stride);
  const middleWords = Math.imul(outer % middle.extent, middle.stride);
  const slowWords = Math.imul(Math.floor(outer / middle.extent) % slow.extent, slow.stride);
  return fastWords + middleWords + slowWords;
}
