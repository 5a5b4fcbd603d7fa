// A claimant that is gone for good loses by its clock: the challenger need not prove anything.
import assert from "node:assert/strict";
import { test } from "node:test";
import { openWorld, requestSteps, revealed } from "../actors/world.ts";

test("a challenger wins against a claimant that is gone", { timeout: 150_000 }, async (t) => {
  const world = await openWorld(t, { window: 40, proofReveal: 2, clock: 12 });
  const [cheat, verifier] = [await world.actor("cheat"), await world.actor("verifier")];
  await requestSteps(world, [cheat, verifier], cheat);
  await world.start(cheat, "solver", "--lie", "random:3");
  const { claimId } = await world.until("a wrong claim", revealed);
  await world.kill(cheat);
  await world.start(verifier, "verifier");
  await world.until("the verdict", ({ claims }) => claims.some(({ status }) => status === "slashed"));

  const [timedOut] = await world.events("ChallengeTimedOut");
  assert.deepEqual([timedOut?.args["claimId"], timedOut?.args["loser"]], [claimId, cheat.address]);
  const [slashed] = await world.events("ClaimSlashed");
  assert.equal(slashed?.args["prover"], verifier.address);
  assert.deepEqual(await world.events("FraudProven"), []);
  const [demanded] = await world.events("NodeDemanded");
  const waited = (timedOut?.blockTime ?? 0) - (demanded?.blockTime ?? 0);
  assert.ok(waited >= 12, `the clock of 12 s ran ${waited} s`);
});
