import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { below, createRandom, wordOf } from "../../float/directed.ts";
import { buildScalar } from "../../ir/build.ts";
import type { ScalarProgram } from "../../ir/scalar.ts";
import { assertSameBits, directedWords, opcodeProgram } from "./fixtures.ts";
import { EngineMemoryError } from "./memory.ts";
import { createWasmRunner } from "./runner.ts";

function product(rows: number, columns: number, count: number, isSquared = false): ScalarProgram {
  return buildScalar({ operands: ["f32", "f32"], output: "f32", extents: [rows, columns] }, (b) => {
    const [sum] = b.loop({
      count,
      carried: [{ type: "f32", init: 0 }],
      body: ({ carried }) => [
        b.fma(
          b.load(0, b.mulI(b.digits[0], count), [[count, 1]]),
          b.load(1, b.mulI(b.digits[1], count), [[count, 1]]),
          carried[0],
        ),
      ],
      combine: ([total], [block]) => [b.add(total, block)],
    });
    return isSquared ? b.add(sum, b.load(1, b.digits[1])) : sum;
  });
}

describe("words that a runner keeps", () => {
  const [columns, count] = [40, 96];
  const random = createRandom(1);
  const weights = Uint32Array.from({ length: columns * count }, () =>
    wordOf(random(), 120 + below(random, 9), random()),
  );

  it("give the same bits in every layout and on every run", () => {
    const runner = createWasmRunner();
    runner.keep(weights);
    for (let turn = 0; turn < 3; turn++) {
      for (const rows of [1, 3, 8]) {
        const left = weights.map(() => wordOf(random(), 120 + below(random, 9), random())).subarray(0, rows * count);
        assertSameBits(runner, product(rows, columns, count), [left, weights], `${rows} rows, turn ${turn}`);
        assertSameBits(runner, product(rows, columns, count, true), [left, weights], `${rows} rows with bias`);
        assertSameBits(runner, product(columns, columns, count), [weights, weights], "by themselves");
      }
      assertSameBits(runner, opcodeProgram("neg", 0, "f32", weights.length), [weights], "negated");
    }
  });

  it("leave other words alone: they may change", () => {
    const runner = createWasmRunner();
    runner.keep(weights);
    const left = directedWords(2, 2 * count);
    for (let turn = 0; turn < 3; turn++) {
      left.fill(0x3f800000 + turn);
      assertSameBits(runner, product(2, columns, count), [left, weights], `turn ${turn}`);
    }
  });

  it("make way for runs that need the memory", () => {
    // 2 MiB, of which one may be kept.
    const runner = createWasmRunner({ maxPages: 32 });
    const kept = Array.from({ length: 4 }, (_, seed) => directedWords(seed, 60_000));
    const negated = opcodeProgram("neg", 0, "f32", 60_000);
    for (const words of kept) runner.keep(words);
    for (let turn = 0; turn < 2; turn++) {
      for (const words of kept) assertSameBits(runner, negated, [words], "kept");
      assertSameBits(runner, opcodeProgram("abs", 0, "f32", 200_000), [directedWords(9, 200_000)], "large");
    }
    const huge = opcodeProgram("abs", 0, "f32", 400_000);
    for (const words of kept) assertSameBits(runner, negated, [words], "kept again");
    assert.throws(() => runner.run(huge, 0, [new Uint32Array(400_000)], new Uint32Array(400_000)), EngineMemoryError);
    for (const words of kept) assertSameBits(runner, negated, [words], "after a refusal");
  });
});
