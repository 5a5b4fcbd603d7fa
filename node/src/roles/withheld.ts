/**
 * What a verifier does about a claim whose inputs or constants nobody serves: from the middle of the claim's window on it
 * demands them under the clock, chunk by chunk, and has either the words or a claimant that ran out of time. It
 * pays deposits for that, so it demands a bounded number of chunks, and reports a claim that withholds more.
 */
import type { Hex } from "viem";
import type { Head } from "../chain/reader.ts";
import type { Program } from "../ir/index.ts";
import { chunkCount } from "../merkle/index.ts";
import { callTimeout, type NodeContext } from "./node-context.ts";
import { supplyOpeningsOf } from "./openings.ts";
import { sendMove, usableOf } from "./own-challenge.ts";
import { constantSupplies, inputSupplies, supplyMove, type Supply } from "./players/index.ts";
import { lastOpened, pendingDemand, type Challenge, type Claim } from "./views.ts";

/** The most chunks that are demanded of one claim, unless told otherwise. */
export const DEFAULT_DEMANDED_CHUNKS = 8;
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
) => Promise<boolean>;

export function createWordsDemander(context: NodeContext, demandedChunks: number): WordsDemander {
  const { client, protocol, programs, runs, log } = context;
  const reported = new Set<Hex>();

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
  async function mayDemand({ claimId, challengeUntil = 0 }: Claim, wanted: readonly Supply[], head: Head) {
    const chunks = wanted.reduce((sum, { length }) => sum + chunkCount(length), 0);
    if (chunks > demandedChunks) {
      return report(claimId, `it withholds ${chunks} chunks, and ${demandedChunks} are demanded under the clock`);
    }
    const windowSeconds = await client.readContract({ ...protocol.claims, functionName: "windowSeconds" });
    const left = challengeUntil - head.time;
    return left >= 0 && left * WAITED_PART_OF_WINDOW <= Number(windowSeconds);
  }

  return async (claim, own, challenges, head) => {
    const { claimId, inputsRoot, programRoot } = claim;
    const waiting = own.find((challenge) => pendingDemand(challenge) !== undefined);
    if (waiting !== undefined) {
      await callTimeout(context, claim, waiting, head);
      return true;
    }
    const program = await programs.decoded(programRoot);
    const { inputs, constants } = await missingOf(program, claim);
    const wanted = [...inputs, ...constants];
    if (wanted.length === 0) return false;
    const played = usableOf(own);
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
    if (played === undefined && !(await mayDemand(claim, wanted, head))) return false;
    log.info({ claim: claimId, move: move.kind }, "demanding what nobody serves");
    await sendMove(context, claim, own, move);
    return true;
  };
}
