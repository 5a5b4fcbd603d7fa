/**
 * A small program for tests and worked examples: two segments over one input, a constant, two slots and one output. Step
 * by step the first slot adds up what a dot product of the input with a constant row gives; the second slot never changes.
 */

import { buildScalar } from "./build.ts";
import { scalarHash } from "./encode.ts";
import { UNCHANGED } from "./program.ts";
import type { Hash, OperandRef, Program } from "./program.ts";

/** Words of the example's row, and its row's constant root where none is given. */
const LENGTH = 300;
const EXAMPLE_ROOT: Hash = `0x${"17".repeat(32)}`;

/** `weights` is the root of 300 f32 words. */
export function exampleProgram(weights: Hash = EXAMPLE_ROOT): Program {
  const dot = buildScalar({ operands: ["f32", "f32"], output: "f32", extents: [2] }, (b) => {
    const row: readonly (readonly [number, number])[] = [[LENGTH, 1]];
    const [total] = b.loop({
      count: LENGTH,
      carried: [{ type: "f32", init: 0 }],
      body: ({ carried: [sum] }) => [b.fma(b.load(0, b.mulI(b.digits[0], LENGTH), row), b.load(1, 0, row), sum)],
      combine: ([sum], [block]) => [b.add(sum, block)],
    });
    return total;
  });
  const accumulate = buildScalar({ operands: ["f32", "f32"], output: "f32", extents: [2] }, (b) =>
    b.add(b.load(0, b.index), b.load(1, b.index)),
  );
  const scale = buildScalar({ operands: ["f32", "i32"], output: "f32", extents: [2] }, (b) =>
    b.mul(b.load(0, b.index), b.fromI32(b.addI(b.load(1, 0), b.step))),
  );

  const pair = { type: "f32", length: 2 } as const;
  const input: OperandRef = { kind: "input", type: "f32", length: 2 * LENGTH, index: 0 };
  const constant: OperandRef = { kind: "constant", type: "f32", length: LENGTH, root: weights };
  const state: OperandRef = { kind: "slot", ...pair, index: 0 };
  const factor: OperandRef = { kind: "slot", type: "i32", length: 1, index: 1 };
  const primitive = (index: number): OperandRef => ({ kind: "primitive", ...pair, index });
  const [dotHash, accumulateHash, scaleHash] = [dot, accumulate, scale].map(scalarHash);
  const note = (operator: string, name: string) => ({ operator, opset: 17, name, shape: [2] });
  return {
    inputs: [
      { type: "f32", length: 2 * LENGTH },
      { type: "i32", length: 1 },
    ],
    slots: [
      { ...pair, initial: { kind: "constant", root: `0x${"29".repeat(32)}` } },
      { type: "i32", length: 1, initial: { kind: "input", index: 1 } },
    ],
    outputs: [pair],
    segments: [
      {
        records: [
          { scalar: dotHash, ...pair, operands: [input, constant] },
          { scalar: accumulateHash, ...pair, operands: [state, primitive(0)] },
          { scalar: scaleHash, ...pair, operands: [primitive(1), factor] },
        ],
        steps: 2,
        slotBindings: [1, UNCHANGED],
        outputBindings: [2],
      },
      {
        records: [{ scalar: scaleHash, ...pair, operands: [state, factor] }],
        steps: 0,
        slotBindings: [UNCHANGED, UNCHANGED],
        outputBindings: [0],
      },
    ],
    scalars: new Map([
      [dotHash, dot],
      [accumulateHash, accumulate],
      [scaleHash, scale],
    ]),
    notes: {
      inputs: [
        { name: "x", shape: [2, LENGTH] },
        { name: "factor", shape: [1] },
      ],
      slots: [
        { name: "sum", shape: [2] },
        { name: "factor", shape: [1] },
      ],
      outputs: [{ name: "y", shape: [2] }],
      primitives: [[note("MatMul", "dot"), note("Add", "accumulate"), note("Mul", "scale")], [note("Mul", "scale")]],
    },
  };
}
