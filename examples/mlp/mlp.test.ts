// Checks the committed mlp.onnx: it is what make.ts writes, onnxruntime runs it, and the state fed back stays bounded, moves
// at every step and never forgets a difference.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { InferenceSession, Tensor } from "onnxruntime-node";
import { serializeModel } from "@lockstep/node/onnx";
import { BATCH, firstState, HIDDEN, mlpModel, recurrence, WIDTH } from "./make.ts";

const bytes = new Uint8Array(readFileSync(join(import.meta.dirname, "mlp.onnx")));

// In float64: a reference for the tests only.
function next(state: Float64Array): Float64Array {
  const { inner, innerBias, outer, outerBias } = recurrence(1);
  const out = new Float64Array(BATCH * WIDTH);
  for (let b = 0; b < BATCH; b++) {
    for (let k = 0; k < WIDTH; k++) out[b * WIDTH + k] = outerBias[k]!;
    for (let h = 0; h < HIDDEN; h++) {
      let sum = innerBias[h]!;
      for (let k = 0; k < WIDTH; k++) sum += state[b * WIDTH + k]! * inner[k * HIDDEN + h]!;
      for (let k = 0; k < WIDTH; k++) out[b * WIDTH + k]! += Math.max(0, sum) * outer[h * WIDTH + k]!;
    }
  }
  return out;
}

test("mlp.onnx is what make.ts writes", () => {
  assert.deepEqual(serializeModel(mlpModel(recurrence(1))), bytes);
});

test("onnxruntime gives the reference's next state", async () => {
  const session = await InferenceSession.create(bytes, { intraOpNumThreads: 1, interOpNumThreads: 1 });
  const state = firstState(1);
  const { next: found } = await session.run({ state: new Tensor("float32", state, [BATCH, WIDTH]) });
  const expected = next(Float64Array.from(state));
  expected.forEach((value, i) => assert.ok(Math.abs(value - (found!.data as Float32Array)[i]!) < 1e-5));
});

test("the state stays in [-1, 1], keeps moving, and a small difference grows and stays", () => {
  let state: Float64Array = Float64Array.from(firstState(1));
  let other: Float64Array = state.slice();
  other[0]! += 1e-6;
  for (let step = 0; step < 500; step++) {
    const moved = next(state);
    assert.ok(
      moved.some((value, i) => Math.abs(value - state[i]!) > 0.1),
      `step ${step} stands still`,
    );
    state = moved;
    other = next(other);
    for (const value of state) assert.ok(Math.abs(value) <= 1, `step ${step}: ${value}`);
    if (step > 100)
      assert.ok(
        state.some((value, i) => Math.abs(value - other[i]!) > 0.01),
        `step ${step} forgets`,
      );
  }
});
