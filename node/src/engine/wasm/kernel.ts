/**
 * Compiles a scalar program to a function over a range of output elements, four at a time. The four are neighbours along
 * one digit, the lane digit; the others are decoded once per row. Gives the interpreter's bits for every valid program.
 */

import { outputLength } from "../../ir/scalar.ts";
import type { Instruction, ScalarProgram } from "../../ir/scalar.ts";
import { loadLanes, storeLanes } from "./access.ts";
import type { StoredLanes, Tensor } from "./access.ts";
import { analyse, coefficientOf, isInBounds, payloadKeepers, registersMovedBy } from "./analysis.ts";
import {
  addLocal,
  assembleModule,
  branchIf,
  draftFunction,
  get,
  I32,
  i32Const,
  ifElse,
  increment,
  loop,
  OP,
  set,
  simd,
  tee,
  v128Const,
} from "./emit.ts";
import type { Code } from "./emit.ts";
import { emulatedFma } from "./fma.ts";
import type { FmaMode } from "./fma.ts";
import { canonicalVector, selectCode } from "./instructions.ts";
import { emitLoop } from "./loop.ts";
import { createScope, createScopes } from "./section.ts";
import type { Compilation, Scope } from "./section.ts";
import {
  addScalars,
  asVector,
  constantValue,
  createEmitter,
  currentLevel,
  emit,
  laneZero,
  movedAhead,
  nested,
  scalarLocal,
  scalarOf,
  scaleScalar,
  vectorConstant,
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

/**
 * Compiles; `run(output, scratch, totals, step, row, rowEnd, lane, laneEnd, ...[address, length] per operand)`. `lane` is a
 * multiple of four, and so is `laneEnd` unless it is the row's length. No element is written twice, and each is written
 * after its own group was read: an output may lie over an operand that is read at the element's own index only.
 */
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
    words: lengths[index],
  }));
  const analysis = analyse(program);
  const inBounds = (instruction: Instruction): boolean =>
    isInBounds(analysis, program, instruction, lengths[instruction.imm]);
  const keepsPayload = payloadKeepers(program, draft.result);
  const compilation: Compilation = { emitter, program, analysis, fma, operands, inBounds, keepsPayload };
  const groups = groupsOf(draft, rowLength);
  const turnedDigit = turnedDigitOf(draft, compilation, laneDigit);

  const rows = nested(emitter, (level) => {
    const digits = decodeRow(emitter, level, extents, laneDigit);
    const base = baseScope(compilation, digits);
    const row: Row = { draft, compilation, laneDigit, moved: movedBy(compilation, [laneDigit]), base };
    const one = nested(emitter, () => {
      emitRow(row, digits, groups);
      emit(emitter, currentLevel(emitter), increment(ROW, 1));
    });
    if (turnedDigit === null) emit(emitter, level, one);
    else {
      const turned = { register: analysis.layout.digits + turnedDigit, blocks: new Map() };
      const tiled: Row = {
        ...row,
        compilation: { ...compilation, turned },
        moved: movedBy(compilation, [laneDigit, turnedDigit]),
      };
      const four = nested(emitter, () => {
        emitTurnedRows(tiled, digits, turnedDigit);
        emit(emitter, currentLevel(emitter), increment(ROW, 4));
      });
      const isInside: Code = [laneZero(digits.get(turnedDigit)!), i32Const(extents[turnedDigit] - 4), OP.i32LeU];
      const isInRange: Code = [[get(ROW), i32Const(4), OP.i32Add], get(ROW_END), OP.i32LeU];
      emit(emitter, level, isInside, isInRange, OP.i32And, ifElse(four, one));
    }
    emit(emitter, level, get(ROW), get(ROW_END), OP.i32LtU, branchIf(0));
  });
  emit(emitter, 0, loop(rows));
  run.body = emitter.levels[0].code;
  return { bytes: assembleModule([...helpers, run]), rows: outputLength(program) / rowLength, rowLength };
}

/** Computes the rest of a row, several groups at a time. */
function emitRow(row: Row, digits: Digits, groups: number): void {
  const { emitter, program } = row.compilation;
  const rowLength = program.extents[row.laneDigit];
  const level = currentLevel(emitter);
  const x = addLocal(emitter.draft, I32);
  emit(emitter, level, get(LANE_BEGIN), set(x));
  if (groups > 1) {
    const fits: Code = [[get(x), i32Const(4 * groups), OP.i32Add], get(LANE_END), OP.i32LeU];
    const turn = nested(emitter, (inner) => {
      const first = scalarOf(inner, get(x), 1);
      const all = Array.from({ length: groups }, (_, group): Group => ({
        first: movedAhead(first, 4 * group),
        digits,
      }));
      emitGroups(row, all, { first: 4 });
      emit(emitter, inner, increment(x, 4 * groups), fits, branchIf(0));
    });
    emit(emitter, level, fits, ifElse(loop(turn)));
  }
  const rest = nested(emitter, (inner) => {
    const { first, stored } = firstOfGroup(emitter, inner, rowLength, x);
    emitGroups(row, [{ first, digits }], stored);
    emit(emitter, inner, get(x), i32Const(4), OP.i32Add, tee(x), get(LANE_END), OP.i32LtU, branchIf(0));
  });
  const isLeft: Code = [get(x), get(LANE_END), OP.i32LtU];
  emit(emitter, level, groups > 1 ? [isLeft, ifElse(loop(rest))] : loop(rest));
}

/** Computes four neighbours along another digit, four lanes of each at a time. */
function emitTurnedRows(row: Row, digits: Digits, digit: number): void {
  const { emitter, program } = row.compilation;
  const x = addLocal(emitter.draft, I32);
  const tile = nested(emitter, (inner) => {
    const { first, stored } = firstOfGroup(emitter, inner, program.extents[row.laneDigit], x);
    const four = [0, 1, 2, 3].map((ahead): Group => {
      return { first, digits: new Map([...digits, [digit, movedAhead(digits.get(digit)!, ahead)]]) };
    });
    emitGroups(row, four, stored);
    emit(emitter, inner, get(x), i32Const(4), OP.i32Add, tee(x), get(LANE_END), OP.i32LtU, branchIf(0));
  });
  emit(emitter, currentLevel(emitter), get(LANE_BEGIN), set(x), loop(tile));
}

/** Programs this long are not held up by their loads. */
const LONGEST_TURNED = 60;

/** The digit along which an operand's words are neighbours where along the lane digit they are not; null if there is none. */
function turnedDigitOf(
  draft: KernelDraft,
  { program, analysis, inBounds }: Compilation,
  laneDigit: number,
): number | null {
  const { extents, prologue, epilogue, loop: counted } = program;
  const digit = extents.findLastIndex((extent, index) => index !== laneDigit && extent > 1);
  if (digit < 0 || extents[digit] < 4 || extents[laneDigit] < 4 || prologue.length + epilogue.length > LONGEST_TURNED) {
    return null;
  }
  if (counted !== null && draft.totals === "computed" && draft.result >= analysis.layout.counter) return null;
  const isTurned = (instruction: Instruction): boolean => {
    const { op, a, b } = instruction;
    if ((op !== "load" && op !== "gather") || (op === "load" && b !== 0) || !inBounds(instruction)) return false;
    const along = (index: number): number => coefficientOf(analysis, a, analysis.layout.digits + index);
    return Math.abs(along(laneDigit)) > 2 && along(digit) === 1;
  };
  return [...prologue, ...epilogue].some(isTurned) ? digit : null;
}

function movedBy({ program, analysis }: Compilation, digits: readonly number[]): ReadonlySet<number> {
  return new Set(digits.flatMap((digit) => [...registersMovedBy(program, analysis.layout.digits + digit)]));
}

/** Instructions of the groups of one iteration together: beyond, functions would be large. Up to here more groups were faster. */
const MOST_INSTRUCTIONS = 480;
const MOST_GROUPS = 4;

/** Groups of four elements that one iteration computes. */
function groupsOf({ program, result, totals }: KernelDraft, rowLength: number): number {
  const { prologue, loop: counted, epilogue } = program;
  const isLooped = counted !== null && totals === "computed" && result >= program.constants.length;
  // With lanes a group is a loop of its own.
  if (isLooped && counted.lanes > 1) return 1;
  const instructions = prologue.length + epilogue.length + (isLooped ? counted.body.length : 0);
  const most = Math.min(MOST_GROUPS, Math.floor(rowLength / 4), Math.floor(MOST_INSTRUCTIONS / (instructions + 1)));
  return most >= 4 ? 4 : most >= 2 ? 2 : 1;
}

// Neighbours along the last digit that moves are neighbours in memory; if there are too few, the longest digit is taken.
function chooseLaneDigit(extents: readonly number[]): number {
  const last = Math.max(
    0,
    extents.findLastIndex((extent) => extent > 1),
  );
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

/** Digits other than the lane digit. */
type Digits = ReadonlyMap<number, ScalarValue>;

/** Four elements: the lane digit of the first, and the other digits. */
interface Group {
  readonly first: ScalarValue;
  readonly digits: Digits;
}

/** What the groups of a row, or of four rows, share. */
interface Row {
  readonly draft: KernelDraft;
  readonly compilation: Compilation;
  readonly laneDigit: number;
  /** Registers of the prologue and the body that differ between groups or lanes. */
  readonly moved: ReadonlySet<number>;
  /** The prologue's other registers. */
  readonly base: Scope;
}

function baseScope(compilation: Compilation, digits: Digits): Scope {
  const { program, analysis } = compilation;
  const { layout } = analysis;
  return createScope(compilation, {
    outer: null,
    given: new Map<number, Value>([
      [layout.step, scalarOf(0, get(STEP), 0)],
      ...[...digits].map(([digit, value]): [number, Value] => [layout.digits + digit, value]),
    ]),
    section: program.prologue,
    first: layout.prologue,
  });
}

/** Computes groups of four elements and stores lanes of them. */
function emitGroups(row: Row, groups: readonly Group[], stored: StoredLanes): void {
  const { draft, compilation, laneDigit, moved, base } = row;
  const { emitter, program, analysis, fma } = compilation;
  const { layout } = analysis;
  const { extents } = program;
  const rowLength = extents[laneDigit];
  const lanes = Math.min(4, rowLength);
  // A row shorter than a vector repeats its last element in the lanes that are not stored.
  const short = [0, 1, 2, 3].map((lane) => Math.min(lane, rowLength - 1));
  const laneValue = (value: ScalarValue): Value => (rowLength >= 4 ? value : vectorLocal(emitter, 0, v128Const(short)));
  const prologuesAt = (places: readonly { readonly lane: Value; readonly digits: Digits }[]): Scope[] =>
    createScopes(
      compilation,
      places.map(({ lane, digits }) => ({
        outer: base,
        given: new Map<number, Value>([
          ...[...digits].map(([digit, value]): [number, Value] => [layout.digits + digit, value]),
          [layout.digits + laneDigit, lane],
        ]),
        section: program.prologue,
        first: layout.prologue,
        isOuter: (register: number) => !moved.has(register),
      })),
    );
  const prologues = prologuesAt(groups.map(({ first, digits }) => ({ lane: laneValue(first), digits })));

  const strides = extents.map((_, digit) => extents.slice(digit + 1).reduce((product, extent) => product * extent, 1));
  const elements = groups.map(({ first, digits }) => {
    let before: ScalarValue = constantValue(0);
    for (const [digit, value] of digits) {
      before = addScalars(emitter, scaleScalar(emitter, value, strides[digit]), before);
    }
    return addScalars(emitter, before, scaleScalar(emitter, first, strides[laneDigit]));
  });

  let finals = groups.map(() => new Map<number, Value>());
  if (program.loop !== null && draft.result >= layout.counter) {
    if (draft.totals === "given") {
      const tensor: Tensor = { type: "f32", base: TOTALS, words: outputLength(program) };
      finals = elements.map((element) => {
        return new Map([[layout.finals, loadLanes(emitter, tensor, clampedAddress(emitter, element, lanes), true)]]);
      });
    } else {
      finals = emitLoop(compilation, {
        prologues,
        base,
        moved,
        elementScope: (lane) => prologuesAt([{ lane, digits: groups[0].digits }])[0],
        lanes,
        first: laneZero(groups[0].first),
        scratch: SCRATCH,
      });
    }
  }
  const epilogues = createScopes(
    compilation,
    prologues.map((outer, group) => ({
      outer,
      given: finals[group],
      section: program.epilogue,
      first: layout.epilogue,
    })),
  );
  const isFloat = program.outputType === "f32";
  const words = epilogues.map((scope) => asVector(emitter, scope.value(draft.result)));
  const nan = isFloat ? vectorConstant(emitter, [0x7fc00000]) : [];
  words.forEach((word, group) => {
    const code = isFloat ? canonicalVector(word, nan, selectCode(fma)) : word;
    storeLanes(emitter, OUTPUT, elements[group], code, rowLength < 4 ? { first: lanes } : stored);
  });
}

// The last group of a row ends with the row; of what it shares with the one before, nothing is written again.
function firstOfGroup(
  emitter: Emitter,
  level: number,
  rowLength: number,
  x: number,
): { first: ScalarValue; stored: StoredLanes } {
  if (rowLength < 4) return { first: { ...constantValue(0), stride: 1 }, stored: { first: rowLength } };
  if (rowLength % 4 === 0) return { first: scalarOf(level, get(x), 1), stored: { first: 4 } };
  const [lane, from] = [addLocal(emitter.draft, I32), addLocal(emitter.draft, I32)];
  const last = rowLength - 4;
  emit(emitter, level, get(x), set(lane), get(x), i32Const(last), OP.i32GtU, ifElse([i32Const(last), set(lane)]));
  emit(emitter, level, get(x), get(lane), OP.i32Sub, set(from));
  return { first: scalarOf(level, get(lane), 1), stored: { from } };
}

function clampedAddress(emitter: Emitter, element: ScalarValue, lanes: number): Value {
  if (lanes === 4) return element;
  const steps = [0, 1, 2, 3].map((lane) => Math.min(lane, lanes - 1) * element.stride);
  const start = asVector(emitter, { ...element, stride: 0, vector: null });
  return vectorLocal(emitter, element.level, [start, v128Const(steps), simd("i32x4Add")]);
}
