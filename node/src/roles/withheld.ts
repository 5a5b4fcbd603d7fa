/**
 * What a verifier does about a claim whose inputs or constants nobody serves: from the middle of the claim's window on it
 * demands them under the clock, chunk by chunk, and has either the words or a claimant that ran out of time. It
 * pays deposits for that, which are lost where the claim turns out right: so it demands a bounded number of chunks, has a
 * bounded number of deposits at risk, and reports a claim that withholds more.
 */
import type { Hex } from "viem";
import type { Head } from "../chain/reader.ts";
import { demandBound } from "../engine/index.ts";
import type { Program } from "../ir/index.ts";
import { chunkCount } from "../merkle/index.ts";
import { checkCost, DEFAULT_LIMITS } from "./limits.ts";
import { callTimeout, type NodeContext } from "./node-context.ts";
import { supplyOpeningsOf } from "./openings.ts";
import { isClosing, MAX_DEMANDS, nextNonce, openReserve, sendMove, usableOf } from "./own-challenge.ts";
import { constantSupplies, inputSupplies, isSupply, supplyDemands, supplyMove, type Supply } from "./players/index.ts";
import { lastOpened, pendingDemand, type Challenge, type Claim, type Task } from "./views.ts";

/** The most chunks that are demanded of one claim, unless told otherwise. */
export const DEFAULT_DEMANDED_CHUNKS = 8;

/**
 * The most deposits for words of claims that were not proven wrong, of the last day: against one claimant, and in all. A
 * deposit counts as many times as it is a least one. The first against a claimant is paid whatever it is, as long as there
 * is room in all.
 */
export interface DepositBudget {
  each: number;
  /** Half of it is kept for claims that answer a task. */
  all: number;
}

/** What a verifier loses at most in a day, unless told otherwise. */
export const DEFAULT_BUDGET: DepositBudget = { each: 8, all: 64 };
const BUDGET_SECONDS = 86_400;
// Who serves the words may come late: only what is left of the window after this part of it is for demands.
const WAITED_PART_OF_WINDOW = 2;

/**
 * Does the next thing about what a claim withholds: a demand, a time-out, or keeping the words when all are there. `own` are
 * this node's challenges of the claim. False where it is too early, or nothing can be done this way.
 */
export type WordsDemander = (
  claim: Claim,
  own: readonly Challenge[],
  challenges: ReadonlyMap<Hex, Challenge>,
  head: Head,
  known?: Known,
) => Promise<boolean>;

/** What else the mirror says: whose claims this node's challenges are of, and which of them somebody asked for. */
export interface Known {
  claims: ReadonlyMap<Hex, Claim>;
  tasks: ReadonlyMap<Hex, Task>;
}

const NOTHING: Known = { claims: new Map(), tasks: new Map() };

interface AtRisk {
  claimId: Hex;
  claimant: string;
  /** In least deposits. */
  weight: number;
  /** Of the first of them, in unix seconds. */
  time: number;
}

export function createWordsDemander(
  context: NodeContext,
  demandedChunks: number,
  budget: DepositBudget = DEFAULT_BUDGET,
): WordsDemander {
  const { client, protocol, programs, runs, log } = context;
  const reported = new Set<Hex>();
  // Claims for whose words this process paid deposits, also where the mirror does not show it yet.
  const paid = new Map<Hex, AtRisk>();

  async function missingOf(program: Program, { programRoot, inputsRoot }: Claim) {
    const inputs = (await runs.hasInputs(program, inputsRoot)) ? [] : inputSupplies(program);
    const constants: ReturnType<typeof constantSupplies> = [];
    if (!(await programs.isRunnable(programRoot))) {
      for (const supply of constantSupplies(program)) {
        if (!(await programs.holdsConstant(supply.root, supply.length))) constants.push(supply);
      }
    }
    return { inputs, constants };
  }

  function report(claimId: Hex, reason: string): false {
    if (!reported.has(claimId)) log.error({ claim: claimId, reason }, "the claim can't be checked");
    reported.add(claimId);
    return false;
  }

  // Whether demands are due, and few enough.
  async function isDue({ claimId, challengeUntil = 0 }: Claim, wanted: readonly Supply[], head: Head) {
    const chunks = wanted.reduce((sum, { length }) => sum + chunkCount(length), 0);
    if (chunks > demandedChunks) {
      return report(claimId, `it withholds ${chunks} chunks, and ${demandedChunks} are demanded under the clock`);
    }
    const windowSeconds = await client.readContract({ ...protocol.claims, functionName: "windowSeconds" });
    const left = challengeUntil - head.time;
    return left >= 0 && left * WAITED_PART_OF_WINDOW <= Number(windowSeconds);
  }

  const depositOf = (moveFeeWei: bigint) =>
    client.readContract({ ...protocol.game, functionName: "depositOf", args: [moveFeeWei] });

  async function weigh({ moveFeeWei }: Claim, deposits: number): Promise<number> {
    const least = await client.readContract({ ...protocol.claims, functionName: "minMoveFeeWei" });
    return deposits * Number((await depositOf(moveFeeWei)) / (await depositOf(least)));
  }

  // Claims of the last day for whose words deposits are held or lost, from the mirror. What a slashed claim held comes back.
  async function mirrored(challenges: ReadonlyMap<Hex, Challenge>, head: Head, { claims }: Known): Promise<AtRisk[]> {
    const me = context.sender.address.toLowerCase();
    const own = [...challenges.values()].filter(({ challenger }) => challenger.toLowerCase() === me);
    const counted = Map.groupBy(own, ({ claimId }) => claimId);
    const found: AtRisk[] = [];
    for (const [claimId, held] of counted) {
      const [claim, time] = [claims.get(claimId), held[0]?.moves[0]?.time ?? 0];
      if (claim === undefined || claim.status === "slashed" || head.time - time > BUDGET_SECONDS) continue;
      if (!held.some(({ moves }) => moves.some(({ position }) => isSupply(position)))) continue;
      found.push({ claimId, claimant: claim.claimant, weight: await weigh(claim, held.length), time });
    }
    return found;
  }

  // Whether as many deposits can be borne for the words of one more claim; from then on they count.
  async function bears(
    claim: Claim,
    deposits: number,
    challenges: ReadonlyMap<Hex, Challenge>,
    head: Head,
    known: Known,
  ): Promise<boolean> {
    const { claimId } = claim;
    const claimant = claim.claimant.toLowerCase();
    const weight = await weigh(claim, deposits);
    const risked = new Map((await mirrored(challenges, head, known)).map((one) => [one.claimId, one]));
    // From here on nothing waits: claims are checked side by side.
    for (const [paidFor, one] of paid) {
      const back = known.claims.get(paidFor)?.status === "slashed" || head.time - one.time > BUDGET_SECONDS;
      if (back) paid.delete(paidFor);
      else risked.set(paidFor, one);
    }
    risked.delete(claimId);
    const sum = (some: readonly AtRisk[]) => some.reduce((total, one) => total + one.weight, 0);
    const all = [...risked.values()];
    const each = sum(all.filter((one) => one.claimant.toLowerCase() === claimant));
    const room = answersTask(claim, known) ? budget.all : budget.all / 2;
    if (sum(all) + weight > room || (each > 0 && each + weight > budget.each)) {
      return report(claimId, "it withholds words, and the deposits at risk for such claims are as many as are borne");
    }
    paid.set(claimId, { claimId, claimant, weight, time: head.time });
    return true;
  }

  return async (claim, own, challenges, head, known = NOTHING) => {
    const { claimId, inputsRoot, programRoot, steps } = claim;
    const waiting = own.filter((challenge) => pendingDemand(challenge) !== undefined);
    for (const challenge of waiting) if (await callTimeout(context, claim, challenge, head)) return true;
    // Only words are waited for: the trace root of a challenge that is kept for a walk is no part of them.
    const isAsked = waiting.some(({ moves }) => moves.slice(-1).some(({ position }) => isSupply(position)));
    const closing = await isClosing(context, claim, head);
    if (isAsked && !closing) return true;
    const program = await programs.decoded(programRoot);
    // Words are worth nothing where the run is too large.
    if (own.length === 0) checkCost(program, steps, DEFAULT_LIMITS);
    const { inputs, constants } = await missingOf(program, claim);
    const wanted = [...inputs, ...constants];
    if (wanted.length === 0) return isAsked;
    // All that may have to be demanded of this claim: its words, and then a walk down its trace.
    const demands = supplyDemands(program, wanted) + demandBound({ program, steps });
    const played = usableOf(own);
    if (!isAsked) {
      const standing = (played === undefined ? undefined : lastOpened(played)?.position) ?? null;
      const openings = supplyOpeningsOf(challenges, claimId);
      const move = supplyMove(program, wanted, { inputsRoot, openings, challenging: played !== undefined, standing });
      if (move.kind === "complete") {
        if (inputs.length > 0) await runs.keepInputs(move.tensors.slice(0, inputs.length), inputsRoot);
        for (const [index, { root, length }] of constants.entries()) {
          const words = move.tensors[inputs.length + index];
          // No importer makes such a program, and no engine runs it.
          if (words?.length !== length) return report(claimId, "a constant holds other words than zeros past its end");
          await programs.keepConstant(root, words);
        }
        log.info({ claim: claimId }, "had what a claim withheld from its challenges");
        return true;
      }
      // The next of them goes into a challenge that waits for another answer.
      if (played !== undefined && waiting.includes(played)) return true;
      if (played === undefined) {
        const deposits = Math.ceil(demands / MAX_DEMANDS);
        if (!(await isDue(claim, wanted, head)) || !(await bears(claim, deposits, challenges, head, known)))
          return false;
      }
      log.info({ claim: claimId, move: move.kind }, "demanding what nobody serves");
      await sendMove(context, claim, own, move);
    }
    // None can be opened later.
    const opened = played === undefined && !isAsked ? [{ nonce: nextNonce(own), ended: false }] : [];
    if (closing) await openReserve(context, claim, program, [...own, ...opened], demands);
    return true;
  };
}

// Whether somebody asked for the claim's run and has it from this claimant.
function answersTask(claim: Claim, { tasks }: Known): boolean {
  const task = tasks.get(claim.taskId);
  return (
    task !== undefined &&
    task.programRoot === claim.programRoot &&
    task.inputsRoot === claim.inputsRoot &&
    task.steps === claim.steps &&
    (task.claimId === claim.claimId || task.solver?.toLowerCase() === claim.claimant.toLowerCase())
  );
}
