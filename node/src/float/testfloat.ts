/**
 * A streaming reader of Berkeley TestFloat vectors (round to nearest even): which operation a file tests, its cases,
 * and a report of how an implementation fares. It refuses a line that is not `operands result flags` in hex, naming the
 * file and the line; exception flags are read and not compared, because Lockstep has none.
 *
 * Files may hold millions of lines: memory does not grow with their length.
 */

import { LockstepError } from "./errors.ts";
import * as ops from "./ops.ts";
import { canonical, isNaNBits } from "./words.ts";

/** What a TestFloat function is in instructions of the scalar program. */
export interface TestFloatOperation {
  /** The name of the function in TestFloat, which is the file's name without extension. */
  name: string;
  arity: 1 | 2 | 3;
  result: "f32" | "i32" | "bool";
  /** Operand words to result word; a bool is 0 or 0xffffffff. */
  evaluate: (...operands: number[]) => number;
}

/** One line of a file. */
export interface TestFloatCase {
  /** Counted from 1. */
  line: number;
  /** Words, as many as the arity. */
  operands: number[];
  /** The expected word as Lockstep writes it: NaN canonical, a bool 0 or 0xffffffff. */
  expected: number;
  /** True where the standard leaves the choice open and Lockstep's differs: f32_to_i32 of NaN (0, not 0x7fffffff). */
  excluded: boolean;
}

/** A case whose word was wrong. */
export interface TestFloatMismatch extends TestFloatCase {
  actual: number;
}

export interface TestFloatReport {
  operation: string;
  /** Lines read: passed + excluded + failed. */
  cases: number;
  passed: number;
  excluded: number;
  failed: number;
  /** The first mismatches, at most {@link MAX_REPORTED_MISMATCHES}. */
  mismatches: TestFloatMismatch[];
}

export const MAX_REPORTED_MISMATCHES = 10;

/** Longer than any line TestFloat writes; it bounds what a file without newlines can make the reader hold. */
const MAX_LINE_CHARACTERS = 256;

const OPERATIONS: readonly TestFloatOperation[] = [
  { name: "f32_add", arity: 2, result: "f32", evaluate: ops.add },
  { name: "f32_sub", arity: 2, result: "f32", evaluate: ops.sub },
  { name: "f32_mul", arity: 2, result: "f32", evaluate: ops.mul },
  { name: "f32_mulAdd", arity: 3, result: "f32", evaluate: ops.fma },
  { name: "f32_div", arity: 2, result: "f32", evaluate: ops.div },
  { name: "f32_sqrt", arity: 1, result: "f32", evaluate: ops.sqrt },
  { name: "f32_eq", arity: 2, result: "bool", evaluate: ops.eq },
  { name: "f32_le", arity: 2, result: "bool", evaluate: ops.le },
  { name: "f32_lt", arity: 2, result: "bool", evaluate: ops.lt },
  { name: "f32_roundToInt_rne", arity: 1, result: "f32", evaluate: ops.nearest },
  { name: "f32_roundToInt_min", arity: 1, result: "f32", evaluate: ops.floor },
  { name: "f32_to_i32_minMag", arity: 1, result: "i32", evaluate: ops.toI32 },
  { name: "f32_to_i32_rne", arity: 1, result: "i32", evaluate: (a) => ops.toI32(ops.nearest(a)) },
  { name: "i32_to_f32", arity: 1, result: "f32", evaluate: ops.fromI32 },
];

/** The operation a file tests, from the last part of its path; undefined if there is no such operation here. */
export function findTestFloatOperation(fileName: string): TestFloatOperation | undefined {
  const stem = fileName.slice(fileName.lastIndexOf("/") + 1).replace(/\.[^.]*$/, "");
  return OPERATIONS.find((operation) => operation.name === stem);
}

/**
 * The cases of a file, in order, in one batch for each chunk that completes a line. `chunks` is the file's text in
 * pieces of any size, as a readable stream gives it. Throws {@link UnknownTestFloatFileError} or {@link
 * TestFloatLineError}.
 */
export async function* readTestFloat(
  fileName: string,
  chunks: AsyncIterable<string | Uint8Array>,
): AsyncGenerator<TestFloatCase[], void, undefined> {
  const operation = requireOperation(fileName);
  const pattern = linePattern(operation);
  const decoder = new TextDecoder();
  let rest = "";
  let line = 0;
  for await (const chunk of chunks) {
    const lines = (rest + (typeof chunk === "string" ? chunk : decoder.decode(chunk, { stream: true }))).split("\n");
    rest = lines.pop() ?? "";
    if (rest.length > MAX_LINE_CHARACTERS)
      throw new TestFloatLineError(fileName, line + lines.length + 1, rest, operation);
    const batch = lines.map((text) => parseLine(operation, pattern, fileName, ++line, text));
    // Yielding line by line would spend more time on promises than on arithmetic.
    if (batch.length > 0) yield batch;
  }
  rest += decoder.decode();
  if (rest.length > 0) yield [parseLine(operation, pattern, fileName, line + 1, rest)];
}

/**
 * Evaluates every case of a file and counts. The implementation defaults to the instructions of ops.ts; another one
 * gets the operation and the operand words.
 */
export async function checkTestFloat(
  fileName: string,
  chunks: AsyncIterable<string | Uint8Array>,
  implementation: (operation: TestFloatOperation, operands: number[]) => number = (operation, operands) =>
    operation.evaluate(...operands),
): Promise<TestFloatReport> {
  const operation = requireOperation(fileName);
  const report: TestFloatReport = {
    operation: operation.name,
    cases: 0,
    passed: 0,
    excluded: 0,
    failed: 0,
    mismatches: [],
  };
  for await (const batch of readTestFloat(fileName, chunks)) {
    for (const testCase of batch) {
      report.cases++;
      if (testCase.excluded) {
        report.excluded++;
        continue;
      }
      const actual = implementation(operation, testCase.operands);
      if (actual === testCase.expected) {
        report.passed++;
        continue;
      }
      report.failed++;
      if (report.mismatches.length < MAX_REPORTED_MISMATCHES) report.mismatches.push({ ...testCase, actual });
    }
  }
  return report;
}

function requireOperation(fileName: string): TestFloatOperation {
  const operation = findTestFloatOperation(fileName);
  if (operation === undefined) throw new UnknownTestFloatFileError(fileName);
  return operation;
}

const WORD = "([0-9A-Fa-f]{8})";
const BOOL = "([01])";
const FLAGS = "[0-9A-Fa-f]{2}";

function linePattern({ arity, result }: TestFloatOperation): RegExp {
  const fields = [...new Array<string>(arity).fill(WORD), result === "bool" ? BOOL : WORD, FLAGS];
  return new RegExp(`^${fields.join(" ")}\\r?$`);
}

function parseLine(
  operation: TestFloatOperation,
  pattern: RegExp,
  file: string,
  line: number,
  text: string,
): TestFloatCase {
  const fields = pattern.exec(text);
  if (fields === null) throw new TestFloatLineError(file, line, text, operation);
  const operands: number[] = [];
  for (let i = 1; i <= operation.arity; i++) operands.push(parseInt(fields[i], 16));
  const value = parseInt(fields[operation.arity + 1], 16);
  const { result } = operation;
  const expected = result === "f32" ? canonical(value) : result === "bool" ? (value === 1 ? ops.TRUE_MASK : 0) : value;
  return { line, operands, expected, excluded: result === "i32" && isNaNBits(operands[0]) };
}

/** The file's name is not that of a TestFloat function with a counterpart here. */
export class UnknownTestFloatFileError extends LockstepError {
  constructor(file: string) {
    super("UnknownTestFloatFileError", `${file} names no TestFloat function that Lockstep has`, {
      file,
      known: OPERATIONS.map((operation) => operation.name),
    });
  }
}

/** A line is not what TestFloat writes for this function. */
export class TestFloatLineError extends LockstepError {
  constructor(file: string, line: number, text: string, { name, arity, result }: TestFloatOperation) {
    const rule =
      `a line of ${name} is ${arity} operand${arity === 1 ? "" : "s"} of eight hex digits, ` +
      `a result (${result === "bool" ? "0 or 1" : "eight hex digits"}) and two hex digits of flags`;
    const shown = text.slice(0, 80);
    super("TestFloatLineError", `${file}:${line}: ${rule}; found ${JSON.stringify(shown)}`, {
      file,
      line,
      text: shown,
      rule,
    });
  }
}
