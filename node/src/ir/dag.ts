/**
 * Hash-consed values, from which the builder lays out a scalar program. Every value knows its section: the shallowest in
 * which its arguments are visible, so that what does not change in the loop leaves it. Integer index arithmetic and constant
 * expressions fold away. Refuses arguments of the wrong type and arguments that no one section sees.
 */

import { LockstepError } from "../float/errors.ts";
import { canonical } from "../float/words.ts";
import { OPCODES } from "./opcodes.ts";
import type { ArgumentClass, OpcodeName, PureOpcode, WordType } from "./opcodes.ts";
import type { LoadPattern } from "./scalar.ts";
import { SEMANTICS } from "./semantics.ts";

/** The section that computes a value. Constants, step and digits count as prologue. */
export type Section = "prologue" | "body" | "combine" | "epilogue";

/** Where a value comes from. */
export type Source =
  | { readonly kind: "constant"; readonly word: number }
  | { readonly kind: "step" }
  | { readonly kind: "counter" }
  | { readonly kind: "digit" | "carried" | "total" | "block" | "final"; readonly index: number }
  | InstructionSource;

export interface InstructionSource {
  readonly kind: "instruction";
  readonly op: OpcodeName;
  readonly imm: number;
  readonly arguments: readonly Value[];
  /** Only in a load of the body. */
  readonly pattern: LoadPattern | null;
}

/** A typed value of the program under construction. Equal expressions are the same object. */
export interface Value {
  readonly id: number;
  readonly type: WordType;
  readonly section: Section;
  readonly source: Source;
}

/** An argument has another type than its opcode takes. */
export class ValueTypeError extends LockstepError {
  constructor(op: string, argument: number, expected: string, actual: string) {
    super("ValueTypeError", `${op}: argument ${argument} must be ${expected}, not ${actual}`, {
      op,
      argument,
      expected,
      actual,
    });
  }
}

/** Arguments belong to sections that do not see each other, or a value is used where its section has no meaning. */
export class ValueSectionError extends LockstepError {
  constructor(use: string, sections: readonly string[]) {
    super("ValueSectionError", `${use} cannot use a value of: ${sections.join(", ")}`, { use, sections });
  }
}

/** A value was made by another builder. */
export class ForeignValueError extends LockstepError {
  constructor(use: string) {
    super("ForeignValueError", `${use} uses a value of another scalar program`, { use });
  }
}

export interface Dag {
  constant(type: WordType, word: number): Value;
  /** A register that no instruction defines. */
  register(type: WordType, section: Section, source: Source): Value;
  /** The result of an instruction, folded where it is constant. `operandType` is the result type of loads. */
  apply(op: OpcodeName, imm: number, args: readonly Value[], load?: LoadForm): Value;
  owns(value: Value): boolean;
}

export interface LoadForm {
  readonly type: WordType;
  readonly pattern: LoadPattern | null;
}

export function createDag(): Dag {
  const values: Value[] = [];
  const byKey = new Map<string, Value>();

  function intern(key: string, type: WordType, section: Section, source: Source): Value {
    const known = byKey.get(key);
    if (known !== undefined) return known;
    const value: Value = { id: values.length, type, section, source };
    values.push(value);
    byKey.set(key, value);
    return value;
  }

  const dag: Dag = {
    constant(type, word) {
      const stored = type === "f32" ? canonical(word) : word >>> 0;
      return intern(`constant ${type} ${stored}`, type, "prologue", { kind: "constant", word: stored });
    },
    register(type, section, source) {
      const index = "index" in source ? source.index : 0;
      return intern(`${source.kind} ${index}`, type, section, source);
    },
    apply(op, imm, args, load) {
      for (const value of args) if (!dag.owns(value)) throw new ForeignValueError(op);
      const type = resultType(op, args, load);
      const ordered = constantLast(op, args);
      const simpler = load === undefined ? simplify(dag, op as PureOpcode, imm, type, ordered) : null;
      if (simpler !== null) return simpler;
      const pattern = load?.pattern ?? null;
      const joined = joinSections(op, ordered);
      const section = pattern === null ? joined : "body";
      const key = `${op} ${imm} ${ordered.map((value) => value.id).join(" ")} ${JSON.stringify(pattern)}`;
      return intern(key, type, section, { kind: "instruction", op, imm, arguments: ordered, pattern });
    },
    owns: (value) => values[value.id] === value,
  };
  return dag;
}

/** The word of a constant value, or null. */
export function constantWord(value: Value): number | null {
  return value.source.kind === "constant" ? value.source.word : null;
}

function joinSections(op: OpcodeName, args: readonly Value[]): Section {
  let joined: Section = "prologue";
  for (const { section } of args) {
    if (section === "prologue" || section === joined) continue;
    if (joined !== "prologue") throw new ValueSectionError(op, [joined, section]);
    joined = section;
  }
  return joined;
}

function resultType(op: OpcodeName, args: readonly Value[], load: LoadForm | undefined): WordType {
  const row = OPCODES[op];
  let shared: WordType | null = null;
  args.forEach((value, argument) => {
    const expected = row.arguments[argument];
    if (expected === "any" || expected === "bits") {
      shared ??= value.type;
      if (expected === "bits" && shared === "f32") throw new ValueTypeError(op, argument, "i32 or bool", shared);
      if (value.type !== shared) throw new ValueTypeError(op, argument, shared, value.type);
      return;
    }
    checkFixed(op, argument, expected, value);
  });
  if (row.result === "operand") return load!.type;
  return row.result === "any" || row.result === "bits" ? shared! : row.result;
}

function checkFixed(op: OpcodeName, argument: number, expected: ArgumentClass, value: Value): void {
  const type = expected === "base" || expected === "divisor" ? "i32" : expected;
  if (value.type !== type) throw new ValueTypeError(op, argument, type, value.type);
  if (expected === "divisor" && (constantWord(value) ?? 0) === 0) {
    throw new ValueTypeError(op, argument, "a non-zero constant", value.source.kind);
  }
  if (expected === "base" && value.section !== "prologue") {
    throw new ValueSectionError(`the base of ${op} (use gather, or a pattern for the loop counter)`, [value.section]);
  }
}

// Float operands keep their order: programs that a reader recognises by form must come out as they were written.
const COMMUTATIVE: ReadonlySet<OpcodeName> = new Set<OpcodeName>(["addI", "mulI", "and", "or", "xor", "eqI"]);

function constantLast(op: OpcodeName, args: readonly Value[]): readonly Value[] {
  if (!COMMUTATIVE.has(op)) return args;
  const [a, b] = args;
  return constantWord(a) !== null && constantWord(b) === null ? [b, a] : args;
}

/** An equal value that needs no instruction of this opcode, or null. Only identities that hold for every word. */
function simplify(dag: Dag, op: PureOpcode, imm: number, type: WordType, args: readonly Value[]): Value | null {
  const words = args.map(constantWord);
  const [a, b, c] = args;
  if (words.every((word) => word !== null)) {
    return dag.constant(type, SEMANTICS[op](words[0] ?? 0, words[1] ?? 0, words[2] ?? 0, imm));
  }
  const word = words[1];
  switch (op) {
    case "addI": {
      if (word === 0) return a;
      const inner = instructionWithConstant(a, "addI");
      if (word !== null && inner !== null) {
        return dag.apply("addI", 0, [inner.value, dag.constant("i32", word + inner.word)]);
      }
      return null;
    }
    case "subI":
      if (a === b) return dag.constant("i32", 0);
      return word === null ? null : dag.apply("addI", 0, [a, dag.constant("i32", -word)]);
    case "mulI": {
      if (word === 0) return b;
      if (word === 1) return a;
      const inner = instructionWithConstant(a, "mulI");
      if (word !== null && inner !== null) {
        return dag.apply("mulI", 0, [inner.value, dag.constant("i32", Math.imul(word, inner.word))]);
      }
      return null;
    }
    case "divU":
      return word === 1 ? a : null;
    case "remU":
      return word === 1 ? dag.constant("i32", 0) : null;
    case "and":
      if (word === 0) return b;
      return word === 0xffffffff || a === b ? a : null;
    case "or":
      if (word === 0xffffffff) return b;
      return word === 0 || a === b ? a : null;
    case "xor":
      if (a === b) return dag.constant(type, 0);
      return word === 0 ? a : null;
    case "shl":
    case "shrS":
    case "shrU":
      return imm === 0 ? a : null;
    case "select":
      if (b === c) return b;
      return words[0] === null ? null : words[0] === 0 ? c : b;
    default:
      return null;
  }
}

function instructionWithConstant(value: Value, op: OpcodeName): { value: Value; word: number } | null {
  if (value.source.kind !== "instruction" || value.source.op !== op) return null;
  const [inner, constant] = value.source.arguments;
  const word = constantWord(constant);
  return word === null ? null : { value: inner, word };
}
