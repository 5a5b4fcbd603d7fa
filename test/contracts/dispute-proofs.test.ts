// Direct proofs: bonded commitments until T, reveals until T + R, and who takes the bounty.
import assert from "node:assert/strict";
import { describe, it } from "node:test";

import { keccak256, type Address, type Hex } from "viem";

import {
  assertSolvent,
  at,
  BOND,
  CLAIM,
  commitmentOf,
  createWorld,
  demandTop,
  FAULT,
  FEE,
  now,
  openChallenge,
  PARAMETERS,
  proofOfFault,
  revealedClaim,
  SINK,
} from "./support/world.ts";

const SALT = keccak256("0x53");
const UNKNOWN = keccak256("0xff");
const PROOF = proofOfFault();
const BOUNTY = BOND / 4n;
const { proofBondWei, proofRevealSeconds } = PARAMETERS;

describe("DisputeGame direct proofs", async () => {
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

    it("numbers commitments", async () => {
      const { claimId } = await fixture();
      await commitProof(claimId, challenger);
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
      await game.write.close([challengeId], { account: second });
      await game.write.settleBounty([claimId]);
      assert.equal(await credit(challenger), BOUNTY + proofBondWei);
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
      await revealProof(claimId, challenger);
      await revealProof(claimId, third);
      await revealProof(claimId, second);
      assert.equal((await game.read.bountyOf([claimId])).winner, challenger);
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

    it("of a proof copied into a later challenge goes back to the commitment", async () => {
      const { claimId } = await fixture();
      await commitProof(claimId, challenger);
      // The stranger sees the reveal on its way and is faster with it.
      const copy = await openChallenge(world, claimId, stranger);
      await prove(copy, stranger);
      assert.equal(await winnerOf(claimId), stranger);
      await revealProof(claimId, challenger);
      await game.write.settleBounty([claimId]);
      assert.equal(await credit(challenger), BOUNTY + proofBondWei);
      await assertSolvent(world);
    });

    it("of a walk that an observer cut short goes back to the earlier challenge", async () => {
      const { claimId } = await fixture();
      const challengeId = await openChallenge(world, claimId, challenger);
      await demandTop(world, challengeId, challenger);
      await commitProof(claimId, stranger);
      await revealProof(claimId, stranger);
      assert.equal(await winnerOf(claimId), stranger);
      const hash = await prove(challengeId, challenger);
      await emits(hash, game, "FraudProven", [claimId, challengeId, challenger, 0, 1, 2, 3, 4, 5]);
      await game.write.settleBounty([claimId]);
      const deposit = await game.read.depositOf([claimId]);
      assert.equal(await credit(challenger), BOUNTY + deposit + FEE);
      assert.equal(await credit(stranger), proofBondWei);
      await assertSolvent(world);
    });

    it("of two challenges goes to the earlier, whose challenger proves within R and in its own time", async () => {
      const { claimId } = await fixture();
      const first = await openChallenge(world, claimId, challenger);
      const middle = await openChallenge(world, claimId, second);
      const last = await openChallenge(world, claimId, third);
      await prove(middle, second);
      const { sequence, settleAfter } = await game.read.bountyOf([claimId]);
      const reach: [Hex, bigint, bigint] = [claimId, sequence, settleAfter];
      await fails(prove(last, third), game, "BountyOutOfReach", reach);
      await fails(prove(first, third), game, "NotChallenger", [first, challenger, third]);
      const attempt = game.write.prove([first, 0, "0x"], { account: challenger });
      await viem.assertions.revertWithCustomError(attempt, referee, "NothingWrong");
      const deadline = await game.read.deadlineOf([first]);
      await at(world, deadline);
      await prove(first, challenger);
      assert.equal(await winnerOf(claimId), challenger);
      await at(world, settleAfter);
      await fails(game.write.settleBounty([claimId]), game, "BountyHeld", [claimId, settleAfter]);
      await at(world, settleAfter + 1n);
      await fails(prove(last, third), game, "ClockExpired", [last, await game.read.deadlineOf([last])]);
      await game.write.settleBounty([claimId]);
      await game.write.close([last]);
      await assertSolvent(world);
    });

    it("is out of reach once it is paid", async () => {
      const { claimId } = await fixture();
      const challengeId = await openChallenge(world, claimId, challenger);
      await demandTop(world, challengeId, challenger);
      const commitment = await commitProof(claimId, second);
      await revealProof(claimId, second);
      assert.equal((await game.read.proofOf([claimId, second, commitment])).sequence, 0n);
      await at(world, (await game.read.bountyOf([claimId])).settleAfter + 1n);
      await game.write.settleBounty([claimId]);
      await fails(prove(challengeId, challenger), game, "BountyOutOfReach", [claimId, 0n, 0n]);
      assert.equal(await credit(second), BOUNTY + proofBondWei);
      await assertSolvent(world);
    });

    it("of a challenge that wins after T + R is paid at once", async () => {
      const { claimId, challengeUntil, revealUntil } = await fixture();
      await at(world, challengeUntil - 1n);
      await commitProof(claimId, challenger);
      const challengeId = await openChallenge(world, claimId, second);
      await at(world, challengeUntil + 190n);
      await demandTop(world, challengeId, second);
      await at(world, revealUntil + 100n);
      const hash = await game.write.timeout([challengeId]);
      await emits(hash, game, "BountySettled", [claimId, second, BOUNTY]);
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
      await emits(hash, game, "ProofForfeited", [claimId, challenger, proofBondWei]);
      assert.equal(await client.getBalance({ address: SINK }), proofBondWei);
      const again = game.write.forfeitProof([claimId, challenger, commitment]);
      await fails(again, game, "ProofNotCommitted", [claimId, challenger, commitment]);
      await assertSolvent(world);
    });
  });
});
