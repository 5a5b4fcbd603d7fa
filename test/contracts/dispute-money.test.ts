// Where every wei of a dispute goes: deposits, move fees oldest first up to a quarter of the bond, bounties, and at least
// half of the bond burnt. Each scenario ends with both contracts holding exactly what they owe.
import assert from "node:assert/strict";
import { describe, it } from "node:test";

import type { Address } from "viem";

import {
  assertSolvent,
  at,
  BOND,
  CHALLENGE,
  challengeUntilOf,
  close,
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
  prove,
  revealedClaim,
  SINK,
  timeOut,
  walk,
  type ChallengeInPlay,
  type Commitment,
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
  async function fixture(moveFeeWei = FEE): Promise<Commitment> {
    await networkHelpers.loadFixture(begin);
    return revealedClaim(world, { moveFeeWei });
  }
  const credit = (account: Address) => game.read.creditOf([account]);
  const burnt = () => client.getBalance({ address: SINK });

  /** As many whole walks of the claimant against itself. */
  async function flood(claim: Commitment, walks: number): Promise<ChallengeInPlay[]> {
    const opened: ChallengeInPlay[] = [];
    for (let i = 0; i < walks; i++) {
      opened.push(await openChallenge(world, claim, claimant));
      await walk(world, opened[i], MAX_DEMANDS);
    }
    return opened;
  }

  async function expire(challenge: ChallengeInPlay): Promise<void> {
    const deadline = await game.read.deadlineOf([challenge.challengeId]);
    if ((await now(world)) <= deadline) await at(world, deadline + 1n);
    await timeOut(world, challenge);
  }

  it("a challenger that proves gets bounty, deposit and fees; the rest burns", async () => {
    const claim = await fixture();
    const challenge = await openChallenge(world, claim, challenger);
    await walk(world, challenge, 5);
    const hash = await prove(world, challenge);
    const fees = 5n * FEE;
    await emits(hash, game, "ChallengeClosed", [challenge.challengeId, claim.claimId, false, DEPOSIT + fees]);
    await emits(hash, game, "BountySettled", [claim.claimId, challenger, BOUNTY]);
    await emits(hash, claims, "ClaimSlashed", [claim.claimId, claimant, challenger, BOUNTY, BOND - BOUNTY - fees]);
    assert.equal(await credit(challenger), BOUNTY + DEPOSIT + fees);
    assert.equal(await burnt(), BOND - BOUNTY - fees);
    await assertSolvent(world);
    await game.write.withdraw({ account: challenger });
    assert.equal(await client.getBalance({ address: game.address }), 0n);
    assert.equal(await client.getBalance({ address: claims.address }), 0n);
  });

  it("a challenger whose demand is not answered gets the same", async () => {
    const claim = await fixture();
    const challenge = await openChallenge(world, claim, challenger);
    await expire(challenge);
    assert.equal(await credit(challenger), BOUNTY + DEPOSIT + FEE);
    assert.equal(await burnt(), BOND - BOUNTY - FEE);
    await assertSolvent(world);
  });

  it("a claim that stands gets the whole deposit of each challenger, whoever opened", async () => {
    const claim = await fixture();
    const first = await openChallenge(world, claim, challenger);
    const other = await openChallenge(world, claim, second);
    await openTop(world, first, third);
    await demandTop(world, first);
    await openTop(world, first, third);
    await openTop(world, other, third);
    await expire(first);
    await expire(other);
    assert.equal(await credit(claimant), 2n * DEPOSIT);
    assert.equal(await credit(third), 0n);
    const challengeUntil = await challengeUntilOf(world, claim.claimId);
    await at(world, challengeUntil + PARAMETERS.proofRevealSeconds + 1n);
    await claims.write.finalize([claim.claim]);
    assert.equal(await claims.read.creditOf([claimant]), BOND);
    assert.equal(await burnt(), 0n);
    await assertSolvent(world);
  });

  it("every open challenge of a slashed claim is refunded with a fee per demand", async () => {
    const claim = await fixture();
    const winner = await openChallenge(world, claim, challenger);
    const answered = await openChallenge(world, claim, second);
    const asked = await openChallenge(world, claim, third);
    await walk(world, answered, 3);
    await prove(world, winner);
    await assertSolvent(world);
    const closed = await close(world, answered, second);
    await emits(closed, game, "ChallengeClosed", [answered.challengeId, claim.claimId, false, DEPOSIT + 3n * FEE]);
    await close(world, asked, third);
    assert.equal(await credit(challenger), BOUNTY + DEPOSIT + FEE);
    assert.equal(await credit(second), DEPOSIT + 3n * FEE);
    assert.equal(await credit(third), DEPOSIT + FEE);
    assert.equal(await burnt(), BOND - BOUNTY - 5n * FEE);
    assert.equal((await game.read.challengeOf([asked.challengeId])).status, CHALLENGE.refunded);
    await assertSolvent(world);
  });

  it("a challenge that lost before gets nothing of a later slash", async () => {
    const claim = await fixture();
    const lost = await openChallenge(world, claim, second);
    await walk(world, lost, 2);
    const winner = await openChallenge(world, claim, challenger);
    await expire(lost);
    await prove(world, winner);
    assert.equal(await credit(second), 0n);
    assert.equal(await credit(claimant), DEPOSIT);
    assert.equal(await burnt(), BOND - BOUNTY - FEE);
    await assertSolvent(world);
  });

  it("fees go to the oldest demands first, a quarter of the bond in all", async () => {
    const claim = await fixture(HIGH_FEE);
    await flood(claim, PAID_DEMANDS / MAX_DEMANDS - 1);
    const first = await openChallenge(world, claim, challenger);
    const other = await openChallenge(world, claim, second);
    await walk(world, first, 10);
    await walk(world, other, 9);
    await walk(world, first, 1);
    assert.equal((await game.read.challengeOf([first.challengeId])).paidDemands, 10);
    assert.equal((await game.read.challengeOf([other.challengeId])).paidDemands, 6);
    await prove(world, other);
    await close(world, first, challenger);
    assert.equal(await credit(challenger), HIGH_DEPOSIT + 10n * HIGH_FEE);
    assert.equal(await credit(second), BOUNTY + HIGH_DEPOSIT + 6n * HIGH_FEE);
    assert.ok((await burnt()) >= BOND / 2n);
    await assertSolvent(world);
  });

  it("a lost challenge frees its fees for later demands", async () => {
    const claim = await fixture(HIGH_FEE);
    for (const own of await flood(claim, PAID_DEMANDS / MAX_DEMANDS)) await expire(own);
    const other = await openChallenge(world, claim, second);
    await walk(world, other, 4);
    assert.equal((await game.read.challengeOf([other.challengeId])).paidDemands, 4);
    await prove(world, other);
    await assertSolvent(world);
  });

  it("a claimant that challenges itself leaves the fees and the bounty of an honest challenger", async () => {
    const claim = await fixture(HIGH_FEE);
    const [own] = await flood(claim, 1);
    const honest = await openChallenge(world, claim, challenger);
    await walk(world, honest, 8);
    await prove(world, honest);
    await close(world, own);
    assert.equal(await credit(challenger), BOUNTY + HIGH_DEPOSIT + 8n * HIGH_FEE);
    // A 32nd of the bond comes back to the claimant.
    assert.equal(await credit(claimant), HIGH_DEPOSIT + BigInt(MAX_DEMANDS) * HIGH_FEE);
    await assertSolvent(world);
  });

  it("a claimant that slashes itself burns at least half of its bond", async () => {
    const claim = await fixture(HIGH_FEE);
    const walks = await flood(claim, PAID_DEMANDS / MAX_DEMANDS);
    await prove(world, walks[walks.length - 1]);
    for (const own of walks.slice(0, -1)) await close(world, own);
    const back = (await credit(claimant)) - BigInt(walks.length) * HIGH_DEPOSIT;
    assert.ok(back <= BOND / 2n, `${back} of ${BOND}`);
    assert.ok((await burnt()) >= BOND / 2n);
    await assertSolvent(world);
  });

  it("two claims never share money", async () => {
    const claim = await fixture();
    const other = await revealedClaim(world, { inputsRoot: `0x${"77".repeat(32)}` });
    const winner = await openChallenge(world, claim, challenger);
    const open = await openChallenge(world, other, second);
    await walk(world, open, 2);
    await prove(world, winner);
    assert.equal(await client.getBalance({ address: claims.address }), BOND);
    assert.equal(await client.getBalance({ address: game.address }), BOUNTY + 2n * DEPOSIT + FEE);
    await assertSolvent(world);
    await expire(open);
    assert.equal(await credit(claimant), DEPOSIT);
    await assertSolvent(world);
  });

  it("nothing is slashed when the sink refuses coin", async () => {
    const claim = await fixture();
    const challenge = await openChallenge(world, claim, challenger);
    await networkHelpers.setCode(SINK, "0x5f5ffd");
    const before = await now(world);
    await viem.assertions.revertWithCustomError(prove(world, challenge), claims, "BurnRefused");
    assert.equal(await game.read.deadlineOf([challenge.challengeId]), before + CLOCK);
    await assertSolvent(world);
  });
});
