/**
 * The readers of the scalar program as evaluators of TestFloat operations in bulk: TypeScript's instructions, the compiled
 * backend, and the contract's reader on a local chain. Each gets columns of operand words and gives one word per case.
 */
import { encodeFunctionData, bytesToHex, decodeFunctionResult, type Address, type Hex, type PublicClient } from "viem";
import type { PrimitiveRunner } from "../../engine/index.ts";
import { LockstepError } from "../../float/errors.ts";
import type { TestFloatOperation } from "../../float/testfloat.ts";
import { buildScalar, encodeScalar } from "../../ir/index.ts";
import type { ScalarBuilder, ScalarProgram, Value, WordType } from "../../ir/index.ts";
import { scalarMachineHarnessAbi, scalarMachineHarnessCode } from "./generated/scalar-machine-harness.ts";

/** Cases that readers get at once, and the iterations that one call of the contract has room for. */
export const BATCH = 4096;
const CHAIN_BATCH = 256;

/** Words of the operation for columns of operand words, all of one length up to {@link BATCH}, and the words expected. */
export type Reader = (
  operation: TestFloatOperation,
  columns: readonly Uint32Array[],
  expected: Uint32Array,
) => Uint32Array | Promise<Uint32Array>;

/** The instructions as TypeScript computes them. */
export const typescriptReader: Reader = ({ evaluate }, columns, expected) =>
  expected.map((_, index) => evaluate(...columns.map((column) => column[index])));

/** Programs of one operation on a backend, element by element. */
export function programReader(runner: PrimitiveRunner): Reader {
  const programs = new Map<string, ScalarProgram>();
  return (operation, columns, expected) => {
    const program = programs.get(operation.name) ?? elementProgram(operation, BATCH);
    programs.set(operation.name, program);
    const padded = columns.map((column) => {
      const words = new Uint32Array(BATCH);
      words.set(column);
      return words;
    });
    const output = new Uint32Array(BATCH);
    runner.run(program, 0, padded, output);
    return output.subarray(0, expected.length);
  };
}

/**
 * The contract's reader. One call compares 256 cases in the loop of one program; where that counts a difference, each of
 * them is evaluated alone. The code of the harness is put in place for the call, so nothing is deployed.
 */
export function chainReader(client: PublicClient): Reader {
  const programs = new Map<string, Hex>();
  const encoded = (key: string, make: () => ScalarProgram): Hex => {
    const known = programs.get(key) ?? bytesToHex(encodeScalar(make()));
    programs.set(key, known);
    return known;
  };
  const evaluate = (program: Hex, element: number, columns: readonly Uint32Array[]): Promise<number> =>
    callHarness(client, program, element, columns);

  const piece = async (
    operation: TestFloatOperation,
    columns: readonly Uint32Array[],
    expected: Uint32Array,
  ): Promise<Uint32Array> => {
    const { length } = expected;
    const compare = encoded(`${operation.name} ${length}`, () => compareProgram(operation, length));
    if ((await evaluate(compare, 0, [...columns, expected])) === 0) return expected;
    const single = encoded(`${operation.name} each ${length}`, () => elementProgram(operation, length));
    const words: number[] = [];
    for (let element = 0; element < length; element++) words.push(await evaluate(single, element, columns));
    return Uint32Array.from(words);
  };

  return async (operation, columns, expected) => {
    const words = new Uint32Array(expected.length);
    for (let first = 0; first < expected.length; first += CHAIN_BATCH) {
      const part = (column: Uint32Array): Uint32Array => column.subarray(first, first + CHAIN_BATCH);
      words.set(await piece(operation, columns.map(part), part(expected)), first);
    }
    return words;
  };
}

const HARNESS: Address = "0x000000000000000000000000000000000000c0de";

async function callHarness(
  client: PublicClient,
  program: Hex,
  element: number,
  columns: readonly Uint32Array[],
): Promise<number> {
  const lengths = columns.map(({ length }) => length);
  const ranges = columns.map((words, operand) => ({ operand, first: 0, words: bigEndian(words) }));
  const { data } = await client.call({
    to: HARNESS,
    data: encodeFunctionData({
      abi: scalarMachineHarnessAbi,
      functionName: "run",
      args: [program, element, 0, lengths, ranges],
    }),
    stateOverride: [{ address: HARNESS, code: scalarMachineHarnessCode }],
  });
  if (data === undefined) throw new EmptyAnswerError();
  const [word] = decodeFunctionResult({ abi: scalarMachineHarnessAbi, functionName: "run", data });
  return Number(word);
}

function bigEndian(words: Uint32Array): Hex {
  const bytes = new Uint8Array(4 * words.length);
  const view = new DataView(bytes.buffer);
  words.forEach((word, index) => view.setUint32(4 * index, word));
  return bytesToHex(bytes);
}

// --- Operations as programs ---

/** Keyed by the names of testfloat.ts; `x` are the operand words. */
const DEFINITIONS: Readonly<Record<string, (b: ScalarBuilder, x: readonly Value[]) => Value>> = {
  f32_add: (b, x) => b.add(x[0], x[1]),
  f32_sub: (b, x) => b.sub(x[0], x[1]),
  f32_mul: (b, x) => b.mul(x[0], x[1]),
  f32_mulAdd: (b, x) => b.fma(x[0], x[1], x[2]),
  f32_div: (b, x) => b.div(x[0], x[1]),
  f32_sqrt: (b, x) => b.sqrt(x[0]),
  f32_eq: (b, x) => b.eq(x[0], x[1]),
  f32_le: (b, x) => b.le(x[0], x[1]),
  f32_lt: (b, x) => b.lt(x[0], x[1]),
  f32_roundToInt_rne: (b, x) => b.nearest(x[0]),
  f32_roundToInt_min: (b, x) => b.floor(x[0]),
  f32_to_i32_minMag: (b, x) => b.toI32(x[0]),
  f32_to_i32_rne: (b, x) => b.toI32(b.nearest(x[0])),
  i32_to_f32: (b, x) => b.fromI32(x[0]),
};

function definitionOf(name: string): (b: ScalarBuilder, x: readonly Value[]) => Value {
  const definition = DEFINITIONS[name];
  if (definition === undefined) throw new UndefinedOperationError(name);
  return definition;
}

function operandTypes({ name, arity }: TestFloatOperation): WordType[] {
  return new Array<WordType>(arity).fill(name.startsWith("i32") ? "i32" : "f32");
}

/** output[e] = operation(columns[e]) */
function elementProgram(operation: TestFloatOperation, length: number): ScalarProgram {
  const define = definitionOf(operation.name);
  const operands = operandTypes(operation);
  return buildScalar({ operands, output: operation.result, extents: [length] }, (b) =>
    define(
      b,
      operands.map((_, operand) => b.load(operand, b.digits[0])),
    ),
  );
}

/** output[0] = the number of cases whose word is not the one expected, which the last operand holds. */
function compareProgram(operation: TestFloatOperation, length: number): ScalarProgram {
  const define = definitionOf(operation.name);
  const types = operandTypes(operation);
  return buildScalar({ operands: [...types, "i32"], output: "i32", extents: [1] }, (b) => {
    const column = (operand: number): Value => b.load(operand, 0, [[length, 1]]);
    const [differences] = b.loop({
      count: length,
      carried: [{ type: "i32", init: 0 }],
      body: ({ carried }) => {
        const word = define(
          b,
          types.map((_, operand) => column(operand)),
        );
        const { result } = operation;
        const bits = result === "f32" ? b.bitsOf(word) : result === "bool" ? b.boolToI32(word) : word;
        return [b.addI(carried[0], b.i32FromBool(b.neI(bits, column(types.length))))];
      },
      combine: ([total], [block]) => [b.addI(total, block)],
    });
    return differences;
  });
}

/** A TestFloat operation that no scalar program stands for here. */
export class UndefinedOperationError extends LockstepError {
  constructor(operation: string) {
    super("UndefinedOperationError", `no scalar program stands for ${operation}`, { operation });
  }
}

/** The chain answered a call without data. */
export class EmptyAnswerError extends LockstepError {
  constructor() {
    super("EmptyAnswerError", "the chain answered a call of the harness without data", {});
  }
}
