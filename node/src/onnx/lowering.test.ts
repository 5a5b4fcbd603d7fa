/**
 * Compares lowered operators with onnxruntime on random tensors, where it is installed. Its sums run in another order, so
 * floats are compared within a tolerance here; nothing else in the project is.
 */

import assert from "node:assert/strict";
import { test } from "node:test";
import { difference } from "./conformance.ts";
import { float, floats, int, int64s, ints, modelOf, randomFloats, runSketch, text } from "./fixtures.ts";
import type { ModelSketch, NodeSketch } from "./fixtures.ts";
import { serializeModel } from "./serialize.ts";
import type { OnnxTensor } from "./element-types.ts";
import { knownTensor } from "./values.ts";

const runtime = await import("onnxruntime-node").catch(() => undefined);
const TOLERANCE = { relative: 1e-4, absolute: 1e-5 };

interface Case {
  readonly node: Omit<NodeSketch, "inputs">;
  readonly inputs: Readonly<Record<string, OnnxTensor>>;
  readonly constants?: Readonly<Record<string, OnnxTensor>>;
  readonly opset?: number;
}

const image = (channels: number, ...spatial: number[]): OnnxTensor => randomFloats([2, channels, ...spatial], 11);
const kernel = (...shape: number[]): OnnxTensor => randomFloats(shape, 12);
const x = (...shape: number[]): Readonly<Record<string, OnnxTensor>> => ({ x: randomFloats(shape, 13) });

const CASES: Readonly<Record<string, Case>> = {
  "Conv, strides and uneven pads": {
    node: { op: "Conv", attributes: { strides: ints(2, 1), pads: ints(0, 1, 2, 1) } },
    inputs: { x: image(3, 8, 7) },
    constants: { w: kernel(5, 3, 3, 2), b: kernel(5) },
  },
  "Conv, groups and dilation": {
    node: { op: "Conv", attributes: { group: int(2), dilations: ints(2, 3), pads: ints(1, 1, 1, 1) } },
    inputs: { x: image(4, 9, 10) },
    constants: { w: kernel(6, 2, 3, 3) },
  },
  "Conv, depthwise": {
    node: { op: "Conv", attributes: { group: int(6), pads: ints(1, 1, 1, 1) } },
    inputs: { x: image(6, 7, 7) },
    constants: { w: kernel(6, 1, 3, 3), b: kernel(6) },
  },
  "Conv of one dimension, SAME_UPPER": {
    node: { op: "Conv", attributes: { auto_pad: text("SAME_UPPER"), strides: ints(2) } },
    inputs: { x: image(3, 11) },
    constants: { w: kernel(4, 3, 4) },
  },
  "Conv of three dimensions": {
    node: { op: "Conv", attributes: { pads: ints(1, 0, 1, 0, 1, 1) } },
    inputs: { x: image(2, 5, 4, 6) },
    constants: { w: kernel(3, 2, 2, 3, 2) },
  },
  "Conv over 1,152 products": {
    node: { op: "Conv", attributes: { pads: ints(1, 1, 1, 1) } },
    inputs: { x: image(128, 3, 3) },
    constants: { w: kernel(2, 128, 3, 3), b: kernel(2) },
  },
  "Conv, weights as an input": {
    node: { op: "Conv" },
    inputs: { x: image(2, 5, 5), w: kernel(3, 2, 3, 3) },
  },
  "Conv of 1 x 1": { node: { op: "Conv" }, inputs: { x: image(5, 4, 4) }, constants: { w: kernel(3, 5, 1, 1) } },
  "Conv of three dilated dimensions": {
    node: { op: "Conv", attributes: { dilations: ints(1, 2, 2), pads: ints(0, 1, 2, 1, 0, 1), group: int(2) } },
    inputs: { x: image(4, 4, 6, 7) },
    constants: { w: kernel(4, 2, 2, 2, 3), b: kernel(4) },
  },
  "Einsum, a batched product": {
    node: { op: "Einsum", attributes: { equation: text("bhik, bjhk -> bihj") } },
    inputs: { a: randomFloats([2, 3, 4, 5], 1), b: randomFloats([2, 6, 3, 5], 2) },
  },
  "Einsum, ellipsis and sums": {
    node: { op: "Einsum", attributes: { equation: text("...ij,k->...i") } },
    inputs: { a: randomFloats([2, 3, 4], 1), b: randomFloats([5], 2) },
  },
  "Mod of floats": {
    node: { op: "Mod", attributes: { fmod: int(1) } },
    inputs: { a: randomFloats([40], 1), b: randomFloats([40], 2) },
  },
  "ConvTranspose, strides and groups": {
    node: { op: "ConvTranspose", attributes: { strides: ints(2, 3), group: int(2), output_padding: ints(1, 0) } },
    inputs: { x: image(4, 4, 3) },
    constants: { w: kernel(4, 3, 3, 2), b: kernel(6) },
  },
  "MatMul, batches broadcast": {
    node: { op: "MatMul" },
    inputs: { a: randomFloats([2, 1, 3, 4], 1), b: randomFloats([5, 4, 2], 2) },
  },
  "MatMul of vectors": { node: { op: "MatMul" }, inputs: { a: randomFloats([300], 1), b: randomFloats([300], 2) } },
  "Gemm, both transposed": {
    node: { op: "Gemm", attributes: { transA: int(1), transB: int(1), alpha: float(0.5), beta: float(-2) } },
    inputs: { a: randomFloats([4, 3], 1), b: randomFloats([5, 4], 2), c: randomFloats([3, 1], 3) },
  },
  "MaxPool, ceil and dilation": {
    node: {
      op: "MaxPool",
      attributes: {
        kernel_shape: ints(3, 2),
        strides: ints(2, 2),
        ceil_mode: int(1),
        pads: ints(1, 0, 1, 1),
        dilations: ints(1, 2),
      },
    },
    inputs: { x: image(3, 8, 9) },
  },
  "MaxPool with indices": {
    node: {
      op: "MaxPool",
      outputs: ["y0", "y1"],
      attributes: { kernel_shape: ints(2, 2), strides: ints(2, 2), pads: ints(1, 1, 0, 0) },
    },
    inputs: { x: image(2, 5, 5) },
  },
  "AveragePool, border not counted": {
    node: {
      op: "AveragePool",
      attributes: { kernel_shape: ints(3, 3), strides: ints(2, 2), pads: ints(1, 1, 1, 1), ceil_mode: int(1) },
    },
    inputs: { x: image(2, 7, 7) },
  },
  "AveragePool, border counted": {
    node: {
      op: "AveragePool",
      attributes: { kernel_shape: ints(2, 3), pads: ints(1, 1, 0, 1), count_include_pad: int(1) },
    },
    inputs: { x: image(2, 5, 6) },
  },
  GlobalAveragePool: { node: { op: "GlobalAveragePool" }, inputs: { x: image(3, 9, 7) } },
  "BatchNormalization, constants folded": {
    node: { op: "BatchNormalization" },
    inputs: { x: image(3, 4, 4) },
    constants: { s: kernel(3), b: kernel(3), m: kernel(3), v: floats([3], [0.5, 1.5, 2]) },
  },
  "Softmax over an axis in the middle": { node: { op: "Softmax", attributes: { axis: int(1) } }, inputs: x(2, 40, 3) },
  "Softmax of opset 11 flattens": {
    node: { op: "Softmax", attributes: { axis: int(1) } },
    inputs: x(2, 4, 5),
    opset: 11,
  },
  LogSoftmax: { node: { op: "LogSoftmax" }, inputs: x(3, 50) },
  "ReduceMean over outer axes": {
    node: { op: "ReduceMean", attributes: { axes: ints(0, 2), keepdims: int(0) } },
    inputs: x(6, 3, 7),
  },
  "ReduceSum over 3,000 elements": { node: { op: "ReduceSum" }, inputs: x(2, 1500) },
  ReduceLogSumExp: { node: { op: "ReduceLogSumExp", attributes: { axes: ints(1) } }, inputs: x(3, 40) },
  LRN: {
    node: { op: "LRN", attributes: { size: int(5), alpha: float(0.3), beta: float(0.6), bias: float(2) } },
    inputs: { x: image(7, 3, 3) },
  },
  LayerNormalization: {
    node: { op: "LayerNormalization", attributes: { axis: int(1) } },
    inputs: x(3, 4, 20),
    constants: { s: kernel(4, 20), b: kernel(4, 20) },
  },
  InstanceNormalization: {
    node: { op: "InstanceNormalization" },
    inputs: { x: image(3, 5, 5) },
    constants: { s: kernel(3), b: kernel(3) },
  },
  "Gather, negative indices": {
    node: { op: "Gather", attributes: { axis: int(1) } },
    inputs: { x: randomFloats([2, 5, 3], 4), i: int64s([2, 2], [0, -1, 4, -5]) },
  },
  "Pad, reflect": {
    node: { op: "Pad", attributes: { mode: text("reflect") } },
    inputs: x(2, 4, 5),
    constants: { p: int64s([6], [0, 2, 3, 1, 3, 4]) },
  },
  "Slice, negative steps": {
    node: { op: "Slice" },
    inputs: x(5, 6),
    constants: { s: int64s([2], [-1, 4]), e: int64s([2], [-100, 0]), a: int64s([2], [0, 1]), t: int64s([2], [-2, -3]) },
  },
  "Clip, one limit": { node: { op: "Clip" }, inputs: x(3, 4), constants: { low: floats([], [-0.5]) } },
  "Resize, cubic": {
    node: { op: "Resize", attributes: { mode: text("cubic"), coordinate_transformation_mode: text("align_corners") } },
    inputs: { x: image(1, 5, 6) },
    constants: { r: floats([0], []), s: floats([4], [1, 1, 1.7, 0.6]) },
  },
  "LSTM in both directions": {
    node: {
      op: "LSTM",
      outputs: ["y0", "y1", "y2"],
      attributes: { hidden_size: int(4), direction: text("bidirectional") },
    },
    inputs: { x: randomFloats([5, 2, 3], 5) },
    constants: { w: kernel(2, 16, 3), r: kernel(2, 16, 4), b: kernel(2, 32) },
  },
  "GRU, reset after the product": {
    node: { op: "GRU", outputs: ["y0", "y1"], attributes: { hidden_size: int(4), linear_before_reset: int(1) } },
    inputs: { x: randomFloats([4, 2, 3], 5) },
    constants: { w: kernel(1, 12, 3), r: kernel(1, 12, 4), b: kernel(1, 24) },
  },
  TopK: {
    node: { op: "TopK", outputs: ["y0", "y1"], attributes: { axis: int(0) } },
    inputs: x(9, 4),
    constants: { k: int64s([1], [3]) },
  },
};

for (const [name, { node, inputs, constants = {}, opset = 17 }] of Object.entries(CASES)) {
  test(`${name} equals onnxruntime`, { skip: runtime === undefined }, async () => {
    const order = [...Object.keys(inputs), ...Object.keys(constants)];
    // An empty tensor stands for an absent optional input.
    const names = order.map((key) => (constants[key]?.data.length === 0 ? "" : key));
    const outputs = node.outputs ?? ["y0"];
    const sketch: ModelSketch = {
      opset,
      nodes: [{ ...node, inputs: names }],
      inputs: Object.fromEntries(Object.entries(inputs).map(([key, { dtype, shape }]) => [key, { dtype, shape }])),
      initializers: constants,
      outputs,
    };
    const found = runSketch(sketch, inputs);
    const expected = await runElsewhere(
      sketch,
      inputs,
      found.map(({ elementType }) => elementType),
    );
    outputs.forEach((output, index) => {
      const want = knownTensor(expected[output])!;
      assert.equal(difference(found[index], want, TOLERANCE), null, output);
    });
  });
}

async function runElsewhere(
  sketch: ModelSketch,
  inputs: Readonly<Record<string, OnnxTensor>>,
  types: readonly OnnxTensor["dtype"][],
): Promise<Record<string, OnnxTensor>> {
  if (runtime === undefined) throw new Error("onnxruntime-node is not installed");
  const { InferenceSession, Tensor } = runtime;
  const model = modelOf(sketch);
  model.graph.outputs.forEach((output, index) => {
    output.elemType = types[index];
  });
  const session = await InferenceSession.create(serializeModel(model), { logSeverityLevel: 3 });
  const feeds = Object.entries(inputs).map(([name, { dtype, data, shape }]) => {
    return [name, new Tensor(dtype as "float32", data as Float32Array, shape)] as const;
  });
  const results = await session.run(Object.fromEntries(feeds));
  await session.release();
  return Object.fromEntries(
    Object.entries(results).map(([name, { data, dims, type }]) => [
      name,
      { dtype: type, shape: [...dims], data } as unknown as OnnxTensor,
    ]),
  );
}
