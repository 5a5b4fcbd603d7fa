/**
 * The walk without transactions: where the claimant serves its trace, each opening is fetched from it and checked against
 * the node it opens, down to the first wrong number. A claimant that serves nothing, or something else, is walked on
 * chain instead.
 */
import type { Logger } from "pino";
import {
  createClaimantView,
  leafCount,
  nextAction,
  OPENING_LEVELS,
  SECTION,
  tensorOf,
  tensorRootPosition,
  traceRootPosition,
  treeRootPosition,
  type FraudProof,
  type Opening,
  type Position,
  type Run,
} from "../engine/index.ts";
import { buildTree, chunkBytes, descendants, tensorTree, type Hash, type Tree } from "../merkle/index.ts";
import type { ContentExchange } from "../net/content.ts";
import { wordsOf } from "./words.ts";

// More than any walk needs: depths are bounded by 2^20 steps, 2^16 primitives and 2^23 chunks.
const MAX_OPENINGS = 64;

/** The claimant's first fault, proven, or undefined when its trace can't be had in time. */
export async function fetchFraud(
  exchange: ContentExchange,
  own: Run,
  traceRoot: Hash,
  log: Logger,
  timeoutMilliseconds: number,
): Promise<FraudProof | undefined> {
  const openings: Opening[] = [];
  const signal = AbortSignal.timeout(timeoutMilliseconds);
  try {
    while (openings.length < MAX_OPENINGS) {
      const action = nextAction(own, traceRoot, openings);
      if (action.kind === "agree") return undefined;
      if (action.kind === "prove") return action.fraud;
      openings.push(await fetchOpening({ exchange, own, traceRoot, signal }, openings, action.demand.position));
    }
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    log.info({ traceRoot, reason }, "the trace is not to be had; walking on chain");
  }
  return undefined;
}

interface RemoteTrace {
  exchange: ContentExchange;
  own: Run;
  traceRoot: Hash;
  signal: AbortSignal;
}

async function fetchOpening(
  { exchange, own, traceRoot, signal }: RemoteTrace,
  openings: readonly Opening[],
  position: Position,
): Promise<Opening> {
  const view = createClaimantView(own, traceRoot, openings);
  const { section, height, step, item, index } = position;
  if (section === SECTION.steps && height === 0) {
    return { position, kind: "nodes", nodes: await exchange.fetchLeaves(view.node(position), 2, signal) };
  }
  let tree: Tree;
  if (section === SECTION.scratchTensor || section === SECTION.stateTensor) {
    const bytes = 4 * tensorOf(own, section, step, item).length;
    const root = view.node(tensorRootPosition(own, section, step, item));
    const words = wordsOf(await exchange.fetchBytes(root, bytes, signal));
    if (height === 0) return { position, kind: "chunk", chunk: chunkBytes(words, index) };
    tree = tensorTree(words);
  } else {
    const top = section === SECTION.steps ? traceRootPosition(own) : treeRootPosition(own, section, step);
    tree = buildTree(await exchange.fetchLeaves(view.node(top), leafCount(own, position), signal));
  }
  return { position, kind: "nodes", nodes: descendants(tree, height, index, Math.min(height, OPENING_LEVELS)) };
}
