import { describe, it } from "node:test";
import { validateProgram } from "../../ir/validate-program.ts";
import { chain, recurrent, rowCache, singleWord } from "../fixtures.ts";
import type { Fixture } from "../fixtures.ts";
import { randomProgram } from "./fixtures.ts";
import { assertSameRun } from "./same-run.ts";
import type { Engine } from "./types.ts";
import { createWasmEngine } from "./wasm-engine.ts";

const ENGINES: Record<string, Engine> = {
  "the host's fma": createWasmEngine(),
  "emulated fma": createWasmEngine({ emulateFma: true }),
};
const PROGRAMS = 40;

for (const [name, engine] of Object.entries(ENGINES)) {
  describe(`the compiled engine, ${name}`, () => {
    it("runs small programs as the interpreter does", () => {
      const fixtures: [string, Fixture, number][] = [
        ["singleWord", singleWord(), 3],
        ["recurrent", recurrent(300), 5],
        ["two segments", recurrent(300, 2), 5],
        ["rowCache", rowCache(21), 6],
        ["chain", chain(35, 3000), 2],
      ];
      for (const [label, fixture, steps] of fixtures) assertSameRun(fixture, steps, engine, label);
    });

    it("runs random programs as the interpreter does", () => {
      for (let seed = 1; seed <= PROGRAMS; seed++) {
        const { steps, ...fixture } = randomProgram(seed);
        validateProgram(fixture.program);
        assertSameRun(fixture, steps, engine, `seed ${seed}`);
      }
    });
  });
}
