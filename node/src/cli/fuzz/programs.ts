/** Programs built by hand for forms of loops that no operator lowers to, and random ones. */
import { below, type Random } from "../../float/directed.ts";
import { chain, recurrent, rowCache, type Fixture } from "../../engine/fixtures.ts";
import { buildScalar, scalarHash, UNCHANGED } from "../../ir/index.ts";
import type { OperandRef, PrimitiveRecord, Program, ScalarProgram, ScalarSignature, WordType } from "../../ir/index.ts";
import type { ScalarBuilder, Value } from "../../ir/build.ts";
import { outputLength } from "../../ir/scalar.ts";
import { randomScalar, randomWords } from "../../ir/random.ts";
import type { Hash } from "../../merkle/index.ts";
import { anyFloats, type FuzzModel, type Kind } from "./model.ts";

/** By the name in the report. */
export const PROGRAM_KINDS: Readonly<Record<string, Kind>> = {
  "reduction in lanes": lanes,
  "two segments": (random) => fixture(recurrent(600 + below(random, 300), 2), 1 + below(random, 6)),
  "row cache": (random) => fixture(rowCache(70), 2 + below(random, 5)),
  "deep trees": (random) => fixture(chain(70, 20_000 + below(random, 20_000)), 40),
  "random program": randomProgram,
};

function fixture({ program, inputs, constants }: Fixture, steps: number): FuzzModel {
  return { program, inputs, steps, constant: constants };
}

/** A word at a drawn place, sums in 1 and in 32 lanes, in blocks and in one, and a state machine over a gather in a loop. */
function lanes(random: Random): FuzzModel {
  const [rows, width] = [5, 600];
  const input: OperandRef = { kind: "input", type: "f32", length: rows * width, index: 0 };
  const sum = (options: { lanes: 1 | 32; single: boolean }): Made =>
    made({ operands: ["f32"], output: "f32", extents: [rows] }, [input], (b) => {
      const base = b.mulI(b.index, width);
      const [total = b.f32(0)] = b.loop({
        ...options,
        count: width,
        carried: [{ type: "f32", init: 0 }],
        body: ({ carried: [acc = 0] }) => [b.add(acc, b.load(0, base, [[width, 1]]))],
        combine: ([acc = 0], [part = 0]) => [b.add(acc, part)],
      });
      return total;
    });
  const jumps = made({ operands: ["f32"], output: "i32", extents: [rows] }, [input], (b) => {
    const [at = b.i32(0)] = b.loop({
      single: true,
      count: 40,
      carried: [{ type: "i32", init: 1 }],
      body: ({ k, carried: [last = 0] }) => [
        b.remU(b.addI(b.mulI(last, 5), b.addI(k, b.bitsOf(b.gather(0, last)))), 256),
      ],
      combine: ([acc = 0], [part = 0]) => [b.xor(acc, part)],
    });
    return at;
  });
  const taken = made({ operands: ["f32"], output: "f32", extents: [rows] }, [input], (b) => {
    return b.gather(0, b.remU(b.bitsOf(b.load(0, b.mulI(b.index, width))), rows * width));
  });
  const makings = [
    taken,
    sum({ lanes: 1, single: false }),
    sum({ lanes: 1, single: true }),
    sum({ lanes: 32, single: false }),
    sum({ lanes: 32, single: true }),
    jumps,
  ];
  return programOf(makings, [anyFloats(rows * width)(random)]);
}

/** A few random scalar programs over two inputs each other reads, and a slot that the first writes. */
function randomProgram(random: Random): FuzzModel {
  const inputs = (["f32", "i32", "bool"] as const).map((type) => ({
    type,
    words: randomWords(random, type, 1 + below(random, 1500)),
  }));
  const makings: Made[] = [];
  const count = 2 + below(random, 5);
  while (makings.length < count) {
    const scalar = randomScalar(random);
    const operands = scalar.operandTypes.map((type): OperandRef => {
      const earlier = [...makings.keys()].filter((index) => makings[index]?.scalar.outputType === type);
      const primitive = earlier[below(random, Math.max(1, earlier.length))];
      if (primitive !== undefined && below(random, 2) === 0) {
        return { kind: "primitive", type, length: outputLength(makings[primitive]!.scalar), index: primitive };
      }
      const index = inputs.findIndex((input) => input.type === type);
      return { kind: "input", type, length: inputs[index]!.words.length, index };
    });
    makings.push({ scalar, operands });
  }
  return programOf(
    makings,
    inputs.map(({ words }) => words),
    inputs.map(({ type }) => type),
    1 + below(random, 3),
  );
}

interface Made {
  readonly scalar: ScalarProgram;
  readonly operands: readonly OperandRef[];
}

function made(signature: ScalarSignature, operands: readonly OperandRef[], define: (b: ScalarBuilder) => Value): Made {
  return { scalar: buildScalar(signature, define), operands };
}

// Every primitive is an output; the last one is a slot too, which nothing reads, beside one that never changes.
function programOf(
  makings: readonly Made[],
  inputs: readonly Uint32Array[],
  types: readonly WordType[] = inputs.map(() => "f32"),
  steps = 1,
): FuzzModel {
  const records = makings.map(({ scalar, operands }): PrimitiveRecord => ({
    scalar: scalarHash(scalar),
    type: scalar.outputType,
    length: outputLength(scalar),
    operands,
  }));
  const tensors = inputs.map((words, index) => ({ type: types[index]!, length: words.length }));
  const program: Program = {
    inputs: tensors,
    slots: [{ ...tensors[0]!, initial: { kind: "input", index: 0 } }],
    outputs: records.map(({ type, length }) => ({ type, length })),
    segments: [{ records, steps: 0, slotBindings: [UNCHANGED], outputBindings: [...records.keys()] }],
    scalars: new Map(makings.map(({ scalar }) => [scalarHash(scalar), scalar])),
  };
  const constant = (root: Hash): never => {
    throw new RangeError(`the program has no constant ${root}`);
  };
  return { program, inputs, steps, constant };
}
