import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { createRandom, DIRECTED_CLASSES, drawOperands, specialTuples } from "../../float/directed.ts";
import { assertSameBits, opcodeProgram } from "./fixtures.ts";
import { isFusedHost } from "./fma.ts";
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

  it("is the host's only where the probe says so", () => {
    assert.equal(runners.host.isFused, isFusedHost());
    assert.equal(runners.emulated.isFused, false);
  });
});
