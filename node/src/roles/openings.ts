/** What the mirrored moves of a claim's challenges show, in the form that players take. */
import { hexToBytes, type Hex } from "viem";
import { itemCount, SECTION, type Opening, type Position, type TraceShape } from "../engine/index.ts";
import { treeDepth } from "../merkle/index.ts";
import { isSupply, stepOpenings, type GameOpening, type GamePosition } from "./players/index.ts";
import { lastOpened, type Challenge, type Move } from "./views.ts";

/** Every opening of a claim's trace, in any of its challenges: one published opening serves every challenger. */
export function openingsOf(shape: TraceShape, challenges: ReadonlyMap<Hex, Challenge>, claimId: Hex): Opening[] {
  return movesOf(challenges, claimId).flatMap((move): Opening[] => {
    if (move.kind === "openStep") return stepOpenings(shape, move.position.index, move);
    const opened = isSupply(move.position) ? undefined : openedBy(move);
    return opened === undefined ? [] : [{ ...opened, position: opened.position as Position }];
  });
}

/** Every opening of what a claim vouches for beside its trace. */
export function supplyOpeningsOf(challenges: ReadonlyMap<Hex, Challenge>, claimId: Hex): GameOpening[] {
  return movesOf(challenges, claimId).flatMap((move) => (isSupply(move.position) ? (openedBy(move) ?? []) : []));
}

/** Where a challenge stands: the node that was opened last, after a step the root over its primitives. */
export function standingOf(shape: TraceShape, challenge: Challenge): GamePosition | null {
  const last = lastOpened(challenge);
  if (last?.kind !== "openStep") return last?.position ?? null;
  const step = last.position.index;
  const height = treeDepth(itemCount(shape, SECTION.scratch, step));
  return { section: SECTION.scratch, height, step, item: 0, index: 0 };
}

function movesOf(challenges: ReadonlyMap<Hex, Challenge>, claimId: Hex): Move[] {
  return [...challenges.values()].filter((one) => one.claimId === claimId).flatMap(({ moves }) => moves);
}

function openedBy(move: Move): GameOpening | undefined {
  const { position } = move;
  if (move.kind === "open") return { position, kind: "nodes", nodes: move.nodes };
  return move.kind === "openChunk" ? { position, kind: "chunk", chunk: hexToBytes(move.chunk) } : undefined;
}
