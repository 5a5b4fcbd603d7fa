/**
 * The static bounds of a scalar program (spec, "Static bounds"): chunks that one element may touch and the gas that the
 * referee may need, both from the form of the program alone. The referee's contract computes the same numbers.
 */

import { DOT_RUN, GAS, OPCODES } from "./opcodes.ts";
import { blockLength, registerLayout } from "./scalar.ts";
import type { Instruction, LoadPattern, Loop, PatternDigit, ScalarProgram } from "./scalar.ts";

/** Words of a chunk. */
const CHUNK_WORDS = 256;

/** Chunks that one element may touch: an upper bound over all elements, steps and operand contents. */
export function chunkBound(program: ScalarProgram): number {
  const { loop } = program;
  let chunks = countReads(program.prologue) + countReads(program.epilogue);
  if (loop === null) return chunks;
  for (const { op, b } of loop.body) {
    if (op === "gather") chunks += loop.count;
    if (op === "load") chunks += b === 0 ? 1 : patternChunks(program.patterns[b - 1], loop);
  }
  for (const { op } of loop.combine) {
    if (op === "gather") chunks += combineRuns(loop);
    if (op === "load") chunks += 1;
  }
  return chunks;
}

/** Gas of the referee for one element, by the fixed table. */
export function gasBound(program: ScalarProgram): number {
  const { prologue, loop, epilogue } = program;
  const instructions = prologue.length + epilogue.length + (loop === null ? 0 : loop.body.length + loop.combine.length);
  const outside = GAS.element + instructions * GAS.instruction + sectionGas(prologue) + sectionGas(epilogue);
  if (loop === null) return outside;
  const blocks = blockCount(loop);
  if (isDotProduct(program) && hasLongRuns(program, loop)) {
    return outside + loop.count * GAS.dotStep + blocks * GAS.dotBlock;
  }
  const turn = GAS.iteration + loop.carried.length * GAS.carried;
  return (
    outside +
    loop.count * (turn + sectionGas(loop.body)) +
    combineRuns(loop) * (turn + sectionGas(loop.combine)) +
    blocks * loop.lanes * loop.carried.length * GAS.reset
  );
}

/** Whether the loop is a plain dot product, which every reader may run on its fast path. Decided by the form alone. */
export function isDotProduct(program: ScalarProgram): boolean {
  const { loop } = program;
  if (loop === null || loop.lanes !== 1 || loop.single || loop.carried.length !== 1) return false;
  const [{ init, bodyOut, combineOut }] = loop.carried;
  const initial = program.constants[init];
  if (initial === undefined || initial.type !== "f32" || initial.word !== 0) return false;
  if (loop.body.length !== 3 || loop.combine.length !== 1) return false;
  const layout = registerLayout(program);
  const [left, right, product] = loop.body;
  const [sum] = loop.combine;
  return (
    isUnitStrideLoad(program, left) &&
    isUnitStrideLoad(program, right) &&
    product.op === "fma" &&
    product.a === layout.body &&
    product.b === layout.body + 1 &&
    product.c === layout.carried &&
    bodyOut === layout.body + 2 &&
    sum.op === "add" &&
    sum.a === layout.totals &&
    sum.b === layout.blocks &&
    combineOut === layout.combine
  );
}

/** Blocks of the loop. */
export function blockCount(loop: Loop): number {
  return Math.ceil(loop.count / blockLength(loop));
}

/** At most so often combine runs: once per lane but the first in each block, and once per block. */
export function combineRuns(loop: Loop): number {
  return blockCount(loop) * Math.min(loop.lanes, loop.count);
}

function isUnitStrideLoad(program: ScalarProgram, { op, imm, b }: Instruction): boolean {
  return op === "load" && b !== 0 && program.patterns[b - 1][2].stride === 1 && program.operandTypes[imm] === "f32";
}

/** The fast path works in runs of consecutive words; short ones cost as much as single steps. */
function hasLongRuns({ patterns }: ScalarProgram, loop: Loop): boolean {
  return loop.body.slice(0, 2).every(({ b }) => patterns[b - 1][2].extent >= DOT_RUN);
}

function countReads(section: readonly Instruction[]): number {
  return section.filter(({ op }) => op === "load" || op === "gather").length;
}

function sectionGas(section: readonly Instruction[]): number {
  return section.reduce((gas, { op }) => gas + OPCODES[op].gas, 0);
}

/** Chunks of one patterned load: the tightest of one per iteration, the whole span, and runs of the fastest digit. */
function patternChunks(pattern: LoadPattern, loop: Loop): number {
  const [slow, middle, fast] = pattern;
  const first = loop.start;
  const last = loop.start + loop.count - 1;
  const firstRun = Math.floor(first / fast.extent);
  const lastRun = Math.floor(last / fast.extent);
  const fastWords = reach(fast, first, last);
  const middleWords = reach(middle, firstRun, lastRun);
  const slowWords = reach(slow, Math.floor(firstRun / middle.extent), Math.floor(lastRun / middle.extent));
  const span = spanChunks(fastWords + middleWords + slowWords + 1);
  const runs = (lastRun - firstRun + 1) * spanChunks(fastWords + 1);
  return Math.min(loop.count, span, runs);
}

/** The distance in words between the least and the greatest value of a digit whose counter runs from `first` to `last`. */
function reach({ extent, stride }: PatternDigit, first: number, last: number): number {
  const wraps = Math.floor(first / extent) !== Math.floor(last / extent);
  const values = wraps ? extent - 1 : last - first;
  return values * Math.abs(stride);
}

/** Chunks that `words` consecutive words touch at worst. */
function spanChunks(words: number): number {
  return Math.floor((words + CHUNK_WORDS - 2) / CHUNK_WORDS) + 1;
}
