/**
 * Emits the registers of a scalar program's sections on demand: what nothing asks for is not computed. A scope knows the
 * values of some registers (digits, the counter, carried registers) and computes those of its section; all else it asks of
 * the scope around it. Scopes made together, for several groups of lanes, compute each register one after the other, so
 * that the host has work while it waits for a result.
 */

import type { Instruction, LoadPattern, ScalarProgram } from "../../ir/scalar.ts";
import { loadLanes, loadSelected, loadTurned } from "./access.ts";
import type { SelectedAddress, Tensor, TurnedBlock } from "./access.ts";
import { coefficientOf } from "./analysis.ts";
import type { AffineForm, Analysis } from "./analysis.ts";
import type { Code } from "./emit.ts";
import { i32Const, OP, simd } from "./emit.ts";
import type { FmaMode } from "./fma.ts";
import { SCALAR_CODE, VECTOR_CODE } from "./instructions.ts";
import {
  addScalars,
  asVector,
  constantValue,
  isUniform,
  laneZero,
  movedAhead,
  nameOf,
  scalarLocal,
  scalarOf,
  scaleScalar,
  sharedScalar,
  vectorConstant,
  vectorLocal,
} from "./values.ts";
import type { Emitter, ScalarValue, Value } from "./values.ts";

/** What all sections of a program being compiled share. */
export interface Compilation {
  readonly emitter: Emitter;
  readonly program: ScalarProgram;
  readonly analysis: Analysis;
  readonly fma: FmaMode;
  readonly operands: readonly Tensor[];
  /** Whether an instruction that reads an operand needs no bounds check. */
  readonly inBounds: (instruction: Instruction) => boolean;
  /** Registers of `bitsOf` that need not canonicalise. */
  readonly keepsPayload: ReadonlySet<number>;
  /** Where the groups are neighbours along another digit: its register, and blocks of words read for all of them. */
  readonly turned?: { readonly register: number; readonly blocks: Map<string, TurnedBlock> };
}

export interface Scope {
  value(register: number): Value;
}

export interface ScopeDraft {
  /** The scope around this one; none around the prologue's. */
  readonly outer: Scope | null;
  /** Registers whose values are given. */
  readonly given: ReadonlyMap<number, Value>;
  readonly section: readonly Instruction[];
  /** The first register that the section defines. */
  readonly first: number;
  /** Registers of the section that are asked of the scope around this one all the same; none unless given. */
  readonly isOuter?: (register: number) => boolean;
  /** The loop counter, for patterned loads. */
  readonly counter?: ScalarValue;
  /** Lanes may lie outside the loop: then only a load of neighbours may go without a check. */
  readonly isPartial?: boolean;
}

/** A scope over one section. */
export function createScope(compilation: Compilation, draft: ScopeDraft): Scope {
  return createScopes(compilation, [draft])[0];
}

interface Member extends Scope {
  readonly known: Map<number, Value>;
  compute(register: number): Value;
}

/** Scopes over the same section for several groups of lanes. */
export function createScopes(compilation: Compilation, drafts: readonly ScopeDraft[]): Scope[] {
  const members: Member[] = drafts.map((draft) => {
    const known = new Map<number, Value>(draft.given);
    const member: Member = {
      known,
      compute: (register) => computed(compilation, draft, member, register),
      value(register) {
        for (const other of members) {
          if (!other.known.has(register)) other.known.set(register, other.compute(register));
        }
        return known.get(register)!;
      },
    };
    return member;
  });
  return members;
}

function computed(compilation: Compilation, draft: ScopeDraft, scope: Scope, register: number): Value {
  const { program, analysis, emitter } = compilation;
  const { outer, section, first, isOuter } = draft;
  if (register < program.constants.length) return constantValue(program.constants[register].word);
  const isOwn = register >= first && register < first + section.length && isOuter?.(register) !== true;
  if (!isOwn) {
    if (outer === null) throw new RangeError(`register ${register} has no value here`);
    return outer.value(register);
  }
  const form = analysis.forms[register];
  const linear = form === null ? null : linearValue(emitter, form, scope);
  return linear ?? instructionValue(compilation, scope, draft, register);
}

// The sum starts with the terms known furthest out, so that an iteration adds only what moves with it.
function linearValue(emitter: Emitter, { constant, terms }: AffineForm, scope: Scope): ScalarValue | null {
  let sum = constantValue(constant);
  const values = terms.map(([register, coefficient]) => ({ value: scope.value(register), coefficient }));
  for (const { value, coefficient } of values.toSorted((x, y) => x.value.level - y.value.level)) {
    if (value.kind === "vector") return null;
    sum = addScalars(emitter, sum, scaleScalar(emitter, value, coefficient));
  }
  return sum;
}

function instructionValue(compilation: Compilation, scope: Scope, draft: ScopeDraft, register: number): Value {
  const instruction = draft.section[register - draft.first];
  const { op } = instruction;
  return op === "load" || op === "gather"
    ? loadedValue(compilation, scope, draft, instruction)
    : pureValue(compilation, scope, instruction, compilation.keepsPayload.has(register));
}

function loadedValue(compilation: Compilation, scope: Scope, draft: ScopeDraft, instruction: Instruction): Value {
  const { emitter, program, operands } = compilation;
  const isProven = compilation.inBounds(instruction);
  const selected = isProven ? null : selectedAddress(compilation, scope, instruction);
  if (selected !== null) return loadSelected(emitter, operands[instruction.imm], selected);
  let address = scope.value(instruction.a);
  if (instruction.op === "load" && instruction.b !== 0) {
    if (draft.counter === undefined) throw new RangeError("a patterned load outside the body");
    const offset = patternValue(emitter, program.patterns[instruction.b - 1], draft.counter, program);
    // A loop from 0 reads at the base itself in its first iteration, so a proven base is in bounds without the pattern.
    const isBaseProven = isProven && program.loop?.start === 0;
    address =
      address.kind === "scalar" && offset.constant !== null && isBaseProven
        ? movedAhead(address, offset.constant)
        : addValues(emitter, address, offset);
  }
  if (compilation.turned !== undefined && isProven && address.kind === "scalar") {
    const found = turnedValue(compilation, compilation.turned, instruction, address);
    if (found !== null) return found;
  }
  const isNeighbours = address.kind === "scalar" && (address.stride === 0 || address.stride === 1);
  const inBounds = isProven && (draft.isPartial !== true || isNeighbours);
  return loadLanes(emitter, operands[instruction.imm], address, inBounds);
}

// Lowering writes "this element, or 0 outside" as a load at an address that is chosen between an affine one and -1.
function selectedAddress(
  { emitter, program, analysis, operands }: Compilation,
  scope: Scope,
  { op, imm, a, b }: Instruction,
): SelectedAddress | null {
  const { words, type } = operands[imm];
  const choice = program.prologue[a - analysis.layout.prologue];
  if (type === "bool" || (op === "load" && b !== 0) || choice?.op !== "select") return null;
  const isPast = (register: number): boolean => program.constants[register]?.word >>> 0 >= words;
  const isInverted = isPast(choice.b);
  if (!isInverted && !isPast(choice.c)) return null;
  const inside = scope.value(isInverted ? choice.c : choice.b);
  if (inside.kind !== "scalar" || inside.stride === 0) return null;
  const mask = scope.value(choice.a);
  const lanes = mask.kind === "scalar" ? [] : asVector(emitter, scope.value(a));
  return { mask, isInverted, inside, lanes };
}

// Four lanes of four neighbours along another digit are read as four vectors along that digit, for all groups at once.
function turnedValue(
  { emitter, analysis, operands }: Compilation,
  { register, blocks }: NonNullable<Compilation["turned"]>,
  { imm, a }: Instruction,
  address: ScalarValue,
): Value | null {
  const isPlain = Math.abs(address.stride) <= 2 || operands[imm].type === "bool";
  if (isPlain || coefficientOf(analysis, a, register) !== 1) return null;
  const key = `${imm}:${nameOf(emitter, address.code)}*${address.stride}`;
  const block = blocks.get(key) ?? loadTurned(emitter, operands[imm], address);
  blocks.set(key, block);
  return block.groups[address.ahead - block.ahead] ?? null;
}

function addValues(emitter: Emitter, left: Value, right: ScalarValue): Value {
  if (left.kind === "scalar") return addScalars(emitter, left, right);
  const level = Math.max(left.level, right.level);
  return vectorLocal(emitter, level, [asVector(emitter, left), asVector(emitter, right), simd("i32x4Add")]);
}

function pureValue(
  { emitter, program, fma }: Compilation,
  scope: Scope,
  instruction: Instruction,
  keepsPayload: boolean,
): Value {
  const { op, imm, a, b, c } = instruction;
  if (op === "load" || op === "gather") throw new RangeError(`${op} is not pure`);
  const args = [a, b, c].slice(0, ARITY[op] ?? 2).map((register) => scope.value(register));
  const level = Math.max(...args.map((value) => value.level));
  const divisor = op === "divU" || op === "remU" ? program.constants[b].word : 0;
  const moved = movedScalar(emitter, op, args, imm);
  if (moved !== null) return moved;
  const nan = op === "bitsOf" && !keepsPayload ? vectorConstant(emitter, [0x7fc00000]) : [];
  const context = { fma, imm, divisor, nan, keepsPayload };
  const scalar = SCALAR_CODE[op];
  if (scalar !== undefined && args.every(isUniform)) {
    return scalarLocal(emitter, level, scalar(args.map(laneZero), context), 0);
  }
  const vectors = args.map((value) => asVector(emitter, value));
  return vectorLocal(emitter, level, VECTOR_CODE[op](vectors, context));
}

// Integer arithmetic that keeps lanes a constant apart.
function movedScalar(emitter: Emitter, op: Instruction["op"], args: readonly Value[], imm: number): ScalarValue | null {
  const [x, y] = args;
  if (x.kind !== "scalar") return null;
  if (op === "shl") return scaleScalar(emitter, x, 1 << imm);
  if (y === undefined || y.kind !== "scalar") return null;
  switch (op) {
    case "addI":
      return addScalars(emitter, x, y);
    case "subI":
      return addScalars(emitter, x, scaleScalar(emitter, y, -1));
    case "mulI":
      if (y.constant !== null && y.stride === 0) return scaleScalar(emitter, x, y.constant);
      return x.constant !== null && x.stride === 0 ? scaleScalar(emitter, y, x.constant) : null;
    default:
      return null;
  }
}

/** Arguments that name registers, where they are not two. */
const ARITY: Readonly<Partial<Record<Instruction["op"], number>>> = {
  fma: 3,
  select: 3,
  sqrt: 1,
  neg: 1,
  abs: 1,
  floor: 1,
  nearest: 1,
  toI32: 1,
  fromI32: 1,
  bitsOf: 1,
  fromBits: 1,
  shl: 1,
  shrS: 1,
  shrU: 1,
  boolToI32: 1,
  divU: 1,
  remU: 1,
};

/** The words that a pattern adds in the counter's iteration. Lanes of the counter must not leave a run of its fast digit. */
function patternValue(
  emitter: Emitter,
  pattern: LoadPattern,
  counter: ScalarValue,
  { loop }: ScalarProgram,
): ScalarValue {
  const last = loop === null ? 0 : loop.start + loop.count - 1;
  if (counter.constant !== null && counter.stride === 0) return constantValue(patternWords(pattern, counter.constant));
  let sum = constantValue(0);
  const { level } = counter;
  // Groups of lanes and loads share the counter's code, and so the digits made of it.
  let code = counter.ahead === 0 ? counter.code : laneZero(counter);
  const shared = (operation: Code, extent: number): Code =>
    sharedScalar(emitter, level, `${nameOf(emitter, code)}:${operation}${extent}`, [code, i32Const(extent), operation]);
  let most = last;
  pattern.toReversed().forEach(({ extent, stride }, place) => {
    if (most === 0) return;
    const wraps = most >= extent;
    const digit = wraps ? shared(OP.i32RemU, extent) : code;
    const value = place === 0 && !wraps ? counter : scalarOf(level, digit, place === 0 ? counter.stride : 0);
    sum = addScalars(emitter, sum, scaleScalar(emitter, value, stride));
    most = Math.floor(most / extent);
    if (most > 0) code = shared(OP.i32DivU, extent);
  });
  return sum;
}

/** The same in an iteration known when the code is emitted. */
function patternWords(pattern: LoadPattern, k: number): number {
  let rest = k;
  let words = 0;
  for (const { extent, stride } of pattern.toReversed()) {
    words = (words + Math.imul(rest % extent, stride)) | 0;
    rest = Math.floor(rest / extent);
  }
  return words;
}

/** Whether four iterations from a multiple of four stay in one run of every pattern's fast digit. */
export function hasAlignedPatterns({ patterns, loop }: ScalarProgram): boolean {
  return loop !== null && patterns.every(([, , { extent }]) => extent % 4 === 0 || extent >= loop.start + loop.count);
}
