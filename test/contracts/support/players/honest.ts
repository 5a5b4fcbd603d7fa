// The honest players of a dispute over the node's own decisions: a claimant, a challenger that knows nothing of the claimant's
// run but what the chain shows, one that was served the claimant's trace, and a watchtower. Each is a function of the chain
// and of its run, so that a dishonest one is the same with another run or with one move less.
import { keccak256, type Address, type Hex } from "viem";

import { encodeProof } from "@lockstep/node/engine/dispute/abi";
import type { FraudProof } from "@lockstep/node/engine/dispute/types";
import { findFraud } from "@lockstep/node/engine/dispute/walk";
import type { Run } from "@lockstep/node/engine/execute";
import { challengerCall, challengerMove, claimantCall, claimantMove, provenStep } from "@lockstep/node/players";

import { CHALLENGE, CLAIM, commitmentOf, PARAMETERS } from "../world.ts";
import {
  challengesOf,
  nowOf,
  openingsOf,
  paid,
  send,
  statusOf,
  type Match,
  type Player,
  type SeenChallenge,
} from "./arena.ts";

const SALT = keccak256("0x5b");

/** Answers every demand on the claim that it can answer, calls time-outs of challengers, finalizes. */
export function honestClaimant(account: Address, run: Run): Player {
  return {
    account,
    async turn(match) {
      return (await answerAll(match, account, run)) || (await endClaim(match, account));
    },
  };
}

/** Opens for a claim that its own run found right; ends what can be ended. Not posting: that is the claimant's. */
export const watchtower = honestClaimant;

/** The challenger that walks: follows the first difference, commits to its proof, and reveals it. */
export function honestChallenger(account: Address, own: Run, nonce = 1n): Player {
  let fraud: FraudProof | null = null;
  return {
    account,
    async turn(match) {
      const mine = await challengeOf(match, account, nonce);
      if ((await statusOf(match)) !== CLAIM.revealed) {
        return (await showPending(match, account, fraud)) || afterEnd(match, account, mine);
      }
      if (mine !== undefined && mine.status === CHALLENGE.claimantTurn) return timeOut(match, account, mine);
      if (mine !== undefined && mine.status !== CHALLENGE.challengerTurn) return false;
      const { trace } = await openingsOf(match, own);
      const move = challengerMove(own, {
        traceRoot: match.claim.traceRoot,
        openings: trace,
        challenging: mine !== undefined,
        standing: mine?.position ?? null,
      });
      if (move.kind === "agree") return false;
      if (move.kind === "prove") {
        fraud = move.fraud;
        return showProof(match, account, move.fraud, mine?.nonce ?? 0n);
      }
      if (move.kind === "challenge" && (await nowOf(match)) > match.challengeUntil) return false;
      const value = move.kind === "challenge" ? await depositOf(match) : 0n;
      await send(match, account, challengerCall(match.claim, match, nonce, move), value);
      return true;
    },
  };
}

/** The challenger that was served the claimant's whole trace: one proof, no walk. */
export function directProver(account: Address, own: Run, served: Run): Player {
  const fraud = findFraud(own, served);
  return {
    account,
    async turn(match) {
      if (fraud === null) return false;
      if ((await statusOf(match)) !== CLAIM.revealed) {
        return (await showPending(match, account, fraud)) || afterEnd(match, account, undefined);
      }
      return showProof(match, account, fraud, 0n);
    },
  };
}

/** The challenge of an account with this number, if it was opened. */
export async function challengeOf(match: Match, account: Address, nonce: bigint): Promise<SeenChallenge | undefined> {
  return (await challengesOf(match)).find((seen) => seen.challenger === account && seen.nonce === nonce);
}

/** Opens what is demanded, where the run holds the preimage, the demand with the nearest deadline first. */
export async function answerAll(match: Match, account: Address, run: Run): Promise<boolean> {
  if ((await statusOf(match)) !== CLAIM.revealed) return false;
  const now = await nowOf(match);
  const waiting = (await challengesOf(match))
    .filter(({ status, deadline }) => status === CHALLENGE.claimantTurn && deadline > now)
    .toSorted((one, other) => Number(one.deadline - other.deadline));
  for (const { challenger, nonce, position } of waiting) {
    const call = claimantCall(match.claim, match.claimId, challenger, nonce, claimantMove(run, position));
    await send(match, account, call);
  }
  return waiting.length > 0;
}

/** Calls the time-outs of challengers, and finalizes. */
export async function endClaim(match: Match, account: Address): Promise<boolean> {
  const { world, claim, challengeUntil } = match;
  if ((await statusOf(match)) !== CLAIM.revealed) return false;
  const now = await nowOf(match);
  const challenges = await challengesOf(match);
  const late = challenges.find(({ status, deadline }) => status === CHALLENGE.challengerTurn && deadline < now);
  if (late !== undefined) {
    const args = [claim, late.challenger, late.nonce] as const;
    await paid(match, account, world.game.write.timeout(args, { account }));
    return true;
  }
  const isOpen = challenges.some(({ deadline }) => deadline > 0n);
  if (isOpen || now <= challengeUntil + PARAMETERS.proofRevealSeconds) return false;
  await paid(match, account, world.claims.write.finalize([claim], { account }));
  return true;
}

/** Calls the claimant's time-out in a challenge. */
export async function timeOut(match: Match, account: Address, { challenger, nonce, deadline }: SeenChallenge) {
  if (deadline >= (await nowOf(match))) return false;
  const { world, claim } = match;
  await paid(match, account, world.game.write.timeout([claim, challenger, nonce], { account }));
  return true;
}

/** Commits to a proof; in a later turn reveals it. */
export async function showProof(match: Match, account: Address, fraud: FraudProof, nonce: bigint): Promise<boolean> {
  const { world, claim, claimId } = match;
  const { game } = world;
  const proof = encodeProof(fraud);
  const commitment = await commitmentOf(world, claimId, account, SALT, fraud.kind, proof);
  const { sequence } = await game.read.proofOf([claimId, account, commitment]);
  if (sequence > 0n) {
    const args = [claim, fraud.kind, proof, provenStep(fraud), SALT] as const;
    await paid(match, account, game.write.revealProof(args, { account }));
    return true;
  }
  const value = await game.read.proofBondWei();
  await paid(match, account, game.write.commitProof([claimId, nonce, commitment], { account, value }));
  return true;
}

/** Shows a proof that was committed to when another had slashed the claim: for the bond, and the bounty if it was earlier. */
export async function showPending(match: Match, account: Address, fraud: FraudProof | null): Promise<boolean> {
  if (fraud === null) return false;
  const commitment = await commitmentTo(match, account, fraud);
  const { sequence } = await match.world.game.read.proofOf([match.claimId, account, commitment]);
  return sequence > 0n && showProof(match, account, fraud, 0n);
}

/** Takes what is left after a slash: an own challenge that is open, and a bounty that is held. */
export async function afterEnd(match: Match, account: Address, mine: SeenChallenge | undefined): Promise<boolean> {
  const { world, claim, claimId } = match;
  const { game } = world;
  if ((await statusOf(match)) !== CLAIM.slashed) return false;
  if (mine !== undefined && mine.deadline > 0n) {
    await paid(match, account, game.write.close([claim, account, mine.nonce], { account }));
    return true;
  }
  const { settleAfter } = await game.read.bountyOf([claimId]);
  if (settleAfter === 0n || settleAfter >= (await nowOf(match))) return false;
  await paid(match, account, game.write.settleBounty([claimId], { account }));
  return true;
}

export async function depositOf({ world, claim }: Match): Promise<bigint> {
  return world.game.read.depositOf([claim.terms.moveFeeWei]);
}

/** The hash of an account's commitment to a proof. */
export function commitmentTo({ world, claimId }: Match, account: Address, fraud: FraudProof): Promise<Hex> {
  return commitmentOf(world, claimId, account, SALT, fraud.kind, encodeProof(fraud));
}
