// Programs whose leaves are the hard ones: every instruction over directed words, and the longest dot product.
import assert from "node:assert/strict";

import type { Fixture } from "@lockstep/node/engine/fixtures";
import { createRandom } from "@lockstep/node/float/directed";
import { buildScalar } from "@lockstep/node/ir/build";
import { scalarHash } from "@lockstep/node/ir/encode";
import type { PrimitiveRecord } from "@lockstep/node/ir/program";
import type { ScalarProgram } from "@lockstep/node/ir/scalar";
import type { Hash } from "@lockstep/node/merkle";

/** One primitive over words of three inputs for each of these instructions; element i works on the words at i. */
export function instructions(tuples: readonly number[][]): Fixture {
  const length = tuples.length;
  const operands = ["f32", "f32", "f32"] as const;
  const scalars = new Map<Hash, ScalarProgram>();
  const inputs = [0, 1, 2].map((input) => Uint32Array.from(tuples, (tuple) => tuple[input]));
  const refs = [0, 1, 2].map((index) => ({ kind: "input" as const, type: "f32" as const, length, index }));
  const names = ["add", "sub", "mul", "fma", "div", "sqrt", "neg", "abs", "max", "min"] as const;
  const records = names.map((name): PrimitiveRecord => {
    const program = buildScalar({ operands, output: "f32", extents: [length] }, (b) => {
      const [x, y, z] = [0, 1, 2].map((operand) => b.load(operand, b.index));
      if (name === "fma") return b.fma(x, y, z);
      if (name === "sqrt" || name === "neg" || name === "abs") return b[name](x);
      return b[name](x, y);
    });
    const scalar = scalarHash(program);
    scalars.set(scalar, program);
    return { scalar, type: "f32", length, operands: refs };
  });
  const tensor = { type: "f32", length } as const;
  return {
    program: {
      inputs: [tensor, tensor, tensor],
      slots: [],
      outputs: [tensor],
      segments: [{ records, steps: 0, slotBindings: [], outputBindings: [0] }],
      scalars,
    },
    inputs,
    constants: (root) => assert.fail(`no constant ${root}`),
  };
}

/** One dot product of two inputs whose words have hardly a zero byte. */
export function dense(width: number): Fixture {
  const random = createRandom(0xde45e);
  const tensor = { type: "f32", length: width } as const;
  const program = buildScalar({ operands: ["f32", "f32"], output: "f32", extents: [1] }, (b) => {
    return b.loop({
      count: width,
      carried: [{ type: "f32", init: 0 }],
      body: ({ carried }) => [b.fma(b.load(0, 0, [[width, 1]]), b.load(1, 0, [[width, 1]]), carried[0])],
      combine: (totals, blocks) => [b.add(totals[0], blocks[0])],
    })[0];
  });
  const scalar = scalarHash(program);
  const operands = [0, 1].map((index) => ({ kind: "input" as const, ...tensor, index }));
  const record: PrimitiveRecord = { scalar, type: "f32", length: 1, operands };
  return {
    program: {
      inputs: [tensor, tensor],
      slots: [],
      outputs: [{ type: "f32", length: 1 }],
      segments: [{ records: [record], steps: 0, slotBindings: [], outputBindings: [0] }],
      scalars: new Map([[scalar, program]]),
    },
    inputs: [0, 1].map(() => Uint32Array.from({ length: width }, () => 0x3f000000 + (random() & 0x80ffffff))),
    constants: (root) => assert.fail(`no constant ${root}`),
  };
}
