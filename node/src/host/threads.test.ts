import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import {
  areLost,
  awaitHelpers,
  createExecution,
  createWasmEngine,
  execute,
  interpreterEngine,
  ThreadLostError,
  traceRootOf,
} from "../engine/index.ts";
import { chain, recurrent, rowCache } from "../engine/fixtures.ts";
import { randomProgram } from "../engine/machine/fixtures.ts";
import { assertSameRun } from "../engine/machine/same-run.ts";
import { attachNative } from "./native-code.ts";
import { nativeSet } from "./native.ts";
import { startThreads } from "./threads.ts";

const PROGRAMS = 15;
/** A module whose function `run` traps. */
const TRAP = Buffer.from("0061736d01000000010401600000030201000707010372756e00000a05010300000b", "hex");

for (const helpers of [1, 2]) {
  describe(`an engine with ${helpers} helper threads`, () => {
    const threads = startThreads(helpers);
    before(() => assert.ok(awaitHelpers(threads, 60_000)));
    after(() => threads.stop());

    // Everything that can be cut is cut, however small.
    const set = nativeSet();
    const engines = {
      ...(set === null
        ? {}
        : { addon: createWasmEngine({ threads, grain: 1, tier: "addon", native: { set, attach: attachNative } }) }),
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

describe("helper threads that are gone or lost", () => {
  const fixture = chain(40, 60_000);
  const { program, inputs, constants } = fixture;
  const run = (engine: ReturnType<typeof createWasmEngine>, steps = 2) =>
    traceRootOf(execute(program, { inputs, constants, steps, engine }));
  const expected = traceRootOf(execute(program, { inputs, constants, steps: 2, engine: interpreterEngine }));

  it("can be waited for, without a turn of the event loop, but not for ever", async () => {
    const threads = startThreads(2);
    assert.equal(awaitHelpers({ ...threads, isGone: false, helpers: 3 }, 1), false);
    assert.equal(awaitHelpers(threads, 60_000), true);
    assert.equal(awaitHelpers({ ...threads, isGone: false, helpers: 3 }, 1), false);
    await threads.stop();
  });

  it("take their share of the work", async () => {
    const threads = startThreads(1);
    let units = 0;
    const profile = () => (units += 1);
    const engine = createWasmEngine({ threads, grain: 1, profile });
    assert.equal(run(engine), expected);
    const alone = units;
    // The helper needs a while to start.
    for (let turn = 0; turn < 100 && units >= alone; turn++) {
      await new Promise((resolve) => setTimeout(resolve, 50));
      units = 0;
      assert.equal(run(engine), expected);
    }
    assert.ok(units < alone, `${units} of ${alone} units in the calling thread`);
    await threads.stop();
  });

  it("serve several runs in slices by turns", async () => {
    const threads = startThreads(2);
    const engine = createWasmEngine({ threads, grain: 1 });
    const fixtures = [fixture, recurrent(300, 2), rowCache(21)];
    const runs = fixtures.map(({ program, inputs, constants }) => ({
      execution: createExecution(program, { inputs, constants, steps: 2, engine }),
      expected: traceRootOf(execute(program, { inputs, constants, steps: 2, engine: interpreterEngine })),
    }));
    for (let step = 0; step < 2; step++) {
      const slices = runs.map(({ execution }) => execution.advanceInSlices());
      for (const open = new Set(slices); open.size > 0;) {
        for (const slice of open) if (slice.next().done === true) open.delete(slice);
        await new Promise((resolve) => setImmediate(resolve));
      }
    }
    for (const { execution, expected } of runs) assert.equal(traceRootOf(execution.finish()), expected);
    await threads.stop();
  });

  it("are not waited for", async () => {
    const threads = startThreads(2);
    const engine = createWasmEngine({ threads, grain: 1 });
    assert.equal(run(engine), expected);
    // The calling thread goes on before it can know.
    const stopped = threads.stop();
    assert.equal(run(engine), expected);
    await stopped;
    assert.equal(threads.isGone, true);
    assert.equal(run(engine), expected);
  });

  it("end a run with an error where one is lost in the midst of a unit, and later runs do without", () => {
    const threads = startThreads(1, 200);
    const engine = createWasmEngine({ threads, grain: 1 });
    // A thread that took a unit and never came back: one more is taken than there are to be done.
    const add = Atomics.add.bind(Atomics);
    let isLost = false;
    Atomics.add = ((array: Int32Array, index: number, value: number) => {
      if (!isLost && array !== threads.control && index > 0 && index % 2 === 0) {
        isLost = true;
        add(array, index, value);
      }
      return add(array, index, value);
    }) as typeof Atomics.add;
    try {
      assert.throws(() => run(engine), ThreadLostError);
    } finally {
      Atomics.add = add;
    }
    assert.equal(run(engine), expected);
  });

  it("say what failed in one, and count as lost from then on", async () => {
    const threads = startThreads(1);
    assert.ok(awaitHelpers(threads, 60_000));
    // The helper gets kernels that trap.
    const trap = new WebAssembly.Module(TRAP);
    const post: typeof threads.post = (message) => {
      if (message.kind === "forget") threads.post(message);
      else threads.post({ ...message, parts: { ...message.parts, kernels: message.parts.kernels.map(() => trap) } });
    };
    const engine = createWasmEngine({ threads: { ...threads, isGone: false, post }, grain: 1 });
    assert.throws(
      () => {
        // The helper may come too late for a unit.
        for (let turn = 0; turn < 100; turn++) run(engine);
      },
      (error: unknown) => {
        assert.ok(error instanceof ThreadLostError);
        assert.match(String(error.cause), /^RuntimeError: unreachable/);
        return true;
      },
    );
    assert.equal(areLost(threads), true);
    assert.equal(run(engine), expected);
    await threads.stop();
  });

  it("are not lost by a time-out that the whole process slept through", async () => {
    const threads = startThreads(1, 4000);
    assert.ok(awaitHelpers(threads, 60_000));
    const engine = createWasmEngine({ threads, grain: 1 });
    const wait = Atomics.wait.bind(Atomics) as typeof Atomics.wait;
    let slept = 0;
    Atomics.wait = ((array: Int32Array, index: number, value: number, milliseconds?: number) => {
      if (array !== threads.control && slept++ % 2 === 0) return "timed-out";
      return wait(array, index, value, milliseconds);
    }) as typeof Atomics.wait;
    try {
      for (let turn = 0; turn < 100; turn++) {
        assert.equal(run(engine), expected);
        if (slept > 0) break;
      }
    } finally {
      Atomics.wait = wait;
    }
    assert.ok(slept > 0);
    assert.equal(areLost(threads), false);
    await threads.stop();
  });
});
