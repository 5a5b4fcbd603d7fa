// DisputeGame's order of play: who may move when, cumulative clocks, time-outs, and what nobody may do after an end.
import assert from "node:assert/strict";
import { describe, it } from "node:test";

import { keccak256, stringToHex, type Hex } from "viem";

import { demandOf } from "./support/trace.ts";
import {
  at,
  CHALLENGE,
  challengeUntilOf,
  CLAIM,
  close,
  commit,
  createWorld,
  demandTop,
  DEPOSIT,
  MAX_DEMANDS,
  now,
  openChallenge,
  openTop,
  PARAMETERS,
  prepare,
  proofOfFault,
  prove,
  revealedClaim,
  SMALL_TRACE,
  timeOut,
  topOf,
  type ChallengeInPlay,
  type Commitment,
} from "./support/world.ts";

const UNKNOWN = keccak256("0xff");
const TOP = demandOf(SMALL_TRACE, topOf(SMALL_TRACE));
const STEP = demandOf(SMALL_TRACE, { ...TOP.position, height: 0 });
const CLOCK = BigInt(PARAMETERS.clockSeconds);
const CHUNK: Hex = `0x${"00".repeat(1024)}`;

describe("DisputeGame clocks", async () => {
  const world = await createWorld();
  const { viem, game, claims, referee, accounts, networkHelpers } = world;
  const { claimant, challenger, stranger } = accounts;
  const fails = viem.assertions.revertWithCustomErrorWithArgs;
  const emits = viem.assertions.emitWithArgs;

  /** A challenge in the claimant's first turn. */
  async function begin() {
    const commitment = await revealedClaim(world);
    const challenge = await openChallenge(world, commitment, challenger);
    return { commitment, challenge, opened: await now(world) };
  }
  const fixture = () => networkHelpers.loadFixture(begin);
  /** A challenge in the challenger's first turn: its demand was answered in the second of `opened`. */
  async function answeredFixture() {
    const { commitment, challenge } = await fixture();
    await answer(challenge);
    return { commitment, challenge, opened: await now(world) };
  }
  const demand = (challenge: ChallengeInPlay, account = challenger) => demandTop(world, challenge, account);
  const answer = (challenge: ChallengeInPlay) => openTop(world, challenge, stranger);
  const open = ({ claim }: Commitment, nonce: bigint, value = DEPOSIT, account = challenger) =>
    game.write.challenge([claim, nonce, TOP], { account, value });

  describe("deployment", () => {
    for (const [name, floor, parameters] of [
      ["challengeFloorWei", PARAMETERS.minMoveFeeWei, [PARAMETERS.minMoveFeeWei - 1n, PARAMETERS.proofBondWei, 1]],
      ["proofBondWei", PARAMETERS.minMoveFeeWei, [PARAMETERS.challengeFloorWei, PARAMETERS.minMoveFeeWei - 1n, 1]],
      ["clockSeconds", 1n, [PARAMETERS.challengeFloorWei, PARAMETERS.proofBondWei, 0]],
    ] as const) {
      it(`refuses ${name} below its floor`, async () => {
        const deployed = viem.deployContract("DisputeGame", [
          claims.address,
          referee.address,
          referee.address,
          ...parameters,
        ]);
        await fails(deployed, game, "ParameterBelowFloor", [stringToHex(name, { size: 32 }), floor - 1n, floor]);
      });
    }
  });

  it("refuses a clock longer than its budget fits", async () => {
    const deployed = viem.deployContract("DisputeGame", [
      claims.address,
      referee.address,
      referee.address,
      PARAMETERS.challengeFloorWei,
      PARAMETERS.proofBondWei,
      2 ** 23 + 1,
    ]);
    await fails(deployed, game, "ClockTooLong", [2 ** 23 + 1, 2 ** 23]);
  });

  describe("challenge", () => {
    it("refuses a claim that is not revealed", async () => {
      await fixture();
      const committed = await prepare(world, { inputsRoot: UNKNOWN });
      const { claimId } = committed;
      await fails(open(committed, 1n), game, "ClaimStatusUnfit", [claimId, CLAIM.none]);
      await commit(world, committed);
      await fails(open(committed, 1n), game, "ClaimStatusUnfit", [claimId, CLAIM.none]);
    });

    it("refuses any deposit but the exact one", async () => {
      const { commitment } = await fixture();
      assert.equal(await game.read.depositOf([commitment.terms.moveFeeWei]), DEPOSIT);
      for (const value of [0n, DEPOSIT - 1n, DEPOSIT + 1n]) {
        await fails(open(commitment, 1n, value), game, "WrongValue", [DEPOSIT, value]);
      }
    });

    it("opens in the window's last second and not after", async () => {
      const { commitment } = await fixture();
      const { claimId } = commitment;
      const challengeUntil = await challengeUntilOf(world, claimId);
      await at(world, challengeUntil);
      await openChallenge(world, commitment, stranger);
      await fails(open(commitment, 1n), game, "WindowClosed", [claimId, challengeUntil]);
    });

    it("allows any number at once, by anyone, each with an id of its own", async () => {
      const { commitment, challenge } = await fixture();
      const more = [
        await openChallenge(world, commitment, challenger),
        await openChallenge(world, commitment, challenger),
        await openChallenge(world, commitment, claimant),
      ];
      assert.equal(new Set([challenge, ...more].map(({ challengeId }) => challengeId)).size, 4);
      assert.equal(await game.read.openChallengesOf([commitment.claimId]), 4n);
    });

    it("uses no id twice, not even of a challenge that ended", async () => {
      const { commitment, challenge, opened } = await answeredFixture();
      const { nonce, challengeId } = challenge;
      await fails(open(commitment, nonce), game, "ChallengeExists", [challengeId]);
      await at(world, opened + CLOCK + 1n);
      await timeOut(world, challenge);
      await fails(open(commitment, nonce), game, "ChallengeExists", [challengeId]);
      assert.equal((await game.read.challengeOf([challengeId])).status, CHALLENGE.lost);
      // Another account's challenge of the same number is another challenge.
      await open(commitment, nonce, DEPOSIT, stranger);
    });

    it("announces the deposit and the first demand, and starts the claimant's clock", async () => {
      const { commitment } = await fixture();
      const { claimId } = commitment;
      const challengeId = await game.read.challengeIdOf([claimId, challenger, 77n]);
      const hash = await open(commitment, 77n);
      const deadline = (await now(world)) + CLOCK;
      await emits(hash, game, "ChallengeOpened", [challengeId, claimId, challenger, 77n, DEPOSIT]);
      await emits(hash, game, "NodeDemanded", [challengeId, claimId, TOP.position, TOP.node, deadline]);
      assert.equal(await game.read.deadlineOf([challengeId]), deadline);
      const { status, demands, paidDemands, position, node } = await game.read.challengeOf([challengeId]);
      assert.deepEqual([status, demands, paidDemands], [CHALLENGE.claimantTurn, 1, 1]);
      assert.deepEqual({ position, node }, { position: TOP.position, node: TOP.node });
    });

    it("opens nothing with a demand that is malformed", async () => {
      const { commitment } = await fixture();
      const bad = { ...TOP, node: UNKNOWN };
      const opening = game.write.challenge([commitment.claim, 5n, bad], { account: challenger, value: DEPOSIT });
      await fails(opening, game, "TraceRootMismatch", [SMALL_TRACE.traceRoot, UNKNOWN]);
      assert.equal(await game.read.openChallengesOf([commitment.claimId]), 1n);
    });
  });

  describe("turns", () => {
    it("refuses every move of a challenge that does not exist", async () => {
      const { commitment } = await fixture();
      const { claim, claimId, trace } = commitment;
      const { body } = commitment;
      const unknown = { claim, claimId, body, trace, challenger, nonce: 99n, challengeId: UNKNOWN };
      const wrong: [Hex, number] = [await game.read.challengeIdOf([claimId, challenger, 99n]), CHALLENGE.none];
      await fails(demand(unknown), game, "WrongTurn", wrong);
      const descended = game.write.descend([claimId, 99n, UNKNOWN, 0, [UNKNOWN]], { account: challenger });
      await fails(descended, game, "WrongTurn", wrong);
      const entered = game.write.enter([body, 99n, UNKNOWN, 0, [], STEP.shown], { account: challenger });
      await fails(entered, game, "WrongTurn", wrong);
      await fails(answer(unknown), game, "WrongTurn", wrong);
      await fails(game.write.openChunk([claimId, challenger, 99n, CHUNK]), game, "WrongTurn", wrong);
      await fails(game.write.openStep([claim, challenger, 99n, UNKNOWN, [UNKNOWN]]), game, "WrongTurn", wrong);
      await fails(prove(world, unknown), game, "WrongTurn", wrong);
      await fails(timeOut(world, unknown), game, "WrongTurn", wrong);
      await fails(close(world, unknown), game, "WrongTurn", wrong);
    });

    it("refuses moves out of turn", async () => {
      const { challenge } = await fixture();
      const { challengeId } = challenge;
      await fails(demand(challenge), game, "WrongTurn", [challengeId, CHALLENGE.claimantTurn]);
      await answer(challenge);
      await fails(answer(challenge), game, "WrongTurn", [challengeId, CHALLENGE.challengerTurn]);
    });

    it("lets the challenger alone demand and prove: others name challenges of their own", async () => {
      const { challenge } = await answeredFixture();
      const { claimId, nonce } = challenge;
      for (const account of [claimant, stranger]) {
        const own: [Hex, number] = [await game.read.challengeIdOf([claimId, account, nonce]), CHALLENGE.none];
        await fails(demand(challenge, account), game, "WrongTurn", own);
        await fails(prove(world, { ...challenge, challenger: account }), game, "WrongTurn", own);
        const descended = game.write.descend([claimId, nonce, TOP.node, 0, [TOP.node]], { account });
        await fails(descended, game, "WrongTurn", own);
      }
    });

    it(`ends demands after ${MAX_DEMANDS}`, async () => {
      const { challenge } = await answeredFixture();
      for (let i = 1; i < MAX_DEMANDS; i++) {
        await demand(challenge);
        await answer(challenge);
      }
      const { challengeId, body, claimId, nonce } = challenge;
      const exhausted: [Hex, bigint] = [challengeId, BigInt(MAX_DEMANDS)];
      await fails(demand(challenge), game, "DemandsExhausted", exhausted);
      const inner = demandOf(SMALL_TRACE, { ...TOP.position, height: 1 });
      const descended = game.write.descend([claimId, nonce, inner.node, 0, inner.path], { account: challenger });
      await fails(descended, game, "DemandsExhausted", exhausted);
      const entered = game.write.enter([body, nonce, STEP.node, 0, STEP.path, STEP.shown], { account: challenger });
      await fails(entered, game, "DemandsExhausted", exhausted);
    });
  });

  describe("clocks", () => {
    it("adds up every turn of a side and gives nothing back", async () => {
      const { challenge, opened } = await fixture();
      const { challengeId } = challenge;
      // The claimant uses 120 and 80 seconds, the challenger 150 and 50.
      await at(world, opened + 120n);
      await answer(challenge);
      await at(world, opened + 270n);
      await demand(challenge);
      assert.equal(await game.read.deadlineOf([challengeId]), opened + 350n);
      await at(world, opened + 350n);
      await answer(challenge);
      const { challengerUsedSeconds, claimantUsedSeconds } = await game.read.challengeOf([challengeId]);
      assert.deepEqual([challengerUsedSeconds, claimantUsedSeconds], [150, 200]);
      assert.equal(await game.read.deadlineOf([challengeId]), opened + 400n);
      await at(world, opened + 400n);
      await demand(challenge);
      await fails(answer(challenge), game, "ClockExpired", [challengeId, opened + 400n]);
    });

    it("keeps one pair of clocks per challenge", async () => {
      const { commitment, challenge, opened } = await fixture();
      await at(world, opened + 150n);
      const later = await openChallenge(world, commitment, challenger);
      assert.equal(await game.read.deadlineOf([challenge.challengeId]), opened + CLOCK);
      assert.equal(await game.read.deadlineOf([later.challengeId]), opened + 150n + CLOCK);
    });

    it("refuses moves after the deadline, proofs too", async () => {
      const { challenge, opened } = await answeredFixture();
      const { challengeId, claimId, body, nonce } = challenge;
      await at(world, opened + CLOCK + 1n);
      const expired: [Hex, bigint] = [challengeId, opened + CLOCK];
      await fails(demand(challenge), game, "ClockExpired", expired);
      const descended = game.write.descend([claimId, nonce, UNKNOWN, 0, [UNKNOWN]], { account: challenger });
      await fails(descended, game, "ClockExpired", expired);
      const entered = game.write.enter([body, nonce, UNKNOWN, 0, [], STEP.shown], { account: challenger });
      await fails(entered, game, "ClockExpired", expired);
      await fails(prove(world, challenge), game, "ClockExpired", expired);
    });

    it("refuses an answer after the deadline, from anyone", async () => {
      const { challenge, opened } = await fixture();
      await at(world, opened + CLOCK + 1n);
      await fails(answer(challenge), game, "ClockExpired", [challenge.challengeId, opened + CLOCK]);
    });

    it("lets the challenger prove while the claimant is to move, even late", async () => {
      const { challenge, opened } = await fixture();
      await at(world, opened + CLOCK + 1n);
      await prove(world, challenge);
      assert.equal(await claims.read.statusOf([challenge.claimId]), CLAIM.slashed);
    });
  });

  describe("timeout", () => {
    it("refuses while the side to move has time", async () => {
      const { challenge, opened } = await fixture();
      const { challengeId } = challenge;
      await at(world, opened + CLOCK);
      await fails(timeOut(world, challenge), game, "ClockRunning", [challengeId, opened + CLOCK]);
    });

    it("makes the challenger lose, to the claimant's gain", async () => {
      const { challenge, opened } = await answeredFixture();
      const { challengeId, claimId } = challenge;
      await at(world, opened + CLOCK + 1n);
      const hash = await timeOut(world, challenge, stranger);
      await emits(hash, game, "ChallengeTimedOut", [challengeId, claimId, challenger]);
      await emits(hash, game, "ChallengeClosed", [challengeId, claimId, true, DEPOSIT]);
      assert.equal(await game.read.creditOf([claimant]), DEPOSIT);
      assert.equal(await claims.read.statusOf([claimId]), CLAIM.revealed);
      assert.equal((await game.read.challengeOf([challengeId])).status, CHALLENGE.lost);
      assert.equal(await game.read.deadlineOf([challengeId]), 0n);
    });

    it("makes the claimant lose the claim", async () => {
      const { challenge, opened } = await fixture();
      const { challengeId, claimId } = challenge;
      await at(world, opened + CLOCK + 1n);
      const hash = await timeOut(world, challenge, stranger);
      await emits(hash, game, "ChallengeTimedOut", [challengeId, claimId, claimant]);
      assert.equal(await claims.read.statusOf([claimId]), CLAIM.slashed);
      assert.equal((await game.read.challengeOf([challengeId])).status, CHALLENGE.won);
    });

    it("bounds a claim's life: window, then two clocks", async () => {
      const { commitment, challenge: idle } = await answeredFixture();
      const { claim, claimId } = commitment;
      const challengeUntil = await challengeUntilOf(world, claimId);
      await at(world, challengeUntil);
      const challenge = await openChallenge(world, commitment, challenger);
      await timeOut(world, idle);
      await at(world, challengeUntil + CLOCK);
      await answer(challenge);
      await at(world, challengeUntil + 2n * CLOCK);
      await fails(timeOut(world, challenge), game, "ClockRunning", [
        challenge.challengeId,
        challengeUntil + 2n * CLOCK,
      ]);
      await at(world, challengeUntil + 2n * CLOCK + 1n);
      await timeOut(world, challenge);
      await claims.write.finalize([claim]);
      assert.equal(await claims.read.statusOf([claimId]), CLAIM.final);
    });
  });

  describe("prove", () => {
    it("needs a later block than the challenge", async () => {
      const { commitment } = await fixture();
      const burglar = await viem.deployContract("Burglar", [game.address]);
      const block = await world.client.getBlockNumber();
      const args = [commitment.claim, TOP, 0, proofOfFault()] as const;
      const attempt = burglar.write.challengeAndProve(args, { value: DEPOSIT });
      await fails(attempt, game, "ProofTooEarly", [block + 1n]);
    });

    it("changes nothing when there is nothing wrong", async () => {
      const { challenge, opened } = await fixture();
      const attempt = prove(world, challenge, "0x");
      await viem.assertions.revertWithCustomError(attempt, referee, "NothingWrong");
      assert.equal(await claims.read.statusOf([challenge.claimId]), CLAIM.revealed);
      assert.equal(await game.read.deadlineOf([challenge.challengeId]), opened + CLOCK);
    });

    it("asks the referee of the proof's kind", async () => {
      const { challenge } = await fixture();
      const { claim, nonce } = challenge;
      const other = await viem.deployContract("DisputeGame", [
        claims.address,
        referee.address,
        game.address,
        PARAMETERS.challengeFloorWei,
        PARAMETERS.proofBondWei,
        PARAMETERS.clockSeconds,
      ]);
      await other.write.challenge([claim, nonce, TOP], { value: DEPOSIT, account: challenger });
      // This game's second referee is no referee: it reverts.
      const args = [claim, nonce, 1, proofOfFault(), 0] as const;
      await viem.assertions.revert(other.write.prove(args, { account: challenger }));
      await game.write.prove(args, { account: challenger });
    });

    it("announces the fault", async () => {
      const { challenge } = await fixture();
      const { claimId, challengeId } = challenge;
      const hash = await prove(world, challenge);
      await emits(hash, game, "FraudProven", [claimId, challengeId, challenger, 0, 1, 2, 3, 4, 5]);
    });
  });

  describe("after a slash", () => {
    async function slashed() {
      const { commitment, challenge } = await fixture();
      const answered = await openChallenge(world, commitment, stranger);
      await answer(answered);
      const asked = await openChallenge(world, commitment, challenger);
      await prove(world, challenge);
      return { commitment, challenge, answered, asked };
    }

    it("refuses every move but closing", async () => {
      const { commitment, challenge, answered, asked } = await slashed();
      const { claim, claimId } = commitment;
      const ended: [Hex, number] = [claimId, CLAIM.slashed];
      await fails(demand(answered, stranger), game, "ClaimStatusUnfit", ended);
      const descended = game.write.descend([claimId, answered.nonce, UNKNOWN, 0, [UNKNOWN]], { account: stranger });
      await fails(descended, game, "ClaimStatusUnfit", ended);
      const entered = game.write.enter([commitment.body, answered.nonce, UNKNOWN, 0, [], STEP.shown], {
        account: stranger,
      });
      await fails(entered, game, "ClaimStatusUnfit", ended);
      await fails(answer(asked), game, "ClaimStatusUnfit", ended);
      const { nonce } = asked;
      await fails(game.write.openChunk([claimId, challenger, nonce, CHUNK]), game, "ClaimStatusUnfit", ended);
      const stepOpened = game.write.openStep([claim, challenger, nonce, UNKNOWN, [UNKNOWN]]);
      await fails(stepOpened, game, "ClaimStatusUnfit", ended);
      await fails(prove(world, asked), game, "ClaimStatusUnfit", ended);
      await at(world, (await now(world)) + CLOCK + 1n);
      await fails(timeOut(world, asked), game, "ClaimStatusUnfit", ended);
      await fails(open(commitment, 98n), game, "ClaimStatusUnfit", ended);
      await fails(demand(challenge), game, "WrongTurn", [challenge.challengeId, CHALLENGE.won]);
      const finalized = claims.write.finalize([claim]);
      await fails(finalized, claims, "ClaimStatusMismatch", [claimId, CLAIM.revealed, CLAIM.slashed]);
    });

    it("closes each open challenge once, by anyone", async () => {
      const { challenge, answered, asked } = await slashed();
      await close(world, answered, stranger);
      await close(world, asked, claimant);
      for (const closed of [answered, asked]) {
        await fails(close(world, closed), game, "WrongTurn", [closed.challengeId, CHALLENGE.refunded]);
      }
      await fails(close(world, challenge), game, "WrongTurn", [challenge.challengeId, CHALLENGE.won]);
    });

    it("closes nothing before", async () => {
      const { challenge } = await fixture();
      await fails(close(world, challenge), game, "ClaimStatusUnfit", [challenge.claimId, CLAIM.revealed]);
    });
  });

  it("takes coin from the claim registry alone", async () => {
    const [wallet] = await viem.getWalletClients();
    const sent = wallet.sendTransaction({ to: game.address, value: 1n });
    await fails(sent, game, "CoinNotExpected", [accounts.deployer]);
  });
});
