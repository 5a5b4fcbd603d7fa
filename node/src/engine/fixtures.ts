/**
 * Small programs with their inputs and constants, for tests of traces and disputes on any backend and on the chain. Between
 * them they have every operand kind, both kinds of initial values, an unchanged slot, two segments, and trees of depth
 * zero as well as trees deeper than one opening.
 */
import { LockstepError } from "../float/errors.ts";
import { toBits } from "../float/words.ts";
import { buildScalar } from "../ir/build.ts";
import type { ScalarSignature, ScalarBuilder, Value } from "../ir/build.ts";
import { scalarHash } from "../ir/encode.ts";
import { UNCHANGED } from "../ir/program.ts";
import type { OperandRef, PrimitiveRecord, Program } from "../ir/program.ts";
import type { ScalarProgram } from "../ir/scalar.ts";
import { CHUNK_WORDS } from "../merkle/hash.ts";
import type { Hash } from "../merkle/hash.ts";
import { tensorRoot } from "../merkle/tensor.ts";
import { execute } from "./execute.ts";
import type { ExecuteOptions, Run } from "./execute.ts";
import { interpreterEngine } from "./machine/runner-engine.ts";

/** A program with all that a run of it needs. */
export interface Fixture {
  readonly program: Program;
  readonly inputs: readonly Uint32Array[];
  readonly constants: (root: Hash) => Uint32Array;
}

/** A run of a fixture on the interpreter. */
export function runFixture(fixture: Fixture, steps: number, options: Partial<ExecuteOptions> = {}): Run {
  const { program, inputs, constants } = fixture;
  return execute(program, { inputs, constants, steps, engine: interpreterEngine, ...options });
}

/** One primitive, one element, no inputs and no state: every tree is a single node. */
export function singleWord(): Fixture {
  const scalars = new Map<Hash, ScalarProgram>();
  const count = addScalar(scalars, { operands: [], output: "f32", extents: [1] }, (b) => b.add(b.fromI32(b.step), 0.5));
  return {
    program: {
      inputs: [],
      slots: [],
      outputs: [{ type: "f32", length: 1 }],
      segments: [{ records: [{ ...count, operands: [] }], steps: 0, slotBindings: [], outputBindings: [0] }],
      scalars,
    },
    inputs: [],
    constants: noConstants,
  };
}

/**
 * A recurrent layer over `width` values with a dot product, a gather and an accumulator.
 *
 * Inputs: x (f32 width), ids (i32 5). Slots: cache (f32 width, from x), total (f32 3, from a constant), order (i32 5, from
 * ids, unchanged). Outputs: mixed (f32 width), total (f32 3). With `segments` 2, the first step runs another graph
 * that leaves `total` unchanged and has two primitives.
 */
export function recurrent(width: number, segments: 1 | 2 = 1): Fixture {
  const scalars = new Map<Hash, ScalarProgram>();
  const weights = floats(3 * width, 11);
  const initialTotal = floats(3, 5);
  const constants = constantsOf([weights, initialTotal]);
  const wide = { type: "f32", length: width } as const;
  const narrow = { type: "f32", length: 3 } as const;
  const order = { type: "i32", length: 5 } as const;
  const slot = (index: number, tensor: typeof wide | typeof narrow | typeof order): OperandRef => ({
    kind: "slot",
    ...tensor,
    index,
  });
  const primitive = (index: number, tensor: typeof wide | typeof narrow): OperandRef => ({
    kind: "primitive",
    ...tensor,
    index,
  });
  const x: OperandRef = { kind: "input", ...wide, index: 0 };
  const weight: OperandRef = { kind: "constant", type: "f32", length: 3 * width, root: tensorRoot(weights) };

  const elementwise = (operands: ScalarSignature["operands"]): ScalarSignature => ({
    operands,
    output: "f32",
    extents: [width],
  });
  const scaled = addScalar(scalars, elementwise(["f32"]), (b) => b.fma(b.load(0, b.index), 0.5, b.fromI32(b.step)));
  const dot = addScalar(scalars, { operands: ["f32", "f32"], output: "f32", extents: [3] }, (b) => {
    const base = b.mulI(b.index, width);
    return b.loop({
      count: width,
      carried: [{ type: "f32", init: 0 }],
      body: ({ carried }) => [b.fma(b.load(0, base, [[width, 1]]), b.load(1, 0, [[width, 1]]), carried[0])],
      combine: (totals, blocks) => [b.add(totals[0], blocks[0])],
    })[0];
  });
  const picked = addScalar(scalars, elementwise(["f32", "i32"]), (b) => {
    return b.gather(0, b.load(1, b.remU(b.index, 5)));
  });
  const summed = addScalar(scalars, { operands: ["f32", "f32"], output: "f32", extents: [3] }, (b) => {
    return b.add(b.load(0, b.index), b.load(1, b.index));
  });
  const renewed = addScalar(scalars, elementwise(["f32", "f32"]), (b) => b.sub(b.load(0, b.index), b.load(1, b.index)));

  const steady: Program["segments"][number] = {
    records: [
      { ...scaled, operands: [slot(0, wide)] },
      { ...dot, operands: [weight, primitive(0, wide)] },
      { ...picked, operands: [primitive(0, wide), slot(2, order)] },
      { ...summed, operands: [slot(1, narrow), primitive(1, narrow)] },
      { ...renewed, operands: [primitive(2, wide), x] },
    ],
    steps: 0,
    slotBindings: [4, 3, UNCHANGED],
    outputBindings: [2, 3],
  };
  const opening: Program["segments"][number] = {
    records: [
      { ...renewed, operands: [slot(0, wide), x] },
      { ...dot, operands: [weight, x] },
    ],
    steps: 1,
    slotBindings: [0, UNCHANGED, UNCHANGED],
    outputBindings: [0, 1],
  };
  return {
    program: {
      inputs: [wide, order],
      slots: [
        { ...wide, initial: { kind: "input", index: 0 } },
        { ...narrow, initial: { kind: "constant", root: tensorRoot(initialTotal) } },
        { ...order, initial: { kind: "input", index: 1 } },
      ],
      outputs: [wide, narrow],
      segments: segments === 1 ? [steady] : [opening, steady],
      scalars,
    },
    // Index 2^31 - 1 reads past the end.
    inputs: [floats(width, 3), Uint32Array.of(1, 0, width - 1, 0x7fffffff, 2)],
    constants,
  };
}

/**
 * A cache of `rows` rows of 256 words, of which each step overwrites the row of its number, as a key cache does: nearly all
 * chunks of a step are those of the step before.
 */
export function rowCache(rows: number): Fixture {
  const scalars = new Map<Hash, ScalarProgram>();
  const tensor = { type: "f32", length: rows * CHUNK_WORDS } as const;
  const write = addScalar(scalars, { operands: ["f32"], output: "f32", extents: [rows, CHUNK_WORDS] }, (b) => {
    return b.select(b.eqI(b.digits[0], b.step), b.fromI32(b.addI(b.digits[1], b.step)), b.load(0, b.index));
  });
  return {
    program: {
      inputs: [tensor],
      slots: [{ ...tensor, initial: { kind: "input", index: 0 } }],
      outputs: [tensor],
      segments: [
        {
          records: [{ ...write, operands: [{ kind: "slot", ...tensor, index: 0 }] }],
          steps: 0,
          slotBindings: [0],
          outputBindings: [0],
        },
      ],
      scalars,
    },
    inputs: [floats(tensor.length, 7)],
    constants: noConstants,
  };
}

/** A chain of `primitives` increments over `length` words and one slot: trees of any depth at little cost. */
export function chain(primitives: number, length: number): Fixture {
  const scalars = new Map<Hash, ScalarProgram>();
  const tensor = { type: "i32", length } as const;
  const next = addScalar(scalars, { operands: ["i32"], output: "i32", extents: [length] }, (b) => {
    return b.addI(b.mulI(b.load(0, b.index), 5), b.addI(b.index, 1));
  });
  const records = Array.from({ length: primitives }, (_, index): PrimitiveRecord => {
    const operand: OperandRef =
      index === 0 ? { kind: "slot", ...tensor, index: 0 } : { kind: "primitive", ...tensor, index: index - 1 };
    return { ...next, operands: [operand] };
  });
  const last = primitives - 1;
  return {
    program: {
      inputs: [tensor],
      slots: [{ ...tensor, initial: { kind: "input", index: 0 } }],
      outputs: [tensor],
      segments: [{ records, steps: 0, slotBindings: [last], outputBindings: [last] }],
      scalars,
    },
    inputs: [Uint32Array.from({ length }, (_, index) => Math.imul(index, 0x9e3779b1) >>> 0)],
    constants: noConstants,
  };
}

/** A product whose columns are a constant that wraps around the addresses twice: base and pattern each add 2^31. */
export function wrappingColumns(): Fixture {
  const [rows, columns, count] = [6, 64, 256];
  const factors = (b: ScalarBuilder): [Value, Value] => [
    b.load(0, b.mulI(b.digits[0], count), [[count, 1]]),
    b.load(1, b.addI(b.mulI(b.digits[1], count), -(2 ** 31)), [
      [2, -(2 ** 31)],
      [count, 1],
    ]),
  ];
  return withProduct({ rows, columns, count, start: count, factors });
}

/** A product whose columns are a constant, and a look-up past their end in one of the same root that is longer by zeros. */
export function longerLookUp(): Fixture {
  const [rows, columns, count] = [6, 33, 8];
  const factors = (b: ScalarBuilder): [Value, Value] => [
    b.load(0, b.mulI(b.digits[0], count), [[count, 1]]),
    b.load(1, b.mulI(b.digits[1], count), [[count, 1]]),
  ];
  const { program, inputs, constants } = withProduct({ rows, columns, count, start: 0, factors });
  const [product] = program.segments[0].records;
  const scalars = new Map(program.scalars);
  const [length, type] = [columns * count + 8, "f32"] as const;
  const look = addScalar(scalars, { operands: [type], output: type, extents: [8] }, (b) => {
    return b.load(0, b.addI(b.index, columns * count));
  });
  const [, matrix] = product.operands;
  if (matrix.kind !== "constant") throw new TypeError("the columns are a constant");
  const longer = { ...look, operands: [{ ...matrix, length }] };
  return {
    program: {
      ...program,
      outputs: [...program.outputs, { type, length: 8 }],
      segments: [{ records: [product, longer], steps: 0, slotBindings: [], outputBindings: [0, 1] }],
      scalars,
    },
    inputs,
    constants: (root) => {
      const words = new Uint32Array(length);
      words.set(constants(root));
      return words;
    },
  };
}

interface ProductDraft {
  readonly rows: number;
  readonly columns: number;
  readonly count: number;
  readonly start: number;
  /** A row's word and a column's, in the body of the loop. */
  readonly factors: (b: ScalarBuilder) => [Value, Value];
}

// An input of `rows` times a constant of `columns`, of `count` words each.
function withProduct({ rows, columns, count, start, factors }: ProductDraft): Fixture {
  const scalars = new Map<Hash, ScalarProgram>();
  const product = addScalar(scalars, { operands: ["f32", "f32"], output: "f32", extents: [rows, columns] }, (b) => {
    const [total] = b.loop({
      start,
      count,
      carried: [{ type: "f32", init: 0 }],
      body: ({ carried }) => [b.fma(...factors(b), carried[0])],
      combine: ([sum], [block]) => [b.add(sum, block)],
    });
    return total;
  });
  const [left, right] = [floats(rows * count, 1), floats(columns * count, 7)];
  const root = tensorRoot(right);
  const operands: OperandRef[] = [
    { kind: "input", type: "f32", length: left.length, index: 0 },
    { kind: "constant", type: "f32", length: right.length, root },
  ];
  return {
    program: {
      inputs: [{ type: "f32", length: left.length }],
      slots: [],
      outputs: [{ type: "f32", length: rows * columns }],
      segments: [{ records: [{ ...product, operands }], steps: 0, slotBindings: [], outputBindings: [0] }],
      scalars,
    },
    inputs: [left],
    constants: constantsOf([right]),
  };
}

function addScalar(
  scalars: Map<Hash, ScalarProgram>,
  signature: ScalarSignature,
  define: (b: ScalarBuilder) => Value,
): Omit<PrimitiveRecord, "operands"> {
  const program = buildScalar(signature, define);
  const scalar = scalarHash(program);
  scalars.set(scalar, program);
  return { scalar, type: signature.output, length: signature.extents.reduce((product, extent) => product * extent, 1) };
}

// Quarters between -16 and 16: sums and products of them stay exact for a while and then round.
function floats(length: number, seed: number): Uint32Array {
  return Uint32Array.from({ length }, (_, index) => toBits(((Math.imul(index + seed, 0x9e3779b1) >>> 25) - 64) / 4));
}

function constantsOf(tensors: readonly Uint32Array[]): (root: Hash) => Uint32Array {
  const known = new Map(tensors.map((words) => [tensorRoot(words), words]));
  return (root) => known.get(root) ?? noConstants(root);
}

function noConstants(root: Hash): never {
  throw new FixtureConstantError(root);
}

/** A constant that the fixture does not have. */
export class FixtureConstantError extends LockstepError {
  constructor(root: Hash) {
    super("FixtureConstantError", `the fixture has no constant ${root}`, { root });
  }
}
