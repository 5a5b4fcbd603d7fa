/**
 * Lays out the values of a builder as a scalar program: drops what the result does not need, numbers the registers in the
 * order of a depth-first walk from the loop's outputs and the result (so the bytes do not depend on the order of
 * construction), and moves instructions that only the epilogue needs there when the prologue is full.
 */

import { OPCODES } from "./opcodes.ts";
import type { WordType } from "./opcodes.ts";
import type { Section, Value } from "./dag.ts";
import { constantWord } from "./dag.ts";
import { registerLayout, SCALAR_LIMITS } from "./scalar.ts";
import type { Instruction, LoadPattern, Loop, ScalarProgram } from "./scalar.ts";

/** A loop under construction; the lists run beside each other, one entry per carried register. */
export interface LoopDraft {
  readonly start: number;
  readonly count: number;
  readonly single: boolean;
  readonly lanes: 1 | 32;
  readonly inits: readonly Value[];
  /** Null when the loop is not continued. */
  readonly totalInits: readonly Value[] | null;
  readonly bodyOuts: readonly Value[];
  readonly combineOuts: readonly Value[];
}

/** Types and extents of a program under construction. */
export interface ScalarSignature {
  /** The type of each operand, at most eight. */
  readonly operands: readonly WordType[];
  readonly output: WordType;
  /** The digits of the element index, slowest first; their product is the output's length. */
  readonly extents: readonly number[];
}

type Sections = Record<Section, Value[]>;

export function emitScalar(signature: ScalarSignature, draft: LoopDraft | null, result: Value): ScalarProgram {
  const loop = draft !== null && reaches(result, "final") ? draft : null;
  const sections = collect(loop, result);
  spill(sections, loop);

  const constants = new Map<Value, number>();
  const noteConstant = (value: Value): void => {
    if (constantWord(value) !== null && !constants.has(value)) constants.set(value, constants.size);
  };
  for (const section of SECTION_ORDER) for (const value of sections[section]) argumentsOf(value).forEach(noteConstant);
  for (const list of loop === null ? [] : [loop.inits, loop.totalInits ?? [], loop.bodyOuts, loop.combineOuts]) {
    list.forEach(noteConstant);
  }
  noteConstant(result);

  const patterns: LoadPattern[] = [];
  const patternIndex = new Map<string, number>();
  for (const value of sections.body) {
    const pattern = value.source.kind === "instruction" ? value.source.pattern : null;
    if (pattern === null || patternIndex.has(JSON.stringify(pattern))) continue;
    patternIndex.set(JSON.stringify(pattern), patterns.length);
    patterns.push(pattern);
  }

  const carriedCount = loop?.inits.length ?? 0;
  const shape: ScalarProgram = {
    outputType: signature.output,
    operandTypes: signature.operands,
    extents: signature.extents,
    constants: [...constants.keys()].map((value) => ({ type: value.type, word: constantWord(value)! })),
    patterns,
    prologue: sections.prologue.map(() => BLANK),
    loop: loop === null ? null : loopShape(loop, sections, carriedCount),
    epilogue: sections.epilogue.map(() => BLANK),
    result: 0,
  };
  const layout = registerLayout(shape);

  const numbers = new Map<Value, number>(constants);
  for (const section of SECTION_ORDER) {
    sections[section].forEach((value, index) => numbers.set(value, layout[section] + index));
  }
  const register = (value: Value): number => {
    const known = numbers.get(value);
    if (known !== undefined) return known;
    switch (value.source.kind) {
      case "step":
        return layout.step;
      case "counter":
        return layout.counter;
      case "digit":
        return layout.digits + value.source.index;
      case "carried":
        return layout.carried + value.source.index;
      case "total":
        return layout.totals + value.source.index;
      case "block":
        return layout.blocks + value.source.index;
      case "final":
        return layout.finals + value.source.index;
      default:
        throw new TypeError(`value ${value.id} was not collected`);
    }
  };
  const instruction = (value: Value): Instruction => {
    if (value.source.kind !== "instruction") return BLANK;
    const { op, imm, pattern } = value.source;
    const [a = 0, b = 0, c = 0] = value.source.arguments.map(register);
    return { op, imm, a, b: pattern === null ? b : patternIndex.get(JSON.stringify(pattern))! + 1, c };
  };
  return {
    ...shape,
    prologue: sections.prologue.map(instruction),
    loop:
      loop === null
        ? null
        : {
            ...shape.loop!,
            carried: loop.inits.map((init, index) => ({
              init: register(init),
              bodyOut: register(loop.bodyOuts[index]),
              combineOut: register(loop.combineOuts[index]),
              totalInit: loop.totalInits === null ? 0 : register(loop.totalInits[index]),
            })),
            body: sections.body.map(instruction),
            combine: sections.combine.map(instruction),
          },
    epilogue: sections.epilogue.map(instruction),
    result: register(result),
  };
}

const SECTION_ORDER: readonly Section[] = ["prologue", "body", "combine", "epilogue"];
const BLANK: Instruction = { op: "load", imm: 0, a: 0, b: 0, c: 0 };

function loopShape(loop: LoopDraft, sections: Sections, carriedCount: number): Loop {
  return {
    start: loop.start,
    count: loop.count,
    single: loop.single,
    lanes: loop.lanes,
    continued: loop.totalInits !== null,
    carried: Array.from({ length: carriedCount }, () => ({ init: 0, bodyOut: 0, combineOut: 0, totalInit: 0 })),
    body: sections.body.map(() => BLANK),
    combine: sections.combine.map(() => BLANK),
  };
}

function argumentsOf(value: Value): readonly Value[] {
  return value.source.kind === "instruction" ? value.source.arguments : [];
}

function reaches(root: Value, kind: Value["source"]["kind"]): boolean {
  const seen = new Set<Value>();
  const search = (value: Value): boolean => {
    if (value.source.kind === kind) return true;
    if (seen.has(value)) return false;
    seen.add(value);
    return argumentsOf(value).some(search);
  };
  return search(root);
}

function collect(loop: LoopDraft | null, result: Value): Sections {
  const sections: Sections = { prologue: [], body: [], combine: [], epilogue: [] };
  const seen = new Set<Value>();
  const visit = (value: Value): void => {
    if (seen.has(value)) return;
    seen.add(value);
    argumentsOf(value).forEach(visit);
    if (value.source.kind === "instruction") sections[value.section].push(value);
  };
  if (loop !== null) [...(loop.totalInits ?? []), ...loop.bodyOuts, ...loop.combineOuts].forEach(visit);
  visit(result);
  return sections;
}

/** Bases of loads and everything the loop reads must stay in the prologue; the rest may follow the loop. */
function spill(sections: Sections, loop: LoopDraft | null): void {
  const excess = sections.prologue.length - SCALAR_LIMITS.sectionInstructions;
  if (excess <= 0) return;
  const pinned = new Set<Value>();
  const pin = (value: Value): void => {
    if (pinned.has(value)) return;
    pinned.add(value);
    argumentsOf(value).forEach(pin);
  };
  if (loop !== null) (loop.totalInits ?? []).forEach(pin);
  for (const section of ["body", "combine"] as const) sections[section].forEach(pin);
  if (loop !== null) [...loop.bodyOuts, ...loop.combineOuts].forEach(pin);
  for (const section of SECTION_ORDER) {
    for (const value of sections[section]) {
      if (value.source.kind !== "instruction" || !OPCODES[value.source.op].arguments.includes("base")) continue;
      value.source.arguments.forEach(pin);
    }
  }
  const movable = sections.prologue.filter((value) => !pinned.has(value)).slice(-excess);
  const moved = new Set(movable);
  sections.prologue = sections.prologue.filter((value) => !moved.has(value));
  sections.epilogue.unshift(...movable);
}
