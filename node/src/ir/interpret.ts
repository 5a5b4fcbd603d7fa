/**
 * The interpreter of scalar programs: the living definition of what they compute (spec, "Scalar program"), which the
 * compiler and the referee must equal bit for bit. It expects programs that `validateScalar` accepts; it refuses operands
 * that do not match the program and elements outside the output.
 */

import { LockstepError } from "../float/errors.ts";
import type { WordType } from "./opcodes.ts";
import { blockLength, outputLength, patternOffset, registerLayout } from "./scalar.ts";
import type { Instruction, LoadPattern, Loop, RegisterLayout, ScalarProgram } from "./scalar.ts";
import { loadedWord, SEMANTICS } from "./semantics.ts";
import type { Semantics } from "./semantics.ts";

/** A tensor that a program reads. `read` gives the stored word at an index below `length`, whatever bits it holds. */
export interface Operand {
  readonly type: WordType;
  readonly length: number;
  read(index: number): number;
}

/** The operands, the step or the element are not what the program takes. */
export class EvaluationError extends LockstepError {
  constructor(message: string, values: Record<string, unknown>) {
    super("EvaluationError", message, values);
  }
}

/** An operand held in memory: one unsigned word per element, in the host's byte order. */
export function wordsOperand(type: WordType, words: Uint32Array): Operand {
  return { type, length: words.length, read: (index) => words[index] };
}

/** The word of one output element. `step` is 0..2^32-1. */
export function evaluateElement(
  program: ScalarProgram,
  element: number,
  step: number,
  operands: readonly Operand[],
): number {
  const length = outputLength(program);
  if (!Number.isInteger(element) || element < 0 || element >= length) {
    throw new EvaluationError(`element ${element} is not below ${length}`, { element, length });
  }
  return prepare(program, step, operands)(element);
}

/** All words of the output, in element order. `length` must be the product of the extents. */
export function evaluatePrimitive(
  program: ScalarProgram,
  step: number,
  operands: readonly Operand[],
  length: number,
): Uint32Array {
  const expected = outputLength(program);
  if (length !== expected) throw new EvaluationError(`the output has ${expected} elements`, { length, expected });
  const evaluate = prepare(program, step, operands);
  const words = new Uint32Array(length);
  for (let element = 0; element < length; element++) words[element] = evaluate(element);
  return words;
}

type Action =
  | { readonly kind: "pure"; readonly compute: Semantics; readonly instruction: Instruction; readonly target: number }
  | {
      readonly kind: "read";
      readonly operand: Operand;
      readonly address: number;
      readonly pattern: LoadPattern | null;
      readonly target: number;
    };

/** The program with its dispatch resolved: a function from an element to its word. */
function prepare(program: ScalarProgram, step: number, operands: readonly Operand[]): (element: number) => number {
  checkOperands(program, step, operands);
  const { extents, loop, result } = program;
  const layout = registerLayout(program);
  const registers = new Uint32Array(layout.end);
  program.constants.forEach(({ word }, index) => (registers[index] = word));
  registers[layout.step] = step;

  const resolve = (section: readonly Instruction[], first: number): readonly Action[] =>
    section.map((instruction, index): Action => {
      const { op, imm, a, b } = instruction;
      const target = first + index;
      if (op !== "load" && op !== "gather") return { kind: "pure", compute: SEMANTICS[op], instruction, target };
      const pattern = op === "load" && b !== 0 ? program.patterns[b - 1] : null;
      return { kind: "read", operand: operands[imm], address: a, pattern, target };
    });
  const prologue = resolve(program.prologue, layout.prologue);
  const body = resolve(loop?.body ?? [], layout.body);
  const combine = resolve(loop?.combine ?? [], layout.combine);
  const epilogue = resolve(program.epilogue, layout.epilogue);

  return (element) => {
    let rest = element;
    for (let digit = extents.length - 1; digit >= 0; digit--) {
      registers[layout.digits + digit] = rest % extents[digit];
      rest = Math.floor(rest / extents[digit]);
    }
    run(prologue, registers, 0);
    if (loop !== null) runLoop(loop, layout, registers, body, combine);
    run(epilogue, registers, 0);
    return registers[result];
  };
}

function run(actions: readonly Action[], registers: Uint32Array, counter: number): void {
  for (const action of actions) {
    if (action.kind === "pure") {
      const { a, b, c, imm } = action.instruction;
      registers[action.target] = action.compute(registers[a], registers[b], registers[c], imm);
    } else {
      const { operand, pattern } = action;
      const offset = pattern === null ? 0 : patternOffset(pattern, counter);
      const address = (registers[action.address] + offset) >>> 0;
      registers[action.target] = address < operand.length ? loadedWord(operand.type, operand.read(address)) : 0;
    }
  }
}

function runLoop(
  loop: Loop,
  layout: RegisterLayout,
  registers: Uint32Array,
  body: readonly Action[],
  combine: readonly Action[],
): void {
  const { carried, lanes, start } = loop;
  const copies = new Uint32Array(lanes * carried.length);
  const totals = Uint32Array.from(carried, ({ totalInit }) => registers[totalInit]);
  const blockWords = blockLength(loop);

  /** target = combine(totals = target, blocks = source) */
  const fold = (target: Uint32Array, source: Uint32Array): void => {
    registers.set(target, layout.totals);
    registers.set(source, layout.blocks);
    run(combine, registers, 0);
    carried.forEach(({ combineOut }, index) => (target[index] = registers[combineOut]));
  };
  const laneOf = (lane: number): Uint32Array => copies.subarray(lane * carried.length, (lane + 1) * carried.length);

  for (let first = 0; first < loop.count; first += blockWords) {
    const end = Math.min(loop.count, first + blockWords);
    for (let lane = 0; lane < lanes; lane++) {
      carried.forEach(({ init }, index) => (copies[lane * carried.length + index] = registers[init]));
    }
    for (let iteration = first; iteration < end; iteration++) {
      const copy = (iteration % lanes) * carried.length;
      registers[layout.counter] = start + iteration;
      for (let index = 0; index < carried.length; index++) registers[layout.carried + index] = copies[copy + index];
      run(body, registers, start + iteration);
      for (let index = 0; index < carried.length; index++) copies[copy + index] = registers[carried[index].bodyOut];
    }
    const block = laneOf(0);
    for (let lane = 1; lane < Math.min(lanes, end - first); lane++) fold(block, laneOf(lane));
    if (first === 0 && !loop.continued) totals.set(block);
    else fold(totals, block);
  }
  registers.set(totals, layout.finals);
}

function checkOperands({ operandTypes }: ScalarProgram, step: number, operands: readonly Operand[]): void {
  if (operands.length !== operandTypes.length) {
    throw new EvaluationError(`the program has ${operandTypes.length} operands`, { given: operands.length });
  }
  operands.forEach(({ type }, index) => {
    if (type !== operandTypes[index]) {
      throw new EvaluationError(`operand ${index} is ${operandTypes[index]}`, { index, type });
    }
  });
  if (!Number.isInteger(step) || step < 0 || step > 0xffffffff) throw new EvaluationError("step is a u32", { step });
}
