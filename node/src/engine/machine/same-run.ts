/** For tests of engines: whether a run on one is the run on the interpreter, in outputs, roots and re-executed tensors. */
import { createCache } from "../cache.ts";
import { createExecution } from "../execute.ts";
import type { Run } from "../execute.ts";
import type { Fixture } from "../fixtures.ts";
import { traceRootOf } from "../trace.ts";
import { interpreterEngine } from "./runner-engine.ts";
import type { Engine, TraceMode } from "./types.ts";

const MODES: readonly TraceMode[] = ["full", "deferred", "none"];

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

const EXPECTED = createCache<{ outputs: Uint32Array[][]; run: Run }>(100);

/** What the interpreter gives, computed once for all engines: the label and the trace name the run. */
function expectedOf(
  fixture: Fixture,
  steps: number,
  label: string,
  trace: TraceMode,
): { outputs: Uint32Array[][]; run: Run } {
  return EXPECTED.get(`${label} ${trace}`, () => outputsOf(fixture, steps, interpreterEngine, trace));
}

/** Runs a fixture in every trace mode on the engine and on the interpreter, and compares every word and root. */
export function assertSameRun(fixture: Fixture, steps: number, engine: Engine, label: string): void {
  const expected = expectedOf(fixture, steps, label, "full");
  for (const trace of MODES) {
    const found = outputsOf(fixture, steps, engine, trace);
    requireSame(found.outputs, expected.outputs, `${label}, ${trace}: outputs`);
    found.run.roots.forEach(({ state }, step) => {
      requireSame(state, expected.run.roots[step].state, `${label}, ${trace}: state of step ${step}`);
    });
    if (trace === "none") continue;
    for (const step of [steps - 1, steps >> 1]) {
      requireSame(found.run.tensorsAt(step), expected.run.tensorsAt(step), `${label}, ${trace}: step ${step}`);
      requireSame(found.run.roots[step].scratch, expected.run.roots[step].scratch, `${label}, ${trace}: scratch`);
    }
    const same = trace === "full" ? expected : expectedOf(fixture, steps, label, trace);
    requireSame(traceRootOf(found.run), traceRootOf(same.run), `${label}, ${trace}: trace`);
  }
}

/** Throws where two values differ and tells where: words, lists of them, and plain objects. */
export function requireSame(found: unknown, expected: unknown, label: string): void {
  const difference = differenceOf(found, expected);
  if (difference !== null) throw new Error(`${label}${difference}`);
}

/** Where two values differ, or null: words, lists of them, and plain objects. */
function differenceOf(found: unknown, expected: unknown): string | null {
  if (typeof expected !== "object" || expected === null || typeof found !== "object" || found === null) {
    return found === expected ? null : ` is ${String(found)}, not ${String(expected)}`;
  }
  const [one, other] = [found, expected].map((value) => value as Record<string, unknown>);
  if (ArrayBuffer.isView(found) || Array.isArray(found)) {
    const [length, wanted] = [one["length"], other["length"]];
    if (length !== wanted) return ` has ${String(length)} elements, not ${String(wanted)}`;
  }
  for (const key in other) {
    const difference = differenceOf(one[key], other[key]);
    if (difference !== null) return `, ${key}${difference}`;
  }
  return null;
}
