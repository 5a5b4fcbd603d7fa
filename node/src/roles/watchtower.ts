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
import { challengeDuty, claimDuty } from "./players/index.ts";
import {
  challengesOf,
  claimsOf,
  deadlineOf,
  pendingDemand,
  preimageOf,
  tasksOf,
  termsOf,
  type Challenge,
  type Claim,
  type Move,
} from "./views.ts";

export interface WatchtowerOptions {
  /** Seconds it leaves to the interested node before it acts. Default 5. */
  patienceSeconds?: number;
}

export function createWatchtower(context: NodeContext, options: WatchtowerOptions): Role {
  const { database, protocol, client, log, runs } = context;
  const patienceSeconds = options.patienceSeconds ?? 5;
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
    if (claim?.status !== "revealed") return;
    const demand = pendingDemand(challenge);
    const watched = { ...challenge, deadline: deadlineOf(challenge), demandedAt: demand?.time ?? null };
    const patience = { now: head.time, patienceSeconds };
    const duty = challengeDuty(watched, patience, standingIn.has(challenge.challengeId));
    if (duty === "timeout") await callTimeout(context, claim, challenge, head);
    if (duty === "open" && demand !== undefined) openFor(challenge, demand, claim);
  }

  // Re-runs the claim in the background; only a claim that is right is defended.
  function openFor(challenge: Challenge, demand: Extract<Move, { kind: "demand" }>, claim: Claim): void {
    if (running.has(challenge.challengeId)) return;
    running.add(challenge.challengeId);
    runs
      .get(claim)
      .then(async (run) => {
        if (traceRootOf(run) !== claim.traceRoot) return;
        const call = openingCall(context, claim, challenge, demand, run);
        const key = `open:${challenge.challengeId}:${challenge.moves.length}`;
        if (await tryToSend(context, key, call)) standingIn.add(challenge.challengeId);
      })
      .catch((error: unknown) => log.warn({ challenge: challenge.challengeId, error }, "can't open for the claimant"))
      .finally(() => running.delete(challenge.challengeId));
  }

  async function conclude(claim: Claim, head: Head): Promise<void> {
    const { claimId, claimant, bondWei, seal, revealBy } = claim;
    // Most claims have ended.
    if (claim.status !== "committed" && claim.status !== "revealed") return;
    const reveal = await client.readContract({ ...protocol.claims, functionName: "proofRevealSeconds" });
    const patience = { now: head.time, patienceSeconds, proofRevealSeconds: Number(reveal) };
    const duty = claimDuty(claim, 0, patience);
    if (duty === "forfeit") {
      const args = [claimant, termsOf(claim), bondWei, seal, revealBy];
      await tryToSend(context, `forfeit:${claimId}`, { ...protocol.claims, functionName: "forfeit", args });
    }
    if (duty !== "finalize") return;
    const open = await client.readContract({ ...protocol.game, functionName: "openChallengesOf", args: [claimId] });
    if (claimDuty(claim, Number(open), patience) !== "finalize") return;
    const args = [preimageOf(claim)];
    await tryToSend(context, `finalize:${claimId}`, { ...protocol.claims, functionName: "finalize", args });
  }

  return { name: "watchtower", tick };
}
