// A verifier is killed in the middle of a dispute and started again on the same home: it goes on where it was and wins.
import assert from "node:assert/strict";
import { test } from "node:test";
import { openWorld, requestSteps, revealed } from "../actors/world.ts";

test("a verifier killed in a dispute wins it after its restart", { timeout: 150_000 }, async (t) => {
  const world = await openWorld(t, { window: 40, proofReveal: 2, clock: 45 });
  const [cheat, verifier] = [await world.actor("cheat"), await world.actor("verifier")];
  await requestSteps(world, [cheat, verifier], cheat);
  await Promise.all([
    world.start(cheat, "solver", "--lie", "0:300:0x00400000:2"),
    world.start(verifier, "verifier", "--walk-only"),
  ]);
  const { claimId } = await world.until("a wrong claim", revealed);
  const before = await world.until(
    "a dispute",
    ({ challenges }) => challenges.find(({ moves }) => moves.length >= 3)?.moves.length,
  );
  await world.kill(verifier);
  await world.start(verifier, "verifier", "--walk-only");
  await world.until("the verdict", ({ claims }) => claims.some(({ status }) => status === "slashed"));

  const { challenges } = await world.look();
  assert.equal(challenges.length, 1, "it did not start another dispute");
  assert.ok((challenges[0]?.moves.length ?? 0) > before, "it played on");
  const [fraud] = await world.events("FraudProven");
  assert.deepEqual(
    [
      fraud?.args["claimId"],
      fraud?.args["prover"],
      fraud?.args["step"],
      fraud?.args["primitive"],
      fraud?.args["element"],
    ],
    [claimId, verifier.address, 2, 0, 300],
  );
  assert.equal(Number(fraud?.args["claimed"]) ^ Number(fraud?.args["computed"]), 0x0040_0000);
  const slashed = await world.events("ClaimSlashed");
  assert.equal(slashed[0]?.args["prover"], verifier.address);
});
