// Attacks on time: delay, clocks, what is left to do after an end. Each test is a row of docs/attacks.md, named after the
// incident it comes from. The referees believe any proof here, so that who moves when is all that matters.
import assert from "node:assert/strict";
import { describe, it } from "node:test";

import { keccak256, numberToHex, type Hex } from "viem";

import { demandOf, SECTION, type Position } from "../support/trace.ts";
import {
  answerAt,
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
  FEE,
  MAX_DEMANDS,
  now,
  openChallenge,
  openTop,
  PARAMETERS,
  proofOfFault,
  prove,
  revealedClaim,
  SINK,
  SMALL_TRACE,
  timeOut,
  topOf,
  walk,
  type ChallengeInPlay,
} from "../support/world.ts";

const CLOCK = BigInt(PARAMETERS.clockSeconds);
const R = PARAMETERS.proofRevealSeconds;
const BOUNTY = BOND / 4n;
const SALT = keccak256("0x53");

describe("attacks on time", async () => {
  const world = await createWorld();
  const { viem, game, claims, accounts, networkHelpers, client } = world;
  const { claimant, challenger, second, third, stranger } = accounts;
  const fails = viem.assertions.revertWithCustomErrorWithArgs;

  async function begin() {
    const claim = await revealedClaim(world);
    return { claim, until: await challengeUntilOf(world, claim.claimId) };
  }
  const fixture = () => networkHelpers.loadFixture(begin);
  const deadlineOf = ({ challengeId }: ChallengeInPlay) => game.read.deadlineOf([challengeId]);

  it("incident 1 (Arbitrum Classic, delay by sequential challenges): a claim ends at the same time however many there are", async () => {
    for (const count of [1, 8]) {
      const { claim, until } = await fixture();
      const opened: ChallengeInPlay[] = [];
      for (let i = count - 1; i > 0; i--) {
        await at(world, until - BigInt(i) * 100n);
        opened.push(await openChallenge(world, claim, stranger));
        await openTop(world, opened[opened.length - 1], claimant);
      }
      // The last one in the last second; both sides take all of their time.
      await at(world, until);
      opened.push(await openChallenge(world, claim, stranger));
      await at(world, until + CLOCK);
      await openTop(world, opened[opened.length - 1], claimant);
      await at(world, until + 2n * CLOCK + 1n);
      for (const challenge of opened) await timeOut(world, challenge);
      await claims.write.finalize([claim.claim]);
      const late = (await now(world)) - (until + 2n * CLOCK);
      assert.ok(late <= BigInt(count) + 1n, `${late} seconds for ${count} calls`);
      await assertSolvent(world);
    }
  });

  it("incident 2 (Truebit, a clock for every move): sixteen demands take no more time than one", async () => {
    const { claim } = await fixture();
    const challenge = await openChallenge(world, claim, challenger);
    const started = await now(world);
    // The challenger takes all of its time in the first turn and none later, the claimant a bit each time.
    for (let i = 1; i <= 7; i++) {
      await at(world, started + BigInt(i) * 25n);
      await openTop(world, challenge, claimant);
      await demandTopAtOnce(challenge);
    }
    const { claimantUsedSeconds, challengerUsedSeconds } = await game.read.challengeOf([challenge.challengeId]);
    assert.ok(claimantUsedSeconds > 160 && challengerUsedSeconds <= 7);
    const deadline = await deadlineOf(challenge);
    assert.equal(deadline, started + CLOCK + BigInt(challengerUsedSeconds));
    await at(world, deadline + 1n);
    await fails(openTop(world, challenge, claimant), game, "ClockExpired", [challenge.challengeId, deadline]);
    await timeOut(world, challenge);
    assert.equal(await claims.read.statusOf([claim.claimId]), CLAIM.slashed);
  });
  const demandTopAtOnce = (challenge: ChallengeInPlay): Promise<Hex> => demandTop(world, challenge);

  it("incident 3 (ORA opML, no clock): whichever side freezes has lost when its clock has run out", async () => {
    for (const frozen of ["claimant", "challenger"] as const) {
      const { claim } = await fixture();
      const challenge = await openChallenge(world, claim, challenger);
      if (frozen === "challenger") await openTop(world, challenge, claimant);
      const deadline = await deadlineOf(challenge);
      assert.equal(deadline, (await now(world)) + CLOCK);
      await at(world, deadline);
      await fails(timeOut(world, challenge, stranger), game, "ClockRunning", [challenge.challengeId, deadline]);
      await at(world, deadline + 1n);
      await timeOut(world, challenge, stranger);
      const [winner, wei] = frozen === "claimant" ? [challenger, BOUNTY + DEPOSIT + FEE] : [claimant, DEPOSIT];
      assert.equal(await game.read.creditOf([winner]), wei);
      assert.equal(await game.read.openChallengesOf([claim.claimId]), 0n);
      await assertSolvent(world);
    }
  });

  it("incident 5 (PRT, level explosion): from the steps to a chunk there is one deposit and one pair of clocks", async () => {
    const { claim } = await fixture();
    const place = (section: number, height: number, step: number, item: number, index: number): Position => ({
      section,
      height,
      step,
      item,
      index,
    });
    const challenge = await openChallenge(world, claim, challenger);
    const started = await now(world);
    const walked = [
      topOf(SMALL_TRACE),
      place(SECTION.steps, 0, 0, 0, 0),
      place(SECTION.scratchTensor, 7, 0, 1, 0),
      place(SECTION.scratchTensor, 2, 0, 1, 17),
      place(SECTION.scratchTensor, 0, 0, 1, 69),
    ];
    for (const [i, position] of walked.entries()) {
      if (i > 0)
        await game.write.demand([claim.claim, challenge.nonce, demandOf(SMALL_TRACE, position)], {
          account: challenger,
        });
      await at(world, started + BigInt(i + 1) * 30n);
      await answerAt(world, challenge, position, stranger);
    }
    const { claimantUsedSeconds, challengerUsedSeconds, demands } = await game.read.challengeOf([
      challenge.challengeId,
    ]);
    assert.equal(demands, walked.length);
    assert.equal(BigInt(claimantUsedSeconds + challengerUsedSeconds), (await now(world)) - started);
    assert.equal(await client.getBalance({ address: game.address }), DEPOSIT);
  });

  it("incident 6 (Optimism, inherited clocks): no move of a freeloader touches another's clocks", async () => {
    const { claim } = await fixture();
    const honest = await openChallenge(world, claim, challenger);
    const before = await deadlineOf(honest);
    const { challengeId } = honest;
    const untouched = await game.read.challengeOf([challengeId]);
    const freeloader = await openChallenge(world, claim, stranger);
    await walk(world, freeloader, 5);
    await at(world, (await now(world)) + 100n);
    await demandTop(world, freeloader);
    await openTop(world, freeloader, claimant);
    assert.deepEqual(await game.read.challengeOf([challengeId]), untouched);
    assert.equal(await deadlineOf(honest), before);
    // Nor does one that lost: the honest one still has its whole time for what the claimant must recompute.
    await openTop(world, honest, claimant);
    await at(world, (await deadlineOf(freeloader)) + 1n);
    await timeOut(world, freeloader);
    const { challengerUsedSeconds } = await game.read.challengeOf([challengeId]);
    assert.equal(challengerUsedSeconds, 0);
  });

  it("incident 21 (Optimism, late actions): after an end no move of anyone changes anything", async () => {
    for (const end of ["slashed", "final", "lost"] as const) {
      const { claim, until } = await fixture();
      const { claimId } = claim;
      const challenge = await openChallenge(world, claim, challenger);
      if (end === "slashed") await prove(world, challenge);
      else await openTop(world, challenge, claimant);
      if (end !== "slashed") {
        await at(world, until + R + CLOCK + 1n);
        await timeOut(world, challenge);
      }
      if (end === "final") await claims.write.finalize([claim.claim]);
      const held = [
        await client.getBalance({ address: game.address }),
        await client.getBalance({ address: claims.address }),
      ];
      const ended = await game.read.challengeOf([challenge.challengeId]);
      const moves: Promise<Hex>[] = [
        demandTop(world, challenge),
        game.write.descend([claimId, challenge.nonce, SALT, 0, [SALT]], { account: challenger }),
        openTop(world, challenge, claimant),
        prove(world, challenge),
        timeOut(world, challenge),
        close(world, challenge),
      ];
      for (const move of moves) {
        const status = end === "slashed" ? CHALLENGE.won : CHALLENGE.lost;
        await fails(move, game, "WrongTurn", [challenge.challengeId, status]);
      }
      if (end === "lost") continue;
      const status = end === "slashed" ? CLAIM.slashed : CLAIM.final;
      await fails(claims.write.finalize([claim.claim]), claims, "ClaimStatusMismatch", [
        claimId,
        CLAIM.revealed,
        status,
      ]);
      const again = game.write.challenge([claim.claim, 1n, demandOf(SMALL_TRACE, topOf(SMALL_TRACE))], {
        value: DEPOSIT,
      });
      await fails(again, game, "ClaimStatusUnfit", [claimId, status]);
      const commitment = await commitmentOf(world, claimId, challenger, SALT, 0, proofOfFault());
      const late = game.write.commitProof([claimId, challenge.nonce, commitment], {
        account: challenger,
        value: PARAMETERS.proofBondWei,
      });
      await fails(late, game, "ClaimStatusUnfit", [claimId, status]);
      assert.deepEqual(await game.read.challengeOf([challenge.challengeId]), ended);
      const left = [
        await client.getBalance({ address: game.address }),
        await client.getBalance({ address: claims.address }),
      ];
      assert.deepEqual(left, held);
    }
  });

  it("incident 26 (censorship, block numbers of rollups): clocks count seconds, and one turn may take them all", async () => {
    const { claim } = await fixture();
    const challenge = await openChallenge(world, claim, challenger);
    const deadline = await deadlineOf(challenge);
    // A thousand blocks that take no time are no time.
    await networkHelpers.mine(1_000, { interval: 0 });
    assert.equal(await deadlineOf(challenge), deadline);
    // Whoever is kept out of blocks until the last second moves then.
    await at(world, deadline);
    await openTop(world, challenge, claimant);
    const { claimantUsedSeconds } = await game.read.challengeOf([challenge.challengeId]);
    assert.equal(claimantUsedSeconds, PARAMETERS.clockSeconds);
    await at(world, deadline + CLOCK);
    await prove(world, challenge);
    assert.equal(await claims.read.statusOf([claim.claimId]), CLAIM.slashed);
  });

  it("incident 28 (Optimism, unbounded loops): the gas of an end does not grow with challenges or commitments", async () => {
    const gasOf = async (sent: Promise<Hex>): Promise<bigint> =>
      (await client.getTransactionReceipt({ hash: await sent })).gasUsed;
    const measured: bigint[][] = [];
    for (const count of [2, 14]) {
      const { claim, until } = await fixture();
      const { claimId } = claim;
      const mine = await openChallenge(world, claim, challenger);
      await walk(world, mine, 2);
      const others: ChallengeInPlay[] = [];
      for (let i = 0; i < count; i++) {
        others.push(await openChallenge(world, claim, stranger));
        const account = second;
        const commitment = numberToHex(i + 1, { size: 32 });
        await game.write.commitProof([claimId, 0n, commitment], { account, value: PARAMETERS.proofBondWei });
      }
      const undo = await networkHelpers.takeSnapshot();
      const slashed = await gasOf(prove(world, mine));
      const closed = await gasOf(close(world, others[0], third));
      await undo.restore();
      for (const other of others) await openTop(world, other, claimant);
      await at(world, until + R + CLOCK + 1n);
      for (const challenge of [mine, ...others]) await timeOut(world, challenge);
      measured.push([slashed, closed, await gasOf(claims.write.finalize([claim.claim]))]);
    }
    // Nonces and sequences of one byte cost a few gas less than others; nothing else may differ.
    for (const [i, gas] of measured[0].entries()) {
      const growth = measured[1][i] - gas;
      assert.ok(growth < 200n && growth > -200n, `${measured[0]} against ${measured[1]}`);
    }
  });

  it("attack l (a Sybil flood against the clocks): each flooder pays for its answers and delays nobody", async () => {
    const { claim, until } = await fixture();
    const honest = await openChallenge(world, claim, challenger);
    const before = await deadlineOf(honest);
    const flood: ChallengeInPlay[] = [];
    for (let i = 0; i < 12; i++) flood.push(await openChallenge(world, claim, [second, third, stranger][i % 3]));
    assert.equal(await deadlineOf(honest), before);
    // Every flooder's clock runs by itself, from its own opening; the claimant answers all within the time of one.
    for (const challenge of flood) {
      assert.ok((await deadlineOf(challenge)) >= before);
      await openTop(world, challenge, claimant);
    }
    await openTop(world, honest, claimant);
    await at(world, until + CLOCK + 1n);
    for (const challenge of [honest, ...flood]) await timeOut(world, challenge);
    assert.equal(await game.read.creditOf([claimant]), 13n * DEPOSIT);
    assert.ok(DEPOSIT >= BigInt(MAX_DEMANDS) * FEE, "a deposit pays for every answer that it can ask for");
    await at(world, until + R + 1n);
    await claims.write.finalize([claim.claim]);
    assert.equal(await client.getBalance({ address: SINK }), 0n);
    await assertSolvent(world);
  });
});
