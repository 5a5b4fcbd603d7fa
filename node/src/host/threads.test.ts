import assert from "node:assert/strict";
import { after, describe, it } from "node:test";
import { createWasmEngine } from "../engine/index.ts";
import { chain, recurrent, rowCache } from "../engine/fixtures.ts";
import { randomProgram } from "../engine/machine/fixtures.ts";
import { assertSameRun } from "../engine/machine/same-run.ts";
import { startThreads } from "./threads.ts";

const PROGRAMS = 25;

for (const helpers of [1, 2]) {
  describe(`an engine with ${helpers} helper threads`, () => {
    const threads = startThreads(helpers);
    after(() => threads.stop());

    // Everything that can be cut is cut, however small.
    const engines = {
      "the host's fma": createWasmEngine({ threads, grain: 1 }),
      "emulated fma": createWasmEngine({ threads, grain: 1, emulateFma: true }),
    };
    for (const [name, engine] of Object.entries(engines)) {
      it(`runs programs as the interpreter does, ${name}`, () => {
        assert.equal(engine.threads, helpers + 1);
        assertSameRun(recurrent(300, 2), 5, engine, "two segments");
        assertSameRun(rowCache(21), 6, engine, "rowCache");
        assertSameRun(chain(35, 3000), 2, engine, "chain");
        for (let seed = 1; seed <= PROGRAMS; seed++) {
          const { steps, ...fixture } = randomProgram(seed);
          assertSameRun(fixture, steps, engine, `seed ${seed}`);
        }
      });
    }
  });
}
