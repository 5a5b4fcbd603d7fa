/**
 * What the mirrored events say: tasks, claims and challenges as they stand. Pure folds over events in chain order; roles
 * decide from these alone, so a restarted node sees what the stopped one saw.
 */
import type { Address, Hex } from "viem";
import type { NodeDatabase } from "../chain/database.ts";
import { eventsOf, type ChainEvent } from "../chain/reader.ts";
import { LockstepError } from "../float/errors.ts";
import type { Hash } from "../merkle/index.ts";
import { outputsHashOf, type ClaimPreimage, type GamePosition, type Terms } from "./players/index.ts";

const NOBODY: Address = "0x0000000000000000000000000000000000000000";

export type TaskStatus = "open" | "accepted" | "delivered" | "paid" | "cancelled" | "refunded";

export interface Task {
  taskId: Hex;
  requester: Address;
  programRoot: Hash;
  inputsRoot: Hash;
  steps: number;
  price: bigint;
  /** Unix seconds after which the requester may take its price back. */
  deadline: number;
  /** The one solver it is meant for, or undefined for anyone. */
  reservedFor: Address | undefined;
  /** Posted words of the inputs, concatenated; empty when they are served elsewhere. */
  inputData: Hex;
  status: TaskStatus;
  solver: Address | undefined;
  /** Unix seconds by which the solver must deliver. */
  deliverBy: number | undefined;
  claimId: Hex | undefined;
}

export type ClaimStatus = "committed" | "revealed" | "final" | "slashed" | "forfeited" | "voided";

export interface Claim {
  claimId: Hex;
  claimant: Address;
  programRoot: Hash;
  inputsRoot: Hash;
  steps: number;
  /** 0 full, 1 deferred. */
  traceMode: number;
  /** May open for the claimant where nobody else may. */
  operator: Address;
  taskId: Hex;
  bondWei: bigint;
  moveFeeWei: bigint;
  seal: Hash;
  /** Unix seconds. */
  revealBy: number;
  status: ClaimStatus;
  /** Present from the reveal on. */
  traceRoot: Hash | undefined;
  outputRoots: readonly Hash[];
  /** Present from the reveal on. */
  salt: Hex | undefined;
  /** Unix seconds; present from the reveal on. */
  challengeUntil: number | undefined;
}

interface Moved {
  /** Of the node that was demanded, or is opened. */
  position: GamePosition;
  /** Unix seconds at which the clock of the side to move next runs out. */
  deadline: number;
  transaction: Hex;
  /** Unix seconds. */
  time: number;
}

export type Move =
  | ({ kind: "demand"; node: Hash } & Moved)
  | ({ kind: "open"; node: Hash; nodes: readonly Hash[] } & Moved)
  | ({ kind: "openChunk"; node: Hash; chunk: Hex } & Moved)
  | ({ kind: "openStep"; stateRoot: Hash; scratchRoot: Hash; nodes: readonly Hash[] } & Moved);

export interface Challenge {
  challengeId: Hex;
  claimId: Hex;
  challenger: Address;
  /** With the claim and the challenger it makes the id. */
  nonce: bigint;
  /** The first is the demand that it was opened with. */
  moves: readonly Move[];
  openedIn: Hex;
  /** True from its end on: proven, timed out or closed. */
  ended: boolean;
  /** True once its deposit has been dealt with. */
  closed: boolean;
}

/** Every task, by id, in the order of their requests. */
export function tasksOf(database: NodeDatabase): Promise<ReadonlyMap<Hex, Task>> {
  return unlessUnchanged(database, "tasks", () => foldTasks(database));
}

/** Every claim, by id, in the order of their commits. */
export function claimsOf(database: NodeDatabase): Promise<ReadonlyMap<Hex, Claim>> {
  return unlessUnchanged(database, "claims", () => foldClaims(database));
}

/** The challenges of one claim, or of all, in the order they were opened. */
export function challengesOf(database: NodeDatabase, claimId?: Hex): Promise<ReadonlyMap<Hex, Challenge>> {
  return unlessUnchanged(database, `challenges ${claimId ?? ""}`, () => foldChallenges(database, claimId));
}

// Roles look at these every second; they are folded anew only when the mirror has changed. Ids of events only grow, so a
// re-org that takes some back and adds as many is a change too.
const folded = new WeakMap<NodeDatabase, { version: string; views: Map<string, Promise<unknown>> }>();

async function unlessUnchanged<T>(database: NodeDatabase, view: string, fold: () => Promise<T>): Promise<T> {
  const state = await database
    .selectFrom("event")
    .select(({ fn }) => [fn.max("id").as("last"), fn.countAll().as("count")])
    .executeTakeFirstOrThrow();
  const version = `${state.last} ${state.count}`;
  let memory = folded.get(database);
  if (memory?.version !== version) {
    memory = { version, views: new Map() };
    folded.set(database, memory);
  }
  const known = memory.views.get(view);
  if (known !== undefined) return known as Promise<T>;
  const made = fold();
  const { views } = memory;
  views.set(view, made);
  made.catch(() => views.delete(view));
  return made;
}

async function foldTasks(database: NodeDatabase): Promise<Map<Hex, Task>> {
  const tasks = new Map<Hex, Task>();
  const names = [
    "TaskRequested",
    "TaskAccepted",
    "TaskDelivered",
    "TaskPaid",
    "TaskReopened",
    "TaskCancelled",
    "TaskRefunded",
  ];
  for (const { name, args } of await eventsOf(database, names)) {
    const taskId = hex(args, "taskId");
    if (name === "TaskRequested") {
      const solver = hex(args, "solver");
      tasks.set(taskId, {
        taskId,
        requester: hex(args, "requester"),
        programRoot: hex(args, "programRoot"),
        inputsRoot: hex(args, "inputsRoot"),
        steps: number(args, "steps"),
        price: BigInt(String(args["price"])),
        deadline: number(args, "deadline"),
        reservedFor: solver === NOBODY ? undefined : solver,
        inputData: hex(args, "inputData"),
        status: "open",
        solver: undefined,
        deliverBy: undefined,
        claimId: undefined,
      });
      continue;
    }
    const task = tasks.get(taskId);
    if (task === undefined) continue;
    switch (name) {
      case "TaskAccepted":
        Object.assign(task, { status: "accepted", solver: hex(args, "solver"), deliverBy: number(args, "deliverBy") });
        break;
      case "TaskDelivered":
        Object.assign(task, { status: "delivered", claimId: hex(args, "claimId") });
        break;
      case "TaskPaid":
        task.status = "paid";
        break;
      case "TaskReopened":
        Object.assign(task, { status: "open", solver: undefined, deliverBy: undefined, claimId: undefined });
        break;
      case "TaskCancelled":
        task.status = "cancelled";
        break;
      case "TaskRefunded":
        task.status = "refunded";
        break;
    }
  }
  return tasks;
}

async function foldClaims(database: NodeDatabase): Promise<Map<Hex, Claim>> {
  const claims = new Map<Hex, Claim>();
  const names = ["ClaimCommitted", "ClaimRevealed", "ClaimFinalized", "ClaimSlashed", "ClaimForfeited", "ClaimVoided"];
  for (const { name, args } of await eventsOf(database, names)) {
    const claimId = hex(args, "claimId");
    if (name === "ClaimCommitted") {
      claims.set(claimId, {
        claimId,
        claimant: hex(args, "claimant"),
        programRoot: hex(args, "programRoot"),
        inputsRoot: hex(args, "inputsRoot"),
        steps: number(args, "steps"),
        traceMode: number(args, "traceMode"),
        operator: hex(args, "operator"),
        taskId: hex(args, "taskId"),
        bondWei: BigInt(String(args["bondWei"])),
        moveFeeWei: BigInt(String(args["moveFeeWei"])),
        seal: hex(args, "seal"),
        revealBy: number(args, "revealBy"),
        status: "committed",
        traceRoot: undefined,
        outputRoots: [],
        salt: undefined,
        challengeUntil: undefined,
      });
      continue;
    }
    const claim = claims.get(claimId);
    if (claim === undefined) continue;
    switch (name) {
      case "ClaimRevealed":
        claim.status = "revealed";
        claim.traceRoot = hex(args, "traceRoot");
        claim.outputRoots = args["outputRoots"] as Hash[];
        claim.salt = hex(args, "salt");
        claim.challengeUntil = number(args, "challengeUntil");
        break;
      case "ClaimFinalized":
        claim.status = "final";
        break;
      case "ClaimSlashed":
        claim.status = "slashed";
        break;
      case "ClaimForfeited":
        claim.status = "forfeited";
        break;
      case "ClaimVoided":
        claim.status = "voided";
        break;
    }
  }
  return claims;
}

async function foldChallenges(database: NodeDatabase, claimId: Hex | undefined): Promise<Map<Hex, Challenge>> {
  const challenges = new Map<Hex, Challenge & { moves: Move[] }>();
  const names = [
    "ChallengeOpened",
    "NodeDemanded",
    "NodeOpened",
    "ChunkOpened",
    "StepOpened",
    "FraudProven",
    "ChallengeTimedOut",
    "ChallengeClosed",
  ];
  for (const event of await eventsOf(database, names, claimId === undefined ? {} : { claimId })) {
    const { name, args } = event;
    const challengeId = hex(args, "challengeId");
    if (name === "ChallengeOpened") {
      challenges.set(challengeId, {
        challengeId,
        claimId: hex(args, "claimId"),
        challenger: hex(args, "challenger"),
        nonce: BigInt(String(args["nonce"])),
        moves: [],
        openedIn: event.transactionHash,
        ended: false,
        closed: false,
      });
      continue;
    }
    const challenge = challenges.get(challengeId);
    if (challenge === undefined) continue;
    if (name === "FraudProven" || name === "ChallengeTimedOut") challenge.ended = true;
    else if (name === "ChallengeClosed") Object.assign(challenge, { ended: true, closed: true });
    else challenge.moves.push(toMove(event));
  }
  return challenges;
}

/** What a claimant committed to in public. */
export function termsOf(claim: Claim): Terms {
  const { programRoot, inputsRoot, steps, traceMode, operator, taskId, moveFeeWei } = claim;
  return { programRoot, inputsRoot, steps, traceMode, operator, taskId, moveFeeWei };
}

/** The preimage of a claim's id, as calls carry it. Throws ClaimNotRevealedError before the reveal. */
export function preimageOf(claim: Claim): ClaimPreimage {
  const { claimId, claimant, bondWei, traceRoot, outputRoots, salt } = claim;
  if (traceRoot === undefined || salt === undefined) throw new ClaimNotRevealedError(claimId);
  return { claimant, terms: termsOf(claim), bondWei, traceRoot, outputsHash: outputsHashOf(outputRoots), salt };
}

/** Claims whose bounty has been paid. */
export async function settledBounties(database: NodeDatabase): Promise<Set<Hex>> {
  return new Set((await eventsOf(database, ["BountySettled"])).map(({ args }) => hex(args, "claimId")));
}

/** The demand that waits for an answer, if it is the claimant's turn. */
export function pendingDemand(challenge: Challenge): Extract<Move, { kind: "demand" }> | undefined {
  const last = challenge.moves.at(-1);
  return !challenge.ended && last?.kind === "demand" ? last : undefined;
}

/** When the clock of the side to move runs out, in unix seconds. */
export function deadlineOf(challenge: Challenge): number {
  return challenge.moves.at(-1)?.deadline ?? Infinity;
}

/** The last answer in a challenge, where one was given. */
export function lastOpened(challenge: Challenge): Exclude<Move, { kind: "demand" }> | undefined {
  return challenge.moves.findLast((move) => move.kind !== "demand");
}

function toMove({ name, args, transactionHash, blockTime }: ChainEvent): Move {
  const made = { transaction: transactionHash, time: blockTime };
  if (name === "StepOpened") {
    return {
      kind: "openStep",
      position: { section: 0, height: 0, step: 0, item: 0, index: number(args, "step") },
      stateRoot: hex(args, "stateRoot"),
      scratchRoot: hex(args, "scratchRoot"),
      nodes: args["nodes"] as Hash[],
      deadline: number(args, "challengerDeadline"),
      ...made,
    };
  }
  const shared = { position: args["position"] as GamePosition, node: hex(args, "node"), ...made };
  if (name === "NodeDemanded") return { kind: "demand", ...shared, deadline: number(args, "claimantDeadline") };
  const deadline = number(args, "challengerDeadline");
  if (name === "NodeOpened") return { kind: "open", ...shared, nodes: args["nodes"] as Hash[], deadline };
  return { kind: "openChunk", ...shared, chunk: hex(args, "chunk"), deadline };
}

function hex(args: Record<string, unknown>, key: string): Hex {
  return args[key] as Hex;
}

// uint64 arrives as a decimal string, smaller integers as numbers.
function number(args: Record<string, unknown>, key: string): number {
  return Number(args[key]);
}

/** A claim that is not revealed has no preimage yet. */
export class ClaimNotRevealedError extends LockstepError {
  constructor(claimId: Hex) {
    super("ClaimNotRevealedError", `Claim ${claimId} is not revealed`, { claimId });
  }
}
