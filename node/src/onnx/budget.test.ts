/** Models of a few hundred bytes that ask for hours of the import: each is refused with the limit it breaks, and soon. */

import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { floats, int, int64s, modelOf } from "./fixtures.ts";
import type { ModelSketch } from "./fixtures.ts";
import { IMPORT_LIMITS } from "./budget.ts";
import { ImportBudgetError } from "./errors.ts";
import { importModel } from "./import.ts";
import type { ImportOptions } from "./import.ts";
import type { OnnxTensor } from "./element-types.ts";
import type { Attribute, OnnxGraph, OnnxModel, OnnxNode } from "./types.ts";

const X = { x: { dtype: "float32", shape: [1] } } as const;

/** `depth` loops of `turns` turns each, one in the other, which do nothing. */
function nested(depth: number, turns: number): OnnxModel {
  const node = (opType: string, inputs: string[], outputs: string[], attributes: [string, Attribute][]): OnnxNode => ({
    name: "",
    opType,
    domain: "",
    inputs,
    outputs,
    attributes: new Map(attributes),
  });
  const body = (level: number): OnnxGraph => ({
    name: `body ${level}`,
    inputs: [`i${level}`, `c${level}`].map((name) => ({ name, kind: "tensor" })),
    outputs: [{ name: `d${level}`, kind: "tensor" }],
    values: [],
    initializers: new Map([[`t${level}`, int64s([], [turns])]]),
    sparseInitializers: new Map(),
    nodes: [
      node("Identity", [`c${level}`], [`d${level}`], []),
      ...(level === 1 ? [] : [node("Loop", [`t${level}`], [], [["body", { type: "graph", value: body(level - 1) }]])]),
    ],
  });
  return modelOf({
    inputs: X,
    initializers: { t: int64s([], [turns]) },
    outputs: ["y"],
    nodes: [
      { op: "Loop", inputs: ["t"], outputs: [], attributes: { body: { type: "graph", value: body(depth) } } },
      { op: "Add", inputs: ["x", "x"], outputs: ["y"] },
    ],
  });
}

/** A model that makes known data by `nodes`, the last output of which is `made`, and uses one element of it. */
function making(count: number, nodes: ModelSketch["nodes"]): OnnxModel {
  return modelOf({
    inputs: X,
    initializers: {
      count: int64s([], [count]),
      shape: int64s([1], [count]),
      zero: int64s([], [0]),
      one: int64s([], [1]),
      first: int64s([1], [0]),
      second: int64s([1], [1]),
    },
    outputs: ["y"],
    nodes: [
      ...nodes,
      { op: "Slice", inputs: ["made", "first", "second"], outputs: ["slice"] },
      { op: "Cast", inputs: ["slice"], outputs: ["float"], attributes: { to: int(1) } },
      { op: "Add", inputs: ["x", "float"], outputs: ["y"] },
    ],
  });
}

const ONES = { op: "ConstantOfShape", inputs: ["shape"], outputs: ["ones"] } as const;
const VALUE = { value: { type: "tensor", value: int64s([1], [1]) } } as const;
const MAKERS: Record<string, ModelSketch["nodes"]> = {
  Range: [{ op: "Range", inputs: ["zero", "count", "one"], outputs: ["made"] }],
  Expand: [{ op: "Expand", inputs: ["one", "shape"], outputs: ["made"] }],
  ConstantOfShape: [{ ...ONES, outputs: ["made"], attributes: VALUE }],
  Add: [
    { ...ONES, attributes: VALUE },
    { op: "Add", inputs: ["ones", "one"], outputs: ["made"] },
  ],
  Cast: [
    { ...ONES, attributes: VALUE },
    { op: "Cast", inputs: ["ones"], outputs: ["made"], attributes: { to: int(6) } },
  ],
  ReduceSum: [
    { ...ONES, attributes: VALUE },
    { op: "ReduceSum", inputs: ["ones", "first"], outputs: ["made"], attributes: { keepdims: int(1) } },
  ],
  NonZero: [
    { ...ONES, attributes: VALUE },
    { op: "NonZero", inputs: ["ones"], outputs: ["places"] },
    { op: "Shape", inputs: ["places"], outputs: ["made"] },
  ],
  Unique: [
    { ...ONES, attributes: VALUE },
    { op: "Unique", inputs: ["ones"], outputs: ["made"] },
  ],
};

function refused(model: OnnxModel, what: "nodes" | "elements" | "constants", options: ImportOptions = {}): void {
  assert.throws(
    () => importModel(model, options),
    (error: unknown) => {
      assert.ok(error instanceof ImportBudgetError, String(error));
      assert.equal(error.values["what"], what);
      assert.ok(Number(error.values["found"]) > Number(error.values["limit"]));
      return true;
    },
  );
}

describe("the budget of an import", () => {
  it("ends loops in loops, however few turns each has", () => {
    importModel(nested(2, 16));
    refused(nested(3, 1024), "nodes");
    refused(nested(20, 2), "nodes");
  });

  it("takes what is made at import from all nodes together", () => {
    for (const nodes of Object.values(MAKERS)) importModel(making(64, nodes));
    for (const nodes of Object.values(MAKERS)) refused(making(2 ** 26, nodes), "elements");
    const many = Array.from({ length: 40 }, (_, index) => ({
      op: "Range",
      inputs: ["zero", "count", "one"],
      outputs: [index === 0 ? "made" : `made ${index}`],
    }));
    refused(making(2 ** 20, many), "elements");
  });

  it("counts what the model holds by its bytes, within one bound", () => {
    const range = Array.from({ length: 4 }, (_, index) => ({
      op: "Range",
      inputs: ["zero", "count", "one"],
      outputs: [index === 0 ? "made" : `made ${index}`],
    }));
    const holding = (tensor: OnnxTensor) => {
      const model = making(1000, range);
      model.graph.initializers.set("unused", tensor);
      return model;
    };
    const bytes = (shape: number[]): OnnxTensor => ({ dtype: "int8", shape, data: new Int8Array(shape[0]) });
    const limits = { ...IMPORT_LIMITS, elements: 0 };
    importModel(holding(int64s([250], new Array<number>(250).fill(0))), { limits });
    importModel(holding(bytes([2000])), { limits });
    refused(holding(bytes([1900])), "elements", { limits });
    refused(holding(bytes([2 ** 16])), "elements", { limits: { ...limits, held: 2 ** 10 } });
  });

  it("takes integers of the model that are widened when they are known", () => {
    const size = 1000;
    const wide: OnnxTensor = { dtype: "bool", shape: [size], data: new Uint8Array(size) };
    const model = making(8, MAKERS["Range"]);
    model.graph.initializers.set("unused", wide);
    importModel(model, { limits: { ...IMPORT_LIMITS, elements: size, held: 16 } });
    refused(model, "elements", { limits: { elements: size, held: 7, nodes: 100, constants: 4 } });
  });

  it("takes sparse tensors by what they stand for", () => {
    const sparse = { shape: [2 ** 26], values: floats([1], [1]), indices: int64s([1], [0]) };
    const model = modelOf({ inputs: X, outputs: ["y"], nodes: [{ op: "Add", inputs: ["x", "x"], outputs: ["y"] }] });
    model.graph.sparseInitializers.set("s", sparse);
    refused(model, "elements");
  });

  it("takes constants that are made only when they are asked for by their words", () => {
    const large = (count: number, size: number) =>
      modelOf({
        inputs: { x: { dtype: "float32", shape: [size] } },
        initializers: { shape: int64s([1], [size]) },
        outputs: ["y"],
        nodes: Array.from({ length: count }, (_, index) => [
          { op: "ConstantOfShape", inputs: ["shape"], outputs: [`c${index}`] },
          {
            op: "Add",
            inputs: [index === 0 ? "x" : `y${index}`, `c${index}`],
            outputs: [index === count - 1 ? "y" : `y${index + 1}`],
          },
        ]).flat(),
      });
    importModel(large(2, 2 ** 18));
    refused(large(2, 2 ** 18), "constants", { limits: { ...IMPORT_LIMITS, constants: 2 ** 19 - 1 } });
  });

  it("is the caller's to set", () => {
    refused(nested(2, 16), "nodes", { limits: { ...IMPORT_LIMITS, nodes: 100 } });
    refused(making(64, MAKERS["Range"]), "elements", { limits: { ...IMPORT_LIMITS, elements: 60 - 16 * 6 } });
    importModel(making(64, MAKERS["Range"]), { limits: { nodes: 100, elements: 1000, constants: 1 } });
  });

  it("grows with what the model holds", () => {
    const initializers = { w: int64s([2 ** 12], new Array(2 ** 12).fill(1)) };
    const nodes = [
      { op: "Cast", inputs: ["w"], outputs: ["f"], attributes: { to: int(1) } },
      { op: "Add", inputs: ["x", "f"], outputs: ["y"] },
    ];
    importModel(modelOf({ inputs: X, outputs: ["y"], initializers, nodes }), {
      limits: { nodes: 9, elements: 0, constants: 2 ** 12 },
    });
  });
});
