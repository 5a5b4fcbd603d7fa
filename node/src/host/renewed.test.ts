import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { chain } from "../engine/fixtures.ts";
import {
  areLost,
  createWasmEngine,
  execute,
  interpreterEngine,
  ThreadLostError,
  traceRootOf,
} from "../engine/index.ts";
import type { Engine } from "../engine/index.ts";
import { plainHasher } from "../merkle/index.ts";
import { renewedEngine } from "./renewed.ts";
import { startThreads, type StartedThreads } from "./threads.ts";

const { program, inputs, constants } = chain(40, 60_000);
const run = (engine: Engine) => traceRootOf(execute(program, { inputs, constants, steps: 2, engine }));
const noted = (name: string, loads: string[]): Engine => ({
  load(...given) {
    loads.push(name);
    return interpreterEngine.load(...given);
  },
});
const loadOn = ({ load }: Engine) => void load(program, { inputs, constants, trace: "none", hasher: plainHasher });

describe("an engine with threads that are replaced", () => {
  it("loads without threads after a loss, twice as often after each, and with new ones then", () => {
    const loads: string[] = [];
    const stopped: number[] = [];
    const started: { areThreadsLost: boolean }[] = [];
    const engine = renewedEngine(noted("alone", loads), () => {
      const number = started.length;
      const stop = () => Promise.resolve(void stopped.push(number));
      const made = { ...noted(`threads ${number}`, loads), areThreadsLost: false, stop };
      started.push(made);
      return made;
    });
    for (let load = 0; load < 11; load++) {
      loadOn(engine);
      if ([1, 3, 6].includes(load)) started.at(-1)!.areThreadsLost = true;
    }
    const expected = ["threads 0", "threads 0", "alone", "threads 1", "alone", "alone", "threads 2"];
    assert.deepEqual(loads, [...expected, ...Array<string>(4).fill("alone")]);
    loadOn(engine);
    assert.equal(loads.at(-1), "threads 3");
    assert.deepEqual(stopped, [0, 1, 2]);
  });

  it("tries again where threads do not start, and never where they fail their test", () => {
    const loads: string[] = [];
    let starts = 0;
    const late = renewedEngine(noted("alone", loads), () => {
      if (++starts < 3) throw new ThreadLostError(1);
      return { ...noted("threads", loads), areThreadsLost: false, stop: () => Promise.resolve() };
    });
    for (let load = 0; load < 4; load++) loadOn(late);
    assert.deepEqual(loads, ["alone", "alone", "alone", "threads"]);
    starts = 0;
    const wrong = renewedEngine(noted("alone", loads), () => (starts++, null));
    for (let load = 0; load < 4; load++) loadOn(wrong);
    assert.equal(starts, 1);
    const broken = renewedEngine(interpreterEngine, () => {
      throw new RangeError("no memory");
    });
    assert.throws(() => loadOn(broken), RangeError);
  });

  it("has the same bits before, in and after a loss of real threads", async () => {
    const expected = run(interpreterEngine);
    const all: StartedThreads[] = [];
    const engine = renewedEngine(createWasmEngine(), () => {
      const threads = startThreads(1);
      all.push(threads);
      const { load } = createWasmEngine({ threads, grain: 1 });
      return {
        load,
        get areThreadsLost() {
          return areLost(threads);
        },
        stop: () => threads.stop(),
      };
    });
    assert.equal(run(engine), expected);
    await all[0].stop();
    for (let turn = 0; turn < 3; turn++) assert.equal(run(engine), expected);
    assert.equal(all.length, 2);
    assert.equal(areLost(all[1]), false);
    await all[1].stop();
  });
});
