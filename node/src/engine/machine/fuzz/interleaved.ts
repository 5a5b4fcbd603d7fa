/**
 * Machines that take turns: slices of several runs on one engine, with lies in some of them, snapshots at random distances,
 * and steps executed again in random order. All is a function of the seed.
 */
import { below, createRandom, pick } from "../../../float/directed.ts";
import type { Random } from "../../../float/directed.ts";
import { segmentOfStep } from "../../../ir/program.ts";
import { createExecution, execute } from "../../execute.ts";
import type { Run } from "../../execute.ts";
import type { Fixture } from "../../fixtures.ts";
import type { Tamper } from "../../tamper.ts";
import { traceRootOf } from "../../trace.ts";
import { interpreterEngine } from "../runner-engine.ts";
import { requireSame } from "../same-run.ts";
import type { Engine } from "../types.ts";

type Stepped = Fixture & { readonly steps: number };

/** Runs the fixtures in turns on each engine and compares with what the interpreter gives, one after the other. */
export function assertSameTurns(
  fixtures: readonly Stepped[],
  engines: Readonly<Record<string, Engine>>,
  seed: number,
): void {
  const random = createRandom(seed);
  const trace = pick(random, ["full", "deferred"] as const);
  const snapshotSteps = pick(random, [1, 2, 3, 5, 32]);
  const options = fixtures.map(({ inputs, constants, steps, program }) => {
    const tamper = below(random, 2) === 0 ? { tamper: randomLie(random, { program, steps }) } : {};
    return { inputs, constants, steps, trace, snapshotSteps, ...tamper };
  });
  const expected = fixtures.map(({ program }, index) => {
    return execute(program, { ...options[index], engine: interpreterEngine });
  });
  for (const [name, engine] of Object.entries(engines)) {
    const executions = fixtures.map(({ program }, index) => createExecution(program, { ...options[index], engine }));
    const runs = inTurns(createRandom(seed), executions, fixtures);
    requireSameRuns(createRandom(seed), runs, expected, `seed ${seed}, ${name}`);
  }
}

function randomLie(random: Random, { program, steps }: Pick<Stepped, "program" | "steps">): Tamper {
  const step = below(random, steps);
  const { records } = program.segments[segmentOfStep(program, step)];
  const state = [...program.slots, ...program.outputs];
  const [primitive, item] = [below(random, records.length), below(random, state.length)];
  // Words that no primitive would write among them.
  const xor = pick(random, [1, 0x7fc00001, 1 + below(random, 2 ** 31)]);
  return below(random, 2) === 0
    ? { step, primitive, element: below(random, records[primitive].length), xor }
    : { step, item, element: below(random, state[item].length), xor };
}

function inTurns(
  random: Random,
  executions: readonly ReturnType<typeof createExecution>[],
  fixtures: readonly Stepped[],
): Run[] {
  const slices = executions.map((execution) => execution.advanceInSlices());
  const open = new Set(executions.keys());
  while (open.size > 0) {
    const turn = pick(random, [...open]);
    if (slices[turn].next().done !== true) continue;
    if (executions[turn].stepsDone === fixtures[turn].steps) open.delete(turn);
    else slices[turn] = executions[turn].advanceInSlices();
  }
  return executions.map((execution) => execution.finish());
}

const STEPS_AGAIN = 4;

function requireSameRuns(random: Random, runs: readonly Run[], expected: readonly Run[], label: string): void {
  for (const [index, run] of runs.entries()) {
    const own = `${label}, run ${index}`;
    requireSame(run.outputs, expected[index].outputs, `${own}: outputs`);
    run.roots.forEach(({ state }, step) => {
      requireSame(state, expected[index].roots[step].state, `${own}: state of step ${step}`);
    });
    requireSame(traceRootOf(run), traceRootOf(expected[index]), `${own}: trace`);
  }
  for (let count = STEPS_AGAIN * runs.length; count > 0; count--) {
    const index = below(random, runs.length);
    const step = below(random, runs[index].steps);
    const own = `${label}, run ${index}, step ${step}`;
    requireSame(runs[index].tensorsAt(step), expected[index].tensorsAt(step), own);
    requireSame(runs[index].roots[step].scratch, expected[index].roots[step].scratch, `${own}: scratch`);
  }
}
