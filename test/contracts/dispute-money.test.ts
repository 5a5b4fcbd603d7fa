// Where every wei of a dispute goes: deposits, move fees oldest first up to a quarter of the bond, bounties, and at least
// half of the bond burnt. Each scenario ends with both contracts holding exactly what they owe.
import assert from "node:assert/strict";
import { describe, it } from "node:test";

import type { Address, Hex } from "viem";

import {
  assertSolvent,
  at,
  BOND,
  CHALLENGE,
  createWorld,
  demandTop,
  DEPOSIT,
  FEE,
  HIGH_FEE,
  MAX_DEMANDS,
  now,
  openChallenge,
  openTop,
  PARAMETERS,
  proofOfFault,
  revealedClaim,
  SINK,
  walk,
} from "./support/world.ts";

const CLOCK = BigInt(PARAMETERS.clockSeconds);
const BOUNTY = BOND / 4n;
const PAID_DEMANDS = 128;
const HIGH_DEPOSIT = BigInt(MAX_DEMANDS) * HIGH_FEE + PARAMETERS.challengeFloorWei;

describe("DisputeGame money", async () => {
  const world = await createWorld();
  const { viem, game, claims, accounts, networkHelpers, client } = world;
  const { claimant, challenger, second, third } = accounts;
  const emits = viem.assertions.emitWithArgs;

  async function begin(): Promise<void> {}
  async function fixture(moveFeeWei = FEE): Promise<Hex> {
    await networkHelpers.loadFixture(begin);
    return (await revealedClaim(world, { moveFeeWei })).claimId;
  }
  const prove = (challengeId: Hex, account: Address) => game.write.prove([challengeId, 0, proofOfFault()], { account });
  const credit = (account: Address) => game.read.creditOf([account]);
  const burnt = () => client.getBalance({ address: SINK });

  /** As many whole walks of the claimant against itself. */
  async function flood(claimId: Hex, walks: number): Promise<Hex[]> {
    const opened: Hex[] = [];
    for (let i = 0; i < walks; i++) {
      opened.push(await openChallenge(world, claimId, claimant));
      await walk(world, opened[i], claimant, MAX_DEMANDS);
    }
    return opened;
  }

  async function expire(challengeId: Hex): Promise<void> {
    const deadline = await game.read.deadlineOf([challengeId]);
    if ((await now(world)) <= deadline) await at(world, deadline + 1n);
    await game.write.timeout([challengeId]);
  }

  it("a challenger that proves gets bounty, deposit and fees; the rest burns", async () => {
    const claimId = await fixture();
    const challengeId = await openChallenge(world, claimId, challenger);
    await walk(world, challengeId, challenger, 5);
    const hash = await prove(challengeId, challenger);
    const fees = 5n * FEE;
    await emits(hash, game, "ChallengeClosed", [challengeId, claimId, false, DEPOSIT + fees]);
    await emits(hash, game, "BountySettled", [claimId, challenger, BOUNTY]);
    await emits(hash, claims, "ClaimSlashed", [claimId, claimant, challenger, BOUNTY, BOND - BOUNTY - fees]);
    assert.equal(await credit(challenger), BOUNTY + DEPOSIT + fees);
    assert.equal(await burnt(), BOND - BOUNTY - fees);
    await assertSolvent(world);
    await game.write.withdraw({ account: challenger });
    assert.equal(await client.getBalance({ address: game.address }), 0n);
    assert.equal(await client.getBalance({ address: claims.address }), 0n);
  });

  it("a challenger whose demand is not answered gets the same", async () => {
    const claimId = await fixture();
    const challengeId = await openChallenge(world, claimId, challenger);
    await demandTop(world, challengeId, challenger);
    await expire(challengeId);
    assert.equal(await credit(challenger), BOUNTY + DEPOSIT + FEE);
    assert.equal(await burnt(), BOND - BOUNTY - FEE);
    await assertSolvent(world);
  });

  it("a claim that stands gets the whole deposit of each challenger, whoever opened", async () => {
    const claimId = await fixture();
    const first = await openChallenge(world, claimId, challenger);
    const other = await openChallenge(world, claimId, second);
    await demandTop(world, first, challenger);
    await openTop(world, first, third);
    await expire(first);
    await expire(other);
    assert.equal(await credit(claimant), 2n * DEPOSIT);
    assert.equal(await credit(third), 0n);
    const { challengeUntil } = await claims.read.claimOf([claimId]);
    await at(world, challengeUntil + PARAMETERS.proofRevealSeconds + 1n);
    await claims.write.finalize([claimId]);
    assert.equal(await claims.read.creditOf([claimant]), BOND);
    assert.equal(await burnt(), 0n);
    await assertSolvent(world);
  });

  it("every open challenge of a slashed claim is refunded with a fee per demand", async () => {
    const claimId = await fixture();
    const winner = await openChallenge(world, claimId, challenger);
    const answered = await openChallenge(world, claimId, second);
    const asked = await openChallenge(world, claimId, third);
    await walk(world, answered, second, 3);
    await demandTop(world, asked, third);
    await prove(winner, challenger);
    await assertSolvent(world);
    const closed = await game.write.close([answered], { account: second });
    await emits(closed, game, "ChallengeClosed", [answered, claimId, false, DEPOSIT + 3n * FEE]);
    await game.write.close([asked], { account: third });
    assert.equal(await credit(challenger), BOUNTY + DEPOSIT);
    assert.equal(await credit(second), DEPOSIT + 3n * FEE);
    assert.equal(await credit(third), DEPOSIT + FEE);
    assert.equal(await burnt(), BOND - BOUNTY - 4n * FEE);
    assert.equal((await game.read.challengeOf([asked])).status, CHALLENGE.refunded);
    await assertSolvent(world);
  });

  it("a challenge that lost before gets nothing of a later slash", async () => {
    const claimId = await fixture();
    const lost = await openChallenge(world, claimId, second);
    await walk(world, lost, second, 2);
    const winner = await openChallenge(world, claimId, challenger);
    await expire(lost);
    await prove(winner, challenger);
    assert.equal(await credit(second), 0n);
    assert.equal(await credit(claimant), DEPOSIT);
    assert.equal(await burnt(), BOND - BOUNTY);
    await assertSolvent(world);
  });

  it("fees go to the oldest demands first, a quarter of the bond in all", async () => {
    const claimId = await fixture(HIGH_FEE);
    await flood(claimId, PAID_DEMANDS / MAX_DEMANDS - 1);
    const first = await openChallenge(world, claimId, challenger);
    const other = await openChallenge(world, claimId, second);
    await walk(world, first, challenger, 10);
    await walk(world, other, second, 9);
    await walk(world, first, challenger, 1);
    assert.equal((await game.read.challengeOf([first])).paidDemands, 10);
    assert.equal((await game.read.challengeOf([other])).paidDemands, 6);
    await prove(other, second);
    await game.write.close([first], { account: challenger });
    assert.equal(await credit(challenger), HIGH_DEPOSIT + 10n * HIGH_FEE);
    assert.equal(await credit(second), BOUNTY + HIGH_DEPOSIT + 6n * HIGH_FEE);
    assert.ok((await burnt()) >= BOND / 2n);
    await assertSolvent(world);
  });

  it("a lost challenge frees its fees for later demands", async () => {
    const claimId = await fixture(HIGH_FEE);
    for (const own of await flood(claimId, PAID_DEMANDS / MAX_DEMANDS)) await expire(own);
    const other = await openChallenge(world, claimId, second);
    await walk(world, other, second, 4);
    assert.equal((await game.read.challengeOf([other])).paidDemands, 4);
    await prove(other, second);
    await assertSolvent(world);
  });

  it("a claimant that challenges itself leaves the fees and the bounty of an honest challenger", async () => {
    const claimId = await fixture(HIGH_FEE);
    const [own] = await flood(claimId, 1);
    const honest = await openChallenge(world, claimId, challenger);
    await walk(world, honest, challenger, 8);
    await prove(honest, challenger);
    await game.write.close([own]);
    assert.equal(await credit(challenger), BOUNTY + HIGH_DEPOSIT + 8n * HIGH_FEE);
    // A 32nd of the bond comes back to the claimant.
    assert.equal(await credit(claimant), HIGH_DEPOSIT + BigInt(MAX_DEMANDS) * HIGH_FEE);
    await assertSolvent(world);
  });

  it("a claimant that slashes itself burns at least half of its bond", async () => {
    const claimId = await fixture(HIGH_FEE);
    const walks = await flood(claimId, PAID_DEMANDS / MAX_DEMANDS);
    await prove(walks[walks.length - 1], claimant);
    for (const own of walks.slice(0, -1)) await game.write.close([own]);
    const back = (await credit(claimant)) - BigInt(walks.length) * HIGH_DEPOSIT;
    assert.ok(back <= BOND / 2n, `${back} of ${BOND}`);
    assert.ok((await burnt()) >= BOND / 2n);
    await assertSolvent(world);
  });

  it("two claims never share money", async () => {
    const claimId = await fixture();
    const { claimId: other } = await revealedClaim(world, { inputsRoot: `0x${"77".repeat(32)}` });
    const winner = await openChallenge(world, claimId, challenger);
    const open = await openChallenge(world, other, second);
    await walk(world, open, second, 2);
    await prove(winner, challenger);
    assert.equal(await client.getBalance({ address: claims.address }), BOND);
    assert.equal(await client.getBalance({ address: game.address }), BOUNTY + 2n * DEPOSIT);
    await assertSolvent(world);
    await expire(open);
    assert.equal(await credit(claimant), DEPOSIT);
    await assertSolvent(world);
  });

  it("nothing is slashed when the sink refuses coin", async () => {
    const claimId = await fixture();
    const challengeId = await openChallenge(world, claimId, challenger);
    await networkHelpers.setCode(SINK, "0x5f5ffd");
    const before = await now(world);
    await viem.assertions.revertWithCustomError(prove(challengeId, challenger), claims, "BurnRefused");
    assert.equal(await game.read.deadlineOf([challengeId]), before + CLOCK);
    await assertSolvent(world);
  });
});
