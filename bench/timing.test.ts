// The parts of the benchmarks that are not measurements: medians, differences, declared inputs, feeds.
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { differenceOf } from "./engine-child.ts";
import { KERNELS, MODELS, NETWORKS, declaredInputs, feedOf, wordsOf } from "./models.ts";
import { alternate, median } from "./timing.ts";

describe("timing", () => {
  it("takes the middle of the times", () => {
    assert.equal(median([9, 1, 5]), 5);
    assert.equal(median([4, 1, 2, 3]), 3);
    assert.equal(median([7]), 7);
  });

  it("runs every candidate, at least as often as there are rounds", async () => {
    const calls = [0, 0];
    const times = await alternate(
      [
        { run: () => void calls[0]++ },
        {
          run: async () => {
            await Promise.resolve();
            calls[1]++;
          },
          settle: 1,
        },
      ],
      { budgetMs: 0, rounds: 3 },
    );
    assert.equal(times.length, 2);
    assert.ok(times.every((ms) => ms >= 0));
    assert.ok(calls.every((count) => count >= 3));
  });
});

describe("difference of outputs", () => {
  const words = (...values: number[]): Uint32Array => new Uint32Array(Float32Array.from(values).buffer);

  it("is relative to the largest value", () => {
    assert.equal(differenceOf(words(1, -4, 0.5), Float32Array.of(1, -4, 0.5)), 0);
    assert.equal(differenceOf(words(1, -4, 0.5), Float32Array.of(1, -4, 0.25)), 0.0625);
    assert.equal(differenceOf(words(Infinity, NaN), Float32Array.of(Infinity, NaN)), 0);
  });

  it("is infinite where one side is no number, or has another length", () => {
    assert.equal(differenceOf(words(NaN, 1), Float32Array.of(0, 1)), Infinity);
    assert.equal(differenceOf(words(0, 1), Float32Array.of(NaN, 1)), Infinity);
    assert.equal(differenceOf(words(Infinity, 1), Float32Array.of(1, 1)), Infinity);
    assert.equal(differenceOf(words(1), Float32Array.of(1, 1)), Infinity);
    // A value where only zeros belong.
    assert.equal(differenceOf(words(1), Float32Array.of(0)), Infinity);
  });
});

describe("models of the benchmarks", () => {
  it("have names of their own", () => {
    const names = MODELS.map(({ name }) => name);
    assert.equal(new Set(names).size, names.length);
  });

  it("declare inputs of known extents", () => {
    for (const model of [...KERNELS, ...NETWORKS]) {
      for (const { name, shape } of declaredInputs(model.build(), model.dims)) {
        assert.ok(
          shape.length > 0 && shape.every((extent) => Number.isInteger(extent) && extent > 0),
          `${model.name} ${name}`,
        );
      }
    }
  });
});

describe("feeds", () => {
  it("are the same for a name and a shape, and as the name says", () => {
    const ids = feedOf("input_ids", [2, 3], 10);
    assert.deepEqual(ids, feedOf("input_ids", [2, 3], 10));
    assert.ok(Array.from(wordsOf(ids)).every((id) => id < 10));
    assert.deepEqual(Array.from(wordsOf(feedOf("attention_mask", [1, 3]))), [1, 1, 1]);
    assert.deepEqual(Array.from(wordsOf(feedOf("position_ids", [1, 3]))), [0, 1, 2]);
    const { data } = feedOf("x", [100]);
    assert.ok(data instanceof Float32Array && data.every((value) => value >= -2 && value < 2));
  });
});
