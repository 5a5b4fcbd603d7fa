/**
 * Compiles a scalar program to a function over a range of output elements, four at a time. The four are neighbours along
 * one digit, the lane digit; the others are decoded once per row. Gives the interpreter's bits for every valid program.
 */

import { outputLength } from "../../ir/scalar.ts";
import type { Instruction, ScalarProgram } from "../../ir/scalar.ts";
import { loadLanes, storeLanes } from "./access.ts";
import type { Tensor } from "./access.ts";
import { analyse, isInBounds } from "./analysis.ts";
import {
  addLocal,
  assembleModule,
  branchIf,
  draftFunction,
  get,
  I32,
  i32Const,
  ifElse,
  loop,
  OP,
  set,
  simd,
  tee,
  v128Const,
} from "./emit.ts";
import { emulatedFma } from "./fma.ts";
import type { FmaMode } from "./fma.ts";
import { canonicalVector } from "./instructions.ts";
import { emitLoop } from "./loop.ts";
import { createScope } from "./section.ts";
import type { Compilation, Scope } from "./section.ts";
import {
  addScalars,
  asVector,
  constantValue,
  createEmitter,
  emit,
  nested,
  scalarLocal,
  scalarOf,
  scaleScalar,
  vectorLocal,
} from "./values.ts";
import type { Emitter, ScalarValue, Value } from "./values.ts";

/** Where the final totals of a loop come from: the loop itself, or a tensor like the output that holds them. */
export type Totals = "computed" | "given";

export interface KernelDraft {
  readonly program: ScalarProgram;
  /** Words of each operand. */
  readonly lengths: readonly number[];
  readonly isFused: boolean;
  readonly totals: Totals;
  /** The register that is written; a register of the prologue or of the epilogue. */
  readonly result: number;
}

/** A compiled kernel: bytes of a module that exports `run`, and the shape of its iteration space. */
export interface Kernel {
  readonly bytes: Uint8Array;
  /** Combinations of the other digits. */
  readonly rows: number;
  /** Extent of the lane digit. */
  readonly rowLength: number;
}

/** Parameters of `run` before those of the operands: byte addresses, then the step, then ranges (ends exclusive). */
const [OUTPUT, SCRATCH, TOTALS, STEP, ROW, ROW_END, LANE_BEGIN, LANE_END] = [0, 1, 2, 3, 4, 5, 6, 7];
const FIXED_PARAMETERS = 8;

/** Compiles; `run(output, scratch, totals, step, row, rowEnd, lane, laneEnd, ...[address, length] per operand)`. */
export function compileKernel(draft: KernelDraft): Kernel {
  const { program, lengths, isFused } = draft;
  const { extents } = program;
  const laneDigit = chooseLaneDigit(extents);
  const rowLength = extents[laneDigit];
  const helpers = isFused ? [] : [emulatedFma()];
  const fma: FmaMode = isFused ? { kind: "fused" } : { kind: "emulated", functionIndex: 0 };
  const parameters = new Array<number>(FIXED_PARAMETERS + 2 * lengths.length).fill(I32);
  const run = draftFunction("run", parameters);
  const emitter = createEmitter(run);
  const operands = program.operandTypes.map((type, index): Tensor => ({
    type,
    base: FIXED_PARAMETERS + 2 * index,
    length: FIXED_PARAMETERS + 2 * index + 1,
  }));
  const analysis = analyse(program);
  const inBounds = (instruction: Instruction): boolean =>
    isInBounds(analysis, program, instruction, lengths[instruction.imm]);
  const compilation: Compilation = { emitter, program, analysis, fma, operands, inBounds };

  const rows = nested(emitter, (level) => {
    const digits = decodeRow(emitter, level, extents, laneDigit);
    const x = addLocal(run, I32);
    emit(emitter, level, get(LANE_BEGIN), set(x));
    const groups = nested(emitter, (groupLevel) => {
      emitGroup(draft, compilation, groupLevel, digits, laneDigit, x);
      emit(emitter, groupLevel, get(x), i32Const(4), OP.i32Add, tee(x), get(LANE_END), OP.i32LtU, branchIf(0));
    });
    emit(emitter, level, loop(groups));
    emit(emitter, level, get(ROW), i32Const(1), OP.i32Add, tee(ROW), get(ROW_END), OP.i32LtU, branchIf(0));
  });
  emit(emitter, 0, loop(rows));
  run.body = emitter.levels[0];
  return { bytes: assembleModule([...helpers, run]), rows: outputLength(program) / rowLength, rowLength };
}

// Neighbours along the last digit are neighbours in memory; if there are too few, the longest digit is taken.
function chooseLaneDigit(extents: readonly number[]): number {
  const last = extents.length - 1;
  if (extents[last] >= 4) return last;
  return extents.lastIndexOf(Math.max(...extents));
}

function decodeRow(
  emitter: Emitter,
  level: number,
  extents: readonly number[],
  laneDigit: number,
): Map<number, ScalarValue> {
  const digits = new Map<number, ScalarValue>();
  let rest = get(ROW);
  const others = [...extents.keys()].filter((digit) => digit !== laneDigit && extents[digit] > 1).toReversed();
  others.forEach((digit, index) => {
    const isSlowest = index === others.length - 1;
    const code = isSlowest ? rest : [rest, i32Const(extents[digit]), OP.i32RemU];
    digits.set(digit, scalarLocal(emitter, level, code, 0));
    if (!isSlowest) rest = scalarLocal(emitter, level, [rest, i32Const(extents[digit]), OP.i32DivU], 0).code;
  });
  extents.forEach((extent, digit) => {
    if (digit !== laneDigit && extent === 1) digits.set(digit, constantValue(0));
  });
  return digits;
}

function emitGroup(
  draft: KernelDraft,
  compilation: Compilation,
  level: number,
  digits: ReadonlyMap<number, ScalarValue>,
  laneDigit: number,
  x: number,
): void {
  const { emitter, program, analysis } = compilation;
  const { layout } = analysis;
  const { extents } = program;
  const rowLength = extents[laneDigit];
  const lanes = Math.min(4, rowLength);
  const first = firstOfGroup(emitter, level, rowLength, x);
  // A row shorter than a vector repeats its last element in the lanes that are not stored.
  const laneValue: Value =
    rowLength >= 4
      ? first
      : vectorLocal(emitter, 0, v128Const([0, 1, 2, 3].map((lane) => Math.min(lane, rowLength - 1))));
  const scopeAt = (lane: Value): Scope =>
    createScope(compilation, {
      outer: null,
      given: new Map<number, Value>([
        [layout.step, scalarOf(0, get(STEP), 0)],
        ...extents.map((_, digit): [number, Value] => [
          layout.digits + digit,
          digit === laneDigit ? lane : digits.get(digit)!,
        ]),
      ]),
      section: program.prologue,
      first: layout.prologue,
    });
  const prologue = scopeAt(laneValue);

  const strides = extents.map((_, digit) => extents.slice(digit + 1).reduce((product, extent) => product * extent, 1));
  let element = scaleScalar(emitter, first, strides[laneDigit]);
  for (const [digit, value] of digits)
    element = addScalars(emitter, scaleScalar(emitter, value, strides[digit]), element);

  let finals = new Map<number, Value>();
  if (program.loop !== null && draft.result >= layout.counter) {
    if (draft.totals === "given") {
      const tensor: Tensor = { type: "f32", base: TOTALS, length: TOTALS };
      finals = new Map([[layout.finals, loadLanes(emitter, tensor, clampedAddress(emitter, element, lanes), true)]]);
    } else {
      finals = emitLoop(compilation, {
        prologue,
        elementScope: (lane) => scopeAt(lane),
        lanes,
        first: first.code,
        scratch: SCRATCH,
      });
    }
  }
  const epilogue = createScope(compilation, {
    outer: prologue,
    given: finals,
    section: program.epilogue,
    first: layout.epilogue,
  });
  const word = asVector(emitter, epilogue.value(draft.result));
  const isFloat = program.outputType === "f32";
  storeLanes(emitter, OUTPUT, element, isFloat ? canonicalVector(word) : word, lanes);
}

// The last group of a row ends with the row: where it overlaps the one before, the same words are written again.
function firstOfGroup(emitter: Emitter, level: number, rowLength: number, x: number): ScalarValue {
  if (rowLength < 4) return { ...constantValue(0), stride: 1 };
  if (rowLength % 4 === 0) return scalarOf(level, get(x), 1);
  const lane = addLocal(emitter.draft, I32);
  const last = rowLength - 4;
  emit(emitter, level, get(x), set(lane), get(x), i32Const(last), OP.i32GtU, ifElse([i32Const(last), set(lane)]));
  return scalarOf(level, get(lane), 1);
}

function clampedAddress(emitter: Emitter, element: ScalarValue, lanes: number): Value {
  if (lanes === 4) return element;
  const steps = [0, 1, 2, 3].map((lane) => Math.min(lane, lanes - 1) * element.stride);
  const start = asVector(emitter, { ...element, stride: 0, vector: null });
  return vectorLocal(emitter, element.level, [start, v128Const(steps), simd("i32x4Add")]);
}
