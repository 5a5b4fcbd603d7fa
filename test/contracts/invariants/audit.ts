// Compares everything that the contracts tell of what the model knows, and all coin there is.
import assert from "node:assert/strict";

import { decodeFunctionResult, type Abi, type Address, type Hex } from "viem";

import { ACTORS, SINK, START_WEI, dataOf, type Arena } from "./arena.ts";
import { deadlineOf, isOpen, type Challenge, type Model } from "./model.ts";

/** What is compared; `credited` is what events say is owed, by contract and account. */
export interface Audited {
  arena: Arena;
  model: Model;
  credited: Map<string, bigint>;
}

const CLAIM_STATUS = { new: 0, committed: 0, revealed: 2, final: 3, slashed: 4, forfeited: 5, voided: 6 };
const CHALLENGE_STATUS = { new: 0, challenger: 1, claimant: 2, won: 3, lost: 4, refunded: 5 };

/** Everything that the contracts tell of what the model knows is the same; no coin came or went. */
export async function audit(play: Audited): Promise<void> {
  const { arena, model, credited } = play;
  const { registry, game, actors, batch, client, abis } = arena;
  const views: {
    target: "registry" | "game";
    name: string;
    args: readonly unknown[];
    check: (value: never) => void;
  }[] = [];
  for (const where of ["registry", "game"] as const) {
    actors.forEach((account, actor) => {
      const expected = model.credits[where].get(actor) ?? 0n;
      const said = credited.get(`${arena[where].toLowerCase()} ${account.slice(2).toLowerCase()}`) ?? 0n;
      assert.equal(said, expected, `events credit actor ${actor} otherwise in the ${where}`);
      views.push({ target: where, name: "creditOf", args: [account], check: (value) => assert.equal(value, expected) });
    });
  }
  for (const claim of model.claims) {
    const { id, phase, challengeUntil, openChallenges, bounty } = claim;
    views.push({
      target: "registry",
      name: "headOf",
      args: [id],
      check: ([status, until]: [number, bigint]) => {
        assert.equal(status, CLAIM_STATUS[phase]);
        if (phase === "revealed") assert.equal(until, BigInt(challengeUntil));
      },
    });
    views.push({
      target: "game",
      name: "openChallengesOf",
      args: [id],
      check: (value) => assert.equal(value, BigInt(openChallenges)),
    });
    views.push({
      target: "game",
      name: "bountyOf",
      args: [id],
      check: (value: { sequence: bigint; settleAfter: bigint; winner: Address }) => {
        assert.deepEqual(
          [value.sequence, value.settleAfter],
          bounty === null ? [0n, 0n] : [BigInt(bounty.sequence), BigInt(bounty.settleAfter)],
        );
        if (bounty !== null) assert.equal(value.winner, actors[bounty.winner]);
      },
    });
    for (const [step, root] of claim.posted) {
      views.push({
        target: "game",
        name: "scratchRootOf",
        args: [id, step],
        check: (value) => assert.equal(value, root),
      });
    }
  }
  for (const challenge of model.challenges) {
    views.push({
      target: "game",
      name: "challengeOf",
      args: [challenge.id],
      check: (value) => sameChallenge(challenge, value),
    });
    const deadline = isOpen(challenge) ? BigInt(deadlineOf(model, challenge)) : 0n;
    views.push({
      target: "game",
      name: "deadlineOf",
      args: [challenge.id],
      check: (value) => assert.equal(value, deadline),
    });
  }
  for (const { claim, committer, hash, phase, sequence } of model.pledges) {
    views.push({
      target: "game",
      name: "proofOf",
      args: [claim.id, actors[committer], hash],
      check: (value: { sequence: bigint }) => {
        if (phase === "pending") assert.equal(value.sequence, BigInt(sequence));
        else
          assert.ok(
            value.sequence === 0n || model.pledges.some((other) => other.hash === hash && other.phase === "pending"),
          );
      },
    });
  }
  const data = views.map(({ target, name, args }) => dataOf(arena, target, name, args));
  const results = await batch.read.look([views.map(({ target }) => arena[target]), data]);
  views.forEach(({ target, name, check }, i) => {
    const value: unknown = decodeFunctionResult({ abi: abis[target] as Abi, functionName: name, data: results[i] });
    check(value as never);
  });
  // In this world coin is with the actors, in the two contracts or in the sink.
  const balances = await Promise.all(
    [...actors, registry, game, SINK].map((address) => client.getBalance({ address })),
  );
  assert.equal(balances.at(-1), model.burntWei, "another amount than the rules say was burnt");
  assert.equal(
    balances.reduce((sum, wei_) => sum + wei_, 0n),
    BigInt(ACTORS) * START_WEI,
    "coin was made or lost",
  );
}

interface Stored {
  status: number;
  openedBlock: number;
  turnStarted: number;
  claimantUsedSeconds: number;
  challengerUsedSeconds: number;
  demands: number;
  paidDemands: number;
  position: Challenge["site"]["place"];
  leafCount: number;
  node: Hex;
}

function sameChallenge(challenge: Challenge, stored: Stored): void {
  const { phase, openedBlock, turnStarted, claimantUsed, challengerUsed, demands, paidDemands, site } = challenge;
  assert.equal(stored.status, CHALLENGE_STATUS[phase], `status of a challenge of ${challenge.claim.of.name}`);
  if (!isOpen(challenge)) return;
  assert.deepEqual(
    [
      stored.openedBlock,
      stored.turnStarted,
      stored.claimantUsedSeconds,
      stored.challengerUsedSeconds,
      stored.demands,
      stored.paidDemands,
    ],
    [openedBlock, turnStarted, claimantUsed, challengerUsed, demands, paidDemands],
  );
  assert.deepEqual({ ...stored.position }, site.place);
  assert.equal(stored.node, site.node);
}
