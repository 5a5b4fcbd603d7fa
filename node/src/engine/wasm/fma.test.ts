import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { createRandom, DIRECTED_CLASSES, drawOperands, specialTuples } from "../../float/directed.ts";
import { assertSameBits, opcodeProgram } from "./fixtures.ts";
import { draftFunction, get, shuffleWords, simd, V128, v128Const } from "./emit.ts";
import type { Code } from "./emit.ts";
import { emulatedFma, ofThree, roundsOnce } from "./fma.ts";
import { createWasmRunner } from "./runner.ts";

const CASES = 20_000;

describe("fma of four lanes", () => {
  const runners = { host: createWasmRunner(), emulated: createWasmRunner({ emulateFma: true }) };

  for (const [name, runner] of Object.entries(runners)) {
    it(`is exact over every class of directed words and all special words, ${name}`, () => {
      const random = createRandom(12);
      for (const className of Object.keys(DIRECTED_CLASSES)) {
        const triples = Array.from({ length: CASES }, () => drawOperands(random, className, 3));
        const columns = [0, 1, 2].map((column) => Uint32Array.from(triples, (triple) => triple[column]));
        assertSameBits(runner, opcodeProgram("fma", 0, "f32", CASES), columns, className);
      }
      const triples = specialTuples(3);
      const columns = [0, 1, 2].map((column) => Uint32Array.from(triples, (triple) => triple[column]));
      assertSameBits(runner, opcodeProgram("fma", 0, "f32", triples.length), columns, "special words");
    });
  }

  it("is emulated where that is asked for", () => {
    assert.equal(runners.emulated.isFused, false);
  });
});

describe("the probe of the host's fma", () => {
  it("takes an fma with one rounding", () => {
    assert.equal(roundsOnce(emulatedFma()), true);
  });

  it("refuses an instruction that the host does not have", () => {
    // No instruction has this code.
    assert.equal(roundsOnce(ofThree([0xfd, 0xff, 0x7f])), false);
  });

  it("refuses a product that is rounded, which is what a host without fma gives", () => {
    const unfused = draftFunction(null, [V128, V128, V128], [V128]);
    unfused.body = [get(0), get(1), simd("f32x4Mul"), get(2), simd("f32x4Add")];
    assert.equal(roundsOnce(unfused), false);
  });

  it("refuses a sum that is rounded to binary64 first", () => {
    const twice = draftFunction(null, [V128, V128, V128], [V128]);
    const half = (words: readonly number[]): Code => [
      [0, 1].map((local): Code => [get(local), get(local), shuffleWords(words), simd("promote")]),
      [simd("f64x2Mul"), get(2), get(2), shuffleWords(words), simd("promote"), simd("f64x2Add"), simd("demote")],
    ];
    twice.body = [half([0, 1, 0, 1]), half([2, 3, 2, 3]), shuffleWords([0, 1, 4, 5])];
    assert.equal(roundsOnce(twice), false);
  });

  it("refuses what is wrong in one lane alone", () => {
    const fused = emulatedFma();
    const cleared = { ...fused, body: [fused.body, v128Const([-1, -1, -1, 0]), simd("and")] };
    assert.equal(roundsOnce(cleared), false);
  });
});
