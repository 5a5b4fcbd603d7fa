// An honest claimant is away for good while its right claim is disputed: a watchtower that re-ran the claim opens for it,
// finalises the claim and settles the task, and gains nothing by it.
import assert from "node:assert/strict";
import { test } from "node:test";
import { openWorld, requestSteps, revealed } from "../actors/world.ts";

test("a watchtower defends an honest claimant that is away", { timeout: 180_000 }, async (t) => {
  const world = await openWorld(t, { window: 20, proofReveal: 2, clock: 30 });
  const [solver, liar, tower] = [await world.actor("solver"), await world.actor("liar"), await world.actor("tower")];
  await requestSteps(world, [solver, liar, tower], solver);
  await world.start(solver, "solver");
  await world.until("the claim is delivered", (sight) => revealed(sight) && sight.tasks[0]?.status === "delivered");
  await world.kill(solver);
  await Promise.all([
    world.start(tower, "watchtower"),
    world.start(liar, "verifier", "--walk-only", "--lie", "1:60:0x00800000:1"),
  ]);
  await world.until("the claim is final", ({ claims }) => claims.some(({ status }) => status === "final"), 120);
  await world.until("the solver is paid", ({ tasks }) => tasks.some(({ status }) => status === "paid"));

  const openings = [...(await world.events("NodeOpened")), ...(await world.events("ChunkOpened"))];
  assert.ok(openings.length >= 4, `${openings.length} openings`);
  for (const { args } of openings) assert.equal(args["opener"], tower.address);
  const [timedOut] = await world.events("ChallengeTimedOut");
  assert.equal(timedOut?.args["loser"], liar.address);
});
