/**
 * Builds scalar programs for lowering (spec, "Scalar program"). Values are typed and hash-consed; each lands in the
 * shallowest section that sees its arguments; constants, index arithmetic and dead code fold away; the result is validated.
 * Refuses what the opcode table and the static bounds refuse.
 */

import { LockstepError } from "../float/errors.ts";
import { toBits } from "../float/words.ts";
import { createDag, ForeignValueError, ValueSectionError, ValueTypeError } from "./dag.ts";
import type { Dag, Section, Value } from "./dag.ts";
import { emitScalar } from "./emit.ts";
import type { LoopDraft, ScalarSignature } from "./emit.ts";
import { OPCODES } from "./opcodes.ts";
import type { OpcodeName, PureOpcode, WordType } from "./opcodes.ts";
import { BLOCK_SIZE } from "./scalar.ts";
import type { LoadPattern, PatternDigit, ScalarProgram } from "./scalar.ts";
import { validateScalar } from "./validate.ts";

export type { Value } from "./dag.ts";
export { ForeignValueError, ValueSectionError, ValueTypeError } from "./dag.ts";
export type { ScalarSignature } from "./emit.ts";

/** A value, or a literal of the type its place asks for: a number is rounded to f32 or must be an i32, a boolean a mask. */
export type Term = Value | number | boolean;

/** Digits of the loop counter, slowest first: one to three pairs of [extent, stride in words]. */
export type PatternDigits = readonly (readonly [extent: number, stride: number])[];

export interface CarriedDraft {
  readonly type: WordType;
  /** The value of every lane at the start of each block. */
  readonly init: number | boolean;
  /** The total before the first block; all carried registers or none have one. */
  readonly from?: Value;
}

export interface LoopOptions {
  /** 1..4096. */
  readonly count: number;
  /** The counter's first value, a multiple of 256; 0 unless given. */
  readonly start?: number;
  /** 1 unless given. */
  readonly lanes?: 1 | 32;
  /** One block instead of blocks of 256. */
  readonly single?: boolean;
  readonly carried: readonly CarriedDraft[];
  /** The carried registers after an iteration. */
  readonly body: (at: { readonly k: Value; readonly carried: readonly Value[] }) => readonly Value[];
  /** The totals after folding in the result of one lane or block. */
  readonly combine: (totals: readonly Value[], blocks: readonly Value[]) => readonly Value[];
}

type Unary = (a: Term) => Value;
type Binary = (a: Term, b: Term) => Value;
type Ternary = (a: Term, b: Term, c: Term) => Value;
type Shift = (a: Term, bits: number) => Value;

/** One method per opcode, and conveniences made of them. Literals are allowed wherever a type is known. */
export interface ScalarBuilder {
  /** The digits of the element index, i32; a digit of extent 1 is the constant 0. */
  readonly digits: readonly Value[];
  /** The flat element index, i32. */
  readonly index: Value;
  /** The step, i32. */
  readonly step: Value;

  f32(value: number): Value;
  i32(value: number): Value;
  bool(value: boolean): Value;
  /** A constant by its exact word. */
  word(type: WordType, word: number): Value;

  /** A word of an operand, 0 past its end. The base must not depend on the loop; a pattern is for the loop's body only. */
  load(operand: number, base: Term, pattern?: PatternDigits): Value;
  /** A word of an operand at any index, 0 past its end. */
  gather(operand: number, index: Term): Value;
  /** The one loop; returns the final totals. */
  loop(options: LoopOptions): readonly Value[];

  add: Binary;
  sub: Binary;
  mul: Binary;
  fma: Ternary;
  div: Binary;
  sqrt: Unary;
  neg: Unary;
  abs: Unary;
  max: Binary;
  min: Binary;
  lt: Binary;
  le: Binary;
  eq: Binary;
  floor: Unary;
  nearest: Unary;
  toI32: Unary;
  fromI32: Unary;
  bitsOf: Unary;
  fromBits: Unary;
  select: Ternary;
  addI: Binary;
  subI: Binary;
  mulI: Binary;
  mulhiU: Binary;
  and: Binary;
  or: Binary;
  xor: Binary;
  shl: Shift;
  shrS: Shift;
  shrU: Shift;
  divU: Binary;
  remU: Binary;
  ltI: Binary;
  leI: Binary;
  eqI: Binary;
  /** 0 or -1. */
  boolToI32: Unary;

  /** f32 or i32 or bool comparison that does not hold. */
  not: Unary;
  ne: Binary;
  gt: Binary;
  ge: Binary;
  neI: Binary;
  gtI: Binary;
  geI: Binary;
  /** Towards zero, as a float. */
  trunc: Unary;
  /** The least integer not below, as a float. */
  ceil: Unary;
  /** 1 or 0. */
  i32FromBool: Unary;
  /** 1.0 or 0.0. */
  f32FromBool: Unary;
  minI: Binary;
  maxI: Binary;
  /** `x` limited to lo..hi, i32. */
  clampI: Ternary;
}

/** A literal does not fit the type its place asks for. */
export class LiteralError extends LockstepError {
  constructor(expected: string, literal: number | boolean) {
    super("LiteralError", `${String(literal)} is no ${expected} literal`, { expected, literal: String(literal) });
  }
}

/** The loop's lists do not match, or a program has two loops. */
export class LoopShapeError extends LockstepError {
  constructor(message: string, values: Record<string, unknown>) {
    super("LoopShapeError", message, values);
  }
}

/** An operand or a load pattern that the program cannot have. */
export class LoadError extends LockstepError {
  constructor(message: string, values: Record<string, unknown>) {
    super("LoadError", message, values);
  }
}

/** The scalar program whose result `define` returns, validated. */
export function buildScalar(signature: ScalarSignature, define: (b: ScalarBuilder) => Value): ScalarProgram {
  const dag = createDag();
  const loops: LoopDraft[] = [];
  const result = define(createBuilder(dag, signature, loops));
  if (!dag.owns(result)) throw new ForeignValueError("result");
  if (result.type !== signature.output) throw new ValueTypeError("result", 0, signature.output, result.type);
  checkSection("result", result, "epilogue");
  const program = emitScalar(signature, loops[0] ?? null, result);
  validateScalar(program);
  return program;
}

function createBuilder(dag: Dag, signature: ScalarSignature, loops: LoopDraft[]): ScalarBuilder {
  const { extents } = signature;
  let looped = false;
  const digits = extents.map((extent, index) =>
    extent === 1 ? dag.constant("i32", 0) : dag.register("i32", "prologue", { kind: "digit", index }),
  );

  const term = (type: WordType, value: Term): Value => {
    if (typeof value === "object") return value;
    if (type === "bool")
      return typeof value === "boolean" ? dag.constant("bool", value ? -1 : 0) : failLiteral(type, value);
    if (typeof value !== "number") return failLiteral(type, value);
    if (type === "f32") return dag.constant("f32", toBits(value));
    if (!Number.isInteger(value) || value < -(2 ** 31) || value >= 2 ** 32) return failLiteral(type, value);
    return dag.constant("i32", value);
  };

  const apply = (op: PureOpcode, imm: number, terms: readonly Term[]): Value => {
    const classes = OPCODES[op].arguments;
    const shared = terms.find((value, index) => isPolymorphic(classes[index]) && typeof value === "object");
    const args = terms.map((value, index) => {
      const expected = classes[index];
      if (!isPolymorphic(expected)) return term(expected === "divisor" ? "i32" : (expected as WordType), value);
      if (shared === undefined) throw new LiteralError("typed", value as number | boolean);
      return term((shared as Value).type, value);
    });
    return dag.apply(op, imm, args);
  };
  const unary =
    (op: PureOpcode): Unary =>
    (a) =>
      apply(op, 0, [a]);
  const binary =
    (op: PureOpcode): Binary =>
    (a, b) =>
      apply(op, 0, [a, b]);
  const ternary =
    (op: PureOpcode): Ternary =>
    (a, b, c) =>
      apply(op, 0, [a, b, c]);
  const shift =
    (op: PureOpcode): Shift =>
    (a, bits) => {
      if (!Number.isInteger(bits) || bits < 0 || bits > 31) throw new LiteralError("shift of 0..31", bits);
      return apply(op, bits, [a]);
    };
  const operandType = (operand: number): WordType => {
    const type = signature.operands[operand];
    if (type === undefined) throw new LoadError(`operand ${operand} does not exist`, { operand });
    return type;
  };
  const memory = (op: OpcodeName, operand: number, address: Term, pattern: LoadPattern | null): Value =>
    dag.apply(op, operand, [term("i32", address)], { type: operandType(operand), pattern });

  const builder: ScalarBuilder = {
    digits,
    index: dag.constant("i32", 0),
    step: dag.register("i32", "prologue", { kind: "step" }),
    f32: (value) => dag.constant("f32", toBits(value)),
    i32: (value) => term("i32", value),
    bool: (value) => dag.constant("bool", value ? -1 : 0),
    word: (type, word) => dag.constant(type, type === "bool" && word !== 0 ? -1 : word),

    load: (operand, base, pattern) => memory("load", operand, base, pattern === undefined ? null : normalise(pattern)),
    gather: (operand, index) => {
      const address = term("i32", index);
      return memory(address.section === "prologue" ? "load" : "gather", operand, address, null);
    },
    loop: (options) => {
      if (looped) throw new LoopShapeError("a scalar program has at most one loop", { count: options.count });
      // Before the callbacks run: a loop inside a loop is refused too.
      looped = true;
      loops.push(draftLoop(dag, options, term));
      return options.carried.map(({ type }, index) => dag.register(type, "epilogue", { kind: "final", index }));
    },

    add: binary("add"),
    sub: binary("sub"),
    mul: binary("mul"),
    fma: ternary("fma"),
    div: binary("div"),
    sqrt: unary("sqrt"),
    neg: unary("neg"),
    abs: unary("abs"),
    max: binary("max"),
    min: binary("min"),
    lt: binary("lt"),
    le: binary("le"),
    eq: binary("eq"),
    floor: unary("floor"),
    nearest: unary("nearest"),
    toI32: unary("toI32"),
    fromI32: unary("fromI32"),
    bitsOf: unary("bitsOf"),
    fromBits: unary("fromBits"),
    select: ternary("select"),
    addI: binary("addI"),
    subI: binary("subI"),
    mulI: binary("mulI"),
    mulhiU: binary("mulhiU"),
    and: binary("and"),
    or: binary("or"),
    xor: binary("xor"),
    shl: shift("shl"),
    shrS: shift("shrS"),
    shrU: shift("shrU"),
    divU: binary("divU"),
    remU: binary("remU"),
    ltI: binary("ltI"),
    leI: binary("leI"),
    eqI: binary("eqI"),
    boolToI32: unary("boolToI32"),

    not: (a) => builder.xor(term("bool", a), dag.constant("bool", -1)),
    ne: (a, b) => builder.not(builder.eq(a, b)),
    gt: (a, b) => builder.lt(b, a),
    ge: (a, b) => builder.le(b, a),
    neI: (a, b) => builder.not(builder.eqI(a, b)),
    gtI: (a, b) => builder.ltI(b, a),
    geI: (a, b) => builder.leI(b, a),
    trunc: (a) => builder.select(builder.lt(a, 0), builder.ceil(a), builder.floor(a)),
    // floor of the negated value; the outer negation also gives ceil(-0.5) its minus sign.
    ceil: (a) => builder.neg(builder.floor(builder.neg(a))),
    i32FromBool: (a) => builder.and(builder.boolToI32(a), dag.constant("i32", 1)),
    f32FromBool: (a) => builder.select(a, dag.constant("f32", toBits(1)), dag.constant("f32", 0)),
    minI: (a, b) => builder.select(builder.ltI(b, a), term("i32", b), term("i32", a)),
    maxI: (a, b) => builder.select(builder.ltI(a, b), term("i32", b), term("i32", a)),
    clampI: (a, low, high) => builder.maxI(builder.minI(a, high), low),
  };
  const index = digits.reduce(
    (flat, digit, position) => builder.addI(builder.mulI(flat, extents[position]), digit),
    dag.constant("i32", 0),
  );
  return { ...builder, index };
}

function draftLoop(dag: Dag, options: LoopOptions, term: (type: WordType, value: Term) => Value): LoopDraft {
  const { carried, count } = options;
  const continued = carried.filter((register) => register.from !== undefined).length;
  if (continued !== 0 && continued !== carried.length) {
    throw new LoopShapeError("either every carried register continues a total or none does", { continued });
  }
  const group = (kind: "carried" | "total" | "block", section: Section): Value[] =>
    carried.map(({ type }, index) => dag.register(type, section, { kind, index }));
  const outputs = (use: "body" | "combine", values: readonly Value[]): readonly Value[] => {
    if (values.length !== carried.length) {
      throw new LoopShapeError(`${use} must return ${carried.length} values`, { returned: values.length });
    }
    values.forEach((value, index) => {
      if (!dag.owns(value)) throw new ForeignValueError(use);
      if (value.type !== carried[index].type) throw new ValueTypeError(use, index, carried[index].type, value.type);
      checkSection(use, value, use);
    });
    return values;
  };
  const counter = dag.register("i32", "body", { kind: "counter" });
  const bodyOuts = outputs("body", options.body({ k: counter, carried: group("carried", "body") }));
  const combineOuts = outputs("combine", options.combine(group("total", "combine"), group("block", "combine")));
  const totalInits = carried.flatMap(({ type, from }, index) => {
    if (from === undefined) return [];
    if (!dag.owns(from)) throw new ForeignValueError("from");
    if (from.type !== type) throw new ValueTypeError("from", index, type, from.type);
    checkSection("from", from, "prologue");
    return [from];
  });
  return {
    start: options.start ?? 0,
    count,
    // A loop of at most one block has one encoding.
    single: options.single === true && count > BLOCK_SIZE,
    lanes: options.lanes ?? 1,
    inits: carried.map(({ type, init }) => term(type, init)),
    totalInits: continued === 0 ? null : totalInits,
    bodyOuts,
    combineOuts,
  };
}

function isPolymorphic(expected: string): boolean {
  return expected === "any" || expected === "bits";
}

function checkSection(use: string, value: Value, section: Section): void {
  if (value.section !== "prologue" && value.section !== section) throw new ValueSectionError(use, [value.section]);
}

function failLiteral(type: WordType, value: number | boolean): never {
  throw new LiteralError(type, value);
}

/** The shortest pattern with the same addresses, or null where no digit moves the address. */
function normalise(digits: PatternDigits): LoadPattern | null {
  if (digits.length > 3) throw new LoadError("a pattern has at most three digits", { digits: digits.length });
  const kept: PatternDigit[] = [];
  digits.forEach(([extent, stride], position) => {
    if (!Number.isInteger(extent) || extent < 1 || extent >= 2 ** 32 || !Number.isInteger(stride)) {
      throw new LoadError("a digit needs an extent of 1..2^32-1 and an integer stride", { position, extent, stride });
    }
    if (stride < -(2 ** 31) || stride >= 2 ** 31) throw new LoadError("a stride is an i32", { position, stride });
    if (extent === 1) return;
    const outer = kept.at(-1);
    // Two digits that walk one contiguous run are one digit.
    if (outer !== undefined && outer.stride === stride * extent && outer.extent * extent < 2 ** 32) {
      kept[kept.length - 1] = { extent: outer.extent * extent, stride: stride | 0 };
    } else kept.push({ extent, stride: stride | 0 });
  });
  if (kept.every(({ stride }) => stride === 0)) return null;
  while (kept[0].stride === 0) kept.shift();
  while (kept.length < 3) kept.unshift({ extent: 1, stride: 0 });
  return [kept[0], kept[1], kept[2]];
}
