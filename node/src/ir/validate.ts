/**
 * Refuses scalar programs that are not well formed (spec, "Scalar program" and "Static bounds"). Each rule has a name, which
 * the error carries; a program that passes is total: it gives a word for every element, step and operand content.
 */

import { LockstepError } from "../float/errors.ts";
import { canonical } from "../float/words.ts";
import { chunkBound, gasBound } from "./bounds.ts";
import { OPCODES, WORD_TYPES } from "./opcodes.ts";
import type { WordType } from "./opcodes.ts";
import { BLOCK_SIZE, registerLayout, SCALAR_LIMITS } from "./scalar.ts";
import type { Instruction, ScalarProgram } from "./scalar.ts";

/** Every rule, by name. */
export const SCALAR_RULES = [
  "word-type",
  "operand-count",
  "extents",
  "constant-count",
  "constant-word",
  "pattern-count",
  "pattern-digit",
  "pattern-order",
  "pattern-duplicate",
  "pattern-place",
  "section-length",
  "loop-count",
  "loop-start",
  "loop-single",
  "loop-lanes",
  "carried-count",
  "carried-init",
  "carried-body",
  "carried-combine",
  "carried-total",
  "opcode",
  "unused-field",
  "immediate",
  "visibility",
  "argument-type",
  "base",
  "divisor",
  "result",
  "chunk-bound",
  "gas-bound",
] as const;

export type ScalarRule = (typeof SCALAR_RULES)[number];

/** A scalar program breaks `rule`. */
export class InvalidScalarProgramError extends LockstepError {
  readonly rule: ScalarRule;

  constructor(rule: ScalarRule, message: string, values: Record<string, unknown> = {}) {
    super("InvalidScalarProgramError", `${rule}: ${message}`, { rule, ...values });
    this.rule = rule;
  }
}

/**
 * Checks every rule and returns the type of every register, in the order of the register numbers.
 *
 * @throws InvalidScalarProgramError for the first rule that is broken
 */
export function validateScalar(program: ScalarProgram): readonly WordType[] {
  checkTables(program);
  checkPatterns(program);
  checkLoop(program);
  const types = checkSections(program);
  const chunks = chunkBound(program);
  if (chunks > SCALAR_LIMITS.chunks) fail("chunk-bound", `one element may touch ${chunks} chunks`, { chunks });
  const gas = gasBound(program);
  if (gas > SCALAR_LIMITS.gas) fail("gas-bound", `one element may cost ${gas} gas`, { gas });
  return types;
}

function checkTables({ outputType, operandTypes, extents, constants }: ScalarProgram): void {
  for (const type of [outputType, ...operandTypes, ...constants.map((constant) => constant.type)]) {
    if (!WORD_TYPES.includes(type)) fail("word-type", `${String(type)} is no word type`, { type });
  }
  limit("operand-count", operandTypes.length, 0, SCALAR_LIMITS.operands);
  limit("extents", extents.length, 1, SCALAR_LIMITS.digits);
  let length = 1;
  for (const extent of extents) {
    limit("extents", extent, 1, SCALAR_LIMITS.outputLength);
    length *= extent;
    limit("extents", length, 1, SCALAR_LIMITS.outputLength);
  }
  limit("constant-count", constants.length, 0, SCALAR_LIMITS.constants);
  constants.forEach(({ type, word }, index) => {
    limit("constant-word", word, 0, 0xffffffff);
    if (type === "f32" && canonical(word) !== word)
      fail("constant-word", `constant ${index} is another NaN`, { index, word });
    if (type === "bool" && word !== 0 && word !== 0xffffffff) {
      fail("constant-word", `constant ${index} is no mask`, { index, word });
    }
  });
}

function checkPatterns({ patterns, loop }: ScalarProgram): void {
  limit("pattern-count", patterns.length, 0, loop === null ? 0 : SCALAR_LIMITS.patterns);
  patterns.forEach((pattern, index) => {
    if (pattern.length !== 3) fail("pattern-digit", `pattern ${index} has ${pattern.length} digits`, { index });
    for (const { extent, stride } of pattern) {
      limit("pattern-digit", extent, 1, 0xffffffff);
      limit("pattern-digit", stride, -(2 ** 31), 2 ** 31 - 1);
    }
  });
  const keys = patterns.map((digits) => digits.map(({ extent, stride }) => `${extent} ${stride}`).join());
  keys.forEach((key, index) => {
    if (keys.indexOf(key) !== index) fail("pattern-duplicate", `pattern ${index} repeats an earlier one`, { index });
  });
  let used = 0;
  for (const { op, b } of loop?.body ?? []) {
    if (op !== "load" || b === 0) continue;
    if (b - 1 > used || b > patterns.length)
      fail("pattern-order", `pattern ${b - 1} is used before ${used}`, { pattern: b - 1 });
    if (b - 1 === used) used++;
  }
  if (used !== patterns.length) fail("pattern-order", `pattern ${used} is not used`, { pattern: used });
}

function checkLoop({ prologue, epilogue, loop }: ScalarProgram): void {
  const most = SCALAR_LIMITS.sectionInstructions;
  limit("section-length", prologue.length, 0, most);
  limit("section-length", epilogue.length, 0, most);
  if (loop === null) return;
  const { start, count, single, lanes, carried, body, combine } = loop;
  limit("section-length", body.length, 1, most);
  limit("section-length", combine.length, 0, most);
  limit("loop-count", count, 1, SCALAR_LIMITS.iterations);
  limit("loop-start", start, 0, SCALAR_LIMITS.counterEnd - count);
  if (start % BLOCK_SIZE !== 0) fail("loop-start", `start ${start} is no multiple of ${BLOCK_SIZE}`, { start });
  if (single && count <= BLOCK_SIZE)
    fail("loop-single", `a loop of ${count} iterations is one block anyway`, { count });
  if (lanes !== 1 && lanes !== 32) fail("loop-lanes", `lanes are 1 or 32, not ${String(lanes)}`, { lanes });
  limit("carried-count", carried.length, 1, SCALAR_LIMITS.carried);
}

/** The registers a section sees: all below `prologueEnd`, and from `own` to the one being defined. */
interface Scope {
  readonly name: "prologue" | "body" | "combine" | "epilogue";
  readonly prologueEnd: number;
  readonly own: number;
}

function checkSections(program: ScalarProgram): readonly WordType[] {
  const { loop, constants } = program;
  const layout = registerLayout(program);
  const prologueEnd = layout.counter;
  const types: WordType[] = constants.map((constant) => constant.type);
  const carriedTypes = (loop?.carried ?? []).map(({ init }, index): WordType => {
    if (!(init in constants)) fail("carried-init", `register ${init} is no constant`, { index, init });
    return constants[init].type;
  });
  types.push("i32", ...program.extents.map((): WordType => "i32"));

  const prologue: Scope = { name: "prologue", prologueEnd, own: 0 };
  checkSection(program, program.prologue, prologue, types);
  if (loop !== null) {
    const checkCarried = (rule: ScalarRule, register: number, index: number, scope: Scope): void => {
      const seen = sees(scope, register, types.length);
      if (!seen || types[register] !== carriedTypes[index]) {
        fail(rule, `register ${register} is no ${carriedTypes[index]} of ${scope.name}`, { index, register });
      }
    };
    const body: Scope = { name: "body", prologueEnd, own: layout.counter };
    const combine: Scope = { name: "combine", prologueEnd, own: layout.totals };
    loop.carried.forEach(({ totalInit }, index) => {
      if (loop.continued) checkCarried("carried-total", totalInit, index, prologue);
      else if (totalInit !== 0) fail("carried-total", "the loop is not continued", { index, totalInit });
    });
    types.push("i32", ...carriedTypes);
    checkSection(program, loop.body, body, types);
    loop.carried.forEach(({ bodyOut }, index) => checkCarried("carried-body", bodyOut, index, body));
    types.push(...carriedTypes, ...carriedTypes);
    checkSection(program, loop.combine, combine, types);
    loop.carried.forEach(({ combineOut }, index) => checkCarried("carried-combine", combineOut, index, combine));
    types.push(...carriedTypes);
  }
  const epilogue: Scope = { name: "epilogue", prologueEnd, own: layout.finals };
  checkSection(program, program.epilogue, epilogue, types);
  const { result, outputType } = program;
  if (!sees(epilogue, result, types.length) || types[result] !== outputType) {
    fail("result", `register ${result} is no ${outputType} of the epilogue`, { result, outputType });
  }
  return types;
}

function checkSection(program: ScalarProgram, section: readonly Instruction[], scope: Scope, types: WordType[]): void {
  section.forEach((instruction, index) => {
    const where = { section: scope.name, instruction: index };
    if (!Object.hasOwn(OPCODES, instruction.op)) fail("opcode", `${String(instruction.op)} is no opcode`, where);
    types.push(resultType(program, instruction, scope, types, where));
  });
}

function resultType(
  { operandTypes, constants }: ScalarProgram,
  instruction: Instruction,
  scope: Scope,
  types: readonly WordType[],
  where: Record<string, unknown>,
): WordType {
  const { op, imm } = instruction;
  const row = OPCODES[op];
  const fields = [instruction.a, instruction.b, instruction.c];
  if (row.immediate === "none" && imm !== 0) fail("unused-field", `${op} has no immediate`, { ...where, imm });
  if (row.immediate === "shift") limit("immediate", imm, 0, 31, where);
  if (row.immediate === "operand") limit("immediate", imm, 0, operandTypes.length - 1, where);

  let shared: WordType | null = null;
  fields.forEach((field, position) => {
    const expected = row.arguments[position];
    const at = { ...where, op, field: "abc"[position], value: field };
    if (expected === undefined) {
      if (field !== 0) fail("unused-field", `${op} has ${row.arguments.length} arguments`, at);
      return;
    }
    if (expected === "pattern") {
      if (field !== 0 && scope.name !== "body") fail("pattern-place", "only the body has a loop counter", at);
      return;
    }
    if (!sees(scope, field, types.length)) fail("visibility", `${scope.name} does not see register ${field}`, at);
    const actual = types[field];
    switch (expected) {
      case "any":
      case "bits":
        shared ??= actual;
        if (actual !== shared || (expected === "bits" && actual === "f32")) {
          fail("argument-type", `${op} cannot take ${actual} here`, { ...at, actual });
        }
        return;
      case "base":
        if (field >= scope.prologueEnd) fail("base", `register ${field} may change in the loop`, at);
        break;
      case "divisor":
        if (field >= constants.length || constants[field].word === 0) {
          fail("divisor", `register ${field} is no non-zero constant`, at);
        }
        break;
    }
    const wanted = expected === "base" || expected === "divisor" ? "i32" : expected;
    if (actual !== wanted) fail("argument-type", `${op} takes ${wanted}, not ${actual}`, { ...at, actual });
  });
  if (row.result === "operand") return operandTypes[imm];
  if (row.result !== "any" && row.result !== "bits") return row.result;
  if (shared === null) throw new TypeError(`${op} has no polymorphic argument`);
  return shared;
}

function sees({ prologueEnd, own }: Scope, register: number, defined: number): boolean {
  return (
    Number.isInteger(register) && register >= 0 && register < defined && (register < prologueEnd || register >= own)
  );
}

function limit(
  rule: ScalarRule,
  value: number,
  least: number,
  most: number,
  values: Record<string, unknown> = {},
): void {
  if (Number.isInteger(value) && value >= least && value <= most) return;
  fail(rule, `${value} is not in ${least}..${most}`, { value, least, most, ...values });
}

function fail(rule: ScalarRule, message: string, values: Record<string, unknown>): never {
  throw new InvalidScalarProgramError(rule, message, values);
}
