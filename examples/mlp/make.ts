// Writes mlp.onnx: a small network whose output is its next input, for programs that carry state from step to step. It reads
// `state` [4, 32] and gives `next` [4, 32] through one hidden layer [4, 96], so that the hidden tensors span two chunks of 256
// words. The state never settles and never leaves [-1, 1]; see recurrence() for why.

import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { dump } from "npyjs";
import { serializeModel } from "@lockstep/node/onnx";
import type { OnnxModel, OnnxNode, OnnxTensor } from "@lockstep/node/onnx";
import { random } from "../digits/random.ts";

export const BATCH = 4;
export const WIDTH = 32;
export const HIDDEN = 3 * WIDTH;
const SEED = 1;

/** Row-major: `inner` [WIDTH, HIDDEN], `innerBias` [HIDDEN], `outer` [HIDDEN, WIDTH], `outerBias` [WIDTH]. */
export interface Recurrence {
  inner: Float32Array;
  innerBias: Float32Array;
  outer: Float32Array;
  outerBias: Float32Array;
}

/**
 * The weights of next = 0.9 - 1.8 |M state| + 0.1 S relu(N state + b), where |v| is relu(v) + relu(-v). The absolute row sums
 * of M are at most 0.95, and those of S times the largest hidden value are at most 1, so a state in [-1, 1] stays in [-0.91, 1].
 * Each value depends most on one other, with slope 1.8 * 0.8 > 1: like a tent map, it stretches differences and folds them.
 */
export function recurrence(seed: number): Recurrence {
  const draw = random(seed);
  const inner = new Float32Array(WIDTH * HIDDEN);
  const innerBias = new Float32Array(HIDDEN);
  const outer = new Float32Array(HIDDEN * WIDTH);
  for (let i = 0; i < WIDTH; i++) {
    const mixed = rowOfSum(draw.bell, 0.15);
    // 5 and 32 have no common factor: the strong links form a permutation.
    mixed[(5 * i + 3) % WIDTH]! += draw.uniform() < 0.5 ? 0.8 : -0.8;
    const free = rowOfSum(draw.bell, 0.9);
    for (let k = 0; k < WIDTH; k++) {
      inner[k * HIDDEN + i] = mixed[k]!;
      inner[k * HIDDEN + WIDTH + i] = -mixed[k]!;
      inner[k * HIDDEN + 2 * WIDTH + i] = free[k]!;
    }
    innerBias[2 * WIDTH + i] = draw.between(-0.1, 0.1);
    outer[i * WIDTH + i] = -1.8;
    outer[(WIDTH + i) * WIDTH + i] = -1.8;
    const coupled = rowOfSum(draw.bell, 0.1);
    for (let k = 0; k < WIDTH; k++) outer[(2 * WIDTH + k) * WIDTH + i] = coupled[k]!;
  }
  return { inner, innerBias, outer, outerBias: new Float32Array(WIDTH).fill(0.9) };
}

/** The model: operator set 17, IR version 8. */
export function mlpModel({ inner, innerBias, outer, outerBias }: Recurrence): OnnxModel {
  return {
    irVersion: 8,
    producerName: "lockstep-mlp",
    opsets: new Map([["", 17]]),
    functions: [],
    graph: {
      name: "mlp",
      inputs: [{ name: "state", kind: "tensor", elemType: "float32", shape: [BATCH, WIDTH] }],
      outputs: [{ name: "next", kind: "tensor", elemType: "float32", shape: [BATCH, WIDTH] }],
      values: [],
      sparseInitializers: new Map(),
      initializers: new Map([
        ["inner.weight", tensor([WIDTH, HIDDEN], inner)],
        ["inner.bias", tensor([HIDDEN], innerBias)],
        ["outer.weight", tensor([HIDDEN, WIDTH], outer)],
        ["outer.bias", tensor([WIDTH], outerBias)],
      ]),
      nodes: [
        node("MatMul", ["state", "inner.weight"], "product"),
        node("Add", ["product", "inner.bias"], "sum"),
        node("Relu", ["sum"], "hidden"),
        node("MatMul", ["hidden", "outer.weight"], "mixed"),
        node("Add", ["mixed", "outer.bias"], "next"),
      ],
    },
  };
}

/** A first state with values in [-1, 1). */
export function firstState(seed: number): Float32Array {
  const draw = random(seed);
  return Float32Array.from({ length: BATCH * WIDTH }, () => draw.between(-1, 1));
}

// WIDTH numbers whose absolute values sum to `sum`.
function rowOfSum(bell: () => number, sum: number): number[] {
  const row = Array.from({ length: WIDTH }, bell);
  const total = row.reduce((all, value) => all + Math.abs(value), 0);
  return row.map((value) => (value / total) * sum);
}

function node(opType: string, inputs: string[], output: string): OnnxNode {
  return { name: output, opType, domain: "", inputs, outputs: [output], attributes: new Map() };
}

function tensor(shape: number[], data: Float32Array): OnnxTensor {
  return { dtype: "float32", shape, data };
}

if (import.meta.main) {
  const bytes = serializeModel(mlpModel(recurrence(SEED)));
  writeFileSync(join(import.meta.dirname, "mlp.onnx"), bytes);
  writeFileSync(join(import.meta.dirname, "state.npy"), new Uint8Array(dump(firstState(SEED), [BATCH, WIDTH])));
  console.log(`wrote mlp.onnx (${bytes.length} bytes) and state.npy`);
}
