import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { buildScalar, scalarHash, type Program, type ScalarProgram } from "../ir/index.ts";
import { exampleProgram } from "../ir/example.ts";
import { checkCost, constantLengths, costOf, DEFAULT_LIMITS, RunTooLargeError, weightsOf } from "./limits.ts";

// One primitive of `length` elements over a constant that a slot begins with too.
function programOf(scalar: ScalarProgram, length: number): Program {
  const hash = scalarHash(scalar);
  const root = `0x${"ab".repeat(32)}` as const;
  const constant = { kind: "constant", type: "f32", length: 5000, root } as const;
  return {
    inputs: [],
    slots: [{ type: "f32", length: 5000, initial: { kind: "constant", root } }],
    outputs: [{ type: "f32", length }],
    segments: [
      {
        records: [{ scalar: hash, type: "f32", length, operands: [constant] }],
        steps: 1,
        slotBindings: [0xffffffff],
        outputBindings: [0],
      },
    ],
    scalars: new Map([[hash, scalar]]),
  };
}

function combining(count: number, lanes: 1 | 32, combine: number): ScalarProgram {
  return buildScalar({ operands: ["f32"], output: "f32", extents: [10] }, (b) => {
    const [total] = b.loop({
      count,
      lanes,
      carried: [{ type: "f32", init: 0 }],
      body: ({ carried }) => [b.add(carried[0], b.load(0, 0, [[count, 1]]))],
      combine: ([sum], [block]) => {
        let mixed = b.add(sum, block);
        for (let index = 1; index < combine; index++) mixed = b.neg(mixed);
        return [mixed];
      },
    });
    return total;
  });
}

describe("the cost of a run", () => {
  it("counts combine as often as it runs: for every lane of every block", () => {
    const turn = 3; // load, add, the iteration itself
    for (const [count, lanes, combine, runs] of [
      [32, 32, 250, 32],
      [5, 32, 7, 5],
      [600, 32, 9, 96],
      [600, 1, 9, 3],
    ] as const) {
      const { instructions } = costOf(programOf(combining(count, lanes, combine), 10), 1);
      assert.equal(instructions, 10 * (1 + count * turn + runs * (combine + 1)), `${count} ${lanes} ${combine}`);
    }
    const program = programOf(combining(32, 32, 250), 10);
    const limits = { instructions: 50_000, bytes: 1e9 };
    assert.throws(() => checkCost(program, 1, limits), RunTooLargeError);
  });

  it("counts a constant once, and again for another number of chunks under its root", () => {
    const nothing = buildScalar({ operands: ["f32"], output: "f32", extents: [10] }, (b) => b.f32(1));
    const program = programOf(nothing, 10);
    const [{ root }] = constantLengths(program);
    assert.deepEqual(constantLengths(program), [{ root, length: 5000 }]);
    for (const [length, lengths] of [
      [4999, [5000]],
      [5100, [5100]],
      [4864, [4864, 5000]],
      [5121, [5121, 5000]],
    ] as const) {
      const slots = program.slots.map((slot) => ({ ...slot, length }));
      const other = { ...program, slots };
      assert.deepEqual(
        constantLengths(other),
        lengths.map((stated) => ({ root, length: stated })),
      );
      assert.equal(
        weightsOf(other),
        lengths.reduce((sum: number, stated) => sum + stated, 0),
      );
    }
  });

  it("counts elements that have no instruction", () => {
    const nothing = buildScalar({ operands: ["f32"], output: "f32", extents: [1000] }, (b) => b.f32(1));
    assert.equal(costOf(programOf(nothing, 1000), 7).instructions, 7 * 1000);
  });

  it("counts snapshots of the slots, of which no run keeps more than fit", () => {
    const nothing = buildScalar({ operands: ["f32"], output: "f32", extents: [1000] }, (b) => b.f32(1));
    const small = programOf(nothing, 1000);
    const roots = 32 * (1 + 1 + 1 + 2);
    const bytesOfRun = (program: Program, steps: number) => costOf(program, steps).bytes - steps * roots;
    assert.equal(bytesOfRun(small, 31), bytesOfRun(small, 1));
    assert.equal(bytesOfRun(small, 400), bytesOfRun(small, 1) + 12 * 4 * 5000);
    // Two gigabytes of slots that change from step to step.
    const length = 1 << 29;
    const large = { ...small, slots: [{ ...small.slots[0], length }] };
    assert.equal(bytesOfRun(large, 400), bytesOfRun(large, 1) + 2 ** 30 + 2 * 4 * length);
    assert.doesNotThrow(() => checkCost(large, 31, DEFAULT_LIMITS));
    assert.throws(() => checkCost(large, 400, DEFAULT_LIMITS), RunTooLargeError);
  });

  it("counts a constant once, whether a slot begins with it or primitives read it", () => {
    const nothing = buildScalar({ operands: ["f32"], output: "f32", extents: [1000] }, (b) => b.f32(1));
    const roots = 32 * (1 + 1 + 1 + 2);
    assert.equal(costOf(programOf(nothing, 1000), 1).bytes, 4 * (5000 + 1000) + roots);
    // Its row and the first slot's words are constants.
    const example = exampleProgram();
    const [input, tensors, exampleRoots] = [4 * 601, 4 * 6, 32 * (3 + 2 + 1 + 2)];
    assert.equal(costOf(example, 1).bytes, input + 4 * (300 + 2) + tensors + exampleRoots);
  });
});
