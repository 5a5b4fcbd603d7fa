/** Control flow, sequences, optionals and scans that are settled at import. */

import assert from "node:assert/strict";
import { test } from "node:test";
import {
  InvalidNodeError,
  ShapeMismatchError,
  UnboundInputError,
  UnsupportedOperatorError,
  UnsupportedTensorError,
} from "./errors.ts";
import { floats, int, int64s, ints, modelOf, numbersOf, runImported, runSketch } from "./fixtures.ts";
import type { ModelSketch, NodeSketch } from "./fixtures.ts";
import { importModel } from "./import.ts";
import type { Attribute, OnnxGraph, OnnxModel } from "./types.ts";

/** A graph of a sketch, as an attribute. */
function graphOf(sketch: ModelSketch): Attribute {
  return { type: "graph", value: modelOf(sketch).graph };
}

function graphsOf(nodes: readonly NodeSketch[], outputs: readonly string[], inputs: readonly string[] = []): Attribute {
  const graph: OnnxGraph = modelOf({ nodes, outputs }).graph;
  return { type: "graph", value: { ...graph, inputs: inputs.map((name) => ({ name, kind: "unknown" })) } };
}

const x = floats([4], [1, 2, 3, 4]);
const input = { x: { dtype: "float32", shape: [4] } } as const;

test("a branch is chosen when the model runs where both give the same shape", () => {
  const branches = {
    then_branch: graphsOf([{ op: "Neg", inputs: ["x"], outputs: ["a"] }], ["a"]),
    else_branch: graphsOf([{ op: "Abs", inputs: ["x"], outputs: ["b"] }], ["b"]),
  };
  const sketch: ModelSketch = {
    nodes: [{ op: "If", inputs: ["c"], attributes: branches }],
    inputs: { ...input, c: { dtype: "bool", shape: [] } },
    outputs: ["y0"],
  };
  for (const flag of [0, 1]) {
    const c = { dtype: "bool" as const, shape: [], data: Uint8Array.of(flag) };
    assert.deepEqual(numbersOf(runSketch(sketch, { x, c })[0]), flag === 1 ? [-1, -2, -3, -4] : [1, 2, 3, 4]);
  }
  const other = graphsOf([{ op: "Unsqueeze", inputs: ["x", "axis"], outputs: ["b"] }], ["b"]);
  const uneven: ModelSketch = {
    ...sketch,
    nodes: [{ op: "If", inputs: ["c"], attributes: { ...branches, else_branch: other } }],
    initializers: { axis: int64s([1], [0]) },
  };
  assert.throws(() => importModel(modelOf(uneven)), UnboundInputError);
});

test("a sequence is split, inserted into, mapped and joined at import", () => {
  const body = graphsOf([{ op: "Neg", inputs: ["item"], outputs: ["turned"] }], ["turned"], ["item"]);
  const sketch: ModelSketch = {
    nodes: [
      { op: "SplitToSequence", inputs: ["x", "two"], outputs: ["s"] },
      { op: "SequenceAt", inputs: ["s", "last"], outputs: ["tail"] },
      { op: "SequenceInsert", inputs: ["s", "tail", "zero"], outputs: ["t"] },
      { op: "SequenceErase", inputs: ["t", "last"], outputs: ["u"] },
      { op: "SequenceMap", inputs: ["u"], outputs: ["v"], attributes: { body } },
      { op: "ConcatFromSequence", inputs: ["v"], attributes: { axis: int(0) } },
      { op: "SequenceLength", inputs: ["t"], outputs: ["n"] },
    ],
    inputs: input,
    initializers: { two: int64s([], [2]), last: int64s([], [-1]), zero: int64s([], [0]) },
    outputs: ["y0", "n"],
  };
  const [y, n] = runSketch(sketch, { x });
  assert.deepEqual(numbersOf(y), [-3, -4, -1, -2]);
  assert.deepEqual(numbersOf(n), [3]);
});

test("positions outside a sequence and sequences given to tensors are refused", () => {
  const at = (op: string, inputs: readonly string[]): (() => unknown) => {
    const nodes: NodeSketch[] = [
      { op: "SequenceConstruct", inputs: ["x"], outputs: ["s"] },
      { op, inputs },
    ];
    const sketch: ModelSketch = { nodes, inputs: input, initializers: { p: int64s([], [1]) }, outputs: ["y0"] };
    return () => importModel(modelOf(sketch));
  };
  assert.throws(at("SequenceAt", ["s", "p"]), ShapeMismatchError);
  assert.throws(at("SequenceAt", ["x", "p"]), InvalidNodeError);
  assert.throws(at("Relu", ["s"]), UnsupportedOperatorError);
});

/** A model whose input x is a sequence or an optional of float32 [2]. */
function interfaceOf(kind: "sequence" | "optional", nodes: readonly NodeSketch[]): OnnxModel {
  const model = modelOf({ opset: 18, nodes, outputs: ["y0"] });
  const element = { kind: "tensor", elemType: "float32", shape: [2] } as const;
  return { ...model, graph: { ...model.graph, inputs: [{ name: "x", kind, element: { ...element, shape: [2] } }] } };
}

test("items of a sequence are inputs and outputs of their own", () => {
  const model = interfaceOf("sequence", [{ op: "Identity", inputs: ["x"] }]);
  const imported = importModel(model, { shapes: { "x[0]": [2], "x[1]": [2] } });
  assert.deepEqual(
    imported.inputs.map(({ name }) => name),
    ["x[0]", "x[1]"],
  );
  assert.deepEqual(
    imported.outputs.map(({ name }) => name),
    ["y0[0]", "y0[1]"],
  );
  const given = { "x[0]": floats([2], [1, 2]), "x[1]": floats([2], [3, 4]) };
  assert.deepEqual(runImported(imported, given).map(numbersOf), [
    [1, 2],
    [3, 4],
  ]);
});

test("an optional holds what is given for it, or nothing", () => {
  const model = interfaceOf("optional", [{ op: "OptionalHasElement", inputs: ["x"] }]);
  assert.deepEqual(
    numbersOf(runImported(importModel(model, { shapes: { x: [2] } }), { x: floats([2], [1, 2]) })[0]),
    [1],
  );
  assert.deepEqual(numbersOf(runImported(importModel(model), {})[0]), [0]);
  const get = interfaceOf("optional", [{ op: "OptionalGetElement", inputs: ["x"] }]);
  assert.throws(() => importModel(get), ShapeMismatchError);
});

test("a scan carries its state, reversed where it is asked to", () => {
  const body = graphsOf(
    [
      { op: "Add", inputs: ["sum", "item"], outputs: ["next"] },
      { op: "Identity", inputs: ["next"], outputs: ["seen"] },
    ],
    ["next", "seen"],
    ["sum", "item"],
  );
  const scan = (attributes: Readonly<Record<string, Attribute>>, length = 4): number[][] => {
    const sketch: ModelSketch = {
      nodes: [
        {
          op: "Scan",
          inputs: ["start", "x"],
          outputs: ["end", "all"],
          attributes: { body, num_scan_inputs: int(1), ...attributes },
        },
      ],
      inputs: { x: { dtype: "float32", shape: [length] }, start: { dtype: "float32", shape: [] } },
      outputs: ["end", "all"],
    };
    return runSketch(sketch, {
      x: length === 4 ? x : floats([length], new Array<number>(length).fill(1)),
      start: floats([], [10]),
    }).map(numbersOf);
  };
  assert.deepEqual(scan({}), [[20], [11, 13, 16, 20]]);
  assert.deepEqual(scan({ scan_input_directions: ints(1) }), [[20], [14, 17, 19, 20]]);
  assert.deepEqual(scan({ scan_output_directions: ints(1) }), [[20], [20, 16, 13, 11]]);
  assert.throws(() => scan({}, 1025), UnsupportedOperatorError);
});

test("data that shapes depend on is named until it is bound", () => {
  const sketch: ModelSketch = { nodes: [{ op: "NonZero", inputs: ["x"] }], inputs: input, outputs: ["y0"] };
  assert.throws(
    () => importModel(modelOf(sketch)),
    (error) => error instanceof UnboundInputError && error.inputs.join() === "x",
  );
  const bound = importModel(modelOf(sketch), { bind: { x: floats([4], [0, 5, 0, 6]) } });
  assert.deepEqual(numbersOf(runImported(bound, {})[0]), [1, 3]);
  assert.throws(() => importModel(modelOf(sketch), { bind: { x: floats([4], [0, 0, 0, 0]) } }), UnsupportedTensorError);
});

test("a loop whose turns are not known is refused", () => {
  const body = graphOf({ nodes: [{ op: "Identity", inputs: ["c"], outputs: ["d"] }], outputs: ["d"] });
  const sketch: ModelSketch = {
    nodes: [{ op: "Loop", inputs: ["n"], outputs: ["y0"], attributes: { body } }],
    inputs: { n: { dtype: "int64", shape: [] } },
    outputs: ["y0"],
  };
  assert.throws(() => importModel(modelOf(sketch)), UnboundInputError);
});
