import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { validateProgram } from "../../ir/validate-program.ts";
import { createExecution } from "../execute.ts";
import type { Run } from "../execute.ts";
import { chain, recurrent, rowCache, singleWord } from "../fixtures.ts";
import type { Fixture } from "../fixtures.ts";
import { traceRootOf } from "../trace.ts";
import { randomProgram } from "./fixtures.ts";
import { interpreterEngine } from "./runner-engine.ts";
import type { Engine, TraceMode } from "./types.ts";
import { createWasmEngine } from "./wasm-engine.ts";

const ENGINES: Record<string, Engine> = {
  "the host's fma": createWasmEngine(),
  "emulated fma": createWasmEngine({ emulateFma: true }),
};
const MODES: readonly TraceMode[] = ["full", "deferred", "none"];
const PROGRAMS = 40;

/** Every step's outputs, and the run. */
function outputsOf(
  fixture: Fixture,
  steps: number,
  engine: Engine,
  trace: TraceMode,
): { outputs: Uint32Array[][]; run: Run } {
  const { program, inputs, constants } = fixture;
  const execution = createExecution(program, { inputs, constants, steps, engine, trace, snapshotSteps: 2 });
  const outputs: Uint32Array[][] = [];
  while (execution.stepsDone < steps) outputs.push(execution.advance().map((words) => words.slice()));
  return { outputs, run: execution.finish() };
}

const EXPECTED = new Map<string, { outputs: Uint32Array[][]; run: Run }>();

/** What the interpreter gives, computed once for all engines. */
function expectedOf(
  fixture: Fixture,
  steps: number,
  label: string,
  trace: TraceMode,
): { outputs: Uint32Array[][]; run: Run } {
  const key = `${label} ${trace}`;
  const found = EXPECTED.get(key) ?? outputsOf(fixture, steps, interpreterEngine, trace);
  EXPECTED.set(key, found);
  return found;
}

function assertSameRun(fixture: Fixture, steps: number, engine: Engine, label: string): void {
  const expected = expectedOf(fixture, steps, label, "full");
  for (const trace of MODES) {
    const found = outputsOf(fixture, steps, engine, trace);
    assert.deepEqual(found.outputs, expected.outputs, `${label}, ${trace}: outputs`);
    found.run.roots.forEach(({ state }, step) => {
      assert.deepEqual(state, expected.run.roots[step].state, `${label}, ${trace}: state of step ${step}`);
    });
    if (trace === "none") continue;
    for (const step of [steps - 1, steps >> 1]) {
      assert.deepEqual(found.run.tensorsAt(step), expected.run.tensorsAt(step), `${label}, ${trace}: step ${step}`);
      assert.deepEqual(found.run.roots[step].scratch, expected.run.roots[step].scratch, `${label}, ${trace}: scratch`);
    }
    const same = trace === "full" ? expected : expectedOf(fixture, steps, label, trace);
    assert.equal(traceRootOf(found.run), traceRootOf(same.run), `${label}, ${trace}: trace`);
  }
}

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
