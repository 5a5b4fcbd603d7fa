// Dishonest players beside those that claim a wrong run: who is late or absent, who floods, who steals, hoards or makes up
// proofs. Each is an honest player with one thing wrong, and notes the errors with which the game refused it.
import assert from "node:assert/strict";

import type { Address, Hex } from "viem";

import { encodeProof } from "@lockstep/node/engine/dispute/abi";
import type { FraudProof } from "@lockstep/node/engine/dispute/types";
import { viewOfRun } from "@lockstep/node/engine/dispute/view";
import { demandAt } from "@lockstep/node/engine/dispute/walk";
import type { Run } from "@lockstep/node/engine/execute";
import { traceRootPosition } from "@lockstep/node/engine/position";
import { claimantCall, claimantMove, provenStep } from "@lockstep/node/players";

import { CHALLENGE, CLAIM } from "../world.ts";
import { challengesOf, nowOf, paid, send, statusOf, type Match, type Player } from "./arena.ts";
import { afterEnd, challengeOf, commitmentTo, depositOf } from "./honest.ts";

/** Moves honestly in its first turns and never again. */
export function absentAfter(turns: number, player: Player): Player {
  let left = turns;
  return {
    account: player.account,
    async turn(match) {
      if (left === 0) return false;
      const moved = await player.turn(match);
      if (moved) left--;
      return moved;
    },
  };
}

/** Moves honestly, by a run of its own, until a move is refused, and never again. */
export function untilRefused(player: Player, refusals: string[]): Player {
  return {
    account: player.account,
    async turn(match) {
      if (refusals.length > 0) return false;
      try {
        return await player.turn(match);
      } catch (error) {
        assert.ok(error instanceof Error);
        refusals.push(/custom error '(\w+)\(/.exec(error.message)?.[1] ?? error.message);
        return true;
      }
    },
  };
}

/** The name of the error with which a call was refused; fails if it was not. */
export async function refusal(call: Promise<unknown>): Promise<string> {
  try {
    await call;
  } catch (error) {
    assert.ok(error instanceof Error);
    const name = /custom error '(\w+)\(/.exec(error.message)?.[1];
    assert.ok(name !== undefined, `refused without a typed error: ${error.message}`);
    return name;
  }
  return assert.fail("a dishonest move was accepted");
}

/** Answers each demand one second after its clock ran out. */
export function lateClaimant(account: Address, run: Run, refusals: string[]): Player {
  return {
    account,
    async turn(match) {
      const now = await nowOf(match);
      const late = (await challengesOf(match)).find(
        (seen) => seen.status === CHALLENGE.claimantTurn && seen.deadline < now,
      );
      if (late === undefined || (await statusOf(match)) !== CLAIM.revealed || refusals.length > 0) return false;
      const move = claimantMove(run, late.position);
      const call = claimantCall(match.claim, match.claimId, late.challenger, late.nonce, move);
      refusals.push(await refusal(send(match, account, call)));
      return true;
    },
  };
}

/** Claims what its run is not: answers every demand with that run, which the game refuses. */
export function unopenable(account: Address, run: Run, refusals: string[]): Player {
  const refusedOf = new Set<string>();
  return {
    account,
    async turn(match) {
      const now = await nowOf(match);
      const asked = (await challengesOf(match)).find(
        ({ status, deadline, challengeId, demands }) =>
          status === CHALLENGE.claimantTurn && deadline > now && !refusedOf.has(`${challengeId}${demands}`),
      );
      if (asked === undefined || (await statusOf(match)) !== CLAIM.revealed) return false;
      refusedOf.add(`${asked.challengeId}${asked.demands}`);
      const move = claimantMove(run, asked.position);
      const call = claimantCall(match.claim, match.claimId, asked.challenger, asked.nonce, move);
      refusals.push(await refusal(send(match, account, call)));
      return true;
    },
  };
}

/** Opens challenges in the first turn, each with a demand for the trace root, and never moves in them again. */
export function flood(account: Address, claimed: Run, count: number): Player {
  let opened = 0;
  return {
    account,
    async turn(match) {
      if (opened === count || (await statusOf(match)) !== CLAIM.revealed) return closeAll(match, account);
      const demand = demandAt(viewOfRun(claimed), traceRootPosition(claimed));
      const call = { functionName: "challenge", args: [match.claim, BigInt(1000 + opened), demand] };
      await send(match, account, call, await depositOf(match));
      opened++;
      return true;
    },
  };
}

async function closeAll(match: Match, account: Address): Promise<boolean> {
  if ((await statusOf(match)) !== CLAIM.slashed) return false;
  const open = (await challengesOf(match)).find((seen) => seen.challenger === account && seen.deadline > 0n);
  return open === undefined ? false : afterEnd(match, account, open);
}

/** Opens a challenge and shows proofs of what is right, or none at all, which the game refuses; then it leaves. */
export function garbageProver(
  account: Address,
  claimed: Run,
  proofs: readonly (readonly [kind: number, proof: Hex, step: number])[],
  refusals: (string | null)[],
): Player {
  let shown = -1;
  return {
    account,
    async turn(match) {
      const { world, claim } = match;
      if (shown === -1) {
        const demand = demandAt(viewOfRun(claimed), traceRootPosition(claimed));
        await send(match, account, { functionName: "challenge", args: [claim, 1n, demand] }, await depositOf(match));
        shown++;
        return true;
      }
      if (shown === proofs.length) return false;
      const [kind, proof, step] = proofs[shown++];
      const call = world.game.write.prove([claim, 1n, kind, proof, step], { account });
      refusals.push(
        await call.then(
          () => assert.fail("a made-up proof was accepted"),
          (error: Error) => /custom error '(\w+)\(/.exec(error.message)?.[1] ?? null,
        ),
      );
      return true;
    },
  };
}

/**
 * Steals a proof: holds a challenge without a case, sees another's reveal on its way, and shows the same proof first. It must
 * move before its victim.
 */
export function thief(account: Address, victim: Address, claimed: Run, fraud: FraudProof): Player {
  return {
    account,
    async turn(match) {
      const { world, claim, claimId } = match;
      const mine = await challengeOf(match, account, 1n);
      if ((await statusOf(match)) !== CLAIM.revealed) return afterEnd(match, account, mine);
      if (mine === undefined) {
        const demand = demandAt(viewOfRun(claimed), traceRootPosition(claimed));
        await send(match, account, { functionName: "challenge", args: [claim, 1n, demand] }, await depositOf(match));
        return true;
      }
      const commitment = await commitmentTo(match, victim, fraud);
      const { sequence } = await world.game.read.proofOf([claimId, victim, commitment]);
      if (sequence === 0n) return false;
      const args = [claim, 1n, fraud.kind, encodeProof(fraud), provenStep(fraud)] as const;
      await paid(match, account, world.game.write.prove(args, { account }));
      return true;
    },
  };
}

/** Commits to a proof and never shows it. */
export function hoarder(account: Address, commitment: Hex): Player {
  let committed = false;
  return {
    account,
    async turn(match) {
      if (committed) return false;
      const { world, claimId } = match;
      const value = await world.game.read.proofBondWei();
      await paid(match, account, world.game.write.commitProof([claimId, 0n, commitment], { account, value }));
      committed = true;
      return true;
    },
  };
}

/** Forfeits the commitments of an account as soon as they can't be shown any more. */
export function forfeiter(account: Address, committer: Address): Player {
  return {
    account,
    async turn(match) {
      const { claimId, world } = match;
      const { game } = world;
      for (const { args } of await game.getEvents.ProofCommitted({ claimId, committer }, { fromBlock: 0n })) {
        const named = [claimId, committer, args.commitment!] as const;
        const { sequence } = await game.read.proofOf(named);
        if (sequence === 0n) continue;
        const early = await game.simulate.forfeitProof(named, { account }).then(
          () => null,
          (error: Error) => error,
        );
        if (early !== null) {
          assert.match(early.message, /ProofRevealPending/);
          continue;
        }
        await paid(match, account, game.write.forfeitProof(named, { account }));
        return true;
      }
      return false;
    },
  };
}
