/** Corners of the standard that few models reach, where its text says what comes out. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { floats, int64s, ints, numbersOf, runSketch, text } from "./fixtures.ts";
import type { OnnxTensor } from "./element-types.ts";

const GREATEST = 3.4028234663852886e38;

test("a backward slice that starts before the axis starts at its first element", () => {
  const x = floats([5], [1, 2, 3, 4, 5]);
  const sliced = (start: number, end: number, step: number): number[] => {
    const bounds = { start, end, axis: 0, step };
    const initializers = Object.fromEntries(
      Object.entries(bounds).map(([name, value]) => [name, int64s([1], [value])]),
    );
    const nodes = [{ op: "Slice", inputs: ["x", ...Object.keys(bounds)] }];
    const sketch = { nodes, inputs: { x: { dtype: "float32", shape: [5] } as const }, initializers, outputs: ["y0"] };
    return numbersOf(runSketch(sketch, { x })[0]);
  };
  assert.deepEqual(sliced(-100, -100, -1), [1]);
  assert.deepEqual(sliced(-7, -100, -2), [1]);
  assert.deepEqual(sliced(100, -100, -2), [5, 3, 1]);
  assert.deepEqual(sliced(-2, 0, -1), [4, 3, 2]);
  assert.deepEqual(sliced(-100, 100, 3), [1, 4]);
});

test("before operator set 11 Clip without bounds gives the greatest float for infinity", () => {
  const sketch = {
    opset: 10,
    nodes: [{ op: "Clip", inputs: ["x"] }],
    inputs: { x: { dtype: "float32", shape: [3] } as const },
    outputs: ["y0"],
  };
  const x = floats([3], [Infinity, -Infinity, 1]);
  assert.deepEqual(numbersOf(runSketch(sketch, { x })[0]), [GREATEST, -GREATEST, 1]);
});

test("from operator set 11 on an absent bound of Clip is the least or greatest float", () => {
  const x = floats([4], [Infinity, -Infinity, 1, NaN]);
  const clipped = (...bounds: string[]): number[] => {
    const sketch = {
      opset: 13,
      nodes: [{ op: "Clip", inputs: ["x", ...bounds] }],
      inputs: { x: { dtype: "float32", shape: [4] } as const },
      initializers: { low: floats([], [-7]), high: floats([], [7]) },
      outputs: ["y0"],
    };
    return numbersOf(runSketch(sketch, { x })[0]);
  };
  assert.deepEqual(clipped("low"), [GREATEST, -7, 1, NaN]);
  assert.deepEqual(clipped("", "high"), [7, -GREATEST, 1, NaN]);
  assert.deepEqual(clipped("low", "high"), [7, -7, 1, NaN]);
  assert.deepEqual(clipped(), [GREATEST, -GREATEST, 1, NaN]);
});

test("a window of padding alone has the least number of its type", () => {
  for (const [dtype, data, least] of [
    ["uint8", Uint8Array.of(7), 0],
    ["int8", Int8Array.of(7), -128],
  ] as const) {
    const x = { dtype, shape: [1, 1, 1], data } as OnnxTensor;
    const sketch = {
      nodes: [{ op: "MaxPool", inputs: ["x"], attributes: { kernel_shape: ints(2), pads: ints(2, 0) } }],
      inputs: { x: { dtype, shape: [1, 1, 1] } },
      outputs: ["y0"],
    };
    assert.deepEqual(numbersOf(runSketch(sketch, { x })[0]), [least, 7]);
  }
});

test("scattered integers are joined in their own width and order", () => {
  const scattered = (reduction: string, x: OnnxTensor, u: OnnxTensor): number[] => {
    const declared = ({ dtype, shape }: OnnxTensor) => ({ dtype, shape });
    const sketch = {
      opset: 18,
      nodes: [{ op: "ScatterElements", inputs: ["x", "i", "u"], attributes: { reduction: text(reduction) } }],
      inputs: { x: declared(x), i: { dtype: "int64", shape: [1] } as const, u: declared(u) },
      outputs: ["y0"],
    };
    return numbersOf(runSketch(sketch, { x, i: int64s([1], [0]), u })[0]);
  };
  const int8 = (value: number): OnnxTensor => ({ dtype: "int8", shape: [1], data: Int8Array.of(value) });
  const uint32 = (value: number): OnnxTensor => ({ dtype: "uint32", shape: [1], data: Uint32Array.of(value) });
  assert.deepEqual(scattered("add", int8(100), int8(100)), [-56]);
  assert.deepEqual(scattered("mul", int8(100), int8(3)), [44]);
  assert.deepEqual(scattered("max", uint32(1), uint32(0xffffffff)), [0xffffffff]);
  assert.deepEqual(scattered("min", uint32(1), uint32(0xffffffff)), [1]);
});

test("Unique tells integers apart that are one number in binary64", () => {
  const sketch = {
    nodes: [{ op: "Unique", inputs: ["x"], outputs: ["y", "first", "inverse", "counts"] }],
    initializers: { x: int64s([4], [2n ** 60n + 1n, -5n, 2n ** 60n, 2n ** 60n + 1n]) },
    outputs: ["first", "inverse", "counts"],
  };
  assert.deepEqual(runSketch(sketch, {}).map(numbersOf), [
    [1, 2, 0],
    [2, 0, 1, 2],
    [1, 1, 2],
  ]);
});

test("an einsum over a letter without elements sums nothing", () => {
  const sketch = {
    nodes: [{ op: "Einsum", inputs: ["x", "w"], attributes: { equation: text("ij,jk->ik") } }],
    inputs: { x: { dtype: "float32", shape: [2, 0] } as const, w: { dtype: "float32", shape: [0, 3] } as const },
    outputs: ["y0"],
  };
  assert.deepEqual(numbersOf(runSketch(sketch, {})[0]), [0, 0, 0, 0, 0, 0]);
});
