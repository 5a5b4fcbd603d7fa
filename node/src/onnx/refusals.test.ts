/** Nodes that a hostile or broken file can hold: each is refused with a typed error that names the node, at once. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { LockstepError } from "../float/errors.ts";
import { ProgramLimitError, UnsupportedOperatorError } from "./errors.ts";
import { float, floats, int, int64s, ints, modelOf, text } from "./fixtures.ts";
import type { NodeSketch } from "./fixtures.ts";
import { inlineFunctions } from "./functions.ts";
import { importModel } from "./import.ts";
import type { OnnxTensor } from "./element-types.ts";
import type { Attribute, OnnxFunction } from "./types.ts";

/** A graph input of float32, by its shape, or of another type; or known data. */
type Given =
  readonly number[] | OnnxTensor | { readonly dtype: OnnxTensor["dtype"]; readonly shape: readonly number[] };

interface Row {
  readonly op: string;
  readonly given: readonly Given[];
  readonly attributes?: Readonly<Record<string, Attribute>>;
  readonly domain?: string;
  readonly opset?: number;
}

const indices = (...shape: number[]): Given => ({ dtype: "int64", shape });
const scalar = (value: number | bigint): OnnxTensor => int64s([], [value]);
const flag: OnnxTensor = { dtype: "bool", shape: [], data: Uint8Array.of(1) };

/** A subgraph that passes what it reads from outside to each of its outputs. */
function body(...outputs: string[]): Attribute {
  const nodes = outputs.map((name): NodeSketch => ({ op: "Identity", inputs: ["x0"], outputs: [name] }));
  return { type: "graph", value: modelOf({ nodes, outputs }).graph };
}

const mel = (bands: number, length: number | bigint, rate: number): Row => ({
  op: "MelWeightMatrix",
  given: [scalar(bands), scalar(length), scalar(rate), floats([], [0]), floats([], [4000])],
});

const ROWS: Readonly<Record<string, Row>> = {
  "an einsum that names a letter of its output twice": {
    op: "Einsum",
    given: [[3]],
    attributes: { equation: text("i->ii") },
  },
  "a network in two directions with the weights of one": {
    op: "RNN",
    given: [
      [2, 1, 2],
      [1, 3, 2],
      [1, 3, 3],
    ],
    attributes: { direction: text("bidirectional") },
  },
  "tuples of indices with another batch": {
    op: "GatherND",
    given: [[3, 4], indices(2, 1)],
    attributes: { batch_dims: int(1) },
  },
  "a negative number of batch axes": {
    op: "GatherND",
    given: [[3, 4], indices(2, 1)],
    attributes: { batch_dims: int(-1) },
  },
  "more rows of indices than of data": {
    op: "GatherElements",
    given: [[3, 4], indices(5, 2)],
    attributes: { axis: int(1) },
  },
  "more rows of updates than of data": {
    op: "ScatterElements",
    given: [[3, 4], indices(5, 2), [5, 2]],
    attributes: { axis: int(1) },
  },
  "one value for hot and cold": { op: "OneHot", given: [indices(2), int64s([1], [3]), floats([1], [1])] },
  "a scan of no inputs": { op: "Scan", given: [[3]], attributes: { num_scan_inputs: int(0), body: body("t") } },
  "a scan of inputs that are not there": {
    op: "Scan",
    given: [[3]],
    attributes: { num_scan_inputs: int(9), body: body("t") },
  },
  "branches with other numbers of outputs": {
    op: "If",
    given: [[3], { dtype: "bool", shape: [] }],
    attributes: { then_branch: body("t", "u"), else_branch: body("t") },
  },
  "a loop whose body gives nothing": { op: "Loop", given: [[3], scalar(3), flag], attributes: { body: body() } },
  "an optimiser without tensors": { op: "Adam", domain: "ai.onnx.preview.training", given: [[], indices()] },
  "a negative number of cells": {
    op: "RoiAlign",
    given: [[1, 1, 4, 4], floats([1, 4], [0, 0, 2, 2]), int64s([1], [0])],
    attributes: { output_height: int(-1) },
  },
  "a region in an image that is not there": {
    op: "RoiAlign",
    given: [[1, 1, 4, 4], floats([1, 4], [0, 0, 2, 2]), int64s([1], [7])],
  },
  "bands below one": mel(-3, 8, 8000),
  "more bins than memory": mel(8, 2n ** 50n, 8000),
  "a rate of nothing": mel(8, 8, 0),
  "frames that go backwards": { op: "STFT", given: [[1, 4, 1], scalar(-1), floats([9], new Array<number>(9).fill(1))] },
  "pads that cut more than there is": {
    op: "MaxUnpool",
    given: [[1, 1, 1], indices(1, 1, 1)],
    attributes: { kernel_shape: ints(1), pads: ints(5, 5) },
  },
  "keys of another batch": {
    op: "Attention",
    opset: 23,
    given: [
      [2, 1, 1, 4],
      [1, 1, 3, 4],
      [1, 1, 3, 4],
    ],
  },
  "positions of another batch": {
    op: "RotaryEmbedding",
    opset: 23,
    given: [[2, 1, 3, 4], [5, 2], [5, 2], indices(1, 3)],
  },
  "tables without a batch where there are no positions": {
    op: "RotaryEmbedding",
    opset: 23,
    given: [
      [2, 1, 3, 4],
      [5, 2],
      [5, 2],
    ],
  },
  "a loss reduced by a word that is none": {
    op: "NegativeLogLikelihoodLoss",
    given: [[2, 3], indices(2)],
    attributes: { reduction: text("average") },
  },
  "a momentum of an unknown kind": {
    op: "Momentum",
    domain: "ai.onnx.preview.training",
    given: [[], indices(), [2], [2], [2]],
    attributes: { mode: text("heavy") },
  },
  "a cache written in an unknown way": {
    op: "TensorScatter",
    opset: 24,
    given: [
      [1, 1, 4, 2],
      [1, 1, 1, 2],
    ],
    attributes: { mode: text("ring") },
  },
  "a stride of -1": {
    op: "ConvTranspose",
    given: [
      [1, 1, 3],
      [1, 1, 2],
    ],
    attributes: { strides: ints(-1), output_shape: ints(3) },
  },
  "a dilation of 0": {
    op: "ConvTranspose",
    given: [
      [1, 1, 3],
      [1, 1, 2],
    ],
    attributes: { dilations: ints(0) },
  },
  "an axis named twice": { op: "MeanVarianceNormalization", given: [[2, 2]], attributes: { axes: ints(0, 0) } },
  "a norm of another order": { op: "LpNormalization", given: [[2, 2]], attributes: { p: int(3) } },
  "one bias for four channels": {
    op: "GroupNormalization",
    opset: 21,
    given: [[1, 4, 2], [4], [1]],
    attributes: { num_groups: int(2), epsilon: float(1e-5) },
  },
  "an approximation that is none": { op: "Gelu", given: [[3]], attributes: { approximate: text("quick") } },
  "an order of blocks that is none": {
    op: "DepthToSpace",
    given: [[1, 4, 2, 2]],
    attributes: { blocksize: int(2), mode: text("DRC") },
  },
};

for (const [name, { op, given, attributes = {}, domain = "", opset = 20 }] of Object.entries(ROWS)) {
  test(`${op}: ${name}`, () => {
    const named = given.map(
      (item, index) => [`x${index}`, Array.isArray(item) ? { dtype: "float32", shape: item } : item] as const,
    );
    const isKnown = ([, item]: (typeof named)[number]): boolean => "data" in item;
    const names = named.map(([input]) => input);
    // What its subgraphs read comes first, and is no input of the node.
    const inputs = ["If", "Loop"].includes(op) ? names.slice(1) : names;
    const model = modelOf({
      opset,
      nodes: [{ op, domain, attributes, inputs }],
      inputs: Object.fromEntries(named.filter((one) => !isKnown(one))) as Parameters<typeof modelOf>[0]["inputs"],
      initializers: Object.fromEntries(named.filter(isKnown)) as Record<string, OnnxTensor>,
      outputs: ["y0"],
    });
    assert.throws(
      () => importModel(model),
      (error) => error instanceof LockstepError && error.values["operator"] === op,
    );
  });
}

test("a program has at most 256 inputs, 512 outputs, and words that 31 bits count", () => {
  const X = { dtype: "float32", shape: [3] } as const;
  const names = Array.from({ length: 600 }, (_, index) => `t${index}`);
  const copies = names.map((name) => ({ op: "Identity", inputs: ["x"], outputs: [name] }));
  const sum = { op: "Sum", inputs: names.slice(0, 300) };
  const inputs = Object.fromEntries(sum.inputs.map((name) => [name, X]));
  const large = { x: { dtype: "float32", shape: [65536, 65536] } } as const;
  const first = { op: "Gather", inputs: ["x", "row"] };
  const models = {
    inputs: modelOf({ nodes: [sum], inputs, outputs: ["y0"] }),
    stateTensors: modelOf({ nodes: copies, inputs: { x: X }, outputs: names }),
    tensorLength: modelOf({ nodes: [first], inputs: large, initializers: { row: scalar(1) }, outputs: ["y0"] }),
  };
  for (const [limit, model] of Object.entries(models)) {
    assert.throws(
      () => importModel(model),
      (error) => error instanceof ProgramLimitError && error.values["limit"] === limit,
    );
  }
});

test("names that are made twice are refused", () => {
  const x = { dtype: "float32", shape: [2] } as const;
  const neg = (from: string, to: string): NodeSketch => ({ op: "Neg", inputs: [from], outputs: [to] });
  const split: NodeSketch = { op: "Split", inputs: ["x"], outputs: ["y", "y"] };
  const initializers = { c: floats([2], [1, 2]) };
  for (const nodes of [
    [neg("x", "y"), neg("y", "y")],
    [neg("x", "x"), neg("x", "y")],
    [neg("x", "c"), neg("c", "y")],
    [split],
  ]) {
    const model = modelOf({ nodes, inputs: { x }, initializers, outputs: ["y"] });
    assert.throws(() => importModel(model), { name: "InvalidNodeError", message: /is made twice/ });
  }
  const branch: Attribute = {
    type: "graph",
    value: modelOf({ nodes: [neg("x", "t"), neg("t", "t")], outputs: ["t"] }).graph,
  };
  const attributes = { then_branch: branch, else_branch: branch };
  const choice = { nodes: [{ op: "If", inputs: ["flag"], attributes }], inputs: { x }, initializers: { flag } };
  assert.throws(() => importModel(modelOf({ ...choice, outputs: ["y0"] })), { name: "InvalidNodeError" });
  const twice = modelOf({ nodes: [neg("x", "y")], inputs: { x }, outputs: ["y", "y"] });
  assert.throws(() => importModel(twice), { name: "UnsupportedTensorError", message: /two graph outputs/ });
  const { graph } = modelOf({ nodes: [neg("x", "y")], inputs: { x }, outputs: ["y"] });
  const inputs = [...graph.inputs, ...graph.inputs];
  assert.throws(() => importModel({ ...twice, graph: { ...graph, inputs } }), { message: /two graph inputs/ });
});

test("a resized axis has a table of a bounded size", () => {
  const resized = (scale: number): unknown =>
    importModel(
      modelOf({
        opset: 19,
        nodes: [{ op: "Resize", inputs: ["x", "", "scales"], attributes: { mode: text("linear") } }],
        inputs: { x: { dtype: "float32", shape: [1] } },
        initializers: { scales: floats([1], [scale]) },
        outputs: ["y0"],
      }),
    );
  assert.throws(() => resized(2 ** 21), UnsupportedOperatorError);
  resized(2 ** 17);
});

test("functions that call each other thousands deep are refused", () => {
  const functions = Array.from({ length: 3000 }, (_, index): OnnxFunction => {
    const [opType, domain] = index === 2999 ? ["Identity", ""] : [`f${index + 1}`, "own"];
    const nodes = [{ name: "", opType, domain, inputs: ["a"], outputs: ["b"], attributes: new Map() }];
    const opsets = new Map([["own", 1]]);
    return {
      name: `f${index}`,
      domain: "own",
      overload: "",
      inputs: ["a"],
      outputs: ["b"],
      attributes: new Map(),
      opsets,
      nodes,
    };
  });
  const model = modelOf({ nodes: [{ op: "f0", domain: "own", inputs: ["x"] }], outputs: ["y0"] });
  assert.throws(
    () => inlineFunctions({ ...model, functions }),
    (error) => error instanceof LockstepError && error.values["rule"] === "too-deep",
  );
});
