import assert from "node:assert/strict";
import { test } from "node:test";
import { UNCHANGED } from "../ir/program.ts";
import { validateProgram } from "../ir/validate-program.ts";
import { ZERO_HASH, hashPair, plainHasher } from "../merkle/hash.ts";
import type { Hash } from "../merkle/hash.ts";
import { tensorRoot } from "../merkle/tensor.ts";
import { rootOf, verifyPath, verifyRange } from "../merkle/tree.ts";
import { StepCountError, UncommittedRunError, UnfinishedRunError, createExecution, execute } from "./execute.ts";
import type { Run } from "./execute.ts";
import { chain, recurrent, rowCache, runFixture, singleWord } from "./fixtures.ts";
import type { Fixture } from "./fixtures.ts";
import {
  CommittedWordError,
  InputCountError,
  InputLengthError,
  ValueOutsideI32Error,
  inputWords,
  inputsRootOf,
} from "./inputs.ts";
import { ConstantLengthError, interpreterEngine, interpreterRunner } from "./machine/index.ts";
import type { Engine } from "./machine/index.ts";
import { segmentAt, stepPosition } from "./position.ts";
import { TamperError } from "./tamper.ts";
import type { Tamper } from "./tamper.ts";
import { openingOf, outputPathsOf, outputRootsOf, traceRootOf } from "./trace.ts";

// The commitment of a run from its definition: every tensor of every step hashed afresh.
function naiveTraceRoot({ program, inputs, constants }: Fixture, steps: number): { root: Hash; outputs: Hash[] } {
  let slots = program.slots.map(({ initial }) =>
    initial.kind === "input" ? inputs[initial.index] : constants(initial.root),
  );
  const nodes: Hash[] = [];
  let outputs: Hash[] = [];
  for (let step = 0; step < steps; step++) {
    const segment = segmentAt({ program, steps }, step);
    const scratch: Uint32Array[] = [];
    for (const record of segment.records) {
      const operands = record.operands.map((operand) => {
        if (operand.kind === "constant") return constants(operand.root);
        return { primitive: scratch, slot: slots, input: inputs }[operand.kind][operand.index];
      });
      const output = new Uint32Array(record.length);
      const scalar = program.scalars.get(record.scalar);
      assert.ok(scalar);
      interpreterRunner.run(scalar, step, operands, output);
      scratch.push(output);
    }
    slots = slots.map((words, slot) => {
      return segment.slotBindings[slot] === UNCHANGED ? words : scratch[segment.slotBindings[slot]];
    });
    outputs = segment.outputBindings.map((bound) => tensorRoot(scratch[bound]));
    const scratchRoot = rootOf(scratch.map((words) => tensorRoot(words)));
    const stateRoot = rootOf([...slots.map((words) => tensorRoot(words)), ...outputs]);
    nodes.push(hashPair(scratchRoot, stateRoot));
  }
  return { root: rootOf(nodes), outputs };
}

const FIXTURES: [string, () => Fixture, number][] = [
  ["singleWord", singleWord, 1],
  ["singleWord", singleWord, 3],
  ["recurrent", () => recurrent(7), 2],
  ["recurrent", () => recurrent(700), 5],
  ["two segments", () => recurrent(300, 2), 4],
  ["rowCache", () => rowCache(21), 4],
  ["chain", () => chain(35, 3000), 2],
];

for (const [name, fixture, steps] of FIXTURES) {
  test(`execute_${name}Of${steps}Steps_equalsTheNaiveCommitment`, () => {
    const made = fixture();
    validateProgram(made.program);
    const expected = naiveTraceRoot(made, steps);
    for (const options of [{}, { snapshotSteps: 1 }, { snapshotSteps: 3, hasher: plainHasher }]) {
      const run = runFixture(made, steps, options);
      assert.equal(traceRootOf(run), expected.root);
      assert.deepEqual(outputRootsOf(run), expected.outputs);
      assert.deepEqual(
        run.outputs.map((words) => tensorRoot(words)),
        expected.outputs,
      );
    }
  });
}

test("tensorsAt_anyStepInAnyOrder_givesTheTensorsThatWereCommitted", () => {
  const run = runFixture(recurrent(300, 2), 7, { snapshotSteps: 3 });
  for (const step of [6, 0, 3, 2, 5, 1, 4, 0]) {
    const tensors = run.tensorsAt(step);
    const roots = (words: readonly Uint32Array[]): Hash => rootOf(words.map((tensor) => tensorRoot(tensor)));
    assert.equal(roots(tensors.scratch), rootOf(run.roots[step].scratch));
    assert.equal(roots(tensors.state), rootOf(run.roots[step].state));
    const before = step === 0 ? run.tensorsAt(0).before : run.tensorsAt(step - 1).state.slice(0, 3);
    assert.deepEqual(tensors.before, before);
  }
  assert.throws(() => run.tensorsAt(7), StepCountError);
  assert.throws(() => run.tensorsAt(-1), StepCountError);
});

test("createExecution_inputsAndConstants_areNeverWritten", () => {
  const fixture = recurrent(300);
  const copies = fixture.inputs.map((words) => words.slice());
  const weights = fixture.program.segments[0].records[1].operands[0];
  assert.ok(weights.kind === "constant");
  const copy = fixture.constants(weights.root).slice();
  const run = runFixture(fixture, 5, { snapshotSteps: 2 });
  run.tensorsAt(4);
  assert.deepEqual(fixture.inputs, copies);
  assert.deepEqual(fixture.constants(weights.root), copy);
});

test("createExecution_advance_givesTheOutputsOfEachStep", () => {
  const fixture = recurrent(20);
  const execution = createExecution(fixture.program, {
    inputs: fixture.inputs,
    constants: fixture.constants,
    steps: 3,
    engine: interpreterEngine,
  });
  for (let step = 0; step < 3; step++) {
    assert.equal(execution.stepsDone, step);
    assert.throws(() => execution.finish(), UnfinishedRunError);
    assert.deepEqual(
      execution.advance().map((words) => words.slice()),
      runFixture(fixture, step + 1).outputs,
    );
  }
  assert.throws(() => execution.advance(), StepCountError);
  assert.equal(traceRootOf(execution.finish()), traceRootOf(runFixture(fixture, 3)));
});

test("createExecution_end_givesTheRunOfTheStepsDone", () => {
  const fixture = recurrent(20);
  for (const trace of ["full", "deferred", "none"] as const) {
    const options = { inputs: fixture.inputs, constants: fixture.constants, engine: interpreterEngine, trace };
    const execution = createExecution(fixture.program, { ...options, steps: 5 });
    assert.throws(() => execution.end(), UnfinishedRunError);
    execution.advance();
    execution.advance();
    assert.throws(() => execution.finish(), UnfinishedRunError);
    const run = execution.end();
    const whole = runFixture(fixture, 2, { trace });
    assert.equal(run.steps, 2);
    assert.deepEqual(run.outputs, whole.outputs);
    if (trace !== "none") assert.equal(traceRootOf(run), traceRootOf(whole));
    assert.deepEqual(run.tensorsAt(1), whole.tensorsAt(1));
    assert.throws(() => run.tensorsAt(2), StepCountError);
    assert.throws(() => execution.advance(), StepCountError);
  }
});

test("outputPathsOf_run_bindsTheOutputRootsToTheTraceRoot", () => {
  for (const [fixture, steps] of [[recurrent(300), 5] as const, [singleWord(), 1] as const]) {
    const run = runFixture(fixture, steps);
    const { scratchRoot, stateRoot, stepSiblings, outputSiblings } = outputPathsOf(run);
    assert.ok(verifyPath(traceRootOf(run), hashPair(scratchRoot, stateRoot), steps - 1, steps, stepSiblings));
    const { slots, outputs } = fixture.program;
    const items = slots.length + outputs.length;
    assert.ok(verifyRange(stateRoot, outputRootsOf(run), slots.length, items, outputSiblings));
  }
});

test("execute_tamper_changesTheTraceFromItsStepOn", () => {
  const fixture = recurrent(300);
  const honest = runFixture(fixture, 4);
  const tampers: Tamper[] = [
    { step: 2, primitive: 0, element: 299, xor: 1 },
    { step: 2, primitive: 3, element: 4, xor: 1 },
    { step: 2, item: 0, element: 5, xor: 0x80000000 },
    { step: 2, item: 4, element: 200, xor: 0x80000000 },
  ];
  const differs = (run: Run, step: number, tree: "scratch" | "state"): boolean => {
    return rootOf(run.roots[step][tree]) !== rootOf(honest.roots[step][tree]);
  };
  for (const tamper of tampers) {
    const run = runFixture(fixture, 4, { tamper });
    assert.ok(!differs(run, 1, "scratch") && !differs(run, 1, "state"));
    assert.equal(differs(run, 2, "scratch"), "primitive" in tamper);
    assert.ok(differs(run, 2, "state"));
    // Re-execution tells the same lie.
    assert.deepEqual(run.tensorsAt(3).state.slice(3), run.outputs);
  }
});

test("execute_malformedInput_isRefused", () => {
  const fixture = recurrent(10);
  const [x, ids] = fixture.inputs;
  assert.throws(() => runFixture(fixture, 1, { inputs: [x] }), InputCountError);
  assert.throws(() => runFixture(fixture, 1, { inputs: [x, ids, ids] }), InputCountError);
  assert.throws(() => runFixture(fixture, 1, { inputs: [x.subarray(1), ids] }), InputLengthError);
  assert.throws(() => runFixture(fixture, 1, { constants: () => new Uint32Array(1) }), ConstantLengthError);
  for (const steps of [0, -1, 1.5, 2 ** 20 + 1]) assert.throws(() => runFixture(fixture, steps), StepCountError);
  assert.throws(() => runFixture(fixture, 1, { snapshotSteps: 0 }), StepCountError);
  const lie = { step: 0, primitive: 0, element: 0, xor: 1 };
  for (const bad of [{ step: 1 }, { primitive: 5 }, { element: 256 }, { element: -1 }, { xor: 0 }]) {
    assert.throws(() => runFixture(fixture, 1, { tamper: { ...lie, ...bad } }), TamperError);
  }
  assert.throws(() => runFixture(fixture, 1, { tamper: { step: 0, item: 5, element: 0, xor: 1 } }), TamperError);
});

test("inputWords_values_areRoundedOrRefused", () => {
  assert.deepEqual(
    inputWords({ type: "f32", length: 3 }, [1, NaN, 0.1]),
    Uint32Array.of(0x3f800000, 0x7fc00000, 0x3dcccccd),
  );
  assert.deepEqual(
    inputWords({ type: "i32", length: 3 }, [-1n, 2 ** 31 - 1, -(2 ** 31)]),
    Uint32Array.of(0xffffffff, 0x7fffffff, 0x80000000),
  );
  assert.deepEqual(inputWords({ type: "bool", length: 3 }, [true, 0, 2]), Uint32Array.of(0xffffffff, 0, 0xffffffff));
  for (const value of [2 ** 31, -(2 ** 31) - 1, 0.5, NaN, 2n ** 63n]) {
    assert.throws(() => inputWords({ type: "i32", length: 1 }, [value]), ValueOutsideI32Error);
  }
  assert.throws(() => inputWords({ type: "i32", length: 2 }, [1]), InputLengthError);
});

test("inputsRootOf_inputs_isTheRootOverTheirRoots", () => {
  const inputs = [Uint32Array.of(1), Uint32Array.of(2, 3), new Uint32Array(300)];
  assert.equal(inputsRootOf(inputs), rootOf(inputs.map((words) => tensorRoot(words))));
  assert.equal(inputsRootOf(inputs.slice(0, 1)), tensorRoot(inputs[0]));
  assert.equal(inputsRootOf([]), ZERO_HASH);
});

test("execute_committedInputs_mustBeTheInputsOrWholeChunksOfThem", () => {
  const fixture = recurrent(300);
  const [wide, ids] = fixture.inputs;
  const whole = new Uint32Array(512);
  whole.set(wide);
  whole[300] = 5;
  const run = runFixture(fixture, 2, { committedInputs: [whole, ids] });
  assert.equal(traceRootOf(run), traceRootOf(runFixture(fixture, 2)));
  assert.notEqual(inputsRootOf(run.committedInputs), inputsRootOf(fixture.inputs));
  const refused = (committedInputs: Uint32Array[], error: new (...given: never[]) => Error) =>
    assert.throws(() => runFixture(fixture, 2, { committedInputs }), error);
  refused([whole], InputCountError);
  refused([whole.slice(0, 511), ids], InputLengthError);
  refused([whole, ids.slice()], InputLengthError);
  refused([whole.with(299, 0x1234), ids], CommittedWordError);
});

test("execute_deferredTrace_commitsToTheStateAloneAndMakesTheRestOnDemand", () => {
  const fixture = recurrent(300, 2);
  const full = runFixture(fixture, 5);
  const run = runFixture(fixture, 5, { trace: "deferred", snapshotSteps: 2 });
  const nodes = full.roots.map(({ state }) => hashPair(ZERO_HASH, rootOf(state)));
  assert.equal(traceRootOf(run), rootOf(nodes));
  assert.deepEqual(run.outputs, full.outputs);
  for (const step of [4, 0, 2]) {
    assert.deepEqual(run.roots[step].scratch, full.roots[step].scratch);
    assert.deepEqual(run.roots[step].state, full.roots[step].state);
    const opened = openingOf(run, stepPosition(step));
    assert.deepEqual(opened, { kind: "nodes", nodes: [ZERO_HASH, rootOf(full.roots[step].state)] });
  }
  const { scratchRoot, stateRoot, stepSiblings, outputSiblings } = outputPathsOf(run);
  assert.equal(scratchRoot, ZERO_HASH);
  assert.ok(verifyPath(traceRootOf(run), hashPair(scratchRoot, stateRoot), 4, 5, stepSiblings));
  const items = fixture.program.slots.length + fixture.program.outputs.length;
  assert.ok(verifyRange(stateRoot, outputRootsOf(run), fixture.program.slots.length, items, outputSiblings));
});

test("execute_withoutTrace_givesTheOutputsAndNoRoots", () => {
  const fixture = recurrent(300, 2);
  const run = runFixture(fixture, 5, { trace: "none" });
  assert.deepEqual(run.outputs, runFixture(fixture, 5).outputs);
  assert.deepEqual(run.roots, []);
  assert.throws(() => traceRootOf(run), UncommittedRunError);
  assert.throws(() => outputRootsOf(run), UncommittedRunError);
  assert.deepEqual(run.tensorsAt(3), runFixture(fixture, 5).tensorsAt(3));
});

test("tensorsAt_machineThatFailed_isReplacedForTheNextCall", () => {
  const { program, inputs, constants } = recurrent(20);
  let broken = -1;
  let loads = 0;
  const engine: Engine = {
    load(...given) {
      const load = loads++;
      const machine = interpreterEngine.load(...given);
      return {
        ...machine,
        advance(step, options) {
          if (load <= broken) throw new UnfinishedRunError(step, 6);
          return machine.advance(step, options);
        },
      };
    },
  };
  const run = execute(program, { inputs, constants, steps: 6, engine });
  broken = 0;
  assert.throws(() => run.tensorsAt(5), UnfinishedRunError);
  assert.deepEqual(run.tensorsAt(5), execute(program, { inputs, constants, steps: 6, engine }).tensorsAt(5));
});

test("createExecution_finishedTwice_givesTheSameRun", () => {
  const { program, inputs, constants } = recurrent(20);
  const execution = createExecution(program, { inputs, constants, steps: 2, engine: interpreterEngine });
  execution.advance();
  execution.advance();
  const [one, other] = [execution.finish(), execution.finish()];
  assert.equal(traceRootOf(one), traceRootOf(other));
  assert.deepEqual(one.tensorsAt(1), other.tensorsAt(1));
});
