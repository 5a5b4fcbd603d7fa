/** What the tests of the compiled backend share: running a program on it and on the interpreter and comparing every word. */
import { below, createRandom, DIRECTED_CLASSES, drawOperands, specialTuples, wordOf } from "../../float/directed.ts";
import { fromBits } from "../../float/words.ts";
import { buildScalar } from "../../ir/build.ts";
import type { ScalarBuilder, Value } from "../../ir/build.ts";
import { OPCODES } from "../../ir/opcodes.ts";
import type { OpcodeName, WordType } from "../../ir/opcodes.ts";
import { outputLength } from "../../ir/scalar.ts";
import type { ScalarProgram } from "../../ir/scalar.ts";
import { interpreterRunner } from "../machine/runner.ts";
import type { PrimitiveRunner } from "../machine/runner.ts";

/** Runs the program on both and compares; `label` leads back to the case. Returns the words that both gave. */
export function assertSameBits(
  runner: PrimitiveRunner,
  scalar: ScalarProgram,
  operands: readonly Uint32Array[],
  label: string,
  step = 0,
): Uint32Array {
  const expected = new Uint32Array(outputLength(scalar));
  const found = new Uint32Array(expected.length);
  interpreterRunner.run(scalar, step, operands, expected);
  runner.run(scalar, step, operands, found);
  const element = expected.findIndex((word, index) => word !== found[index]);
  if (element < 0) return expected;
  const hex = (word: number): string => word.toString(16).padStart(8, "0");
  throw new Error(
    `${label}: element ${element} of ${expected.length} is ${hex(found[element])}, not ${hex(expected[element])}`,
  );
}

/** How many of the words are finite floats. */
export function finiteCount(words: Uint32Array): number {
  return words.filter((word) => Number.isFinite(fromBits(word))).length;
}

/** Values between 2^-3 and 2^5, of either sign: their sums are finite and depend on every term and on its place. */
export function likeWords(seed: number, length: number): Uint32Array {
  const random = createRandom(seed);
  return Uint32Array.from({ length }, () => wordOf(random(), 124 + below(random, 8), random()));
}

/** Words of a type at which arithmetic goes wrong, drawn class by class. */
export function directedWords(seed: number, length: number): Uint32Array {
  const random = createRandom(seed);
  const names = Object.keys(DIRECTED_CLASSES);
  return Uint32Array.from({ length }, (_, index) => drawOperands(random, names[index % names.length], 1)[0]);
}

/** A program that applies one opcode to words of its operands, element by element. Its divisor or shift is `imm`. */
export function opcodeProgram(op: OpcodeName, imm: number, shared: WordType, length: number): ScalarProgram {
  const row = OPCODES[op];
  const types = row.arguments
    .filter((argument) => argument !== "divisor")
    .map((argument): WordType => (argument === "any" || argument === "bits" ? shared : (argument as WordType)));
  const result = row.result === "any" || row.result === "bits" ? shared : (row.result as WordType);
  return buildScalar({ operands: types, output: result, extents: [length] }, (b) => {
    const words = types.map((_, operand) => b.load(operand, b.digits[0]));
    const method = b[op as keyof ScalarBuilder] as (...args: unknown[]) => Value;
    if (row.immediate === "shift") return method(words[0], imm);
    if (row.arguments.includes("divisor")) return method(words[0], imm);
    return method(...words);
  });
}

/** Columns of every tuple of special words, and of directed tuples, for an opcode of the given arity. */
export function tupleColumns(seed: number, arity: 1 | 2 | 3, directed: number): Uint32Array[] {
  const random = createRandom(seed);
  const names = Object.keys(DIRECTED_CLASSES);
  const tuples = specialTuples(arity === 3 ? 2 : arity).map((tuple) => [...tuple, ...tuple].slice(0, arity));
  for (let index = 0; index < directed; index++) tuples.push(drawOperands(random, names[index % names.length], arity));
  return Array.from({ length: arity }, (_, column) => Uint32Array.from(tuples, (tuple) => tuple[column]));
}
