// A solver that is killed again and again, whatever it is doing, still makes exactly one claim, reveals it, delivers it and
// is paid.
import assert from "node:assert/strict";
import { test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { openWorld, requestSteps } from "../actors/world.ts";

const SEED = 20_261_120;

test(`a solver killed at any moment is paid in the end (seed ${SEED})`, { timeout: 300_000 }, async (t) => {
  const world = await openWorld(t, { window: 15, proofReveal: 2, reveal: 90, accept: 200 });
  const solver = await world.actor("solver");
  await requestSteps(world, [solver], solver);
  const random = mulberry32(SEED);
  let kills = 0;
  for (;;) {
    await world.start(solver, "solver");
    await sleep(150 + 1_500 * random());
    const { tasks } = await world.until("the mirror", (sight) => sight);
    if (tasks[0]?.status === "paid") break;
    await world.kill(solver);
    kills += 1;
  }
  t.diagnostic(`killed ${kills} times`);
  assert.ok(kills >= 3);
  for (const name of [
    "TaskAccepted",
    "ClaimCommitted",
    "ClaimRevealed",
    "TaskDelivered",
    "ClaimFinalized",
    "TaskPaid",
  ]) {
    assert.equal((await world.events(name)).length, 1, name);
  }
});

function mulberry32(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
