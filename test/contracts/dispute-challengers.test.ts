// Dishonest challengers on the contracts with their real referees: floods, thieves, hoarders, proofs of nothing, claimants that
// challenge themselves, and moves that a re-org left behind. Against honest players each of them only pays.
import assert from "node:assert/strict";
import { describe, it } from "node:test";

import { keccak256, type Address, type Hex } from "viem";

import { encodeProof } from "@lockstep/node/engine/dispute/abi";
import { viewOfRun } from "@lockstep/node/engine/dispute/view";
import { demandAt, findFraud } from "@lockstep/node/engine/dispute/walk";
import type { Run } from "@lockstep/node/engine/execute";
import { claimantCall, claimantMove, provenStep } from "@lockstep/node/players";

import {
  assertFinal,
  assertSlashed,
  challengesOf,
  claimedOf,
  createArena,
  demandsOf,
  endOf,
  play,
  send,
  startMatch,
  statusOf,
  type Match,
  type Player,
} from "./support/players/arena.ts";
import { absentAfter, flood, forfeiter, garbageProver, hoarder, refusal, thief } from "./support/players/dishonest.ts";
import { directProver, honestChallenger, honestClaimant } from "./support/players/honest.ts";
import { honestRun, LIES } from "./support/players/lies.ts";
import { BOND, CHALLENGE, CLAIM, DEPOSIT, FEE, PARAMETERS } from "./support/world.ts";

const BOUNTY = BOND / 4n;
const P = PARAMETERS.proofBondWei;
const NOTHING: Hex = keccak256("0xff");

describe("dishonest challengers", async () => {
  const arena = await createArena();
  const { accounts, networkHelpers, game } = arena;
  const { claimant, challenger, second, third, operator, stranger } = accounts;
  const own = honestRun();
  const [LIE] = LIES;
  const lying = LIE.run("full");
  const fraud = findFraud(own, lying)!;
  async function begin(): Promise<void> {}

  async function start(run: Run): Promise<Match> {
    await networkHelpers.loadFixture(begin);
    return startMatch(arena, claimant, claimedOf(run, operator), run);
  }
  const fees = async (match: Match, account: Address): Promise<bigint> => (await demandsOf(match, account)) * FEE;

  describe("against a claim that is right", () => {
    it("that flood it with challenges pay for every answer", async () => {
      const match = await start(own);
      const floods = [stranger, second, third].map((account) => flood(account, own, 4));
      await play(match, [honestClaimant(claimant, own), ...floods]);
      await assertFinal(match, { stranger: 4n * DEPOSIT, second: 4n * DEPOSIT, third: 4n * DEPOSIT });
    });

    it("that walk with a run of their own and leave lose their deposit, wherever they stop", async () => {
      for (const turns of [1, 3, 4]) {
        const match = await start(own);
        const walks = absentAfter(turns, honestChallenger(challenger, lying));
        await play(match, [honestClaimant(claimant, own), walks]);
        assert.equal((await challengesOf(match))[0].status, CHALLENGE.lost);
        await assertFinal(match, { challenger: DEPOSIT });
      }
    });

    it("that show made-up proofs are refused each time, and lose their deposit", async () => {
      const match = await start(own);
      const refusals: (string | null)[] = [];
      const made = LIES.map((lie) => findFraud(own, lie.run("full"))!);
      const proofs = [
        [0, "0x", 0],
        [0, NOTHING, 0],
        [7, encodeProof(fraud), 2],
        ...made.map((one) => [one.kind, encodeProof(one), provenStep(one)] as const),
      ] as const;
      await play(match, [honestClaimant(claimant, own), garbageProver(challenger, own, proofs, refusals)]);
      assert.deepEqual(refusals.slice(0, 3), ["ProofEncodingInvalid", "ProofEncodingInvalid", "FraudKindUnknown"]);
      // Right proofs about wrong runs: their roots are not this claim's.
      assert.deepEqual(new Set(refusals.slice(3)), new Set(["HashMismatch"]));
      await assertFinal(match, { challenger: DEPOSIT });
    });

    it("that commit to proofs of nothing delay nothing and burn their bonds", async () => {
      const match = await start(own);
      const hoards = [1, 2, 3].map((i) => hoarder(stranger, keccak256(`0x0${i}`)));
      await play(match, [honestClaimant(claimant, own), ...hoards, forfeiter(third, stranger)]);
      await assertFinal(match, { stranger: 3n * P }, 3n * P);
    });
  });

  describe("beside an honest one, against a lie", () => {
    it("that steal its proof from the pool give the bounty back", async () => {
      const match = await start(lying);
      const steals = thief(stranger, challenger, lying, fraud);
      await play(match, [steals, honestClaimant(claimant, lying), directProver(challenger, own, lying)]);
      const [slash] = await arena.claims.getEvents.ClaimSlashed({ claimId: match.claimId }, { fromBlock: 0n });
      assert.equal(slash.args.prover, stranger);
      const [bounty] = await game.getEvents.BountySettled({ claimId: match.claimId }, { fromBlock: 0n });
      assert.equal(bounty.args.winner, challenger);
      await assertSlashed(match, { challenger: BOUNTY, stranger: FEE });
    });

    it("that flood leave it its bounty and fees, and get no more than their fees", async () => {
      const match = await start(lying);
      const honest = honestChallenger(challenger, own);
      await play(match, [flood(stranger, lying, 6), honestClaimant(claimant, lying), honest]);
      const [won, floods] = [await fees(match, challenger), await fees(match, stranger)];
      await assertSlashed(match, { challenger: BOUNTY + won, stranger: floods });
    });

    it("that withhold a commitment made before hold up its bounty, and pay for it", async () => {
      const match = await start(lying);
      const players = [hoarder(stranger, NOTHING), honestClaimant(claimant, lying), honestChallenger(challenger, own)];
      await play(match, [...players, forfeiter(third, stranger)]);
      assert.equal(await statusOf(match), CLAIM.slashed);
      const paid = BOUNTY + (await fees(match, challenger));
      assert.deepEqual(await endOf(match), {
        claimant: -BOND,
        challenger: paid,
        stranger: -P,
        burnt: BOND - paid + P,
      });
    });

    it("who is the claimant itself, insured by a commitment and first in the queue, burns half of its bond", async () => {
      const match = await start(lying);
      // It commits at once, floods its own claim, and shows its proof when the honest one has been faster.
      const proves = directProver(claimant, own, lying);
      let committed = false;
      const insured: Player = {
        account: claimant,
        async turn(seen) {
          if (committed && (await statusOf(seen)) === CLAIM.revealed) return false;
          committed = true;
          return proves.turn(seen);
        },
      };
      const answers = honestClaimant(claimant, lying);
      await play(match, [insured, flood(claimant, lying, 2), answers, honestChallenger(challenger, own)]);
      // A quarter comes back as the bounty of its own proof, and a fee for each demand it made of itself.
      await assertSlashed(match, { challenger: await fees(match, challenger) }, BOUNTY + 2n * FEE);
    });
  });

  describe("moves that a re-org left behind", () => {
    /** Lets the players move until the challenger has demanded `count` nodes and the claimant not answered the last. */
    async function upTo(match: Match, count: number, walker: Player): Promise<void> {
      const answers = honestClaimant(claimant, lying);
      for (;;) {
        await walker.turn(match);
        const [{ demands }] = await challengesOf(match);
        if (demands === count) return;
        await answers.turn(match);
      }
    }

    it("answer nothing else: the claimant's answer to a node that no longer stands is refused, and it answers again", async () => {
      const match = await start(lying);
      await upTo(match, 2, honestChallenger(challenger, own));
      const fork = await networkHelpers.takeSnapshot();
      const [{ position }] = await challengesOf(match);
      const stale = claimantCall(match.claim, match.claimId, challenger, 1n, claimantMove(lying, position));
      await send(match, claimant, stale);
      await fork.restore();
      // On the other branch the same challenge began elsewhere.
      const elsewhere = await start(lying);
      const demand = demandAt(viewOfRun(lying), { section: 2, height: 3, step: 0, item: 0, index: 0 });
      await send(elsewhere, challenger, { functionName: "challenge", args: [elsewhere.claim, 1n, demand] }, DEPOSIT);
      assert.equal(elsewhere.claimId, match.claimId);
      assert.equal(await refusal(send(elsewhere, claimant, stale)), "OpeningKindMismatch");
      await play(elsewhere, [honestClaimant(claimant, lying), honestChallenger(challenger, own)]);
      await assertSlashed(elsewhere, { challenger: BOUNTY + (await fees(elsewhere, challenger)) });
    });

    it("cost nobody the dispute: played again from any point, it ends the same", async () => {
      const match = await start(lying);
      await upTo(match, 3, honestChallenger(challenger, own));
      const fork = await networkHelpers.takeSnapshot();
      const gas = new Map(match.gasWei);
      const ends: Record<string, bigint>[] = [];
      for (let i = 0; i < 2; i++) {
        match.gasWei = new Map(gas);
        await play(match, [honestClaimant(claimant, lying), honestChallenger(challenger, own)]);
        ends.push(await endOf(match));
        if (i === 0) await fork.restore();
      }
      assert.deepEqual(ends[1], ends[0]);
      await assertSlashed(match, { challenger: BOUNTY + (await fees(match, challenger)) });
    });
  });
});
