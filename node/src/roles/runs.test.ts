import assert from "node:assert/strict";
import { afterEach, beforeEach, describe, it } from "node:test";
import { bytesToHex } from "viem";
import { openDatabase, type NodeDatabase } from "../chain/database.ts";
import { silent, temporaryFolder } from "../chain/test-chain.ts";
import { execute, inputsRootOf, interpreterEngine, traceRootOf, type Engine } from "../engine/index.ts";
import { tensorRoot, type Hash } from "../merkle/index.ts";
import type { ContentExchange } from "../net/content.ts";
import { floats, modelOf } from "../onnx/fixtures.ts";
import { serializeModel } from "../onnx/index.ts";
import { ContentStore } from "./content-store.ts";
import { costOf, RunTooLargeError } from "./limits.ts";
import { Programs, type LoweredProgram } from "./programs.ts";
import {
  DEFERRED,
  InputsPastEndError,
  InputsUnavailableError,
  Runs,
  ServedContent,
  type RunComponents,
} from "./runs.ts";
import { hashOf, writeEvent } from "./test-events.ts";
import { joinInputs, splitInputs, wordsOf } from "./words.ts";

// y = (x + w) * b, with b given too.
const MODEL = serializeModel(
  modelOf({
    nodes: [
      { op: "Add", inputs: ["x", "w"], outputs: ["sum"] },
      { op: "Mul", inputs: ["sum", "b"], outputs: ["y"] },
    ],
    inputs: { x: { dtype: "float32", shape: [300] }, b: { dtype: "float32", shape: [1] } },
    initializers: { w: floats([1], [0.5]) },
    outputs: ["y"],
  }),
);
const INPUTS = [Uint32Array.from({ length: 300 }, (_, index) => 0x3f800000 + 4096 * index), Uint32Array.of(0x40000000)];
const INPUTS_ROOT = inputsRootOf(INPUTS);

describe("runs", () => {
  let folder: { path: string; remove(): void };
  let database: NodeDatabase;
  let store: ContentStore;
  let programs: Programs;
  let program: LoweredProgram;

  beforeEach(async () => {
    folder = temporaryFolder("runs");
    database = await openDatabase(":memory:");
    store = new ContentStore(folder.path);
    programs = new Programs({ database, store, log: silent });
    program = await programs.add(MODEL, { dims: {}, state: [] });
  });
  afterEach(async () => {
    await database.destroy();
    folder.remove();
  });

  const runsOf = (more: Partial<RunComponents> = {}) =>
    new Runs({ database, programs, store, engine: interpreterEngine, ...more });
  const request = () => ({ programRoot: program.programRoot, inputsRoot: INPUTS_ROOT, steps: 1 });
  const post = (inputData: string, inputsRoot = INPUTS_ROOT, taskId = hashOf(inputData)) =>
    writeEvent(database, "TaskRequested", {
      taskId,
      requester: `0x${"a".repeat(40)}`,
      programRoot: program.programRoot,
      inputsRoot,
      steps: 1,
      price: "1",
      deadline: "1",
      solver: `0x${"0".repeat(40)}`,
      inputData,
    });
  const expected = () =>
    traceRootOf(
      execute(program.program, {
        inputs: INPUTS,
        steps: 1,
        engine: interpreterEngine,
        constants: (root) => program.constants.get(root) ?? new Uint32Array(0),
      }),
    );

  // Peers that serve the inputs, as long as they are there.
  function peers() {
    const roots = INPUTS.map((words) => tensorRoot(words));
    const state = { away: false, asked: 0 };
    const exchange: Pick<ContentExchange, "fetchBytes" | "fetchLeaves"> = {
      fetchLeaves(root, count) {
        state.asked += 1;
        if (state.away || root !== INPUTS_ROOT || count !== 2) return Promise.reject(new Error(`nobody has ${root}`));
        return Promise.resolve(roots);
      },
      fetchBytes(root, length) {
        const words = INPUTS[roots.indexOf(root)];
        if (state.away || words?.length !== length / 4) return Promise.reject(new Error(`nobody has ${root}`));
        return Promise.resolve(joinInputs([words]));
      },
    };
    return { state, exchange: exchange as ContentExchange };
  }

  it("use the inputs posted with a task", async () => {
    await post(bytesToHex(joinInputs(INPUTS)));
    assert.equal(traceRootOf(await runsOf().get(request())), expected());
  });

  it("use none of the inputs that are not those of their root", async () => {
    const other = joinInputs([...INPUTS.slice(0, 1), Uint32Array.of(0x40400000)]);
    for (const bytes of [other, other.subarray(4), new Uint8Array(0)]) await post(bytesToHex(bytes));
    await assert.rejects(runsOf().get(request()), InputsUnavailableError);
    await post(bytesToHex(joinInputs(INPUTS)));
    assert.equal(traceRootOf(await runsOf().get(request())), expected());
  });

  it("fetch inputs that peers serve, and keep them when the peers are gone", async () => {
    const { state, exchange } = peers();
    assert.equal(traceRootOf(await runsOf({ exchange }).get(request())), expected());
    state.away = true;
    assert.equal(traceRootOf(await runsOf({ exchange }).get(request())), expected());
    assert.equal(traceRootOf(await runsOf().get(request())), expected());
    assert.equal(state.asked, 1);
  });

  it("run on inputs that came as whole chunks, and commit to the chunks", async () => {
    const whole = new Uint32Array(512);
    whole.set(INPUTS[0] ?? []);
    whole[511] = 9;
    const inputs = [whole, ...INPUTS.slice(1)];
    const inputsRoot = inputsRootOf(inputs);
    const runs = runsOf();
    assert.equal(await runs.hasInputs(program.program, inputsRoot), false);
    await assert.rejects(runs.keepInputs(INPUTS, inputsRoot), InputsUnavailableError);
    await runs.keepInputs(inputs, inputsRoot);
    assert.equal(await runs.hasInputs(program.program, inputsRoot), true);
    const run = await runs.get({ ...request(), inputsRoot });
    assert.equal(traceRootOf(run), expected());
    assert.deepEqual([...run.inputs], INPUTS);
    assert.equal(inputsRootOf(run.committedInputs), inputsRoot);
  });

  it("are not made for own claims over inputs that hold words past their ends, in whatever order they are asked for", async () => {
    const whole = new Uint32Array(512);
    whole.set(INPUTS[0] ?? []);
    const zeros = [whole.slice(), ...INPUTS.slice(1)];
    whole[300] = 9;
    const inputs = [whole, ...INPUTS.slice(1)];
    const inputsRoot = inputsRootOf(inputs);
    const runs = runsOf();
    await runs.keepInputs(inputs, inputsRoot);
    const past = { ...request(), inputsRoot };
    const refused = { name: "InputsPastEndError", values: { input: 0, length: 300 } };
    await assert.rejects(runs.get(past, undefined, true), refused);
    await assert.rejects(runs.prepare(past, true), InputsPastEndError);
    assert.equal(traceRootOf(await runs.get(past)), expected(), "a claim of another's is checked");
    await assert.rejects(runs.get(past, undefined, true), refused);
    assert.equal(traceRootOf(await runs.get(past)), expected());
    // Zeros past the end are nothing.
    await runs.keepInputs(zeros, INPUTS_ROOT);
    assert.equal(traceRootOf(await runs.get(request(), undefined, true)), expected());
  });

  it("commit to the state alone where a deferred trace is asked for", async () => {
    await post(bytesToHex(joinInputs(INPUTS)));
    const runs = runsOf();
    const [full, deferred] = [await runs.get(request()), await runs.get({ ...request(), traceMode: DEFERRED })];
    assert.deepEqual([full.trace, deferred.trace], ["full", "deferred"]);
    assert.notEqual(traceRootOf(full), traceRootOf(deferred));
    assert.equal(await runs.get({ ...request(), traceMode: 0 }), full);
  });

  it("keep their inputs when longer ones with the same root are fetched", async () => {
    const { state, exchange } = peers();
    await runsOf({ exchange }).get(request());
    state.away = true;
    const longer = Uint32Array.from({ length: 301 }, (_, index) => INPUTS[0]?.[index] ?? 0);
    assert.equal(await store.put(joinInputs([longer])), tensorRoot(INPUTS[0] as Uint32Array));
    assert.equal(traceRootOf(await runsOf({ exchange }).get(request())), expected());
  });

  it("are not made without inputs, and are made once they are served", async () => {
    await assert.rejects(runsOf().get(request()), InputsUnavailableError);
    const { state, exchange } = peers();
    state.away = true;
    const runs = runsOf({ exchange });
    await assert.rejects(runs.get(request()), /nobody has/);
    state.away = false;
    assert.equal(traceRootOf(await runs.get(request())), expected());
  });

  it("are made once for the same request, and apart for a lie", async () => {
    await post(bytesToHex(joinInputs(INPUTS)));
    const runs = runsOf();
    const lie = { step: 0, primitive: 0, element: 299, xor: 1 };
    const [one, same, wrong] = [runs.get(request()), runs.get(request()), runs.get(request(), lie)];
    assert.equal(one, same);
    assert.notEqual(traceRootOf(await one), traceRootOf(await wrong));
    assert.equal((await one).outputs[0]?.length, 300);
  });

  it("keep the last few, least recently used first to go", async () => {
    await post(bytesToHex(joinInputs(INPUTS)));
    const runs = runsOf();
    const of = (element: number) => runs.get(request(), { step: 0, primitive: 0, element, xor: 1 });
    const first = of(0);
    const second = of(1);
    for (let element = 2; element < 9; element++) await of(element).then(() => assert.equal(of(0), first));
    assert.notEqual(of(1), second);
    assert.equal(of(0), first);
  });

  it("are executed a few at a time, own ones and then cheap ones first", async () => {
    await post(bytesToHex(joinInputs(INPUTS)));
    const started: number[] = [];
    let [running, most] = [0, 0];
    const engine: Engine = {
      load(loaded, options) {
        most = Math.max(most, ++running);
        return interpreterEngine.load(loaded, options);
      },
    };
    const runs = runsOf({ engine });
    const ask = (steps: number, own = false) =>
      runs.get({ ...request(), steps }, undefined, own).then(() => {
        running--;
        started.push(steps);
      });
    const asked = Array.from({ length: 12 }, (_, index) => ask(40 - index));
    await Promise.all([...asked, ask(100, true)]);
    assert.ok(most <= 6, `${most} at once`);
    assert.deepEqual(
      started.filter((steps) => steps <= 36),
      Array.from({ length: 8 }, (_, index) => 29 + index),
      "those that waited, the cheapest first",
    );
  });

  it("hold no more bytes than one run may, and are made again where others took their room", async () => {
    await post(bytesToHex(joinInputs(INPUTS)));
    const cost = costOf(program.program, 1);
    let running = 0;
    const engine: Engine = {
      load(loaded, options) {
        assert.equal(++running, 1, "one at a time");
        return interpreterEngine.load(loaded, options);
      },
    };
    const runs = runsOf({ engine, limits: { ...cost, bytes: 1.5 * cost.bytes } });
    const lies = [0, 1, 2].map((element) => ({ step: 0, primitive: 0, element, xor: 1 }));
    const made = await Promise.all(
      lies.map(async (lie) => {
        const run = await runs.get(request(), lie);
        running--;
        return run;
      }),
    );
    assert.equal(await runs.get(request(), lies[2]), made[2], "the last one is kept");
    assert.notEqual(await runs.get(request(), lies[0]), made[0]);
  });

  it("beyond the limits are refused before anything is fetched or run", async () => {
    const { state, exchange } = peers();
    const cost = costOf(program.program, 1);
    for (const what of ["instructions", "bytes"] as const) {
      const runs = runsOf({ exchange, limits: { ...cost, [what]: cost[what] - 1 } });
      await assert.rejects(runs.get(request()), (error: unknown) => {
        assert.ok(error instanceof RunTooLargeError);
        assert.deepEqual([error.values["what"], error.values["cost"]], [what, cost[what]]);
        return true;
      });
    }
    assert.equal(state.asked, 0);
    await runsOf({ exchange, limits: cost }).get(request());
    const huge = runsOf({ exchange }).get({ ...request(), steps: 2 ** 32 - 1 });
    await assert.rejects(huge, RunTooLargeError);
  });

  it("cost in proportion to their steps", () => {
    const [one, ten] = [costOf(program.program, 1), costOf(program.program, 10)];
    assert.equal(ten.instructions, 10 * one.instructions);
    assert.ok(one.instructions >= 600, "an instruction an element at least");
    assert.ok(ten.bytes > one.bytes && ten.bytes < 10 * one.bytes, "tensors are kept for one step, roots for all");
  });
});

describe("served content", () => {
  const folder = temporaryFolder("served");

  it("serves stored files, inputs by their root, and lists and tensors made when they are asked for", async () => {
    const store = new ContentStore(folder.path);
    const served = new ServedContent(store);
    const file = new Uint8Array(10).fill(7);
    const root = await store.put(file);
    assert.deepEqual(new Uint8Array((await served.bytes(root, 10)) ?? []), file);
    const part = served.part("claim");
    part.addInputs(INPUTS);
    const roots = INPUTS.map((words) => tensorRoot(words));
    assert.deepEqual(await served.leaves(INPUTS_ROOT), roots);
    assert.deepEqual(await served.bytes(roots[1] as Hash, 4), joinInputs(INPUTS.slice(1)));
    let made = 0;
    part.addList(hashOf("list"), () => [hashOf(`leaf ${++made}`)]);
    assert.equal(made, 0);
    assert.deepEqual(await served.leaves(hashOf("list")), [hashOf("leaf 1")]);
    assert.equal(await served.leaves(hashOf("other")), undefined);
    assert.equal(await served.bytes(hashOf("other"), 4), undefined);
    // Tensors that differ in zeros at the end share a root: each is served by its length.
    part.addTensor(roots[1] as Hash, 2, () => Uint32Array.of(0x40000000, 0));
    assert.equal((await served.bytes(roots[1] as Hash, 4))?.length, 4);
    assert.equal((await served.bytes(roots[1] as Hash, 8))?.length, 8);
    assert.equal(await served.bytes(roots[1] as Hash, 12), undefined);
    served.drop("claim");
    assert.equal(await served.leaves(INPUTS_ROOT), undefined);
    assert.equal(await served.bytes(roots[1] as Hash, 4), undefined);
    assert.deepEqual(new Uint8Array((await served.bytes(root, 10)) ?? []), file);
    folder.remove();
  });
});

describe("posted words", () => {
  it("are big-endian, tensor after tensor, and cut by the program's interface", async () => {
    assert.deepEqual(
      joinInputs([Uint32Array.of(1), Uint32Array.of(0x01020304, 0xffffffff)]),
      Uint8Array.from([0, 0, 0, 1, 1, 2, 3, 4, 255, 255, 255, 255]),
    );
    assert.deepEqual(wordsOf(Uint8Array.from([9, 1, 2, 3, 4]).subarray(1)), Uint32Array.of(0x01020304));
    const interfaceOnly = { inputs: INPUTS.map(({ length }) => ({ type: "f32", length })) } as never;
    assert.deepEqual(splitInputs(interfaceOnly, joinInputs(INPUTS)), INPUTS);
    assert.equal(splitInputs(interfaceOnly, joinInputs(INPUTS).subarray(1)), undefined);
  });
});
