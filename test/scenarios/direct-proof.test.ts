// A liar that serves its trace is caught without a walk: the verifier fetches the trace from it over the network, finds the
// first wrong number, and shows one proof, to which it committed a block before.
import assert from "node:assert/strict";
import { join } from "node:path";
import { test } from "node:test";
import { openKeystore } from "@lockstep/node/chain/keystore";
import { silent } from "@lockstep/node/chain/test-chain";
import { interpreterEngine } from "@lockstep/node/engine";
import { startDaemon } from "@lockstep/node/roles/daemon";
import type { NodeContext, Role } from "@lockstep/node/roles/node-context";
import { createSolver } from "@lockstep/node/roles/solver";
import { serveTrace } from "@lockstep/node/roles/trace-content";
import { tasksOf } from "@lockstep/node/roles/views";
import { openWorld, requestSteps, worthOf } from "../actors/world.ts";

const LIE = { step: 1, primitive: 0, element: 301, xor: 0x0080_0000 };

test("a liar that serves its trace is caught by a direct proof", { timeout: 150_000 }, async (t) => {
  const world = await openWorld(t, { window: 30, proofReveal: 3, clock: 45 });
  const [liar, verifier] = [await world.actor("liar"), await world.actor("verifier")];
  await requestSteps(world, [liar, verifier], liar);
  const daemon = await startDaemon(
    {
      home: liar.home,
      client: world.client,
      deployment: world.deployment,
      account: await openKeystore(join(liar.home, "keystore.json"), "liar"),
      listen: ["/ip4/127.0.0.1/tcp/0"],
      peers: [],
      engine: interpreterEngine,
      log: silent,
    },
    (context) => [openBook(context), ...createSolver(context, { lie: { kind: "given", lie: LIE } })],
  );
  t.after(() => daemon.stop());
  await world.start(verifier, "verifier", "--peer", daemon.addresses[0] ?? "");
  const { claimId } = await world.until("the verdict", ({ claims }) =>
    claims.find(({ status }) => status === "slashed"),
  );
  await world.until("the bounty is paid", ({ bounties }) => bounties.has(claimId));

  const { challenges } = await world.look();
  assert.deepEqual(challenges, [], "nobody walked");
  const [committed] = await world.events("ProofCommitted");
  const [shown] = await world.events("ProofRevealed");
  assert.deepEqual([committed?.args["committer"], shown?.args["committer"]], [verifier.address, verifier.address]);
  assert.ok((shown?.blockNumber ?? 0) > (committed?.blockNumber ?? 0), "in a later block");
  const [fraud] = await world.events("FraudProven");
  const { step, primitive, element, claimed, computed, challengeId } = fraud?.args ?? {};
  assert.deepEqual([step, primitive, element], [LIE.step, LIE.primitive, LIE.element]);
  assert.equal((Number(claimed) ^ Number(computed)) >>> 0, LIE.xor);
  assert.equal(BigInt(String(challengeId)), 0n, "in no challenge");
  const bond = BigInt(String((await world.events("ClaimCommitted"))[0]?.args["bondWei"]));
  const [settled] = await world.events("BountySettled");
  assert.deepEqual(
    [settled?.args["winner"], BigInt(String(settled?.args["amountWei"]))],
    [verifier.address, bond / 4n],
  );
  assert.ok((await worthOf(world, verifier.address)) > 100n * 10n ** 18n, "it gained");
});

// The one thing that an honest solver does and a cheat does not.
function openBook({ database, runs, served, sender }: NodeContext): Role {
  return {
    name: "open book",
    async tick() {
      for (const task of (await tasksOf(database)).values()) {
        if (task.solver === sender.address) serveTrace(served.part(task.taskId), await runs.get(task, LIE));
      }
    },
  };
}
