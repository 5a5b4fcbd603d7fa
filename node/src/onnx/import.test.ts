/** Imports small models: what comes out, what options do, and what is refused with which error. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { LockstepError } from "../float/errors.ts";
import { canonical } from "../float/words.ts";
import { chunkBound, isDotProduct } from "../ir/bounds.ts";
import type { ScalarProgram } from "../ir/scalar.ts";
import { eachConstant } from "./constants.ts";
import {
  float,
  floats,
  int,
  int64s,
  ints,
  modelOf,
  numbersOf,
  randomFloats,
  runImported,
  runSketch,
  text,
} from "./fixtures.ts";
import type { ModelSketch } from "./fixtures.ts";
import { importModel } from "./import.ts";
import { parseModel } from "./model.ts";
import { serializeModel } from "./serialize.ts";
import type { ImportedModel, ImportOptions } from "./import.ts";
import type { Attribute } from "./types.ts";

const X = { x: { dtype: "float32" as const, shape: [2, 3] } };

const dense: ModelSketch = {
  nodes: [
    { op: "MatMul", inputs: ["x", "w"], outputs: ["product"] },
    { op: "Add", inputs: ["product", "b"], outputs: ["sum"] },
    { op: "Relu", inputs: ["sum"], outputs: ["y"] },
  ],
  inputs: X,
  initializers: { w: floats([3, 2], [1, 2, 3, 4, 5, 6]), b: floats([2], [-30, 1]) },
  outputs: ["y"],
};

function scalarsOf({ program }: ImportedModel): ScalarProgram[] {
  return program.segments[0].records.map(({ scalar }) => program.scalars.get(scalar)!);
}

test("a dense layer gives its numbers and keeps its program root", () => {
  const imported = importModel(modelOf(dense));
  const [y] = runImported(imported, { x: floats([2, 3], [1, 2, 3, -1, 0, 1]) });
  assert.deepEqual(numbersOf(y), [0, 29, 0, 5]);
  assert.deepEqual(imported.inputs, [{ name: "x", elementType: "float32", shape: [2, 3] }]);
  assert.deepEqual(imported.outputs, [{ name: "y", elementType: "float32", shape: [2, 2] }]);
  assert.equal(importModel(modelOf(dense)).programRoot, imported.programRoot);
  const other = { ...dense, initializers: { ...dense.initializers, b: floats([2], [-30, 2]) } };
  assert.notEqual(importModel(modelOf(other)).programRoot, imported.programRoot);
});

test("a constant right side is committed transposed, and products have the dot form", () => {
  const imported = importModel(modelOf(dense));
  const [product] = scalarsOf(imported);
  assert.ok(isDotProduct(product));
  // Bias and activation are merged into the product.
  assert.equal(imported.program.segments[0].records.length, 1);
  const [{ operands }] = imported.program.segments[0].records;
  const constant = operands.find(({ kind, length }) => kind === "constant" && length === 6);
  assert.ok(constant?.kind === "constant");
  const words = imported.constants.get(constant.root)!;
  assert.deepEqual([...new Float32Array(words.slice().buffer)], [1, 3, 5, 2, 4, 6]);
});

test("what follows a long product reads its own words apart, so that proofs stay short", () => {
  const sketch: ModelSketch = {
    nodes: [{ op: "Gemm", inputs: ["x", "w", "c"] }],
    inputs: { x: { dtype: "float32", shape: [1, 1100] } },
    initializers: { w: randomFloats([1100, 5], 7), c: randomFloats([5], 8) },
    outputs: ["y0"],
  };
  const scalars = scalarsOf(importModel(modelOf(sketch)));
  assert.deepEqual(
    scalars.map((scalar) => [scalar.loop?.count ?? 0, chunkBound(scalar) <= 9]),
    [
      [768, true],
      [332, true],
    ],
  );
  const product = { ...sketch, nodes: [{ op: "MatMul", inputs: ["x", "w"] }] };
  const x = randomFloats([1, 1100], 9);
  const bias = sketch.initializers!["c"].data as Float32Array;
  const expected = numbersOf(runSketch(product, { x })[0]).map((total, index) => Math.fround(total + bias[index]));
  assert.deepEqual(numbersOf(runSketch(sketch, { x })[0]), expected);
});

test("a long product is a chain of loops that continue each other", () => {
  const count = 2600;
  const sketch: ModelSketch = {
    nodes: [{ op: "MatMul", inputs: ["x", "w"] }],
    inputs: { x: { dtype: "float32", shape: [1, count] } },
    initializers: { w: randomFloats([count, 1], 7) },
    outputs: ["y0"],
  };
  const loops = scalarsOf(importModel(modelOf(sketch))).map(({ loop }) => loop!);
  assert.deepEqual(
    loops.map(({ start, count: length, continued }) => [start, length, continued]),
    [
      [0, 768, false],
      [768, 768, true],
      [1536, 768, true],
      [2304, 296, true],
    ],
  );
  const x = randomFloats([1, count], 8);
  const [y] = runSketch(sketch, { x });
  const w = sketch.initializers!["w"].data as Float32Array;
  // The definition, beside the chain: blocks of 256 from zero, added in order.
  let total = 0;
  for (let start = 0; start < count; start += 256) {
    let block = 0;
    for (let k = start; k < Math.min(start + 256, count); k++) block = fma(Number(x.data[k]), w[k], block);
    total = start === 0 ? block : Math.fround(total + block);
  }
  assert.deepEqual(numbersOf(y), [total]);
});

test("views cost nothing, and an output that is an input is copied", () => {
  const imported = importModel(
    modelOf({
      nodes: [
        { op: "Reshape", inputs: ["x", "shape"], outputs: ["flat"] },
        { op: "Identity", inputs: ["flat"], outputs: ["same"] },
      ],
      inputs: X,
      initializers: { shape: int64s([1], [-1]) },
      outputs: ["same", "x"],
    }),
  );
  assert.equal(imported.program.segments[0].records.length, 1);
  assert.deepEqual(imported.outputs[0].shape, [6]);
});

test("every NaN of a file is the canonical one, however its bytes are held", () => {
  const mark = 1.2345;
  const needle = new Uint8Array(Float32Array.of(mark).buffer);
  const constantOf = (attribute: string, value: Attribute): ModelSketch => ({
    nodes: [
      { op: "Constant", inputs: [], outputs: ["c"], attributes: { [attribute]: value } },
      { op: "Add", inputs: ["x", "c"], outputs: ["y"] },
    ],
    inputs: X,
    outputs: ["y"],
  });
  const sketches: Record<string, ModelSketch> = {
    value_float: constantOf("value_float", float(mark)),
    value_floats: constantOf("value_floats", { type: "floats", value: [1, mark, 2] }),
    value: constantOf("value", { type: "tensor", value: floats([3], [1, mark, 2]) }),
    Pad: {
      opset: 10,
      nodes: [{ op: "Pad", inputs: ["x"], outputs: ["y"], attributes: { pads: ints(0, 1, 0, 1), value: float(mark) } }],
      inputs: X,
      outputs: ["y"],
    },
    Resize: {
      opset: 13,
      nodes: [
        {
          op: "Resize",
          inputs: ["x", "roi", "scales"],
          outputs: ["y"],
          attributes: { mode: text("cubic"), cubic_coeff_a: float(mark) },
        },
      ],
      inputs: X,
      initializers: { roi: floats([0], []), scales: floats([2], [1, 2]) },
      outputs: ["y"],
    },
  };
  for (const [name, sketch] of Object.entries(sketches)) {
    const bytes = serializeModel(modelOf(sketch));
    const at = bytes.findIndex((_, index) => needle.every((byte, offset) => bytes[index + offset] === byte));
    assert.ok(at >= 0, name);
    const roots = [0x7fc00000, 0x7fc00001, 0xffc00000, 0x7f800001, 0xff812345, 0xffffffff].flatMap((word) => {
      const patched = bytes.slice();
      new DataView(patched.buffer).setUint32(at, word, true);
      const odd = new Uint8Array(patched.length + 9).fill(0xff);
      odd.set(patched, 3);
      const held = [patched, Buffer.from(patched), Buffer.from(odd.buffer, 3, patched.length), odd.subarray(3, -6)];
      return held.map((file) => {
        const imported = importModel(parseModel(file));
        for (const [, words] of eachConstant(imported.constants))
          assert.ok(
            words.every((item) => item === canonical(item)),
            name,
          );
        return imported.programRoot;
      });
    });
    assert.equal(new Set(roots).size, 1, `${name}: ${roots.join(" ")}`);
  }
});

test("equal primitives are made once and unused ones not at all", () => {
  const imported = importModel(
    modelOf({
      nodes: [
        { op: "Exp", inputs: ["x"], outputs: ["a"] },
        { op: "Exp", inputs: ["x"], outputs: ["b"] },
        { op: "Log", inputs: ["x"], outputs: ["unused"] },
        { op: "Add", inputs: ["a", "b"], outputs: ["y"] },
      ],
      inputs: X,
      outputs: ["y", "a"],
    }),
  );
  assert.equal(imported.program.segments[0].records.length, 2);
});

test("shape arithmetic is exact beyond 32 bits", () => {
  const [y] = runSketch(
    {
      nodes: [{ op: "Slice", inputs: ["x", "starts", "ends", "axes"] }],
      inputs: X,
      initializers: { starts: int64s([1], [1]), ends: int64s([1], [2n ** 63n - 1n]), axes: int64s([1], [-1]) },
      outputs: ["y0"],
    },
    { x: floats([2, 3], [1, 2, 3, 4, 5, 6]) },
  );
  assert.deepEqual(numbersOf(y), [2, 3, 5, 6]);
});

test("known integers become the nearest floats, rounded once", () => {
  const tie = 2n ** 62n + 2n ** 38n;
  const integers = [tie, tie + 1n, tie - 1n, -tie, -tie - 1n, -tie + 1n, tie + 2n ** 39n, tie + 2n ** 39n - 1n];
  const ends = [2n ** 63n - 1n, -(2n ** 63n), 2n ** 53n + 1n, 16_777_217n, -16_777_219n, 0n];
  const [y] = runSketch(
    {
      nodes: [
        { op: "Cast", inputs: ["n"], outputs: ["c"], attributes: { to: int(1) } },
        { op: "Add", inputs: ["c", "zero"], outputs: ["y"] },
      ],
      inputs: { zero: { dtype: "float32", shape: [1] } },
      initializers: { n: int64s([14], [...integers, ...ends]) },
      outputs: ["y"],
    },
    { zero: floats([1], [0]) },
  );
  const [low, high, next] = [2 ** 62, 2 ** 62 + 2 ** 39, 2 ** 62 + 2 ** 40];
  const expected = [low, high, low, -low, -high, -low, next, high];
  assert.deepEqual(numbersOf(y), [...expected, 2 ** 63, -(2 ** 63), 2 ** 53, 16_777_216, -16_777_220, 0]);
});

test("a state input takes the output of the step before", () => {
  const sketch: ModelSketch = {
    nodes: [{ op: "Add", inputs: ["x", "one"], outputs: ["y"] }],
    inputs: X,
    initializers: { one: floats([1], [1]) },
    outputs: ["y"],
  };
  const imported = importModel(modelOf(sketch), { state: [{ input: "x", output: "y" }] });
  assert.equal(imported.program.slots.length, 1);
  const [y] = runImported(imported, { x: floats([2, 3], [0, 1, 2, 3, 4, 5]) }, 5);
  assert.deepEqual(numbersOf(y), [5, 6, 7, 8, 9, 10]);
});

test("symbolic dimensions come from dims, whole shapes from shapes", () => {
  const sketch: ModelSketch = {
    nodes: [{ op: "Relu", inputs: ["x"], outputs: ["y"] }],
    inputs: { x: { dtype: "float32", shape: ["batch", 3] } },
    outputs: ["y"],
  };
  assert.deepEqual(importModel(modelOf(sketch), { dims: { batch: 4 } }).outputs[0].shape, [4, 3]);
  assert.deepEqual(importModel(modelOf(sketch), { shapes: { x: [5, 3] } }).outputs[0].shape, [5, 3]);
  refuses(sketch, {}, "UnknownDimensionError", { input: "x", axis: 0, dimension: "batch" });
  refuses(sketch, { dims: { batch: -1 } }, "ImportOptionError", { option: "dims", name: "batch" });
  const mistyped = { dims: { batch: 4, bacht: 4 } };
  refuses(sketch, mistyped, "ImportOptionError", { option: "dims", name: "bacht", known: ["batch"] });
  const inherited = { dims: { batch: 4, constructor: 4 } };
  refuses(sketch, inherited, "ImportOptionError", { option: "dims", name: "constructor" });
  refuses(sketch, { shapes: { x: [5, 4] } }, "ImportOptionError", { option: "shapes", name: "x" });
  refuses(sketch, { shapes: { z: [1] } }, "ImportOptionError", { option: "shapes", name: "z" });
});

test("an input used as a shape must be bound, and then is no input of the program", () => {
  const sketch: ModelSketch = {
    nodes: [{ op: "Reshape", inputs: ["x", "shape"] }],
    inputs: { ...X, shape: { dtype: "int64", shape: [1] } },
    outputs: ["y0"],
  };
  refuses(sketch, {}, "UnboundInputError", { inputs: ["shape"] });
  refuses(sketch, { bind: { shape: floats([1], [6]) } }, "ImportOptionError", { option: "bind" });
  const imported = importModel(modelOf(sketch), { bind: { shape: int64s([1], [6]) } });
  assert.deepEqual(
    imported.inputs.map(({ name }) => name),
    ["x"],
  );
});

test("what has no lowering is refused by name, opset and reason", () => {
  const node = (op: string, more: Partial<ModelSketch> = {}): ModelSketch => {
    return { nodes: [{ op, inputs: ["x"] }], inputs: X, outputs: ["y0"], ...more };
  };
  refuses(node("NoSuchOperator"), {}, "UnsupportedOperatorError", {
    operator: "NoSuchOperator",
    domain: "",
    opset: 17,
    node: "y0",
  });
  refuses(node("Relu", { opset: 5 }), {}, "UnsupportedOperatorError", { operator: "Relu", opset: 5 });
  refuses(node("Relu", { opset: 26 }), {}, "UnsupportedOperatorError", { operator: "Relu", opset: 26 });
  refuses(node("Gelu", { opset: 19 }), {}, "UnsupportedOperatorError", { operator: "Gelu", opset: 19 });
  const foreign = {
    nodes: [{ op: "NoSuchOperator", inputs: ["x"], domain: "com.microsoft" }],
    inputs: X,
    outputs: ["y0"],
  };
  refuses(foreign, {}, "UnsupportedOperatorError", { operator: "NoSuchOperator", domain: "com.microsoft" });
  refuses(node("Relu", { inputs: { x: { dtype: "float64", shape: [1] } } }), {}, "UnsupportedTensorError", {
    name: "x",
  });
});

test("shapes and attributes that do not fit are refused at their node", () => {
  const pair = (op: string, a: number[], b: number[]): ModelSketch => ({
    nodes: [{ op, inputs: ["a", "b"] }],
    inputs: { a: { dtype: "float32", shape: a }, b: { dtype: "float32", shape: b } },
    outputs: ["y0"],
  });
  refuses(pair("MatMul", [2, 3], [4, 2]), {}, "ShapeMismatchError", { operator: "MatMul", node: "y0" });
  refuses(pair("Add", [2, 3], [2]), {}, "ShapeMismatchError", { operator: "Add" });
  refuses(pair("Conv", [1, 2, 5, 5], [3, 4, 3, 3]), {}, "ShapeMismatchError", { operator: "Conv" });
  const pool = (attributes: ModelSketch["nodes"][0]["attributes"]): ModelSketch => ({
    nodes: [{ op: "MaxPool", inputs: ["x"], ...(attributes === undefined ? {} : { attributes }) }],
    inputs: { x: { dtype: "float32", shape: [1, 1, 4, 4] } },
    outputs: ["y0"],
  });
  refuses(pool(undefined), {}, "InvalidNodeError", { operator: "MaxPool" });
  refuses(pool({ kernel_shape: int(2) }), {}, "InvalidNodeError", { name: "kernel_shape" });
  refuses(pool({ kernel_shape: ints(0, 2) }), {}, "InvalidNodeError", {});
  refuses(pool({ kernel_shape: ints(9, 9) }), {}, "ShapeMismatchError", {});
  refuses({ ...dense, nodes: dense.nodes.slice(1) }, {}, "InvalidNodeError", { name: "product" });
});

test("branches and loops are settled at import", () => {
  const body = modelOf({
    nodes: [
      { op: "Identity", inputs: ["go"], outputs: ["goesOn"] },
      { op: "Add", inputs: ["total", "x"], outputs: ["next"] },
      { op: "Identity", inputs: ["next"], outputs: ["seen"] },
    ],
    inputs: {
      turn: { dtype: "int64", shape: [] },
      go: { dtype: "bool", shape: [] },
      total: { dtype: "float32", shape: [2] },
    },
    outputs: ["goesOn", "next", "seen"],
  });
  const sketch: ModelSketch = {
    nodes: [
      {
        op: "Loop",
        inputs: ["turns", "", "x"],
        outputs: ["last", "all"],
        attributes: { body: { type: "graph", value: body.graph } },
      },
    ],
    inputs: { x: { dtype: "float32", shape: [2] }, turns: { dtype: "int64", shape: [] } },
    outputs: ["last", "all"],
  };
  refuses(sketch, {}, "UnboundInputError", { inputs: ["turns"] });
  const x = floats([2], [1, 10]);
  const [last, all] = runSketch(sketch, { x }, { bind: { turns: int64s([], [3]) } });
  assert.deepEqual(numbersOf(last), [4, 40]);
  assert.deepEqual(
    [all.shape, numbersOf(all)],
    [
      [3, 2],
      [2, 20, 3, 30, 4, 40],
    ],
  );
  refuses(sketch, { bind: { turns: int64s([], [2n ** 40n]) } }, "UnsupportedOperatorError", { operator: "Loop" });
});

test("an import refuses to make more data than a program may hold", () => {
  const sketch: ModelSketch = {
    nodes: [{ op: "ConstantOfShape", inputs: ["shape"] }],
    initializers: { shape: int64s([2], [2 ** 20, 2 ** 20]) },
    outputs: ["y0"],
  };
  refuses(sketch, {}, "UnsupportedOperatorError", { operator: "ConstantOfShape" });
});

test("an int64 that a program would hold must fit 32 bits", () => {
  const sketch: ModelSketch = {
    nodes: [{ op: "Add", inputs: ["x", "c"] }],
    inputs: { x: { dtype: "int64", shape: [1] } },
    initializers: { c: int64s([1], [2n ** 31n]) },
    outputs: ["y0"],
  };
  refuses(sketch, {}, "IntegerRangeError", { value: 2n ** 31n });
});

test("an unknown state or a state of another shape is refused", () => {
  const sketch: ModelSketch = {
    nodes: [{ op: "ReduceSum", inputs: ["x"], outputs: ["y"] }],
    inputs: X,
    outputs: ["y"],
  };
  refuses(sketch, { state: [{ input: "x", output: "y" }] }, "ImportOptionError", { option: "state", name: "x" });
  const turned: ModelSketch = {
    ...sketch,
    nodes: [{ op: "Transpose", inputs: ["x"], outputs: ["y"] }],
    initializers: { w: floats([2, 3], [1, 2, 3, 4, 5, 6]) },
  };
  refuses(turned, { state: [{ input: "x", output: "y" }] }, "ImportOptionError", { option: "state", name: "x" });
  const known = { ...turned, inputs: { ...X, w: X.x } };
  refuses(known, { state: [{ input: "w", output: "y" }] }, "ImportOptionError", { option: "state", name: "w" });
  refuses(sketch, { state: [{ input: "z", output: "y" }] }, "ImportOptionError", { option: "state", name: "z" });
});

function refuses(sketch: ModelSketch, options: ImportOptions, name: string, values: Record<string, unknown>): void {
  assert.throws(
    () => importModel(modelOf(sketch), options),
    (error: unknown) => {
      assert.ok(error instanceof LockstepError, String(error));
      assert.equal(error.name, name, error.message);
      for (const [key, value] of Object.entries(values)) assert.deepEqual(error.values[key], value, key);
      return true;
    },
  );
}

/** Rounds once: the product and sum of such floats are exact in binary64 but for the last bits, far below a tie. */
function fma(x: number, y: number, z: number): number {
  return Math.fround(x * y + z);
}
