// Committed proofs: bonds, the times to commit and reveal, and who takes the bounty.
import assert from "node:assert/strict";
import { describe, it } from "node:test";

import { keccak256, type Address, type Hex } from "viem";

import {
  assertSolvent,
  at,
  BOND,
  CHALLENGE,
  challengeUntilOf,
  CLAIM,
  close,
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
  prove,
  revealedClaim,
  SINK,
  timeOut,
  walk,
  type Commitment,
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
    const claim = await revealedClaim(world);
    const challengeUntil = await challengeUntilOf(world, claim.claimId);
    return { claim, claimId: claim.claimId, challengeUntil, revealUntil: challengeUntil + proofRevealSeconds };
  }
  const fixture = () => networkHelpers.loadFixture(begin);

  /** Commits with a challenge of the sender's, or with the number of none. */
  async function commitProof(claimId: Hex, account: Address, nonce = 0n, proof = PROOF, kind = 0): Promise<Hex> {
    const commitment = await commitmentOf(world, claimId, account, SALT, kind, proof);
    await game.write.commitProof([claimId, nonce, commitment], { account, value: proofBondWei });
    return commitment;
  }
  const revealProof = ({ claim }: Commitment, account: Address, proof = PROOF, kind = 0, salt = SALT) =>
    game.write.revealProof([claim, kind, proof, 0, salt], { account });
  const credit = (account: Address) => game.read.creditOf([account]);

  describe("commitProof", () => {
    it("refuses claims that are not revealed and windows that are over", async () => {
      const { claimId, challengeUntil } = await fixture();
      const unknown = game.write.commitProof([UNKNOWN, 0n, SALT], { value: proofBondWei });
      await fails(unknown, game, "ClaimStatusUnfit", [UNKNOWN, CLAIM.none]);
      await at(world, challengeUntil);
      await commitProof(claimId, challenger);
      await at(world, challengeUntil + 1n);
      const late = game.write.commitProof([claimId, 0n, SALT], { value: proofBondWei });
      await fails(late, game, "WindowClosed", [claimId, challengeUntil]);
    });

    it("refuses any bond but the exact one, and the same commitment twice", async () => {
      const { claimId } = await fixture();
      for (const value of [0n, proofBondWei - 1n, proofBondWei + 1n]) {
        await fails(game.write.commitProof([claimId, 0n, SALT], { value }), game, "WrongValue", [proofBondWei, value]);
      }
      const commitment = await commitProof(claimId, challenger);
      const twice = game.write.commitProof([claimId, 0n, commitment], { account: challenger, value: proofBondWei });
      await fails(twice, game, "ProofAlreadyCommitted", [claimId, challenger, commitment]);
    });

    it("cannot be squatted by a copy of the hash", async () => {
      const { claim, claimId } = await fixture();
      const commitment = await commitmentOf(world, claimId, challenger, SALT, 0, PROOF);
      await game.write.commitProof([claimId, 0n, commitment], { account: stranger, value: proofBondWei });
      await commitProof(claimId, challenger);
      await revealProof(claim, challenger);
      const copied = await commitmentOf(world, claimId, stranger, SALT, 0, PROOF);
      await fails(revealProof(claim, stranger), game, "ProofNotCommitted", [claimId, stranger, copied]);
    });

    it("is open to the holder of an open challenge after T, and to nobody else", async () => {
      const { claim, claimId, challengeUntil, revealUntil } = await fixture();
      const lost = await openChallenge(world, claim, second);
      await openTop(world, lost, claimant);
      await at(world, challengeUntil);
      const challenge = await openChallenge(world, claim, challenger);
      await timeOut(world, lost);
      await at(world, challengeUntil + 150n);
      await commitProof(claimId, challenger, challenge.nonce);
      for (const [account, nonce] of [
        [stranger, challenge.nonce],
        [second, lost.nonce],
        [challenger, challenge.nonce + 1n],
      ] as const) {
        const late = game.write.commitProof([claimId, nonce, SALT], { account, value: proofBondWei });
        await fails(late, game, "WindowClosed", [claimId, challengeUntil]);
      }
      await openTop(world, challenge, claimant);
      await at(world, revealUntil + 1n);
      await commitProof(claimId, challenger, challenge.nonce, PROOF, 1);
      await assertSolvent(world);
    });

    it("refuses a claim that is slashed", async () => {
      const { claim, claimId } = await fixture();
      await commitProof(claimId, challenger);
      await revealProof(claim, challenger);
      const late = game.write.commitProof([claimId, 0n, SALT], { value: proofBondWei });
      await fails(late, game, "ClaimStatusUnfit", [claimId, CLAIM.slashed]);
    });

    it("numbers commitments, not challenges", async () => {
      const { claim, claimId } = await fixture();
      await commitProof(claimId, challenger);
      await openChallenge(world, claim, challenger);
      const commitment = await commitmentOf(world, claimId, second, SALT, 0, PROOF);
      const hash = await game.write.commitProof([claimId, 0n, commitment], { account: second, value: proofBondWei });
      await emits(hash, game, "ProofCommitted", [claimId, second, commitment, 2n]);
      const { sequence, committedBlock, nonce } = await game.read.proofOf([claimId, second, commitment]);
      assert.deepEqual([sequence, committedBlock, nonce], [2n, await client.getBlockNumber(), 0n]);
      await assertSolvent(world);
    });
  });

  describe("revealProof", () => {
    it("refuses what the sender did not commit to", async () => {
      const { claim, claimId } = await fixture();
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
        await fails(revealProof(claim, account, proof, kind, salt), game, "ProofNotCommitted", named);
      }
    });

    it("needs a later block than the commitment", async () => {
      const { claim, claimId } = await fixture();
      const burglar = await viem.deployContract("Burglar", [game.address]);
      const block = (await client.getBlockNumber()) + 1n;
      const attempt = burglar.write.commitAndReveal([claim.claim, claimId, 0, PROOF], { value: proofBondWei });
      await fails(attempt, game, "ProofTooEarly", [block]);
    });

    it("changes nothing when there is nothing wrong", async () => {
      const { claim, claimId } = await fixture();
      await commitProof(claimId, challenger, 0n, "0x");
      const attempt = revealProof(claim, challenger, "0x");
      await viem.assertions.revertWithCustomError(attempt, referee, "NothingWrong");
      assert.equal(await claims.read.statusOf([claimId]), CLAIM.revealed);
      await assertSolvent(world);
    });

    it("closes after T + R", async () => {
      const { claim, claimId, revealUntil } = await fixture();
      await commitProof(claimId, challenger);
      await at(world, revealUntil + 1n);
      await fails(revealProof(claim, challenger), game, "ProofRevealClosed", [claimId, revealUntil]);
    });

    it("slashes at once, in the last second too, before anyone can finalize", async () => {
      const { claim, claimId, revealUntil } = await fixture();
      const commitment = await commitProof(claimId, challenger);
      await at(world, revealUntil);
      const hash = await revealProof(claim, challenger);
      const none: Hex = `0x${"00".repeat(32)}`;
      await emits(hash, game, "FraudProven", [claimId, none, challenger, 0, 1, 2, 3, 4, 5]);
      await emits(hash, game, "ProofRevealed", [claimId, challenger, 1n]);
      await emits(hash, game, "BountySettled", [claimId, challenger, BOUNTY]);
      await emits(hash, claims, "ClaimSlashed", [claimId, claimant, challenger, BOUNTY, BOND - BOUNTY]);
      assert.equal(await credit(challenger), BOUNTY + proofBondWei);
      const named: [Hex, Address, Hex] = [claimId, challenger, commitment];
      await fails(revealProof(claim, challenger), game, "ProofNotCommitted", named);
      await assertSolvent(world);
    });

    it("refunds the challenges that are open", async () => {
      const { claim, claimId } = await fixture();
      const challenge = await openChallenge(world, claim, second);
      await commitProof(claimId, challenger);
      await revealProof(claim, challenger);
      await assertSolvent(world);
      await close(world, challenge);
      assert.equal(await credit(challenger), BOUNTY + proofBondWei);
      assert.equal(await credit(second), DEPOSIT + FEE);
      await assertSolvent(world);
    });

    it("wins the sender's open challenge", async () => {
      const { claim, claimId } = await fixture();
      const challenge = await openChallenge(world, claim, challenger);
      const { challengeId } = challenge;
      await walk(world, challenge, 3);
      await commitProof(claimId, challenger, challenge.nonce);
      const hash = await revealProof(claim, challenger);
      await emits(hash, game, "FraudProven", [claimId, challengeId, challenger, 0, 1, 2, 3, 4, 5]);
      await emits(hash, game, "ChallengeClosed", [challengeId, claimId, false, DEPOSIT + 3n * FEE]);
      assert.equal((await game.read.challengeOf([challenge.challengeId])).status, CHALLENGE.won);
      assert.equal(await credit(challenger), BOUNTY + proofBondWei + DEPOSIT + 3n * FEE);
      assert.equal(await game.read.openChallengesOf([claimId]), 0n);
      await assertSolvent(world);
    });

    it("is open to the holder of an open challenge after T + R", async () => {
      const { claim, claimId, challengeUntil, revealUntil } = await fixture();
      await commitProof(claimId, second);
      await at(world, challengeUntil);
      const challenge = await openChallenge(world, claim, challenger);
      await at(world, challengeUntil + 190n);
      await openTop(world, challenge, claimant);
      await at(world, revealUntil + 50n);
      const commitment = await commitProof(claimId, challenger, challenge.nonce);
      const forfeited = game.write.forfeitProof([claimId, challenger, commitment]);
      await fails(forfeited, game, "ProofRevealPending", [claimId, revealUntil]);
      await fails(revealProof(claim, second), game, "ProofRevealClosed", [claimId, revealUntil]);
      await revealProof(claim, challenger);
      assert.equal(await claims.read.statusOf([claimId]), CLAIM.slashed);
      await assertSolvent(world);
    });

    it("returns the bonds of others after a slash, R after it if it came later than T", async () => {
      const { claim, claimId, challengeUntil } = await fixture();
      const first = await openChallenge(world, claim, challenger);
      await openTop(world, first, claimant);
      await at(world, challengeUntil);
      const challenge = await openChallenge(world, claim, second);
      await timeOut(world, first);
      await commitProof(claimId, second, challenge.nonce);
      const commitment = await commitProof(claimId, second, challenge.nonce, PROOF, 1);
      await at(world, challengeUntil + 100n);
      await revealProof(claim, second);
      const revealUntil = (await now(world)) + proofRevealSeconds;
      await at(world, revealUntil);
      const early = game.write.forfeitProof([claimId, second, commitment]);
      await fails(early, game, "ProofRevealPending", [claimId, revealUntil]);
      assert.equal((await game.read.challengeOf([challenge.challengeId])).status, CHALLENGE.won);
      await networkHelpers.time.setNextBlockTimestamp(revealUntil + 1n);
      await fails(revealProof(claim, second, PROOF, 1), game, "ProofRevealClosed", [claimId, revealUntil]);
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
      const { claim, claimId } = await threeCommitted();
      await revealProof(claim, third);
      assert.equal(await credit(third), proofBondWei);
      await revealProof(claim, second);
      const settleAfter = (await game.read.bountyOf([claimId])).settleAfter;
      await fails(game.write.settleBounty([claimId]), game, "BountyHeld", [claimId, settleAfter]);
      await revealProof(claim, challenger);
      // Nobody is left that could be earlier.
      const hash = await game.write.settleBounty([claimId], { account: stranger });
      await emits(hash, game, "BountySettled", [claimId, challenger, BOUNTY]);
      assert.equal(await credit(challenger), BOUNTY + proofBondWei);
      assert.equal(await credit(second), proofBondWei);
      await fails(game.write.settleBounty([claimId]), game, "BountyNotHeld", [claimId]);
      await assertSolvent(world);
    });

    it("does not go to a later commitment", async () => {
      const { claim, claimId } = await threeCommitted();
      await revealProof(claim, second);
      await revealProof(claim, third);
      assert.equal((await game.read.bountyOf([claimId])).winner, second);
      await assertSolvent(world);
    });

    it("is paid R after the first reveal, and later reveals get their bonds alone", async () => {
      const { claim, claimId } = await threeCommitted();
      await revealProof(claim, second);
      const settleAfter = (await now(world)) + proofRevealSeconds;
      assert.equal((await game.read.bountyOf([claimId])).settleAfter, settleAfter);
      await at(world, settleAfter + 1n);
      await revealProof(claim, challenger);
      await game.write.settleBounty([claimId]);
      assert.equal(await credit(second), BOUNTY + proofBondWei);
      assert.equal(await credit(challenger), proofBondWei);
      await revealProof(claim, third);
      assert.equal(await credit(third), proofBondWei);
      await assertSolvent(world);
    });

    const winnerOf = async (claimId: Hex) => (await game.read.bountyOf([claimId])).winner;

    it("is paid at once when no earlier commitment is pending", async () => {
      const { claim, claimId } = await threeCommitted();
      const hash = await revealProof(claim, challenger);
      await emits(hash, game, "BountySettled", [claimId, challenger, BOUNTY]);
      await revealProof(claim, third);
      await revealProof(claim, second);
      assert.equal(await credit(third), proofBondWei);
      await assertSolvent(world);
    });

    it("of a proof copied into an earlier challenge stays with the commitment", async () => {
      const { claim, claimId } = await fixture();
      const copy = await openChallenge(world, claim, stranger);
      await commitProof(claimId, challenger);
      await revealProof(claim, challenger);
      await fails(prove(world, copy), game, "ClaimStatusUnfit", [claimId, CLAIM.slashed]);
      assert.equal(await credit(challenger), BOUNTY + proofBondWei);
      await assertSolvent(world);
    });

    it("of a proof copied out of a pending reveal goes back to the commitment", async () => {
      for (const walked of [false, true]) {
        const { claim, claimId } = await fixture();
        // The stranger sees the reveal on its way and is faster with it.
        const copy = await openChallenge(world, claim, stranger);
        const challenge = await openChallenge(world, claim, challenger);
        if (walked) await walk(world, challenge, 5);
        await commitProof(claimId, challenger);
        await prove(world, copy);
        assert.equal(await winnerOf(claimId), stranger);
        await revealProof(claim, challenger);
        // Nobody is left that could be earlier.
        await game.write.settleBounty([claimId]);
        await close(world, challenge);
        assert.equal(await credit(challenger), BOUNTY + proofBondWei + DEPOSIT + (walked ? 5n : 1n) * FEE);
        assert.equal(await credit(stranger), DEPOSIT + FEE);
        await assertSolvent(world);
      }
    });

    it("of a copied proof goes back even if the copier committed to it as soon as it saw it", async () => {
      const { claim, claimId } = await fixture();
      await commitProof(claimId, challenger);
      await commitProof(claimId, stranger);
      await revealProof(claim, stranger);
      await revealProof(claim, challenger);
      await game.write.settleBounty([claimId]);
      assert.equal(await credit(challenger), BOUNTY + proofBondWei);
      assert.equal(await credit(stranger), proofBondWei);
      await assertSolvent(world);
    });

    it("is delayed by R, at the price of its bond, by a commitment made in advance to nothing", async () => {
      const { claim, claimId, revealUntil } = await fixture();
      await game.write.commitProof([claimId, 0n, UNKNOWN], { account: stranger, value: proofBondWei });
      await commitProof(claimId, challenger);
      await revealProof(claim, challenger);
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
      const { claim, claimId, revealUntil } = await fixture();
      await commitProof(claimId, challenger);
      const challenge = await openChallenge(world, claim, second);
      await at(world, (await game.read.deadlineOf([challenge.challengeId])) + 1n);
      await timeOut(world, challenge);
      assert.equal(await winnerOf(claimId), second);
      await at(world, (await game.read.bountyOf([claimId])).settleAfter);
      await revealProof(claim, challenger);
      await game.write.settleBounty([claimId]);
      assert.equal(await credit(challenger), BOUNTY + proofBondWei);
      assert.ok((await now(world)) < revealUntil);
      await assertSolvent(world);
    });

    it("of two challenges that prove without commitments goes to the first", async () => {
      const { claim, claimId } = await fixture();
      const first = await openChallenge(world, claim, challenger);
      const last = await openChallenge(world, claim, second);
      await emits(prove(world, last), game, "BountySettled", [claimId, second, BOUNTY]);
      await fails(prove(world, first), game, "ClaimStatusUnfit", [claimId, CLAIM.slashed]);
      await close(world, first);
      await assertSolvent(world);
    });

    it("of a slash after T + R is held for a commitment that nobody forfeited", async () => {
      const { claim, claimId, challengeUntil, revealUntil } = await fixture();
      await at(world, challengeUntil - 1n);
      const commitment = await commitProof(claimId, challenger);
      const challenge = await openChallenge(world, claim, second);
      await at(world, challengeUntil + 10n);
      await openTop(world, challenge, claimant);
      await at(world, challengeUntil + 190n);
      await demandTop(world, challenge);
      await at(world, revealUntil + 100n);
      const undo = await networkHelpers.takeSnapshot();
      await timeOut(world, challenge);
      await revealProof(claim, challenger);
      assert.equal(await winnerOf(claimId), challenger);
      await assertSolvent(world);
      await undo.restore();
      await game.write.forfeitProof([claimId, challenger, commitment]);
      await emits(timeOut(world, challenge), game, "BountySettled", [claimId, second, BOUNTY]);
      await assertSolvent(world);
    });

    it("is worth less than half of the bond to a claimant that insured itself", async () => {
      const { claim, claimId } = await fixture();
      await commitProof(claimId, claimant);
      await commitProof(claimId, challenger);
      await revealProof(claim, challenger);
      await revealProof(claim, claimant);
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
      const { claim, claimId, revealUntil } = await fixture();
      const commitment = await commitProof(claimId, challenger);
      await at(world, revealUntil + 1n);
      await claims.write.finalize([claim.claim]);
      const hash = await game.write.forfeitProof([claimId, challenger, commitment], { account: stranger });
      await emits(hash, game, "ProofForfeited", [claimId, challenger, 1n, proofBondWei]);
      assert.equal(await client.getBalance({ address: SINK }), proofBondWei);
      const again = game.write.forfeitProof([claimId, challenger, commitment]);
      await fails(again, game, "ProofNotCommitted", [claimId, challenger, commitment]);
      await assertSolvent(world);
    });

    it("burns that of a challenger whose challenge ended; the claim did not wait for it", async () => {
      const { claim, claimId, challengeUntil, revealUntil } = await fixture();
      await at(world, challengeUntil);
      const challenge = await openChallenge(world, claim, challenger);
      const commitment = await commitProof(claimId, challenger, challenge.nonce);
      await openTop(world, challenge, claimant);
      await at(world, revealUntil + 1n);
      await timeOut(world, challenge);
      await claims.write.finalize([claim.claim]);
      await fails(revealProof(claim, challenger), game, "ProofRevealClosed", [claimId, revealUntil]);
      await game.write.forfeitProof([claimId, challenger, commitment]);
      await assertSolvent(world);
    });
  });
});
