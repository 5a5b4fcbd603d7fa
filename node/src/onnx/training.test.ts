/** Optimiser steps and feature operators against plain arithmetic, and what they refuse. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { InvalidNodeError, ShapeMismatchError, UnsupportedOperatorError } from "./errors.ts";
import { float, floats, int64s, manyFloats, modelOf, numbersOf, runSketch, text } from "./fixtures.ts";
import type { ModelSketch } from "./fixtures.ts";
import { importModel } from "./import.ts";
import type { OnnxTensor } from "./element-types.ts";
import type { Attribute } from "./types.ts";

const domain = "ai.onnx.preview.training";
const close = (found: readonly number[], expected: readonly number[]): void => {
  found.forEach((item, index) =>
    assert.equal(Math.abs(item - expected[index]) < 1e-5, true, `${item} ${expected[index]}`),
  );
  assert.equal(found.length, expected.length);
};

/** One step of an optimiser on tensors of one element; the outputs in order. */
function step(
  op: string,
  count: number,
  values: readonly number[],
  outputs: number,
  attributes: Readonly<Record<string, Attribute>>,
): number[] {
  const names = values.map((_, index) => `v${index}`);
  const results = Array.from({ length: outputs }, (_, index) => `y${index}`);
  const sketch: ModelSketch = {
    nodes: [{ op, domain, inputs: ["rate", "count", ...names], outputs: results, attributes }],
    inputs: Object.fromEntries(names.map((name) => [name, { dtype: "float32", shape: [1] } as const])),
    initializers: { rate: floats([], [0.1]), count: int64s([], [count]) },
    outputs: results,
  };
  const given = Object.fromEntries(names.map((name, index) => [name, floats([1], [values[index]])]));
  return runSketch(sketch, given).flatMap(numbersOf);
}

test("Adagrad divides by the root of the squares so far", () => {
  const found = step("Adagrad", 3, [1, 2, 5], 2, {
    norm_coefficient: float(0.5),
    decay_factor: float(0.1),
    epsilon: float(0.01),
  });
  const gradient = 0.5 * 1 + 2;
  const squares = 5 + gradient ** 2;
  close(found, [1 - ((0.1 / 1.3) * gradient) / (Math.sqrt(squares) + 0.01), squares]);
});

test("Adam corrects its rate for the start of its averages", () => {
  const found = step("Adam", 2, [1, 2, 0.5, 0.25], 3, { alpha: float(0.9), beta: float(0.8), epsilon: float(0.01) });
  const [mean, square] = [0.9 * 0.5 + 0.1 * 2, 0.8 * 0.25 + 0.2 * 4];
  const rate = (0.1 * Math.sqrt(1 - 0.8 ** 2)) / (1 - 0.9 ** 2);
  close(found, [1 - (rate * mean) / (Math.sqrt(square) + 0.01), mean, square]);
  const first = step("Adam", 0, [1, 2, 0.5, 0.25], 3, { alpha: float(0.9), beta: float(0.8), epsilon: float(0.01) });
  close(first, [1 - (0.1 * mean) / (Math.sqrt(square) + 0.01), mean, square]);
});

test("Momentum adds a part of the last step, before or after the gradient", () => {
  const attributes = { alpha: float(0.9), beta: float(0.5), norm_coefficient: float(0) };
  close(step("Momentum", 1, [1, 2, 0.5], 2, { ...attributes, mode: text("standard") }), [1 - 0.1 * 1.45, 1.45]);
  close(step("Momentum", 0, [1, 2, 0.5], 2, { ...attributes, mode: text("standard") }), [1 - 0.1 * 2.45, 2.45]);
  close(step("Momentum", 1, [1, 2, 0.5], 2, { ...attributes, mode: text("nesterov") }), [
    1 - 0.1 * (2 + 0.9 * 1.45),
    1.45,
  ]);
});

test("two tensors keep their outputs apart; a number that fits none is refused", () => {
  close(
    step("Momentum", 0, [1, 10, 2, 4, 0, 0], 4, { alpha: float(0), beta: float(1), mode: text("standard") }),
    [0.8, 9.6, 2, 4],
  );
  assert.throws(() => step("Momentum", 0, [1, 10, 2, 4], 2, {}), InvalidNodeError);
});

const feature = (op: string, attributes: Readonly<Record<string, Attribute>>, data: OnnxTensor): number[] => {
  const sketch: ModelSketch = {
    nodes: [{ op, domain: "ai.onnx.ml", inputs: op === "ArrayFeatureExtractor" ? ["x", "i"] : ["x"], attributes }],
    inputs: { x: { dtype: data.dtype, shape: data.shape } },
    initializers: { i: int64s([2], [2, 0]) },
    outputs: ["y0"],
  };
  return numbersOf(runSketch(sketch, { x: data })[0]);
};

test("features are compared, scaled and picked", () => {
  const x = floats([2, 3], [1, 2, 3, 4, 5, 6]);
  assert.deepEqual(feature("Binarizer", { threshold: float(3) }, x), [0, 0, 0, 1, 1, 1]);
  assert.deepEqual(feature("Scaler", { offset: manyFloats(1, 2, 3), scale: manyFloats(2) }, x), [0, 0, 0, 6, 6, 6]);
  assert.deepEqual(feature("ArrayFeatureExtractor", {}, x), [3, 1, 6, 4]);
  assert.throws(() => feature("Scaler", { offset: manyFloats(1, 2) }, x), ShapeMismatchError);
});

test("random numbers, strings and images are refused with their reason", () => {
  for (const [op, reason] of [
    ["RandomNormal", /generator/],
    ["StringConcat", /strings/],
    ["ImageDecoder", /image/],
    ["NoSuchOperator", /no lowering/],
  ] as const) {
    const model = modelOf({ opset: 20, nodes: [{ op, inputs: [] }], outputs: ["y0"] });
    assert.throws(
      () => importModel(model),
      (error) => error instanceof UnsupportedOperatorError && reason.test(error.reason),
    );
  }
});
