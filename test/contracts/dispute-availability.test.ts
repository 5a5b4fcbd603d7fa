// What a claim vouches for beside its trace: inputs and constants are demanded chunk by chunk like anything else. Who has them
// serves them, in the claimant's stead too; who withholds them loses by the clock. And proofs about deferred traces, which
// stand on a posted root where that very step is named.
import assert from "node:assert/strict";
import { describe, it } from "node:test";

import type { Address } from "viem";

import { encodeProof } from "@lockstep/node/engine/dispute/abi";
import { viewOfRun } from "@lockstep/node/engine/dispute/view";
import { demandAt, findFraud } from "@lockstep/node/engine/dispute/walk";
import type { Run } from "@lockstep/node/engine/execute";
import { stepPosition, traceRootPosition, type Position } from "@lockstep/node/engine/position";
import {
  challengerCall,
  constantSupplies,
  inputSupplies,
  supplyDemands,
  supplyMove,
  type Supply,
} from "@lockstep/node/players";

import {
  challengesOf,
  claimedOf,
  createArena,
  endOf,
  openingsOf,
  play,
  send,
  startMatch,
  statusOf,
  type Match,
  type Player,
} from "./support/players/arena.ts";
import {
  challengeOf,
  depositOf,
  honestChallenger,
  honestClaimant,
  showProof,
  timeOut,
} from "./support/players/honest.ts";
import { FIXTURE, honestRun, KIND, LIES } from "./support/players/lies.ts";
import { BOND, CHALLENGE, CLAIM, DEPOSIT, FEE, MAX_DEMANDS } from "./support/world.ts";

const { program } = FIXTURE;

describe("availability", async () => {
  const arena = await createArena();
  const { accounts, networkHelpers, game } = arena;
  const { claimant, challenger, second, third, operator } = accounts;
  async function begin(): Promise<void> {}
  const own = honestRun();

  /** Who lacks these tensors: demands them, in challenges of 16 demands, and keeps what it gets in `received`. */
  function demander(account: Address, wanted: readonly Supply[], received: Uint32Array[]): Player {
    let nonce = 0n;
    return {
      account,
      async turn(match) {
        if ((await statusOf(match)) !== CLAIM.revealed) return false;
        const mine = nonce === 0n ? undefined : await challengeOf(match, account, nonce);
        if (mine?.status === CHALLENGE.claimantTurn) return timeOut(match, account, mine);
        const { all } = await openingsOf(match, own);
        const fresh = mine === undefined || mine.demands === MAX_DEMANDS;
        const { inputsRoot } = match.claim.terms;
        const standing = fresh ? null : mine.position;
        const move = supplyMove(program, wanted, { inputsRoot, openings: all, challenging: !fresh, standing });
        if (move.kind === "complete") {
          const news = received.length === 0;
          received.splice(0, received.length, ...move.tensors);
          return news;
        }
        if (fresh) nonce++;
        const value = fresh ? await depositOf(match) : 0n;
        await send(match, account, challengerCall(match.claim, match, nonce, move), value);
        return true;
      },
    };
  }

  async function start(run: Run): Promise<Match> {
    await networkHelpers.loadFixture(begin);
    return startMatch(arena, claimant, claimedOf(run, operator), run);
  }

  for (const [name, wanted, expected] of [
    ["every input", inputSupplies(program), FIXTURE.inputs],
    [
      "every constant",
      constantSupplies(program),
      constantSupplies(program).map(({ root, length }) => FIXTURE.constants(root!).subarray(0, length)),
    ],
  ] as const) {
    it(`${name} is served word for word to whoever demands it, and paid for`, async () => {
      const match = await start(own);
      const received: Uint32Array[] = [];
      await play(match, [honestClaimant(claimant, own), demander(challenger, wanted, received)]);
      assert.deepEqual(received, expected);
      assert.equal(await statusOf(match), CLAIM.final);
      const challenges = await challengesOf(match);
      const demands = challenges.reduce((sum, challenge) => sum + challenge.demands, 0);
      assert.equal(demands, supplyDemands(program, wanted));
      const deposits = BigInt(challenges.length) * DEPOSIT;
      assert.deepEqual(await endOf(match), { claimant: deposits, challenger: -deposits });
    });
  }

  it("is served by anyone in the claimant's stead", async () => {
    const match = await start(own);
    const received: Uint32Array[] = [];
    const finalizer: Player = honestClaimant(third, own);
    await play(match, [finalizer, demander(challenger, inputSupplies(program), received)]);
    assert.deepEqual(received, FIXTURE.inputs);
    assert.equal(await statusOf(match), CLAIM.final);
  });

  for (const [name, supplies] of [
    ["its inputs", inputSupplies(program)],
    ["its constants", constantSupplies(program)],
  ] as const) {
    it(`a claimant that withholds ${name} loses by the clock, however right its trace is`, async () => {
      const match = await start(own);
      await play(match, [demander(challenger, supplies, [])]);
      assert.equal(await statusOf(match), CLAIM.slashed);
      const paid = BOND / 4n + FEE;
      assert.deepEqual(await endOf(match), { claimant: -BOND, challenger: paid, burnt: BOND - paid });
    });
  }

  describe("a proof about a deferred trace", () => {
    const deferred = honestRun("deferred");
    const lie = LIES[0];
    const lying = lie.run("deferred");
    const fraud = findFraud(deferred, lying)!;
    const args = (match: Match, postedStep: number, encoded = encodeProof(fraud)) =>
      [match.claim, 1n, fraud.kind, encoded, postedStep] as const;
    const refused = (match: Match, postedStep: number) =>
      assert.rejects(
        game.write.prove(args(match, postedStep), { account: second }),
        new RegExp(`ScratchRootNotPosted\\(${lie.step}, `),
      );

    /** The second account has a challenge at the trace root; the claimant posted these steps. */
    async function posted(steps: readonly number[]): Promise<Match> {
      const match = await start(lying);
      const ask = async (nonce: bigint, account: Address, position: Position) => {
        const demand = demandAt(viewOfRun(lying), position);
        await send(match, account, { functionName: "challenge", args: [match.claim, nonce, demand] }, DEPOSIT);
      };
      await ask(1n, second, traceRootPosition(lying));
      for (const step of steps) await ask(BigInt(2 + step), challenger, stepPosition(step));
      await honestClaimant(claimant, lying).turn(match);
      return match;
    }

    it("is refused while its step is not posted", async () => {
      const match = await posted([]);
      await refused(match, lie.step);
      const other = await posted([lie.step - 1]);
      await refused(other, lie.step);
      await refused(other, lie.step - 1);
    });

    it("is refused where another posted step is named, and holds where its own is", async () => {
      const match = await posted([lie.step - 1, lie.step]);
      for (const step of [0, lie.step - 1, lie.step + 1, 2 ** 32 - 1]) await refused(match, step);
      await game.write.prove(args(match, lie.step), { account: second });
      assert.equal(await statusOf(match), CLAIM.slashed);
    });

    it("holds for who did not walk, once another's walk had the step posted", async () => {
      const match = await start(lying);
      const waits: Player = {
        account: second,
        async turn(seen) {
          if ((await statusOf(seen)) !== CLAIM.revealed) return false;
          if ((await game.read.scratchRootOf([seen.claimId, lie.step])) === `0x${"00".repeat(32)}`) return false;
          return showProof(seen, second, fraud, 0n);
        },
      };
      await play(match, [honestClaimant(claimant, lying), waits, honestChallenger(challenger, deferred)]);
      assert.equal(await statusOf(match), CLAIM.slashed);
      const [event] = await game.getEvents.FraudProven({ claimId: match.claimId }, { fromBlock: 0n });
      assert.deepEqual([event.args.prover, event.args.kind], [second, KIND.badElement]);
      const [{ demands }] = await challengesOf(match);
      const fees = BigInt(demands) * FEE;
      const end = { claimant: -BOND, second: BOND / 4n, challenger: fees, burnt: BOND - BOND / 4n - fees };
      assert.deepEqual(await endOf(match), end);
    });
  });
});
