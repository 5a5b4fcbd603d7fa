/** Sparse constants: both forms of their places, in nodes and as initializers, and what is malformed. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { floats, int64s, modelOf, numbersOf, runImported } from "./fixtures.ts";
import { importModel } from "./import.ts";
import { denseTensor } from "./sparse.ts";
import { MalformedModelError } from "./malformed.ts";
import type { OnnxSparseTensor } from "./types.ts";

const linear: OnnxSparseTensor = { shape: [2, 3], values: floats([2], [5, 7]), indices: int64s([2], [1, 5]) };
const digits: OnnxSparseTensor = { ...linear, indices: int64s([2, 2], [0, 1, 1, 2]) };

test("linear places and digits give the same dense tensor", () => {
  for (const sparse of [linear, digits]) {
    assert.deepEqual(Array.from(denseTensor(sparse, "t").data as Float32Array), [0, 5, 0, 0, 0, 7]);
  }
});

test("sparse constants and initializers are read", () => {
  const attributes = { sparse_value: { type: "sparseTensor", value: linear } } as const;
  const constant = modelOf({ nodes: [{ op: "Constant", inputs: [], attributes }], outputs: ["y0"] });
  assert.deepEqual(numbersOf(runImported(importModel(constant), {})[0]), [0, 5, 0, 0, 0, 7]);
  const model = modelOf({ nodes: [{ op: "Neg", inputs: ["w"] }], outputs: ["y0"] });
  model.graph.sparseInitializers.set("w", digits);
  assert.deepEqual(numbersOf(runImported(importModel(model), {})[0]), [-0, -5, -0, -0, -0, -7]);
});

test("places outside the shape and numbers that differ are refused", () => {
  const refused = (change: Partial<OnnxSparseTensor>): void => {
    assert.throws(() => denseTensor({ ...linear, ...change }, "t"), MalformedModelError);
  };
  refused({ indices: int64s([2], [1, 6]) });
  refused({ indices: int64s([2], [-1, 5]) });
  refused({ indices: int64s([3], [1, 2, 5]) });
  refused({ indices: int64s([2, 2], [0, 1, 1, 3]) });
  refused({ indices: floats([2], [1, 5]) });
});
