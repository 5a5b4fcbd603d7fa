/**
 * The solver: takes tasks of programs it can lower, runs them, claims with a bond, delivers, and defends its claims until
 * they are final and paid. What it must not lose (the salt of a commit) is stored before anything is sent.
 */
import { randomBytes } from "node:crypto";
import { bytesToHex, type Address, type Hex } from "viem";
import type { OwnClaimTable } from "../chain/database.ts";
import type { Head } from "../chain/reader.ts";
import { outputRootsOf, outputsShownOf, traceRootOf, type Run } from "../engine/index.ts";
import { chooseLie, type LieChoice } from "./lie.ts";
import { apart, callTimeout, tryToSend, type NodeContext, type Role } from "./node-context.ts";
import { openingCall } from "./opening.ts";
import { claimDuty, outputsHashOf, sealOf, type ClaimPreimage, type Terms } from "./players/index.ts";
import { DEFERRED } from "./runs.ts";
import { serveTrace } from "./trace-content.ts";
import {
  challengesOf,
  claimsOf,
  deadlineOf,
  pendingDemand,
  tasksOf,
  type Challenge,
  type Claim,
  type Task,
} from "./views.ts";
import { creditsToWithdraw } from "./withdraw.ts";

export interface SolverOptions {
  /** Wei locked with each claim; the registry's least unless given. */
  bondWei?: bigint;
  /** Least price, in the market's token, for which it works. */
  leastPrice?: bigint;
  /**
   * What its claims commit to: all that every step computed (the default), or its state alone, which saves hashing what
   * primitives computed and costs that those who find it wrong have to walk.
   */
  trace?: "full" | "deferred";
  /** Who beside it may post the scratch roots of a deferred trace, such as a watchtower's account; nobody unless given. */
  operator?: Address;
  /** Makes it a cheat. */
  lie?: LieChoice;
}

/** Terms as they are stored: JSON has no large integers. */
type StoredTerms = Omit<Terms, "moveFeeWei"> & { moveFeeWei: string };

const FULL = 0;
// Until a program or inputs that could not be had are looked for again: who serves them may start later.
const RETRY_MILLISECONDS = 5_000;

/** The role that takes and delivers work, and the one that defends its claims: neither waits for the other. */
export function createSolver(context: NodeContext, options: SolverOptions): Role[] {
  const { database, protocol, sender, client, log, runs } = context;
  const me = sender.address.toLowerCase();
  // Tasks being prepared or computed; one whose computation failed is left alone until the node restarts.
  const busy = new Set<Hex>();
  // Claims whose traces are served.
  const serving = new Set<Hex>();

  async function tick(head: Head): Promise<void> {
    const tasks = await tasksOf(database);
    const claims = await claimsOf(database);
    const own = await database.selectFrom("own_claim").selectAll().execute();
    for (const { key, call } of await creditsToWithdraw(context)) await tryToSend(context, key, call);
    for (const task of tasks.values()) take(task, own, head);
    for (const row of own) {
      const claimId = row.claim_id as Hex;
      const [claim, task] = [claims.get(claimId), tasks.get(row.task_id as Hex)];
      await apart(context, { claim: claimId }, () => advance(row, claim, task, head));
    }
  }

  // Starts to accept what it may take, or to compute what it accepted.
  function take(task: Task, own: readonly OwnClaimTable[], head: Head): void {
    if (busy.has(task.taskId)) return;
    // Claimed already; a task that cost a bond is not tried again.
    if (own.some((row) => row.task_id === task.taskId)) return;
    if (isMine(task, head)) compute(task);
    else if (mayTake(task, head)) accept(task, head);
  }

  // Only what it could run at once is accepted: a model it lowered itself, a cost within its limits, inputs at hand
  // that end where they should.
  function accept(task: Task, head: Head): void {
    busy.add(task.taskId);
    const call = { ...protocol.market, functionName: "accept", args: [task.taskId] };
    context.programs
      .get(task.programRoot)
      .then(() => runs.prepare(task, true))
      .then(() => tryToSend(context, `accept:${task.taskId}:${head.number}`, call))
      .then(
        () => busy.delete(task.taskId),
        (error: unknown) => {
          log.info({ task: task.taskId, error }, "can't be taken now; looking again later");
          setTimeout(() => busy.delete(task.taskId), RETRY_MILLISECONDS).unref();
        },
      );
  }

  function isMine(task: Task, head: Head): boolean {
    const accepted = task.status === "accepted" && task.solver?.toLowerCase() === me;
    return accepted && head.time < (task.deliverBy ?? 0);
  }

  function mayTake(task: Task, head: Head): boolean {
    // An acceptance that has lapsed binds nobody.
    const free = task.status === "open" || (task.status === "accepted" && head.time > (task.deliverBy ?? 0));
    if (!free) return false;
    const forMe = task.reservedFor === undefined || task.reservedFor.toLowerCase() === me;
    return forMe && task.price >= (options.leastPrice ?? 0n) && head.time < task.deadline;
  }

  function compute(task: Task): void {
    busy.add(task.taskId);
    prepareClaim(task).then(
      () => busy.delete(task.taskId),
      (error: unknown) => log.error({ task: task.taskId, error }, "the task can't be run; leaving it"),
    );
  }

  // Runs the task and stores everything the claim needs; the next tick sends it.
  async function prepareClaim(task: Task): Promise<void> {
    const tamper =
      options.lie === undefined
        ? undefined
        : chooseLie(options.lie, (await context.programs.get(task.programRoot)).program, task.steps);
    const traceMode = options.trace === "deferred" ? DEFERRED : FULL;
    const run = await runs.get({ ...task, traceMode }, tamper, true);
    const bondWei = options.bondWei ?? (await client.readContract({ ...protocol.claims, functionName: "minBondWei" }));
    const moveFeeWei = await client.readContract({ ...protocol.claims, functionName: "minMoveFeeWei" });
    const salt = bytesToHex(randomBytes(32));
    const traceRoot = traceRootOf(run);
    const outputRoots = outputRootsOf(run);
    const terms = {
      programRoot: task.programRoot,
      inputsRoot: task.inputsRoot,
      steps: task.steps,
      traceMode,
      operator: options.operator ?? sender.address,
      taskId: task.taskId,
      moveFeeWei,
    };
    const seal = sealOf({ claimant: sender.address, traceRoot, outputsHash: outputsHashOf(outputRoots), salt });
    const claimId = await client.readContract({
      ...protocol.claims,
      functionName: "claimIdOf",
      args: [sender.address, terms, bondWei, seal],
    });
    await database
      .insertInto("own_claim")
      .values({
        claim_id: claimId,
        task_id: task.taskId,
        program_root: task.programRoot,
        inputs_root: task.inputsRoot,
        steps: task.steps,
        salt,
        trace_root: traceRoot,
        output_roots: JSON.stringify(outputRoots),
        bond_wei: bondWei.toString(),
        terms: JSON.stringify({ ...terms, moveFeeWei: moveFeeWei.toString() }),
        seal,
        tamper: tamper === undefined ? null : JSON.stringify(tamper),
      })
      .execute();
    log.info({ task: task.taskId, claim: claimId, traceRoot }, "ran the task");
  }

  // The next thing to do for one of its own claims.
  async function advance(
    row: OwnClaimTable,
    claim: Claim | undefined,
    task: Task | undefined,
    head: Head,
  ): Promise<void> {
    const claimId = row.claim_id as Hex;
    const own = preimageOf(row, sender.address);
    // Nobody disputes a claim that has ended.
    if (claim !== undefined && claim.status !== "revealed" && serving.delete(claimId)) context.served.drop(claimId);
    if (claim === undefined) {
      if (task === undefined || !isMine(task, head)) return; // too late: no bond for a task that is another's
      await tryToSend(context, `commit:${claimId}`, {
        ...protocol.claims,
        functionName: "commit",
        args: [own.terms, row.seal],
        valueWei: BigInt(row.bond_wei),
      });
    } else if (claim.status === "committed") {
      const run = await runOf(row);
      await tryToSend(context, `reveal:${claimId}`, {
        ...protocol.claims,
        functionName: "reveal",
        args: [own, claim.revealBy, outputRootsOf(run), outputsShownOf(run)],
      });
    } else if (claim.status === "revealed") {
      // A cheat serves no evidence.
      if (row.tamper === null && !serving.has(claimId)) {
        serveTrace(context.served.part(claimId), await runOf(row));
        serving.add(claimId);
      }
      if (task?.status === "accepted" && task.solver?.toLowerCase() === me) await deliver(task, own, claimId);
      if (head.time > (claim.challengeUntil ?? 0)) await finalize(own, claim, head);
    } else if (claim.status === "final" && task !== undefined) {
      if (task.status === "accepted" && task.solver?.toLowerCase() === me) await deliver(task, own, claimId);
      if (task.status === "delivered" && task.claimId === claimId) await settle(task);
    }
  }

  async function deliver(task: Task, own: ClaimPreimage, claimId: Hex): Promise<void> {
    const call = { ...protocol.market, functionName: "deliver", args: [task.taskId, own] };
    await tryToSend(context, `deliver:${claimId}`, call);
  }

  async function settle(task: Task): Promise<void> {
    const call = { ...protocol.market, functionName: "settle", args: [task.taskId] };
    await tryToSend(context, `settle:${task.taskId}:${task.claimId}`, call);
  }

  async function finalize(own: ClaimPreimage, claim: Claim, head: Head): Promise<void> {
    const { claimId } = claim;
    const open = await client.readContract({ ...protocol.game, functionName: "openChallengesOf", args: [claimId] });
    const reveal = await client.readContract({ ...protocol.claims, functionName: "proofRevealSeconds" });
    const patience = { now: head.time, patienceSeconds: 0, proofRevealSeconds: Number(reveal) };
    if (claimDuty(claim, Number(open), patience) !== "finalize") return;
    await tryToSend(context, `finalize:${claimId}`, { ...protocol.claims, functionName: "finalize", args: [own] });
  }

  // Answers every demand on its own claims at once, the nearest deadline first, and ends the challenges of those who went
  // away.
  async function defend(head: Head): Promise<void> {
    const claims = await claimsOf(database);
    const own = await database.selectFrom("own_claim").selectAll().execute();
    const rows = new Map(own.map((row) => [row.claim_id, row]));
    const open = [...(await challengesOf(database)).values()].filter(({ ended }) => !ended);
    const answers = open
      .toSorted((one, other) => deadlineOf(one) - deadlineOf(other))
      .map(async (challenge) => {
        const [row, claim] = [rows.get(challenge.claimId), claims.get(challenge.claimId)];
        if (row === undefined || claim?.status !== "revealed") return;
        await apart(context, { challenge: challenge.challengeId }, () => answer(challenge, claim, row, head));
      });
    await Promise.all(answers);
  }

  async function answer(challenge: Challenge, claim: Claim, row: OwnClaimTable, head: Head): Promise<void> {
    const demand = pendingDemand(challenge);
    if (demand === undefined) {
      await callTimeout(context, claim, challenge, head);
      return;
    }
    const call = openingCall(context, claim, challenge, demand, await runOf(row));
    await tryToSend(context, `open:${challenge.challengeId}:${challenge.moves.length}`, call);
  }

  function runOf(row: OwnClaimTable): Promise<Run> {
    const { terms } = preimageOf(row, sender.address);
    return runs.get(terms, row.tamper === null ? undefined : JSON.parse(row.tamper), true);
  }

  return [
    { name: "solver", tick },
    { name: "defender", tick: defend },
  ];
}

// What it stored before it committed.
function preimageOf(row: OwnClaimTable, claimant: Address): ClaimPreimage {
  const terms = JSON.parse(row.terms) as StoredTerms;
  return {
    claimant,
    terms: { ...terms, moveFeeWei: BigInt(terms.moveFeeWei) },
    bondWei: BigInt(row.bond_wei),
    traceRoot: row.trace_root as Hex,
    outputsHash: outputsHashOf(JSON.parse(row.output_roots) as Hex[]),
    salt: row.salt as Hex,
  };
}
