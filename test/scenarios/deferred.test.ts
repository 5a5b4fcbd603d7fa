// A cheat claims a deferred trace with a lie in it: only states are committed to, so nothing can be proven at once. The
// verifier walks; the cheat has to post the root over what its step computed, and that is what it is caught by.
import assert from "node:assert/strict";
import { test } from "node:test";
import { openWorld, requestSteps, revealed } from "../actors/world.ts";

test(
  "a lie in a deferred trace is found through the root that was posted for its step",
  { timeout: 200_000 },
  async (t) => {
    const world = await openWorld(t, { window: 40, proofReveal: 2, clock: 45 });
    const [cheat, verifier] = [await world.actor("cheat"), await world.actor("verifier")];
    await requestSteps(world, [cheat, verifier], cheat);
    await Promise.all([
      world.start(cheat, "solver", "--trace", "deferred", "--lie", "0:300:0x00400000:2"),
      world.start(verifier, "verifier"),
    ]);
    const { claimId, traceMode } = await world.until("a wrong claim", revealed);
    assert.equal(traceMode, 1);
    await world.until("the verdict", ({ claims }) => claims.some(({ status }) => status === "slashed"));

    const opened = await world.events("StepOpened");
    assert.equal(opened.length, 1);
    const { step, scratchRoot, opener } = opened[0]?.args ?? {};
    assert.deepEqual([step, opener], [2, cheat.address]);
    const { game } = world.protocol;
    const posted = await world.client.readContract({ ...game, functionName: "scratchRootOf", args: [claimId, 2] });
    assert.equal(posted, scratchRoot);
    const [fraud] = await world.events("FraudProven");
    const { prover, kind, primitive, element, claimed, computed } = fraud?.args ?? {};
    assert.deepEqual(
      [fraud?.args["claimId"], prover, kind, fraud?.args["step"], primitive, element],
      [claimId, verifier.address, 0, 2, 0, 300],
    );
    assert.equal((Number(claimed) ^ Number(computed)) >>> 0, 0x0040_0000);
    const [{ moves } = { moves: [] }] = (await world.look()).challenges;
    const answers = moves.filter(({ kind }) => kind !== "demand").map(({ kind }) => kind);
    assert.deepEqual(answers, ["open", "openStep", "open", "openChunk"]);
  },
);
