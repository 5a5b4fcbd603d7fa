/**
 * The watchtower: keeps honest parties from losing by absence. It opens demanded nodes for claimants whose claim it has
 * re-run and found right, and does for anyone what anyone may do: finalises claims, forfeits unrevealed ones, calls
 * time-outs and settles tasks. It waits a while first, so that the interested node, when it is there, does its own work.
 */
import type { Hex } from "viem";
import type { Head } from "../chain/reader.ts";
import { traceRootOf } from "../engine/index.ts";
import { apart, callTimeout, tryToSend, type NodeContext, type Role } from "./node-context.ts";
import { openingCall } from "./opening.ts";
import { challengesOf, claimsOf, pendingDemand, tasksOf, type Challenge, type Claim, type Move } from "./views.ts";

export interface WatchtowerOptions {
  /** Seconds it leaves to the interested node before it acts. Default 5. */
  patienceSeconds?: number;
}

export function createWatchtower(context: NodeContext, options: WatchtowerOptions): Role {
  const { database, protocol, client, log, runs } = context;
  const patience = options.patienceSeconds ?? 5;
  const running = new Set<Hex>();
  // Challenges in which it opened before.
  const standingIn = new Set<Hex>();

  async function tick(head: Head): Promise<void> {
    const claims = await claimsOf(database);
    const challenges = await challengesOf(database);
    for (const challenge of challenges.values()) {
      const claim = claims.get(challenge.claimId);
      await apart(context, { challenge: challenge.challengeId }, () => watch(challenge, claim, head));
    }
    for (const claim of claims.values()) await apart(context, { claim: claim.claimId }, () => conclude(claim, head));
    for (const task of (await tasksOf(database)).values()) {
      const status = task.claimId === undefined ? undefined : claims.get(task.claimId)?.status;
      if (task.status !== "delivered" || (status !== "final" && status !== "slashed")) continue;
      const call = { ...protocol.market, functionName: "settle", args: [task.taskId] };
      await tryToSend(context, `settle:${task.taskId}:${task.claimId}`, call);
    }
  }

  async function watch(challenge: Challenge, claim: Claim | undefined, head: Head): Promise<void> {
    if (claim?.status !== "revealed" || challenge.ended) return;
    if (await callTimeout(context, challenge, head, patience)) return;
    const demand = pendingDemand(challenge);
    if (demand === undefined) return;
    // A claimant that was away is not waited for again: its clock runs on through the whole challenge.
    const wait = standingIn.has(challenge.challengeId) ? 0 : patience;
    if (head.time >= demand.time + wait) openFor(challenge, demand, claim);
  }

  // Re-runs the claim in the background; only a claim that is right is defended.
  function openFor(challenge: Challenge, demand: Extract<Move, { kind: "demand" }>, claim: Claim): void {
    if (running.has(challenge.challengeId)) return;
    running.add(challenge.challengeId);
    runs
      .get(claim)
      .then(async (run) => {
        if (traceRootOf(run) !== claim.traceRoot) return;
        const call = openingCall(context, challenge.challengeId, demand, run);
        const key = `open:${challenge.challengeId}:${challenge.moves.length}`;
        if (await tryToSend(context, key, call)) standingIn.add(challenge.challengeId);
      })
      .catch((error: unknown) => log.warn({ challenge: challenge.challengeId, error }, "can't open for the claimant"))
      .finally(() => running.delete(challenge.challengeId));
  }

  async function conclude(claim: Claim, head: Head): Promise<void> {
    const { claimId } = claim;
    if (claim.status === "committed" && head.time > claim.revealBy + patience) {
      await tryToSend(context, `forfeit:${claimId}`, { ...protocol.claims, functionName: "forfeit", args: [claimId] });
    }
    if (claim.status !== "revealed" || claim.challengeUntil === undefined) return;
    const revealSeconds = await client.readContract({ ...protocol.claims, functionName: "proofRevealSeconds" });
    if (head.time <= claim.challengeUntil + Number(revealSeconds) + patience) return;
    const open = await client.readContract({ ...protocol.game, functionName: "openChallengesOf", args: [claimId] });
    if (open > 0n) return;
    await tryToSend(context, `finalize:${claimId}`, { ...protocol.claims, functionName: "finalize", args: [claimId] });
  }

  return { name: "watchtower", tick };
}
