// Programs made for measuring: one primitive of one kind over dense words.
import { buildScalar, scalarHash, type Program } from "@lockstep/node/ir";
import type { Constants } from "@lockstep/node/onnx";

/** A program with what it runs on. */
export interface Workload {
  program: Program;
  steps: number;
  inputs: readonly Uint32Array[];
  constants: Constants;
}

const ROWS = 64;

/** out[i, j] = sum over k of a[i, k] * b[j, k], 64 x 64 outputs: both operands contiguous, K from 1 to 4,096. */
export function dotWorkload(length: number): Workload {
  const scalar = buildScalar({ operands: ["f32", "f32"], output: "f32", extents: [ROWS, ROWS] }, (b) => {
    const [row, column] = b.digits;
    const whole = [
      [1, 0],
      [1, 0],
      [length, 1],
    ] as const;
    const [total] = b.loop({
      count: length,
      carried: [{ type: "f32", init: 0 }],
      body: ({ carried: [sum] }) => [
        b.fma(b.load(0, b.mulI(row, length), whole), b.load(1, b.mulI(column, length), whole), sum),
      ],
      combine: ([sum], [block]) => [b.add(sum, block)],
    });
    return total;
  });
  const hash = scalarHash(scalar);
  const words = ROWS * length;
  const program: Program = {
    inputs: [
      { type: "f32", length: words },
      { type: "f32", length: words },
    ],
    slots: [],
    outputs: [{ type: "f32", length: ROWS * ROWS }],
    segments: [
      {
        steps: 0,
        records: [
          {
            scalar: hash,
            type: "f32",
            length: ROWS * ROWS,
            operands: [
              { kind: "input", index: 0, type: "f32", length: words },
              { kind: "input", index: 1, type: "f32", length: words },
            ],
          },
        ],
        slotBindings: [],
        outputBindings: [0],
      },
    ],
    scalars: new Map([[hash, scalar]]),
  };
  return { program, steps: 1, inputs: [denseWords(words, 1), denseWords(words, 2)], constants: new Map() };
}

/** Floats of magnitude 2^-9 to 2^7 with no zero byte, drawn from a fixed seed. */
export function denseWords(count: number, seed: number): Uint32Array {
  let state = (seed * 0x9e3779b9) >>> 0;
  const byte = () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return 1 + ((state >>> 8) % 255);
  };
  return Uint32Array.from({ length: count }, () => {
    const high = (byte() & 0x80) | (0x3b + (byte() % 8));
    return ((high << 24) | (byte() << 16) | (byte() << 8) | byte()) >>> 0;
  });
}
