/** Quantised operators: packed constants, exact rounding and limits, and what is refused. */

import assert from "node:assert/strict";
import { test } from "node:test";
import * as ops from "../float/ops.ts";
import { toBits } from "../float/words.ts";
import { UnsupportedOperatorError, ShapeMismatchError, UnsupportedTensorError } from "./errors.ts";
import { floats, int, int64s, modelOf, numbersOf, randomFloats, randomWords, runSketch } from "./fixtures.ts";
import type { ModelSketch, NodeSketch } from "./fixtures.ts";
import { importModel } from "./import.ts";
import type { OnnxTensor } from "./element-types.ts";

function bytes(dtype: "int8" | "uint8" | "int4" | "uint4", shape: readonly number[], seed: number): OnnxTensor {
  const next = randomWords(seed);
  const bits = dtype.endsWith("8") ? 8 : 4;
  const least = dtype.startsWith("u") ? 0 : -(2 ** (bits - 1));
  const length = shape.reduce((product, extent) => product * extent, 1);
  const items = Array.from({ length }, () => least + (next() % 2 ** bits));
  const data = dtype.startsWith("u") ? Uint8Array.from(items) : Int8Array.from(items);
  return { dtype, shape: [...shape], data } as OnnxTensor;
}

/** x times a dequantised constant of [64, 6]. */
function product(dtype: "int8" | "uint8" | "int4" | "uint4", block: number | undefined, seed: number): ModelSketch {
  const scaleShape = block === undefined ? [6] : [64 / block, 6];
  return {
    opset: 21,
    nodes: [
      {
        op: "DequantizeLinear",
        inputs: ["q", "s", "z"],
        outputs: ["w"],
        attributes: block === undefined ? { axis: int(1) } : { axis: int(0), block_size: int(block) },
      },
      { op: "MatMul", inputs: ["x", "w"] },
    ],
    inputs: { x: { dtype: "float32", shape: [3, 64] } },
    initializers: {
      q: bytes(dtype, [64, 6], seed),
      s: randomFloats(scaleShape, seed + 1),
      z: bytes(dtype, scaleShape, seed + 2),
    },
    outputs: ["y0"],
  };
}

for (const dtype of ["int8", "uint8", "int4", "uint4"] as const) {
  for (const block of [undefined, 16]) {
    test(`weights of ${dtype} ${block === undefined ? "by column" : "in blocks"} stay packed and give the product`, () => {
      const sketch = product(dtype, block, 5);
      const imported = importModel(modelOf(sketch));
      const perWord = dtype.endsWith("8") ? 4 : 8;
      const lengths = [...imported.constants.keys()].map((root) => imported.constants.get(root)!.length);
      assert.equal(Math.max(...lengths), (64 * 6) / perWord);
      const x = randomFloats([3, 64], 9);
      const [found] = runSketch(sketch, { x });
      // The same weights as floats: dequantised first, and kept from the product by being an output.
      const plain: ModelSketch = { ...sketch, nodes: [sketch.nodes[0]], inputs: {}, outputs: ["w"] };
      const w = numbersOf(runSketch(plain, {})[0]);
      numbersOf(found).forEach((item, index) => {
        const [row, column] = [Math.floor(index / 6), index % 6];
        let sum = 0;
        for (let k = 0; k < 64; k++) sum += (x.data as Float32Array)[row * 64 + k] * w[k * 6 + column];
        assert.equal(Math.abs(item - sum) < 1e-2 + Math.abs(sum) * 1e-4, true, `${item} ${sum}`);
      });
    });
  }
}

test("products of thousands of packed weights are cut into parts, of floats and of integers", () => {
  const inner = 2432;
  const ones = floats([1, inner], new Array<number>(inner).fill(1));
  for (const [dtype, block] of [
    ["int8", undefined],
    ["int4", 32],
    ["uint8", 608],
  ] as const) {
    const scaleShape = block === undefined ? [2] : [inner / block, 2];
    const q = bytes(dtype, [inner, 2], 3);
    const sketch: ModelSketch = {
      opset: 21,
      nodes: [
        {
          op: "DequantizeLinear",
          inputs: ["q", "s"],
          outputs: ["w"],
          attributes: block === undefined ? { axis: int(1) } : { axis: int(0), block_size: int(block) },
        },
        { op: "MatMul", inputs: ["x", "w"] },
      ],
      inputs: { x: { dtype: "float32", shape: [1, inner] } },
      initializers: { q, s: floats(scaleShape, new Array<number>(scaleShape.reduce((a, b) => a * b, 1)).fill(0.5)) },
      outputs: ["y0"],
    };
    // Halves of integers: every sum is exact.
    const columns = [0, 0];
    (q.data as Int8Array).forEach((item, index) => (columns[index % 2] += item / 2));
    assert.deepEqual(numbersOf(runSketch(sketch, { x: ones })[0]), columns);
  }
  const q = bytes("int8", [inner, 2], 4);
  const sums: ModelSketch = {
    nodes: [{ op: "MatMulInteger", inputs: ["a", "q"] }],
    inputs: { a: { dtype: "uint8", shape: [1, inner] } },
    initializers: { q },
    outputs: ["y0"],
  };
  const a: OnnxTensor = { dtype: "uint8", shape: [1, inner], data: new Uint8Array(inner).fill(200) };
  const columns = [0, 0];
  (q.data as Int8Array).forEach((item, index) => (columns[index % 2] += item * 200));
  assert.deepEqual(numbersOf(runSketch(sums, { a })[0]), columns);
});

const WIDTH = { rows: 2, inner: 2304, columns: 3 } as const;

/** The product of x and columns of q by the words of docs/spec-lowering.md, section 4, one word at a time. */
function packedByHand(x: OnnxTensor, q: OnnxTensor, s: OnnxTensor, z: OnnxTensor, block: number | undefined): number[] {
  const { rows, inner, columns } = WIDTH;
  const words = (tensor: OnnxTensor): Uint32Array => new Uint32Array((tensor.data as Float32Array).slice().buffer);
  const [xs, scales] = [words(x), words(s)];
  // 256 divides 768 and 512.
  const part = block === undefined ? 512 : block > 512 ? 256 : 512 - (512 % block);
  return Array.from({ length: rows * columns }, (_, index) => {
    const [row, column] = [Math.floor(index / columns), index % columns];
    const scaleAt = (k: number): number => (block === undefined ? 0 : Math.floor(k / block)) * columns + column;
    const weight = (k: number): number =>
      toBits((q.data as Int8Array)[k * columns + column] - (z.data as Int8Array)[scaleAt(k)]);
    let sum: number | undefined;
    for (let start = 0; start < inner; start += part) {
      let total = 0;
      for (let k = start; k < Math.min(start + part, inner); k += 4) {
        const four = [k, k + 1, k + 2, k + 3];
        const at = (place: number): number => xs[row * inner + place];
        if (block === undefined) for (const place of four) total = ops.fma(at(place), weight(place), total);
        else {
          const first = ops.mul(at(k), weight(k));
          const product = four.slice(1).reduce((p, place) => ops.fma(at(place), weight(place), p), first);
          total = ops.fma(product, scales[scaleAt(k)], total);
        }
      }
      sum = sum === undefined ? total : ops.add(sum, total);
    }
    return block === undefined ? ops.mul(sum!, scales[column]) : sum!;
  });
}

/** A product with a dequantised constant that another view of it may stand for. */
function viewedProduct(
  q: OnnxTensor,
  s: OnnxTensor,
  z: OnnxTensor,
  block: number | undefined,
  view?: readonly number[],
): ModelSketch {
  const { rows, inner } = WIDTH;
  const attributes: NodeSketch["attributes"] =
    block === undefined ? { axis: int(1) } : { axis: int(0), block_size: int(block) };
  const nodes: NodeSketch[] = [
    { op: "DequantizeLinear", inputs: ["q", "s", "z"], outputs: ["w"], attributes },
    ...(view === undefined ? [] : [{ op: "Reshape", inputs: ["w", "shape"], outputs: ["v"] }]),
    { op: "MatMul", inputs: ["x", view === undefined ? "w" : "v"] },
  ];
  const shape = int64s([2], view ?? q.shape);
  const inputs = { x: { dtype: "float32", shape: [rows, view?.[0] ?? inner] } as const };
  return { opset: 21, nodes, inputs, initializers: { q, s, z, shape }, outputs: ["y0"] };
}

test("packed products add their parts in the order that the specification states", () => {
  const { rows, inner, columns } = WIDTH;
  const x = randomFloats([rows, inner], 11);
  for (const dtype of ["int8", "uint8", "int4", "uint4"] as const) {
    for (const block of [undefined, 96, 256, 768]) {
      const scaleShape = block === undefined ? [columns] : [inner / block, columns];
      const q = bytes(dtype, [inner, columns], 12);
      const [s, z] = [randomFloats(scaleShape, 13), bytes(dtype, scaleShape, 14)];
      const [found] = runSketch(viewedProduct(q, s, z, block), { x });
      const expected = packedByHand(x, q, s, z, block);
      assert.deepEqual(numbersOf(found).map(toBits), expected, `${dtype} ${block}`);
    }
  }
});

test("a dequantised constant in another shape keeps the scales of its own", () => {
  const [s, z] = [floats([3], [1, 10, 100]), bytes("int8", [3], 2)];
  const q = bytes("int8", [16, 3], 1);
  const x = randomFloats([WIDTH.rows, 8], 3);
  const plain = { nodes: [{ op: "MatMul", inputs: ["x", "v"] }], outputs: ["y0"] };
  const weights = Array.from(q.data as Int8Array, (item, index) => {
    return (item - (z.data as Int8Array)[index % 3]) * 10 ** (index % 3);
  });
  const inputs = { x: { dtype: "float32", shape: [WIDTH.rows, 8] } as const };
  const [expected] = runSketch({ ...plain, inputs, initializers: { v: floats([8, 6], weights) } }, { x });
  const [found] = runSketch(viewedProduct(q, s, z, undefined, [8, 6]), { x });
  assert.deepEqual(numbersOf(found), numbersOf(expected));
});

function quantised(x: readonly number[], scale: number, zero: OnnxTensor): number[] {
  const sketch: ModelSketch = {
    opset: 21,
    nodes: [{ op: "QuantizeLinear", inputs: ["x", "s", "z"] }],
    inputs: { x: { dtype: "float32", shape: [x.length] } },
    initializers: { s: floats([], [scale]), z: zero },
    outputs: ["y0"],
  };
  return numbersOf(runSketch(sketch, { x: floats([x.length], x) })[0]);
}

const scalarOf = (dtype: "int8" | "uint8" | "int4", item: number): OnnxTensor =>
  ({ dtype, shape: [], data: dtype === "uint8" ? Uint8Array.of(item) : Int8Array.of(item) }) as OnnxTensor;

test("quantising rounds halves to even, adds the zero point and saturates", () => {
  const x = [0.5, 1.5, -0.5, -1.5, 1e30, -1e30, Infinity, -Infinity, NaN, -0];
  assert.deepEqual(quantised(x, 1, scalarOf("int8", 3)), [3, 5, 3, 1, 127, -128, 127, -128, 3, 3]);
  assert.deepEqual(quantised(x, 1, scalarOf("uint8", 3)), [3, 5, 3, 1, 255, 0, 255, 0, 3, 3]);
  assert.deepEqual(quantised(x, 1, scalarOf("int4", 3)), [3, 5, 3, 1, 7, -8, 7, -8, 3, 3]);
});

const dequantised = (initializers: Readonly<Record<string, OnnxTensor>>): (() => unknown) => {
  const sketch: ModelSketch = {
    opset: 21,
    nodes: [{ op: "DequantizeLinear", inputs: Object.keys(initializers), outputs: ["y0"] }],
    initializers,
    outputs: ["y0"],
  };
  return () => importModel(modelOf(sketch));
};

test("scales that do not fit and types that are not quantised are refused", () => {
  const q = bytes("int8", [4, 6], 1);
  assert.throws(dequantised({ q, s: floats([5], [1, 1, 1, 1, 1]) }), ShapeMismatchError);
  assert.throws(dequantised({ q, s: floats([2, 6], new Array<number>(12).fill(1)) }), ShapeMismatchError);
  assert.throws(dequantised({ q, s: floats([], [1]), z: bytes("uint8", [], 2) }), UnsupportedOperatorError);
  assert.throws(dequantised({ q: floats([2], [1, 2]), s: floats([], [1]) }), UnsupportedOperatorError);
});

test("weights of MatMulNBits are constant and of the stated size", () => {
  const sketch = (shape: readonly number[], isConstant: boolean): ModelSketch => ({
    nodes: [
      {
        op: "MatMulNBits",
        domain: "com.microsoft",
        inputs: ["x", "w", "s"],
        attributes: { K: int(32), N: int(2), bits: int(4), block_size: int(16) },
      },
    ],
    inputs: { x: { dtype: "float32", shape: [1, 32] }, ...(isConstant ? {} : { w: { dtype: "uint8", shape } }) },
    initializers: { s: floats([4], [1, 1, 1, 1]), ...(isConstant ? { w: bytes("uint8", shape, 3) } : {}) },
    outputs: ["y0"],
  });
  importModel(modelOf(sketch([2, 2, 8], true)));
  assert.throws(() => importModel(modelOf(sketch([2, 2, 4], true))), ShapeMismatchError);
  assert.throws(() => importModel(modelOf(sketch([2, 2, 8], false))), UnsupportedOperatorError);
});

test("float16 is widened in constants and refused in inputs and arithmetic", () => {
  const half: OnnxTensor = { dtype: "float16", shape: [2], data: Uint16Array.of(0x3c01, 0x0001) };
  const cast: ModelSketch = {
    nodes: [{ op: "Cast", inputs: ["h"], attributes: { to: int(1) } }],
    initializers: { h: half },
    outputs: ["y0"],
  };
  assert.deepEqual(numbersOf(runSketch(cast, {})[0]), [1 + 2 ** -10, 2 ** -24]);
  const sum: ModelSketch = { ...cast, nodes: [{ op: "Add", inputs: ["h", "h"] }] };
  assert.throws(() => importModel(modelOf(sum)), UnsupportedOperatorError);
  const run: ModelSketch = {
    nodes: [{ op: "Identity", inputs: ["x"] }],
    inputs: { x: { dtype: "float16", shape: [2] } },
    outputs: ["y0"],
  };
  assert.throws(() => importModel(modelOf(run)), UnsupportedTensorError);
});

test("narrow integers wrap at their own width, uint32 compares without a sign", () => {
  const add = (op: string, dtype: "int8" | "uint8" | "uint32", a: number[], b: number[]): number[] => {
    const of = (items: number[]): OnnxTensor => {
      const data =
        dtype === "int8" ? Int8Array.from(items) : dtype === "uint8" ? Uint8Array.from(items) : Uint32Array.from(items);
      return { dtype, shape: [items.length], data } as OnnxTensor;
    };
    const sketch: ModelSketch = {
      opset: 18,
      nodes: [{ op, inputs: ["a", "b"] }],
      inputs: { a: { dtype, shape: [a.length] }, b: { dtype, shape: [b.length] } },
      outputs: ["y0"],
    };
    return numbersOf(runSketch(sketch, { a: of(a), b: of(b) })[0]);
  };
  assert.deepEqual(add("Add", "int8", [127, -128], [1, -1]), [-128, 127]);
  assert.deepEqual(add("Mul", "uint8", [200, 16], [2, 16]), [144, 0]);
  assert.deepEqual(add("Div", "int8", [-128, 7, 5], [-1, -2, 0]), [-128, -3, 0]);
  assert.deepEqual(add("Div", "uint32", [4294967295, 4294967295, 7], [2, 4294967295, 4294967290]), [2147483647, 1, 0]);
  assert.deepEqual(add("Mod", "uint32", [4294967295, 5], [4294967290, 0]), [5, 0]);
  assert.deepEqual(add("Less", "uint32", [4294967295, 1], [1, 4294967295]), [0, 1]);
  assert.deepEqual(add("Max", "uint32", [4294967295, 1], [1, 2]), [4294967295, 2]);
});
