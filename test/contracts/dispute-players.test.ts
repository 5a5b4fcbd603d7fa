// Dishonest players on the contracts with their real referees, each the honest one with a single lie, against honest
// counterparts: who lied loses, who was right is paid, and the end of every coin is asserted to the wei.
import assert from "node:assert/strict";
import { describe, it } from "node:test";

import { keccak256, pad, type Hex } from "viem";

import { FLAW, findFlaw } from "@lockstep/node/engine/dispute/flaw";
import type { Run } from "@lockstep/node/engine/execute";
import { encodeProgram } from "@lockstep/node/ir/encode";
import { rootFromPath } from "@lockstep/node/merkle";

import {
  assertFinal,
  assertSlashed,
  claimedOf,
  createArena,
  demandsOf,
  play,
  startMatch,
  statusOf,
  type Claimed,
  type Match,
  type Player,
} from "./support/players/arena.ts";
import { absentAfter, lateClaimant, unopenable, untilRefused } from "./support/players/dishonest.ts";
import { directProver, honestChallenger, honestClaimant, showProof, watchtower } from "./support/players/honest.ts";
import { FIXTURE, honestRun, LIES, STEPS } from "./support/players/lies.ts";
import { BOND, CLAIM, DEPOSIT, FEE } from "./support/world.ts";

const BOUNTY = BOND / 4n;
const GARBAGE: Hex = keccak256("0xff");

describe("dishonest players", async () => {
  const arena = await createArena();
  const { accounts, networkHelpers, game } = arena;
  const { claimant, challenger, second, operator } = accounts;
  const own = honestRun();
  const [LIE] = LIES;
  async function begin(): Promise<void> {}

  async function start(run: Run, claimed: Claimed = claimedOf(run, operator)): Promise<Match> {
    await networkHelpers.loadFixture(begin);
    return startMatch(arena, claimant, claimed, run);
  }
  describe("a claimant that lies", () => {
    for (const trace of ["full", "deferred"] as const) {
      const ownTrace = honestRun(trace);
      for (const lie of LIES) {
        it(`about ${lie.name} in a ${trace} trace is walked down and proven wrong`, async () => {
          const lying = lie.run(trace);
          const match = await start(lying);
          await play(match, [honestClaimant(claimant, lying), honestChallenger(challenger, ownTrace)]);
          const [{ args }] = await game.getEvents.FraudProven({ claimId: match.claimId }, { fromBlock: 0n });
          assert.deepEqual([args.kind, args.step, args.primitive], [lie.kind, lie.step, lie.item]);
          await assertSlashed(match, { challenger: BOUNTY + (await demandsOf(match, challenger)) * FEE });
        });
      }
    }

    for (const lie of LIES) {
      it(`about ${lie.name} and serves its trace is proven wrong without a walk`, async () => {
        const lying = lie.run("full");
        const match = await start(lying);
        await play(match, [honestClaimant(claimant, lying), directProver(challenger, own, lying)]);
        await assertSlashed(match, { challenger: BOUNTY });
      });
    }

    it("about the program, which is invalid, is slashed for claiming it", async () => {
      const [opening, steady] = FIXTURE.program.segments;
      // The last output is bound to a primitive of another length.
      const program = { ...FIXTURE.program, segments: [opening, { ...steady, outputBindings: [2, 0] }] };
      const flaw = findFlaw(encodeProgram(program))!;
      assert.equal(flaw.flaw, FLAW.binding);
      const run = { ...own, program };
      const match = await start(run);
      const proven: Player = {
        account: challenger,
        turn: async (seen) =>
          (await statusOf(seen)) === CLAIM.revealed && showProof(seen, challenger, { kind: 3, proof: flaw }, 0n),
      };
      await play(match, [honestClaimant(claimant, run), proven]);
      await assertSlashed(match, { challenger: BOUNTY });
    });

    it("about a node that nobody can open is slashed by the clock", async () => {
      // Only the last step is its own; what stands beside it is made up.
      const claimed = claimedOf(own, operator);
      const stepSiblings = claimed.shown.stepSiblings.map(() => GARBAGE);
      const { scratchRoot, stateRoot } = claimed.shown;
      const node = keccak256(`0x${scratchRoot.slice(2)}${stateRoot.slice(2)}`);
      const traceRoot = rootFromPath(node, STEPS - 1, STEPS, stepSiblings);
      const match = await start(own, { ...claimed, traceRoot, shown: { ...claimed.shown, stepSiblings } });
      const refusals: string[] = [];
      await play(match, [unopenable(claimant, own, refusals), honestChallenger(challenger, own)]);
      assert.deepEqual(refusals, ["OpeningMismatch"]);
      await assertSlashed(match, { challenger: BOUNTY + FEE });
    });
  });

  describe("a claimant", () => {
    for (const turns of [0, 1, 3]) {
      it(`that answers ${turns} demands and is silent then loses`, async () => {
        const lying = LIE.run("full");
        const match = await start(lying);
        const claimed = absentAfter(turns, honestClaimant(claimant, lying));
        await play(match, [claimed, honestChallenger(challenger, own)]);
        await assertSlashed(match, { challenger: BOUNTY + BigInt(turns + 1) * FEE });
      });
    }

    it("that answers a second late loses, even one that is right", async () => {
      const match = await start(own);
      const refusals: string[] = [];
      // The challenger's own run is the wrong one, but it asked in time.
      const asks = honestChallenger(challenger, LIE.run("full"));
      await play(match, [lateClaimant(claimant, own, refusals), asks]);
      assert.deepEqual(refusals, ["ClockExpired"]);
      await assertSlashed(match, { challenger: BOUNTY + FEE });
    });

    it("that is away is stood in for by a watchtower with the same run, which earns nothing by it", async () => {
      const match = await start(own);
      const refusals: string[] = [];
      // Down at the chunk the challenger's own code finds nothing to prove.
      const asks = untilRefused(honestChallenger(challenger, LIE.run("full")), refusals);
      await play(match, [watchtower(second, own), asks]);
      assert.match(refusals[0], /nothing is wrong/);
      await assertFinal(match, { challenger: DEPOSIT });
    });

    it("of a deferred trace that is away is stood in for by its operator, who posts", async () => {
      const deferred = honestRun("deferred");
      const match = await start(deferred);
      const refusals: string[] = [];
      const asks = untilRefused(honestChallenger(challenger, LIE.run("deferred")), refusals);
      await play(match, [watchtower(operator, deferred), asks]);
      assert.match(refusals[0], /nothing is wrong/);
      assert.notEqual(await game.read.scratchRootOf([match.claimId, LIE.step]), pad("0x"));
      await assertFinal(match, { challenger: DEPOSIT });
    });

    it("of a deferred trace that is away loses without its operator: nobody else may post", async () => {
      const deferred = honestRun("deferred");
      const match = await start(deferred);
      const refusals: string[] = [];
      const stranded = untilRefused(watchtower(second, deferred), refusals);
      await play(match, [stranded, honestChallenger(challenger, LIE.run("deferred"))]);
      assert.deepEqual(refusals, ["PostingNotAllowed"]);
      // The trace root was opened in its stead; the step was not.
      await assertSlashed(match, { challenger: BOUNTY + 2n * FEE });
    });
  });
});
