// DisputeGame's order of play: who may move when, cumulative clocks, time-outs, and what nobody may do after an end.
import assert from "node:assert/strict";
import { describe, it } from "node:test";

import { keccak256, stringToHex, type Hex } from "viem";

import { nodeAt, openingOf, pathOf, tensorShown, type Position } from "./support/trace.ts";
import {
  at,
  CHALLENGE,
  CLAIM,
  createWorld,
  DEPOSIT,
  MAX_DEMANDS,
  now,
  openChallenge,
  PARAMETERS,
  prepare,
  proofOfFault,
  revealedClaim,
  commit,
  SMALL_TRACE,
} from "./support/world.ts";

const UNKNOWN = keccak256("0xff");
const TOP: Position = { section: 0, height: 2, step: 0, item: 0, index: 0 };
const NODE = nodeAt(SMALL_TRACE, TOP);
const CLOCK = BigInt(PARAMETERS.clockSeconds);

describe("DisputeGame clocks", async () => {
  const world = await createWorld();
  const { viem, game, claims, referee, accounts, networkHelpers } = world;
  const { claimant, challenger, stranger } = accounts;
  const fails = viem.assertions.revertWithCustomErrorWithArgs;
  const emits = viem.assertions.emitWithArgs;

  async function begin() {
    const { claimId } = await revealedClaim(world);
    const challengeId = await openChallenge(world, claimId, challenger);
    return { claimId, challengeId, opened: await now(world) };
  }
  const fixture = () => networkHelpers.loadFixture(begin);
  const demand = (challengeId: Hex, account = challenger) =>
    game.write.demand([challengeId, NODE, TOP, pathOf(SMALL_TRACE, TOP), tensorShown(SMALL_TRACE, TOP)], { account });
  const answer = (challengeId: Hex) => game.write.open([challengeId, NODE, openingOf(SMALL_TRACE, TOP)]);

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

  describe("challenge", () => {
    it("refuses a claim that is not revealed", async () => {
      await fixture();
      const unknown = game.write.challenge([UNKNOWN], { value: DEPOSIT });
      await fails(unknown, game, "ClaimStatusUnfit", [UNKNOWN, CLAIM.none]);
      const committed = await prepare(world, { inputsRoot: UNKNOWN });
      await commit(world, committed);
      const early = game.write.challenge([committed.claimId], { value: DEPOSIT });
      await fails(early, game, "ClaimStatusUnfit", [committed.claimId, CLAIM.committed]);
    });

    it("refuses any deposit but the exact one", async () => {
      const { claimId } = await fixture();
      assert.equal(await game.read.depositOf([claimId]), DEPOSIT);
      for (const value of [0n, DEPOSIT - 1n, DEPOSIT + 1n]) {
        await fails(game.write.challenge([claimId], { value }), game, "WrongValue", [DEPOSIT, value]);
      }
    });

    it("opens in the window's last second and not after", async () => {
      const { claimId } = await fixture();
      const { challengeUntil } = await claims.read.claimOf([claimId]);
      await at(world, challengeUntil);
      await openChallenge(world, claimId, stranger);
      const late = game.write.challenge([claimId], { value: DEPOSIT });
      await fails(late, game, "WindowClosed", [claimId, challengeUntil]);
    });

    it("allows any number at once, by anyone, each with an id of its own", async () => {
      const { claimId, challengeId } = await fixture();
      const more = [
        await openChallenge(world, claimId, challenger),
        await openChallenge(world, claimId, challenger),
        await openChallenge(world, claimId, claimant),
      ];
      assert.equal(new Set([challengeId, ...more]).size, 4);
      assert.equal(await game.read.openChallengesOf([claimId]), 4n);
    });

    it("announces the deposit and starts the challenger's clock", async () => {
      const { claimId } = await fixture();
      const hash = await game.write.challenge([claimId], { value: DEPOSIT, account: challenger });
      const [event] = await game.getEvents.ChallengeOpened({ claimId }, { fromBlock: "latest" });
      const challengeId = event.args.challengeId!;
      await emits(hash, game, "ChallengeOpened", [challengeId, claimId, challenger, DEPOSIT]);
      assert.equal(await game.read.deadlineOf([challengeId]), (await now(world)) + CLOCK);
    });
  });

  describe("turns", () => {
    it("refuses every move of a challenge that does not exist", async () => {
      await fixture();
      const wrong: [Hex, number] = [UNKNOWN, CHALLENGE.none];
      await fails(demand(UNKNOWN), game, "WrongTurn", wrong);
      await fails(answer(UNKNOWN), game, "WrongTurn", wrong);
      await fails(game.write.openChunk([UNKNOWN, NODE, "0x"]), game, "WrongTurn", wrong);
      await fails(game.write.prove([UNKNOWN, 0, proofOfFault()]), game, "WrongTurn", wrong);
      await fails(game.write.timeout([UNKNOWN]), game, "WrongTurn", wrong);
      await fails(game.write.close([UNKNOWN]), game, "WrongTurn", wrong);
    });

    it("refuses moves out of turn", async () => {
      const { challengeId } = await fixture();
      await fails(answer(challengeId), game, "WrongTurn", [challengeId, CHALLENGE.challengerTurn]);
      await demand(challengeId);
      await fails(demand(challengeId), game, "WrongTurn", [challengeId, CHALLENGE.claimantTurn]);
    });

    it("lets the challenger alone demand and prove", async () => {
      const { challengeId } = await fixture();
      for (const account of [claimant, stranger]) {
        const names: [Hex, Hex, Hex] = [challengeId, challenger, account];
        await fails(demand(challengeId, account), game, "NotChallenger", names);
        const proven = game.write.prove([challengeId, 0, proofOfFault()], { account });
        await fails(proven, game, "NotChallenger", names);
      }
    });

    it(`ends demands after ${MAX_DEMANDS}`, async () => {
      const { challengeId } = await fixture();
      for (let i = 0; i < MAX_DEMANDS; i++) {
        await demand(challengeId);
        await answer(challengeId);
      }
      await fails(demand(challengeId), game, "DemandsExhausted", [challengeId, BigInt(MAX_DEMANDS)]);
    });
  });

  describe("clocks", () => {
    it("adds up every turn of a side and gives nothing back", async () => {
      const { challengeId, opened } = await fixture();
      // The challenger uses 150 and 50 seconds, the claimant 120 and 80.
      await at(world, opened + 150n);
      await demand(challengeId);
      await at(world, opened + 270n);
      await answer(challengeId);
      assert.equal(await game.read.deadlineOf([challengeId]), opened + 320n);
      await at(world, opened + 320n);
      await demand(challengeId);
      const { challengerUsedSeconds, claimantUsedSeconds } = await game.read.challengeOf([challengeId]);
      assert.deepEqual([challengerUsedSeconds, claimantUsedSeconds], [200, 120]);
      assert.equal(await game.read.deadlineOf([challengeId]), opened + 400n);
      await at(world, opened + 400n);
      await answer(challengeId);
      await fails(demand(challengeId), game, "ClockExpired", [challengeId, opened + 400n]);
    });

    it("keeps one pair of clocks per challenge", async () => {
      const { claimId, challengeId, opened } = await fixture();
      await at(world, opened + 150n);
      const later = await openChallenge(world, claimId, challenger);
      assert.equal(await game.read.deadlineOf([challengeId]), opened + CLOCK);
      assert.equal(await game.read.deadlineOf([later]), opened + 150n + CLOCK);
    });

    it("refuses moves after the deadline, proofs too", async () => {
      const { challengeId, opened } = await fixture();
      await at(world, opened + CLOCK + 1n);
      const expired: [Hex, bigint] = [challengeId, opened + CLOCK];
      await fails(demand(challengeId), game, "ClockExpired", expired);
      const proven = game.write.prove([challengeId, 0, proofOfFault()], { account: challenger });
      await fails(proven, game, "ClockExpired", expired);
    });

    it("refuses an answer after the deadline, from anyone", async () => {
      const { challengeId } = await fixture();
      await demand(challengeId);
      const deadline = (await now(world)) + CLOCK;
      await at(world, deadline + 1n);
      await fails(answer(challengeId), game, "ClockExpired", [challengeId, deadline]);
    });

    it("lets the challenger prove while the claimant is to move", async () => {
      const { claimId, challengeId } = await fixture();
      await demand(challengeId);
      await at(world, (await now(world)) + CLOCK + 1n);
      await game.write.prove([challengeId, 0, proofOfFault()], { account: challenger });
      assert.equal(await claims.read.statusOf([claimId]), CLAIM.slashed);
    });
  });

  describe("timeout", () => {
    it("refuses while the side to move has time", async () => {
      const { challengeId, opened } = await fixture();
      await at(world, opened + CLOCK);
      await fails(game.write.timeout([challengeId]), game, "ClockRunning", [challengeId, opened + CLOCK]);
    });

    it("makes the challenger lose, to the claimant's gain", async () => {
      const { claimId, challengeId, opened } = await fixture();
      await at(world, opened + CLOCK + 1n);
      const hash = await game.write.timeout([challengeId], { account: stranger });
      await emits(hash, game, "ChallengeTimedOut", [challengeId, claimId, challenger]);
      await emits(hash, game, "ChallengeClosed", [challengeId, claimId, true, DEPOSIT]);
      assert.equal(await game.read.creditOf([claimant]), DEPOSIT);
      assert.equal(await claims.read.statusOf([claimId]), CLAIM.revealed);
      assert.equal((await game.read.challengeOf([challengeId])).status, CHALLENGE.lost);
      assert.equal(await game.read.deadlineOf([challengeId]), 0n);
    });

    it("makes the claimant lose the claim", async () => {
      const { claimId, challengeId } = await fixture();
      await demand(challengeId);
      await at(world, (await now(world)) + CLOCK + 1n);
      const hash = await game.write.timeout([challengeId], { account: stranger });
      await emits(hash, game, "ChallengeTimedOut", [challengeId, claimId, claimant]);
      assert.equal(await claims.read.statusOf([claimId]), CLAIM.slashed);
      assert.equal((await game.read.challengeOf([challengeId])).status, CHALLENGE.won);
    });

    it("bounds a claim's life: window, then two clocks", async () => {
      const { claimId, challengeId: idle } = await fixture();
      const { challengeUntil } = await claims.read.claimOf([claimId]);
      await at(world, challengeUntil);
      const challengeId = await openChallenge(world, claimId, challenger);
      await game.write.timeout([idle]);
      await at(world, challengeUntil + CLOCK);
      await demand(challengeId);
      await at(world, challengeUntil + 2n * CLOCK);
      await answer(challengeId);
      await at(world, challengeUntil + 2n * CLOCK + 1n);
      await game.write.timeout([challengeId]);
      await claims.write.finalize([claimId]);
      assert.equal(await claims.read.statusOf([claimId]), CLAIM.final);
    });
  });

  describe("prove", () => {
    it("needs a later block than the challenge", async () => {
      const { claimId } = await fixture();
      const account = await viem.deployContract("Burglar", [game.address]);
      const block = await world.client.getBlockNumber();
      const attempt = account.write.challengeAndProve([claimId, 0, proofOfFault()], { value: DEPOSIT });
      await fails(attempt, game, "ProofTooEarly", [block + 1n]);
    });

    it("changes nothing when there is nothing wrong", async () => {
      const { claimId, challengeId, opened } = await fixture();
      const attempt = game.write.prove([challengeId, 0, "0x"], { account: challenger });
      await viem.assertions.revertWithCustomError(attempt, referee, "NothingWrong");
      assert.equal(await claims.read.statusOf([claimId]), CLAIM.revealed);
      assert.equal(await game.read.deadlineOf([challengeId]), opened + CLOCK);
    });

    it("asks the referee of the proof's kind", async () => {
      const { challengeId, claimId } = await fixture();
      const other = await viem.deployContract("DisputeGame", [
        claims.address,
        referee.address,
        game.address,
        PARAMETERS.challengeFloorWei,
        PARAMETERS.proofBondWei,
        PARAMETERS.clockSeconds,
      ]);
      const otherChallenge = await openIn(other, claimId);
      // This game's second referee is no referee: it reverts.
      await viem.assertions.revert(other.write.prove([otherChallenge, 1, proofOfFault()], { account: challenger }));
      await game.write.prove([challengeId, 1, proofOfFault()], { account: challenger });
    });

    async function openIn(other: typeof game, claimId: Hex): Promise<Hex> {
      await other.write.challenge([claimId], { value: DEPOSIT, account: challenger });
      const [event] = await other.getEvents.ChallengeOpened({}, { fromBlock: "latest" });
      return event.args.challengeId!;
    }

    it("announces the fault", async () => {
      const { claimId, challengeId } = await fixture();
      const hash = await game.write.prove([challengeId, 0, proofOfFault()], { account: challenger });
      await emits(hash, game, "FraudProven", [claimId, challengeId, challenger, 0, 1, 2, 3, 4, 5]);
    });
  });

  describe("after a slash", () => {
    async function slashed() {
      const { claimId, challengeId } = await fixture();
      const answered = await openChallenge(world, claimId, stranger);
      const asked = await openChallenge(world, claimId, challenger);
      await demand(asked);
      await game.write.prove([challengeId, 0, proofOfFault()], { account: challenger });
      return { claimId, challengeId, answered, asked };
    }

    it("refuses every move but closing", async () => {
      const { claimId, challengeId, answered, asked } = await slashed();
      const ended: [Hex, number] = [claimId, CLAIM.slashed];
      await fails(demand(answered, stranger), game, "ClaimStatusUnfit", ended);
      await fails(answer(asked), game, "ClaimStatusUnfit", ended);
      await fails(game.write.openChunk([asked, NODE, "0x"]), game, "ClaimStatusUnfit", ended);
      const proven = game.write.prove([asked, 0, proofOfFault()], { account: challenger });
      await fails(proven, game, "ClaimStatusUnfit", ended);
      await at(world, (await now(world)) + CLOCK + 1n);
      await fails(game.write.timeout([asked]), game, "ClaimStatusUnfit", ended);
      await fails(game.write.challenge([claimId], { value: DEPOSIT }), game, "ClaimStatusUnfit", ended);
      await fails(demand(challengeId), game, "WrongTurn", [challengeId, CHALLENGE.won]);
      await fails(claims.write.finalize([claimId]), claims, "ClaimStatusMismatch", [
        claimId,
        CLAIM.revealed,
        CLAIM.slashed,
      ]);
    });

    it("closes each open challenge once, by anyone", async () => {
      const { challengeId, answered, asked } = await slashed();
      await game.write.close([answered], { account: stranger });
      await game.write.close([asked], { account: claimant });
      for (const id of [answered, asked]) {
        await fails(game.write.close([id]), game, "WrongTurn", [id, CHALLENGE.refunded]);
      }
      await fails(game.write.close([challengeId]), game, "WrongTurn", [challengeId, CHALLENGE.won]);
    });

    it("closes nothing before", async () => {
      const { claimId, challengeId } = await fixture();
      await fails(game.write.close([challengeId]), game, "ClaimStatusUnfit", [claimId, CLAIM.revealed]);
    });
  });

  it("takes coin from the claim registry alone", async () => {
    const [wallet] = await viem.getWalletClients();
    const sent = wallet.sendTransaction({ to: game.address, value: 1n });
    await fails(sent, game, "CoinNotExpected", [accounts.deployer]);
  });
});
