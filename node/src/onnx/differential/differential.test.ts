/**
 * Compares a few random models of every operator with onnxruntime, where it is installed. Sums run in another order there, so
 * floats are compared within a tolerance. Many more run in test/conformance/operators.nightly.ts.
 */

import assert from "node:assert/strict";
import { test } from "node:test";
import { interpreterEngine } from "../../engine/machine/index.ts";
import { createWasmEngine } from "../../engine/machine/index.ts";
import { compareCase, describeCase, drawFrom, given, wordsOn } from "./compare.ts";
import type { Comparison, DrawnCase } from "./compare.ts";
import { GENERATORS } from "./index.ts";
import { runOnnxruntime } from "./onnxruntime.ts";

const SEEDS = [1, 2, 3];

for (const [name, generate] of GENERATORS) {
  test(`${name} equals onnxruntime (seeds ${SEEDS.join(", ")})`, { skip: runOnnxruntime === undefined }, async () => {
    const results: Comparison[] = [];
    for (const seed of SEEDS) {
      const drawn = generate(drawFrom(seed));
      const result = await compareCase(drawn, runOnnxruntime!);
      assert.notEqual(result.status, "differs", `seed ${seed}: ${JSON.stringify(result)} ${describeCase(drawn)}`);
      results.push(result);
    }
    // What is refused here, such as an output without elements, is not compared: some model must be.
    const isRefused = (result: Comparison): boolean => result.status === "refused" && result.by === "lockstep";
    assert.equal(results.every(isRefused), false, JSON.stringify(results));
  });
}

test(`compiled kernels give the interpreter's words on every operator (seeds ${SEEDS.join(", ")})`, () => {
  const compiled = createWasmEngine();
  let compared = 0;
  for (const [name, generate] of GENERATORS) {
    for (const seed of SEEDS) {
      const drawn = generate(drawFrom(seed));
      const expected = wordsOn(drawn, interpreterEngine);
      if (expected === undefined) continue;
      assert.deepEqual(wordsOn(drawn, compiled), expected, `${name}, seed ${seed}: ${describeCase(drawn)}`);
      compared += 1;
    }
  }
  assert.equal(compared > 300, true);
});

const relu: DrawnCase = { op: "Relu", inputs: [given({ dtype: "float32", shape: [2], data: Float32Array.of(-1, 2) })] };
const answer =
  (...values: number[]) =>
  () =>
    Promise.resolve({ y0: { dtype: "float32" as const, shape: [2], data: Float32Array.from(values) } });

test("a comparison tells equal, different and refused apart", async () => {
  const status = async (drawn: DrawnCase, run: Parameters<typeof compareCase>[1]): Promise<Comparison> =>
    compareCase(drawn, run);
  assert.deepEqual(await status(relu, answer(0, 2)), { status: "equal" });
  assert.equal((await status(relu, answer(0, 3))).status, "differs");
  const other = await status(relu, () => Promise.reject(new Error("no kernel")));
  assert.deepEqual(other, { status: "refused", by: "other", reason: "no kernel" });
  const own = await status({ ...relu, op: "Bernoulli" }, answer(0, 2));
  assert.equal(own.status === "refused" && own.by === "lockstep", true);
});

test("equal seeds draw equal cases", () => {
  for (const generate of GENERATORS.values()) {
    assert.deepEqual(generate(drawFrom(7)), generate(drawFrom(7)));
  }
});
