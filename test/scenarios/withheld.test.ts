// A claim over inputs that nobody serves can't be checked, so they are demanded under the clock. Who has them shows them, and
// the claim is judged; who does not show them loses its bond, right or wrong.
import assert from "node:assert/strict";
import { join } from "node:path";
import { test } from "node:test";
import { openDatabase } from "@lockstep/node/chain/database";
import { silent } from "@lockstep/node/chain/test-chain";
import { interpreterEngine, inputsRootOf } from "@lockstep/node/engine";
import { ContentStore } from "@lockstep/node/roles/content-store";
import { Programs } from "@lockstep/node/roles/programs";
import { Runs } from "@lockstep/node/roles/runs";
import { createWalletClient, http, parseEther, type Hex } from "viem";
import { generatePrivateKey, privateKeyToAccount } from "viem/accounts";
import { openWorld, registerSteps, revealed, type Actor, type World } from "../actors/world.ts";

const STEPS = 4;
// Four rows of the 32 values that the example carries from step to step.
const INPUT_WORDS = 128;

test("a claimant that withholds its inputs loses by its clock", { timeout: 200_000 }, async (t) => {
  const world = await openWorld(t, { window: 30, proofReveal: 2, clock: 12 });
  const [solver, verifier] = [await world.actor("solver"), await world.actor("verifier")];
  await requestUnposted(world, [solver, verifier], solver);
  await world.start(solver, "solver");
  const { claimId, challengeUntil = 0 } = await world.until("the claim", revealed);
  await world.kill(solver);
  await world.start(verifier, "verifier");
  await world.until("the verdict", ({ claims }) => claims.some(({ status }) => status === "slashed"));

  const [first] = (await world.look()).challenges;
  assert.equal(first?.moves[0]?.position.section, 5, "a tensor of an input");
  const [demanded] = await world.events("NodeDemanded");
  assert.ok((demanded?.blockTime ?? 0) >= challengeUntil - 15, "whoever serves them late had half of the window");
  const [timedOut] = await world.events("ChallengeTimedOut");
  assert.deepEqual([timedOut?.args["claimId"], timedOut?.args["loser"]], [claimId, solver.address]);
  assert.deepEqual(await world.events("FraudProven"), []);
});

test("a claimant that shows what nobody serves keeps its claim", { timeout: 200_000 }, async (t) => {
  const world = await openWorld(t, { window: 30, proofReveal: 2, clock: 20 });
  const [solver, verifier] = [await world.actor("solver"), await world.actor("verifier")];
  await requestUnposted(world, [solver, verifier], solver);
  // The two are no peers of each other.
  await Promise.all([world.start(solver, "solver"), world.start(verifier, "verifier")]);
  const { claimId } = await world.until("the claim", revealed);
  await world.until("the claim is final", ({ claims }) => claims.some(({ status }) => status === "final"), 120);

  const chunks = await world.events("ChunkOpened");
  assert.ok(chunks.length > 0);
  for (const { args } of chunks) assert.equal((args["position"] as { section: number }).section, 5);
  assert.match(world.log(verifier), /"verdict":"agree"/);
  // Having been shown the words, the verifier had nothing to prove: its deposit pays for the showing.
  const [timedOut] = await world.events("ChallengeTimedOut");
  assert.deepEqual([timedOut?.args["claimId"], timedOut?.args["loser"]], [claimId, verifier.address]);
});

// A task whose inputs are posted nowhere; the solver alone has them.
async function requestUnposted(world: World, parties: readonly Actor[], solver: Actor): Promise<void> {
  const { programRoot } = await registerSteps(world, parties);
  const database = await openDatabase(join(solver.home, "state.db"));
  const store = new ContentStore(join(solver.home, "content"));
  const programs = new Programs({ database, store, log: silent });
  const runs = new Runs({ database, programs, store, engine: interpreterEngine });
  const inputs = [Uint32Array.from({ length: INPUT_WORDS }, (_, word) => 0x3f80_0000 + word * 64)];
  const inputsRoot = inputsRootOf(inputs);
  await runs.keepInputs(inputs, inputsRoot);
  await database.destroy();

  const account = privateKeyToAccount(generatePrivateKey());
  const { client, control, protocol, url } = world;
  await control.setBalance({ address: account.address, value: parseEther("1") });
  await world.mint(account.address);
  const wallet = createWalletClient({ account, transport: http(url) });
  const mined = async (hash: Hex) => {
    const receipt = await client.waitForTransactionReceipt({ hash, timeout: 30_000 });
    assert.equal(receipt.status, "success");
  };
  const price = parseEther("1");
  const approved = [protocol.market.address, price] as const;
  await mined(await wallet.writeContract({ ...protocol.token, functionName: "approve", args: approved, chain: null }));
  const { timestamp } = await client.getBlock();
  const deadline = timestamp + 3600n;
  const terms = { programRoot, inputsRoot, steps: STEPS, price, deadline, solver: solver.address };
  const args = [terms, "0x"] as const;
  await mined(await wallet.writeContract({ ...protocol.market, functionName: "request", args, chain: null }));
}
