/**
 * The test that an engine passes before it is used on a host: one program of three steps that has every case of the backends'
 * test, columns packed as they are and in half the room, a table that is looked up and multiplied with, and slots updated in
 * rows, in place and beside; its outputs and all its roots are compared with the interpreter's.
 */
import { execute, interpreterEngine, traceRootOf, type Engine } from "../engine/index.ts";
import { buildScalar, scalarHash, UNCHANGED } from "../ir/index.ts";
import type { Hash, OperandRef, PrimitiveRecord, Program, ScalarProgram, TensorType } from "../ir/index.ts";
import { sharedHasher, tensorRoot } from "../merkle/index.ts";
import { selfTestCases } from "./self-test.ts";

interface TestProgram {
  readonly program: Program;
  readonly inputs: readonly Uint32Array[];
  readonly constants: ReadonlyMap<Hash, Uint32Array>;
}

const STEPS = 3;
const [ROWS, COLUMNS] = [6, 320];
const [TABLE_ROWS, WIDTH] = [80, 40];

let expected: { readonly root: Hash; readonly outputs: readonly Uint32Array[] } | undefined;

/** Whether an engine gives the interpreter's words and roots. */
export function engineEqualsInterpreter(engine: Engine): boolean {
  const test = testProgram();
  expected ??= resultOf(test, interpreterEngine);
  const found = resultOf(test, engine);
  return (
    found.root === expected.root &&
    found.outputs.every((words, output) => words.every((word, index) => word === expected?.outputs[output][index]))
  );
}

function resultOf({ program, inputs, constants }: TestProgram, engine: Engine): NonNullable<typeof expected> {
  const run = execute(program, { inputs, constants: (root) => constants.get(root)!, steps: STEPS, engine });
  return { root: traceRootOf(run), outputs: run.outputs };
}

/** The program, the same every time. */
export function testProgram(): TestProgram {
  const scalars = new Map<Hash, ScalarProgram>();
  const constants = new Map<Hash, Uint32Array>();
  const inputs: Uint32Array[] = [];
  const types: TensorType[] = [];
  const input = (type: TensorType["type"], words: Uint32Array): OperandRef => {
    const index = types.push({ type, length: words.length }) - 1;
    inputs.push(words);
    return { kind: "input", type, length: words.length, index };
  };
  const constant = (words: Uint32Array): OperandRef => {
    const root = tensorRoot(words, sharedHasher());
    constants.set(root, words);
    return { kind: "constant", type: "f32", length: words.length, root };
  };
  const record = (scalar: ScalarProgram, operands: readonly OperandRef[]): PrimitiveRecord => {
    const hash = scalarHash(scalar);
    scalars.set(hash, scalar);
    const length = scalar.extents.reduce((product, extent) => product * extent, 1);
    return { scalar: hash, type: scalar.outputType, length, operands };
  };
  const slotOf = (index: number): OperandRef => ({ kind: "slot", type: "f32", length: ROWS * COLUMNS, index });

  const cases = selfTestCases();
  const records = cases.map(({ scalar, operands }) =>
    record(
      scalar,
      operands.map((words, index) => input(scalar.operandTypes[index], words)),
    ),
  );
  const like = cases.find(({ name }) => name === "tiles")!.operands[0];
  const drawn = (length: number, mask = 0xffffffff): Uint32Array =>
    Uint32Array.from({ length }, (_, index) => like[(7 * index) % like.length] & mask);
  const tables = [drawn(TABLE_ROWS * WIDTH), drawn(TABLE_ROWS * WIDTH, 0xffff0000)].map(constant);
  const left = input("f32", drawn(ROWS * WIDTH));
  for (const table of tables) records.push(record(product(), [left, table]), record(lookup(), [table]));
  const updates = [keepRows, keepElements, addToAll, addNeighbour].map((update, slot) => {
    return records.push(record(update(), [slotOf(slot)])) - 1;
  });
  const slots = updates.map((_, index) => ({
    ...typeOf(slotOf(0)),
    initial: { kind: "input", index: types.length + index } as const,
  }));
  slots.forEach(() => input("f32", drawn(ROWS * COLUMNS)));
  const outputBindings = [...records.keys()].slice(-8);
  const program: Program = {
    inputs: types,
    slots: [...slots, slots[0]],
    outputs: outputBindings.map((bound) => typeOf(records[bound])),
    segments: [{ records, steps: 0, slotBindings: [...updates, UNCHANGED], outputBindings }],
    scalars,
  };
  return { program, inputs, constants };
}

const typeOf = ({ type, length }: TensorType): TensorType => ({ type, length });

function product(): ScalarProgram {
  return buildScalar({ operands: ["f32", "f32"], output: "f32", extents: [ROWS, TABLE_ROWS] }, (b) => {
    const [left, right] = b.digits.map((digit) => b.mulI(digit, WIDTH));
    const [total] = b.loop({
      count: WIDTH,
      carried: [{ type: "f32", init: 0 }],
      body: ({ carried }) => [b.fma(b.load(0, left, [[WIDTH, 1]]), b.load(1, right, [[WIDTH, 1]]), carried[0])],
      combine: ([sum], [block]) => [b.add(sum, block)],
    });
    return b.max(total, b.neg(total));
  });
}

// The last row is past the table's end.
function lookup(): ScalarProgram {
  return buildScalar({ operands: ["f32"], output: "f32", extents: [3, WIDTH] }, (b) => {
    const row = b.addI(b.mulI(b.digits[0], TABLE_ROWS / 2), b.step);
    return b.gather(0, b.addI(b.mulI(row, WIDTH), b.digits[1]));
  });
}

type Update = () => ScalarProgram;

const update = (define: Parameters<typeof buildScalar>[1]): ScalarProgram =>
  buildScalar({ operands: ["f32"], output: "f32", extents: [ROWS, COLUMNS] }, define);

const keepRows: Update = () =>
  update((b) => b.select(b.eqI(b.digits[0], b.addI(b.step, 1)), b.fromI32(b.index), b.load(0, b.index)));
const keepElements: Update = () =>
  update((b) => b.select(b.eqI(b.remU(b.index, 5), b.step), b.fromI32(b.index), b.load(0, b.index)));
const addToAll: Update = () => update((b) => b.fma(b.load(0, b.index), 0.75, b.fromI32(b.step)));
const addNeighbour: Update = () => update((b) => b.add(b.load(0, b.index), b.load(0, b.addI(b.index, 1))));
