import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { recurrent, rowCache, runFixture } from "./fixtures.ts";
import { createSnapshots } from "./kept-snapshots.ts";
import { createWasmEngine, interpreterEngine, type Machine, type Snapshot } from "./machine/index.ts";
import { traceRootOf } from "./trace.ts";

// A machine of one slot of two pieces, of which the second changes before every snapshot; sees what it is told was the last.
function fakeMachine(told: (Snapshot | null)[]): Machine {
  const kept = new Uint32Array(16);
  const snapshot = (last: Snapshot | null): Snapshot => {
    told.push(last);
    return { slots: [[last?.slots[0][0] ?? kept, Uint32Array.of(told.length)]] };
  };
  return { snapshot } as Partial<Machine> as Machine;
}

describe("kept snapshots", () => {
  it("are one every few steps, as long as their pieces fit, then every second of them", () => {
    const told: (Snapshot | null)[] = [];
    const machine = fakeMachine(told);
    // 64 bytes of the shared piece and 4 for each of three.
    const snapshots = createSnapshots(2, 76);
    const takenBefore = (steps: number) => Array.from({ length: steps + 1 }, (_, step) => snapshots.before(step).taken);
    for (let done = 1; done <= 6; done++) snapshots.take(done, machine);
    assert.deepEqual(takenBefore(6), [0, 0, 2, 2, 4, 4, 6]);
    snapshots.take(7, machine);
    snapshots.take(8, machine);
    assert.deepEqual(takenBefore(8), [0, 0, 0, 0, 4, 4, 4, 4, 8]);
    assert.deepEqual(snapshots.before(5).snapshot?.slots[0][1], Uint32Array.of(2));
    for (let done = 9; done <= 16; done++) snapshots.take(done, machine);
    assert.deepEqual(takenBefore(16), [...Array<number>(8).fill(0), ...Array<number>(8).fill(8), 16]);
    assert.equal(told.length, 6);
  });

  it("tell a machine the last one it made, kept or not", () => {
    const told: (Snapshot | null)[] = [];
    const machine = fakeMachine(told);
    const snapshots = createSnapshots(1, 0);
    const made: Snapshot[] = [];
    const noting = { ...machine, snapshot: (last: Snapshot | null) => made[made.push(machine.snapshot(last)) - 1] };
    for (let done = 1; done <= 64; done++) snapshots.take(done, noting);
    // Nothing fits: one is made at 1, 2, 4, 8 ... steps, and dropped.
    assert.equal(made.length, 7);
    assert.deepEqual(told, [null, ...made.slice(0, -1)]);
    for (let step = 0; step < 64; step++) assert.deepEqual(snapshots.before(step), { snapshot: null, taken: 0 });
  });

  it("give every step again where most of them were dropped, on every engine", () => {
    for (const engine of [interpreterEngine, createWasmEngine()]) {
      for (const [fixture, steps] of [
        [recurrent(300, 2), 13],
        [rowCache(70), 13],
      ] as const) {
        const whole = runFixture(fixture, steps, { snapshotSteps: 1 });
        for (const snapshotBytes of [0, 5_000, 60_000]) {
          const run = runFixture(fixture, steps, { engine, snapshotSteps: 1, snapshotBytes });
          assert.equal(traceRootOf(run), traceRootOf(whole));
          for (const step of [12, 0, 7, 3, 8]) assert.deepEqual(run.tensorsAt(step), whole.tensorsAt(step), `${step}`);
        }
      }
    }
  });
});
