// Committed proofs: bonds, the times to commit and reveal, and who takes the bounty.
import assert from "node:assert/strict";
import { describe, it } from "node:test";

import { keccak256, type Address, type Hex } from "viem";

import {
  assertSolvent,
  at,
  BOND,
  CHALLENGE,
  CLAIM,
  commitmentOf,
  createWorld,
  demandTop,
  DEPOSIT,
  FAULT,
  FEE,
  now,
  openChallenge,
  openTop,
  PARAMETERS,
  proofOfFault,
  revealedClaim,
  SINK,
  walk,
} from "./support/world.ts";

const SALT = keccak256("0x53");
const UNKNOWN = keccak256("0xff");
const PROOF = proofOfFault();
const BOUNTY = BOND / 4n;
const { proofBondWei, proofRevealSeconds } = PARAMETERS;

describe("DisputeGame committed proofs", async () => {
  const world = await createWorld();
  const { viem, game, claims, referee, accounts, networkHelpers, client } = world;
  const { claimant, challenger, second, third, stranger } = accounts;
  const fails = viem.assertions.revertWithCustomErrorWithArgs;
  const emits = viem.assertions.emitWithArgs;

  async function begin() {
    const { claimId } = await revealedClaim(world);
    const { challengeUntil } = await claims.read.claimOf([claimId]);
    return { claimId, challengeUntil, revealUntil: challengeUntil + proofRevealSeconds };
  }
  const fixture = () => networkHelpers.loadFixture(begin);

  async function commitProof(claimId: Hex, account: Address, proof = PROOF, kind = 0): Promise<Hex> {
    const commitment = await commitmentOf(world, claimId, account, SALT, kind, proof);
    await game.write.commitProof([claimId, commitment], { account, value: proofBondWei });
    return commitment;
  }
  const revealProof = (claimId: Hex, account: Address, proof = PROOF, kind = 0, salt = SALT) =>
    game.write.revealProof([claimId, kind, proof, salt], { account });
  const credit = (account: Address) => game.read.creditOf([account]);

  describe("commitProof", () => {
    it("refuses claims that are not revealed and windows that are over", async () => {
      const { claimId, challengeUntil } = await fixture();
      const unknown = game.write.commitProof([UNKNOWN, SALT], { value: proofBondWei });
      await fails(unknown, game, "ClaimStatusUnfit", [UNKNOWN, CLAIM.none]);
      await at(world, challengeUntil);
      await commitProof(claimId, challenger);
      await at(world, challengeUntil + 1n);
      const late = game.write.commitProof([claimId, SALT], { value: proofBondWei });
      await fails(late, game, "WindowClosed", [claimId, challengeUntil]);
    });

    it("refuses any bond but the exact one, and the same commitment twice", async () => {
      const { claimId } = await fixture();
      for (const value of [0n, proofBondWei - 1n, proofBondWei + 1n]) {
        await fails(game.write.commitProof([claimId, SALT], { value }), game, "WrongValue", [proofBondWei, value]);
      }
      const commitment = await commitProof(claimId, challenger);
      const twice = game.write.commitProof([claimId, commitment], { account: challenger, value: proofBondWei });
      await fails(twice, game, "ProofAlreadyCommitted", [claimId, challenger, commitment]);
    });

    it("cannot be squatted by a copy of the hash", async () => {
      const { claimId } = await fixture();
      const commitment = await commitmentOf(world, claimId, challenger, SALT, 0, PROOF);
      await game.write.commitProof([claimId, commitment], { account: stranger, value: proofBondWei });
      await commitProof(claimId, challenger);
      await revealProof(claimId, challenger);
      const copied = await commitmentOf(world, claimId, stranger, SALT, 0, PROOF);
      await fails(revealProof(claimId, stranger), game, "ProofNotCommitted", [claimId, stranger, copied]);
    });

    it("is open to the holder of an open challenge after T, and to nobody else", async () => {
      const { claimId, challengeUntil, revealUntil } = await fixture();
      const lost = await openChallenge(world, claimId, second);
      await at(world, challengeUntil);
      const challengeId = await openChallenge(world, claimId, challenger);
      await game.write.timeout([lost]);
      await demandTop(world, challengeId, challenger);
      await at(world, challengeUntil + 200n);
      await commitProof(claimId, challenger);
      for (const account of [stranger, second]) {
        const late = game.write.commitProof([claimId, SALT], { account, value: proofBondWei });
        await fails(late, game, "WindowClosed", [claimId, challengeUntil]);
      }
      await openTop(world, challengeId, claimant);
      await at(world, revealUntil + 1n);
      await commitProof(claimId, challenger, PROOF, 1);
      await assertSolvent(world);
    });

    it("refuses a claim that is slashed", async () => {
      const { claimId } = await fixture();
      await commitProof(claimId, challenger);
      await revealProof(claimId, challenger);
      const late = game.write.commitProof([claimId, SALT], { value: proofBondWei });
      await fails(late, game, "ClaimStatusUnfit", [claimId, CLAIM.slashed]);
    });

    it("numbers commitments, not challenges", async () => {
      const { claimId } = await fixture();
      await commitProof(claimId, challenger);
      await openChallenge(world, claimId, challenger);
      const commitment = await commitmentOf(world, claimId, second, SALT, 0, PROOF);
      const hash = await game.write.commitProof([claimId, commitment], { account: second, value: proofBondWei });
      await emits(hash, game, "ProofCommitted", [claimId, second, commitment, 2n]);
      const { sequence, committedBlock } = await game.read.proofOf([claimId, second, commitment]);
      assert.deepEqual([sequence, committedBlock], [2n, await client.getBlockNumber()]);
      await assertSolvent(world);
    });
  });

  describe("revealProof", () => {
    it("refuses what the sender did not commit to", async () => {
      const { claimId } = await fixture();
      await commitProof(claimId, challenger);
      const other = proofOfFault({ ...FAULT, step: 2 });
      for (const [account, proof, kind, salt] of [
        [stranger, PROOF, 0, SALT],
        [challenger, other, 0, SALT],
        [challenger, PROOF, 1, SALT],
        [challenger, PROOF, 0, UNKNOWN],
      ] as const) {
        const commitment = await commitmentOf(world, claimId, account, salt, kind, proof);
        const named: [Hex, Address, Hex] = [claimId, account, commitment];
        await fails(revealProof(claimId, account, proof, kind, salt), game, "ProofNotCommitted", named);
      }
    });

    it("needs a later block than the commitment", async () => {
      const { claimId } = await fixture();
      const burglar = await viem.deployContract("Burglar", [game.address]);
      const block = (await client.getBlockNumber()) + 1n;
      const attempt = burglar.write.commitAndReveal([claimId, 0, PROOF], { value: proofBondWei });
      await fails(attempt, game, "ProofTooEarly", [block]);
    });

    it("changes nothing when there is nothing wrong", async () => {
      const { claimId } = await fixture();
      await commitProof(claimId, challenger, "0x");
      const attempt = revealProof(claimId, challenger, "0x");
      await viem.assertions.revertWithCustomError(attempt, referee, "NothingWrong");
      assert.equal(await claims.read.statusOf([claimId]), CLAIM.revealed);
      await assertSolvent(world);
    });

    it("closes after T + R", async () => {
      const { claimId, revealUntil } = await fixture();
      await commitProof(claimId, challenger);
      await at(world, revealUntil + 1n);
      await fails(revealProof(claimId, challenger), game, "ProofRevealClosed", [claimId, revealUntil]);
    });

    it("slashes at once, in the last second too, before anyone can finalize", async () => {
      const { claimId, revealUntil } = await fixture();
      const commitment = await commitProof(claimId, challenger);
      await at(world, revealUntil);
      const hash = await revealProof(claimId, challenger);
      const none: Hex = `0x${"00".repeat(32)}`;
      await emits(hash, game, "FraudProven", [claimId, none, challenger, 0, 1, 2, 3, 4, 5]);
      await emits(hash, game, "ProofRevealed", [claimId, challenger, 1n]);
      await emits(hash, game, "BountySettled", [claimId, challenger, BOUNTY]);
      await emits(hash, claims, "ClaimSlashed", [claimId, claimant, challenger, BOUNTY, BOND - BOUNTY]);
      assert.equal(await credit(challenger), BOUNTY + proofBondWei);
      const named: [Hex, Address, Hex] = [claimId, challenger, commitment];
      await fails(revealProof(claimId, challenger), game, "ProofNotCommitted", named);
      await assertSolvent(world);
    });

    it("refunds the challenges that are open", async () => {
      const { claimId } = await fixture();
      const challengeId = await openChallenge(world, claimId, second);
      await demandTop(world, challengeId, second);
      await commitProof(claimId, challenger);
      await revealProof(claimId, challenger);
      await assertSolvent(world);
      await game.write.close([challengeId]);
      assert.equal(await credit(challenger), BOUNTY + proofBondWei);
      assert.equal(await credit(second), DEPOSIT + FEE);
      await assertSolvent(world);
    });

    it("wins the sender's open challenge", async () => {
      const { claimId } = await fixture();
      const challengeId = await openChallenge(world, claimId, challenger);
      await walk(world, challengeId, challenger, 3);
      await commitProof(claimId, challenger);
      const hash = await revealProof(claimId, challenger);
      await emits(hash, game, "FraudProven", [claimId, challengeId, challenger, 0, 1, 2, 3, 4, 5]);
      await emits(hash, game, "ChallengeClosed", [challengeId, claimId, false, DEPOSIT + 3n * FEE]);
      assert.equal((await game.read.challengeOf([challengeId])).status, CHALLENGE.won);
      assert.equal(await credit(challenger), BOUNTY + proofBondWei + DEPOSIT + 3n * FEE);
      assert.equal(await game.read.openChallengesOf([claimId]), 0n);
      await assertSolvent(world);
    });

    it("is open to the holder of an open challenge after T + R", async () => {
      const { claimId, challengeUntil, revealUntil } = await fixture();
      await commitProof(claimId, second);
      await at(world, challengeUntil);
      const challengeId = await openChallenge(world, claimId, challenger);
      await at(world, challengeUntil + 190n);
      await demandTop(world, challengeId, challenger);
      await at(world, revealUntil + 50n);
      const commitment = await commitProof(claimId, challenger);
      const forfeited = game.write.forfeitProof([claimId, challenger, commitment]);
      await fails(forfeited, game, "ProofRevealPending", [claimId, revealUntil]);
      await fails(revealProof(claimId, second), game, "ProofRevealClosed", [claimId, revealUntil]);
      await revealProof(claimId, challenger);
      assert.equal(await claims.read.statusOf([claimId]), CLAIM.slashed);
      await assertSolvent(world);
    });

    it("returns the bonds of others after a slash, R after it if it came later than T", async () => {
      const { claimId, challengeUntil } = await fixture();
      const first = await openChallenge(world, claimId, challenger);
      await at(world, challengeUntil);
      const challengeId = await openChallenge(world, claimId, second);
      await game.write.timeout([first]);
      await commitProof(claimId, second);
      const commitment = await commitProof(claimId, second, PROOF, 1);
      await at(world, challengeUntil + 100n);
      await revealProof(claimId, second);
      const revealUntil = (await now(world)) + proofRevealSeconds;
      await at(world, revealUntil);
      const early = game.write.forfeitProof([claimId, second, commitment]);
      await fails(early, game, "ProofRevealPending", [claimId, revealUntil]);
      assert.equal((await game.read.challengeOf([challengeId])).status, CHALLENGE.won);
      await networkHelpers.time.setNextBlockTimestamp(revealUntil + 1n);
      await fails(revealProof(claimId, second, PROOF, 1), game, "ProofRevealClosed", [claimId, revealUntil]);
      await game.write.forfeitProof([claimId, second, commitment]);
      await assertSolvent(world);
    });
  });

  describe("bounty", () => {
    async function threeCommitted() {
      const context = await fixture();
      for (const account of [challenger, second, third]) await commitProof(context.claimId, account);
      return context;
    }

    it("is held while commitments are pending and goes to the earliest that is revealed", async () => {
      const { claimId } = await threeCommitted();
      await revealProof(claimId, third);
      assert.equal(await credit(third), proofBondWei);
      await revealProof(claimId, second);
      const settleAfter = (await game.read.bountyOf([claimId])).settleAfter;
      await fails(game.write.settleBounty([claimId]), game, "BountyHeld", [claimId, settleAfter]);
      await revealProof(claimId, challenger);
      // Nobody is left that could be earlier.
      const hash = await game.write.settleBounty([claimId], { account: stranger });
      await emits(hash, game, "BountySettled", [claimId, challenger, BOUNTY]);
      assert.equal(await credit(challenger), BOUNTY + proofBondWei);
      assert.equal(await credit(second), proofBondWei);
      await fails(game.write.settleBounty([claimId]), game, "BountyNotHeld", [claimId]);
      await assertSolvent(world);
    });

    it("does not go to a later commitment", async () => {
      const { claimId } = await threeCommitted();
      await revealProof(claimId, second);
      await revealProof(claimId, third);
      assert.equal((await game.read.bountyOf([claimId])).winner, second);
      await assertSolvent(world);
    });

    it("is paid R after the first reveal, and later reveals get their bonds alone", async () => {
      const { claimId } = await threeCommitted();
      await revealProof(claimId, second);
      const settleAfter = (await now(world)) + proofRevealSeconds;
      assert.equal((await game.read.bountyOf([claimId])).settleAfter, settleAfter);
      await at(world, settleAfter + 1n);
      await revealProof(claimId, challenger);
      await game.write.settleBounty([claimId]);
      assert.equal(await credit(second), BOUNTY + proofBondWei);
      assert.equal(await credit(challenger), proofBondWei);
      await revealProof(claimId, third);
      assert.equal(await credit(third), proofBondWei);
      await assertSolvent(world);
    });

    const prove = (challengeId: Hex, account: Address) => game.write.prove([challengeId, 0, PROOF], { account });
    const winnerOf = async (claimId: Hex) => (await game.read.bountyOf([claimId])).winner;

    it("is paid at once when no earlier commitment is pending", async () => {
      const { claimId } = await threeCommitted();
      const hash = await revealProof(claimId, challenger);
      await emits(hash, game, "BountySettled", [claimId, challenger, BOUNTY]);
      await revealProof(claimId, third);
      await revealProof(claimId, second);
      assert.equal(await credit(third), proofBondWei);
      await assertSolvent(world);
    });

    it("of a proof copied into an earlier challenge stays with the commitment", async () => {
      const { claimId } = await fixture();
      const copy = await openChallenge(world, claimId, stranger);
      await commitProof(claimId, challenger);
      await revealProof(claimId, challenger);
      await fails(prove(copy, stranger), game, "ClaimStatusUnfit", [claimId, CLAIM.slashed]);
      assert.equal(await credit(challenger), BOUNTY + proofBondWei);
      await assertSolvent(world);
    });

    it("of a proof copied out of a pending reveal goes back to the commitment", async () => {
      for (const walked of [false, true]) {
        const { claimId } = await fixture();
        // The stranger sees the reveal on its way and is faster with it.
        const copy = await openChallenge(world, claimId, stranger);
        const challengeId = await openChallenge(world, claimId, challenger);
        if (walked) await walk(world, challengeId, challenger, 5);
        await commitProof(claimId, challenger);
        await prove(copy, stranger);
        assert.equal(await winnerOf(claimId), stranger);
        await revealProof(claimId, challenger);
        // Nobody is left that could be earlier.
        await game.write.settleBounty([claimId]);
        await game.write.close([challengeId]);
        assert.equal(await credit(challenger), BOUNTY + proofBondWei + DEPOSIT + (walked ? 5n * FEE : 0n));
        assert.equal(await credit(stranger), DEPOSIT);
        await assertSolvent(world);
      }
    });

    it("of a copied proof goes back even if the copier committed to it as soon as it saw it", async () => {
      const { claimId } = await fixture();
      await commitProof(claimId, challenger);
      await commitProof(claimId, stranger);
      await revealProof(claimId, stranger);
      await revealProof(claimId, challenger);
      await game.write.settleBounty([claimId]);
      assert.equal(await credit(challenger), BOUNTY + proofBondWei);
      assert.equal(await credit(stranger), proofBondWei);
      await assertSolvent(world);
    });

    it("is delayed by R, at the price of its bond, by a commitment made in advance to nothing", async () => {
      const { claimId, revealUntil } = await fixture();
      await game.write.commitProof([claimId, UNKNOWN], { account: stranger, value: proofBondWei });
      await commitProof(claimId, challenger);
      await revealProof(claimId, challenger);
      const { settleAfter } = await game.read.bountyOf([claimId]);
      await at(world, settleAfter);
      await fails(game.write.settleBounty([claimId]), game, "BountyHeld", [claimId, settleAfter]);
      await at(world, settleAfter + 1n);
      await game.write.settleBounty([claimId]);
      assert.equal(await credit(challenger), BOUNTY + proofBondWei);
      await at(world, revealUntil + 1n);
      await game.write.forfeitProof([claimId, stranger, UNKNOWN]);
      assert.equal(await credit(stranger), 0n);
      await assertSolvent(world);
    });

    it("of a clock that ran out goes to a commitment made before", async () => {
      const { claimId, revealUntil } = await fixture();
      await commitProof(claimId, challenger);
      const challengeId = await openChallenge(world, claimId, second);
      await demandTop(world, challengeId, second);
      await at(world, (await game.read.deadlineOf([challengeId])) + 1n);
      await game.write.timeout([challengeId]);
      assert.equal(await winnerOf(claimId), second);
      await at(world, (await game.read.bountyOf([claimId])).settleAfter);
      await revealProof(claimId, challenger);
      await game.write.settleBounty([claimId]);
      assert.equal(await credit(challenger), BOUNTY + proofBondWei);
      assert.ok((await now(world)) < revealUntil);
      await assertSolvent(world);
    });

    it("of two challenges that prove without commitments goes to the first", async () => {
      const { claimId } = await fixture();
      const first = await openChallenge(world, claimId, challenger);
      const last = await openChallenge(world, claimId, second);
      await emits(prove(last, second), game, "BountySettled", [claimId, second, BOUNTY]);
      await fails(prove(first, challenger), game, "ClaimStatusUnfit", [claimId, CLAIM.slashed]);
      await game.write.close([first]);
      await assertSolvent(world);
    });

    it("of a slash after T + R is held for a commitment that nobody forfeited", async () => {
      const { claimId, challengeUntil, revealUntil } = await fixture();
      await at(world, challengeUntil - 1n);
      const commitment = await commitProof(claimId, challenger);
      const challengeId = await openChallenge(world, claimId, second);
      await at(world, challengeUntil + 190n);
      await demandTop(world, challengeId, second);
      await at(world, revealUntil + 100n);
      const undo = await networkHelpers.takeSnapshot();
      await game.write.timeout([challengeId]);
      await revealProof(claimId, challenger);
      assert.equal(await winnerOf(claimId), challenger);
      await assertSolvent(world);
      await undo.restore();
      await game.write.forfeitProof([claimId, challenger, commitment]);
      await emits(game.write.timeout([challengeId]), game, "BountySettled", [claimId, second, BOUNTY]);
      await assertSolvent(world);
    });

    it("is worth less than half of the bond to a claimant that insured itself", async () => {
      const { claimId } = await fixture();
      await commitProof(claimId, claimant);
      await commitProof(claimId, challenger);
      await revealProof(claimId, challenger);
      await revealProof(claimId, claimant);
      await game.write.settleBounty([claimId]);
      assert.equal(await credit(claimant), BOUNTY + proofBondWei);
      assert.equal(await client.getBalance({ address: SINK }), BOND - BOUNTY);
      await assertSolvent(world);
    });
  });

  describe("forfeitProof", () => {
    it("refuses while a reveal is possible and what was never committed", async () => {
      const { claimId, revealUntil } = await fixture();
      const commitment = await commitProof(claimId, challenger);
      const unknown = game.write.forfeitProof([claimId, second, commitment]);
      await fails(unknown, game, "ProofNotCommitted", [claimId, second, commitment]);
      await at(world, revealUntil);
      const early = game.write.forfeitProof([claimId, challenger, commitment]);
      await fails(early, game, "ProofRevealPending", [claimId, revealUntil]);
    });

    it("burns the bond of an idle commitment, which delays nothing", async () => {
      const { claimId, revealUntil } = await fixture();
      const commitment = await commitProof(claimId, challenger);
      await at(world, revealUntil + 1n);
      await claims.write.finalize([claimId]);
      const hash = await game.write.forfeitProof([claimId, challenger, commitment], { account: stranger });
      await emits(hash, game, "ProofForfeited", [claimId, challenger, 1n, proofBondWei]);
      assert.equal(await client.getBalance({ address: SINK }), proofBondWei);
      const again = game.write.forfeitProof([claimId, challenger, commitment]);
      await fails(again, game, "ProofNotCommitted", [claimId, challenger, commitment]);
      await assertSolvent(world);
    });

    it("burns that of a challenger whose challenge ended; the claim did not wait for it", async () => {
      const { claimId, challengeUntil, revealUntil } = await fixture();
      await at(world, challengeUntil);
      const challengeId = await openChallenge(world, claimId, challenger);
      const commitment = await commitProof(claimId, challenger);
      await at(world, revealUntil + 1n);
      await game.write.timeout([challengeId]);
      await claims.write.finalize([claimId]);
      await fails(revealProof(claimId, challenger), game, "ProofRevealClosed", [claimId, revealUntil]);
      await game.write.forfeitProof([claimId, challenger, commitment]);
      await assertSolvent(world);
    });
  });
});
