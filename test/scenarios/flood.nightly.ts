// Many challengers at once, who demand the same node again and again, do not run an honest claimant's clocks down: it
// answers all of them in the block after they asked, however many they are.
import assert from "node:assert/strict";
import { test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { preimageOf, type Claim } from "@lockstep/node/roles/views";
import { createWalletClient, http, parseEther, type Hex, type TransactionReceipt } from "viem";
import { generatePrivateKey, privateKeyToAccount } from "viem/accounts";
import { openWorld, requestSteps, revealed, type World } from "../actors/world.ts";

const CHALLENGERS = 8;
const DEMANDS = 8;
// One answer a block in turn would take CHALLENGERS * DEMANDS seconds of each clock.
const CLOCK_SECONDS = 45;
// Two levels above the leaves of a tree of four steps is the trace root itself, which needs no path.
const TRACE_ROOT = { section: 0, height: 2, step: 0, item: 0, index: 0 };
const NOTHING_SHOWN = { summary: "0x", record: "0x", recordSiblings: [], interfaceTable: "0x" } as const;
const CHALLENGERS_TURN = 1;
const CLAIMANTS_TURN = 2;

test("a flood of challenges does not slash an honest claimant", { timeout: 240_000 }, async (t) => {
  const world = await openWorld(t, { window: 20, proofReveal: 2, clock: CLOCK_SECONDS });
  const solver = await world.actor("solver");
  await requestSteps(world, [solver], solver);
  await world.start(solver, "solver");
  const claim = await world.until("the claim", revealed);
  const demands = await Promise.all(Array.from({ length: CHALLENGERS }, () => flood(world, claim)));
  assert.deepEqual(
    demands,
    Array.from({ length: CHALLENGERS }, () => DEMANDS),
  );
  await world.until("every demand is answered", ({ challenges }) =>
    challenges.every(({ moves }) => moves.at(-1)?.kind === "open" && moves.length === 2 * DEMANDS),
  );
  assert.deepEqual(await world.events("ChallengeTimedOut"), []);
  await world.until("the claim is final", ({ claims }) => claims[0]?.status === "final", 120);
});

// Challenges and demands the trace root as often as it may before its own clock runs; returns how often.
async function flood({ client, control, protocol, url }: World, claim: Claim): Promise<number> {
  const account = privateKeyToAccount(generatePrivateKey());
  await control.setBalance({ address: account.address, value: parseEther("100") });
  const wallet = createWalletClient({ account, transport: http(url) });
  const { game } = protocol;
  const mined = async (hash: Hex): Promise<TransactionReceipt> => {
    const receipt = await client.waitForTransactionReceipt({ hash, timeout: 60_000 });
    assert.equal(receipt.status, "success");
    return receipt;
  };
  const value = await client.readContract({ ...game, functionName: "depositOf", args: [claim.moveFeeWei] });
  const args = [
    preimageOf(claim),
    0n,
    { node: claim.traceRoot ?? "0x", position: TRACE_ROOT, path: [], shown: NOTHING_SHOWN },
  ] as const;
  const opened = await mined(
    await wallet.writeContract({ ...game, functionName: "challenge", args, value, chain: null }),
  );
  const challengeId = opened.logs[0]?.topics[1] ?? "0x";
  for (let demands = 1; demands < DEMANDS;) {
    const { status } = await client.readContract({ ...game, functionName: "challengeOf", args: [challengeId] });
    if (status === CHALLENGERS_TURN) {
      await mined(await wallet.writeContract({ ...game, functionName: "demand", args, chain: null }));
      demands += 1;
      continue;
    }
    assert.equal(status, CLAIMANTS_TURN, `it ended after ${demands} demands`);
    const deadline = await client.readContract({ ...game, functionName: "deadlineOf", args: [challengeId] });
    const { timestamp } = await client.getBlock();
    assert.ok(timestamp <= deadline, `the claimant's clock ran out after ${demands} demands`);
    await sleep(200);
  }
  return DEMANDS;
}
