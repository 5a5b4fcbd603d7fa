/** What every role of a node works with: one chain, one key, one database, one network. */
import type { Logger } from "pino";
import type { PublicClient } from "viem";
import type { NodeDatabase } from "../chain/database.ts";
import type { Head } from "../chain/reader.ts";
import type { Protocol } from "../chain/protocol.ts";
import {
  ContractRevertedError,
  GasCapExceededError,
  TransactionRefusedError,
  TransactionRevertedError,
  type Call,
  type Sender,
} from "../chain/sender.ts";
import type { ContentExchange } from "../net/content.ts";
import type { Programs } from "./programs.ts";
import type { Runs, ServedContent } from "./runs.ts";
import { deadlineOf, preimageOf, type Challenge, type Claim } from "./views.ts";

export interface NodeContext {
  client: PublicClient;
  database: NodeDatabase;
  protocol: Protocol;
  sender: Sender;
  programs: Programs;
  runs: Runs;
  served: ServedContent;
  exchange?: ContentExchange;
  log: Logger;
}

/** A role decides what to do each time the mirror has reached the head. */
export interface Role {
  readonly name: string;
  /** Returns when everything that could be decided now is done; long computations go on in the background. */
  tick(head: Head): Promise<void>;
}

/**
 * Calls the time-out of a challenge of a revealed claim whose side to move let its clock run out. Returns whether it has.
 */
export async function callTimeout(
  context: NodeContext,
  claim: Claim,
  challenge: Challenge,
  head: Head,
): Promise<boolean> {
  if (head.time <= deadlineOf(challenge)) return false;
  const args = [preimageOf(claim), challenge.challenger, challenge.nonce];
  const call = { ...context.protocol.game, functionName: "timeout", args };
  await tryToSend(context, `timeout:${challenge.challengeId}`, call);
  return true;
}

/**
 * Sends a call that a race may have made moot (another node finalised first, the clock ran out meanwhile): such a refusal
 * is logged, and false is returned. The next tick decides anew from the chain.
 */
export async function tryToSend(context: NodeContext, key: string, call: Call): Promise<boolean> {
  try {
    await context.sender.send(key, call);
    return true;
  } catch (error) {
    if (error instanceof ContractRevertedError || error instanceof TransactionRevertedError) {
      context.log.info({ key, reason: error.message }, "not done");
      return false;
    }
    // The account is empty, or the call too large: what else there is to do must not wait for it.
    if (error instanceof TransactionRefusedError || error instanceof GasCapExceededError) {
      context.log.error({ key, reason: error.message }, "can't be done");
      return false;
    }
    throw error;
  }
}

/** Does one part of a tick; its failure is logged and does not keep the other parts from being done. */
export async function apart(context: NodeContext, what: Record<string, unknown>, work: () => Promise<void>) {
  try {
    await work();
  } catch (error) {
    context.log.error({ ...what, error }, "failed; trying again");
  }
}
