// An honest solver is killed while a dishonest verifier disputes its right claim. Started again, it opens whatever is
// demanded; the challenger, who is the honest verifier with one lie in its own run, finds nothing to prove and loses its
// deposit to the claimant by its clock.
import assert from "node:assert/strict";
import { test } from "node:test";
import { openWorld, requestSteps, revealed, worthOf } from "../actors/world.ts";

test("an honest solver killed in a dispute keeps its claim after its restart", { timeout: 180_000 }, async (t) => {
  const world = await openWorld(t, { window: 20, proofReveal: 2, clock: 25 });
  const [solver, liar] = [await world.actor("solver"), await world.actor("liar")];
  await requestSteps(world, [solver, liar], solver);
  await Promise.all([
    world.start(solver, "solver"),
    world.start(liar, "verifier", "--walk-only", "--lie", "0:100:0x00800000:1"),
  ]);
  const { claimId } = await world.until("the claim", revealed);
  await world.until("a dispute", ({ challenges }) => challenges.some(({ moves }) => moves.length >= 3));
  await world.kill(solver);
  await world.until("a demand meets nobody", ({ challenges }) =>
    challenges.some(({ moves }) => moves.at(-1)?.kind === "demand"),
  );
  await world.start(solver, "solver");
  await world.until("the chunk is open", ({ challenges }) =>
    challenges.some(({ moves }) => moves.at(-1)?.kind === "openChunk"),
  );
  const worth = await worthOf(world, solver.address);
  await world.until("the claim is final", ({ claims }) => claims.some(({ status }) => status === "final"));
  await world.until("it is paid", ({ tasks }) => tasks.some(({ status }) => status === "paid"));

  const [timedOut] = await world.events("ChallengeTimedOut");
  assert.deepEqual([timedOut?.args["claimId"], timedOut?.args["loser"]], [claimId, liar.address]);
  const [opened] = await world.events("ChallengeOpened");
  const [closed] = await world.events("ChallengeClosed");
  assert.equal(closed?.args["claimStands"], true);
  assert.equal(closed?.args["payoutWei"], opened?.args["depositWei"]);
  assert.deepEqual(await world.events("FraudProven"), []);
  const gained = (await worthOf(world, solver.address)) - worth;
  const deposit = BigInt(String(opened?.args["depositWei"]));
  const bond = BigInt(String((await world.events("ClaimCommitted"))[0]?.args["bondWei"]));
  // Its bond and the deposit, less the gas of four transactions at most.
  assert.ok(gained <= bond + deposit && gained > bond + deposit - 10n ** 16n, `gained ${gained} wei`);
});
