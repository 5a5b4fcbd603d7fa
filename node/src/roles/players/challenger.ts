/**
 * The honest challenger (docs/dispute.md, "How an honest party plays"): follows the first child that differs from its own run
 * down to a word, a root or a padding word that it can prove wrong.
 *
 * Invariants: it never moves against a claim whose trace root is its own. Every node it demands differs from its own while
 * everything before it in the trace is agreed, and each demand is deeper than the one before it, so a walk ends within
 * `demandBound` demands, whatever the claimant answers. It demands nothing that anyone has opened for this claim, in whichever
 * challenge, and nothing that it can conclude. What it proves is wrong with operands that are all agreed, so the
 * proof holds. Of two ways to demand a node it takes the cheaper: relative to the node its own challenge had opened last.
 */
import {
  demandAt,
  nextStop,
  OPENING_LEVELS,
  SECTION,
  siblingsInTree,
  tensorRootPosition,
  tensorShown,
  type ClaimantView,
  type Opening,
  type Position,
  type Run,
} from "../../engine/index.ts";
import type { Hash } from "../../merkle/index.ts";
import type { ChallengerMove, GamePosition } from "./moves.ts";

/** What a challenger sees of a dispute. */
export interface Dispute {
  readonly traceRoot: Hash;
  /** All that anyone opened for the claim, in any order; steps as `stepOpenings` gives them. */
  readonly openings: readonly Opening[];
  /** Whether it has a challenge of its own, in its turn. */
  readonly challenging: boolean;
  /** The node its challenge had opened last: after a step the root over its primitives. Null where none is. */
  readonly standing: GamePosition | null;
}

/** The next move, or that there is nothing to dispute. Throws OpeningMismatchError for openings that are no preimages. */
export function challengerMove(own: Run, dispute: Dispute): ChallengerMove | { readonly kind: "agree" } {
  const stop = nextStop(own, dispute.traceRoot, dispute.openings);
  if (stop.kind !== "look") return stop;
  const { view, position } = stop;
  if (!dispute.challenging) return { kind: "challenge", demand: demandAt(view, position) };
  const near = dispute.standing === null ? null : fromThere(view, dispute.standing as Position, position);
  return near ?? { kind: "demand", demand: demandAt(view, position) };
}

// The demand of a node relative to one that was opened, where the game takes it so: five levels at most, in one tree or
// through one of its leaves.
function fromThere(view: ClaimantView, from: Position, to: Position): ChallengerMove | null {
  const own = view.run;
  const path = (leaf: Position) =>
    siblingsInTree(own, leaf)
      .slice(0, from.height - leaf.height)
      .map((sibling) => view.node(sibling));
  const below = (leaf: Position) => {
    const levels = from.height - leaf.height;
    return levels >= 0 && levels <= OPENING_LEVELS && leaf.index >>> levels === from.index ? levels : null;
  };
  const isStep = to.section === SECTION.steps && to.height === 0;
  if (from.section === to.section && from.step === to.step && from.item === to.item) {
    const levels = below(to);
    if (levels === null || levels === 0) return null;
    const shared = { node: view.node(to), index: to.index, path: path(to) };
    return isStep ? { kind: "enter", ...shared, shown: tensorShown(own, to) } : { kind: "descend", ...shared };
  }
  const entered = leafOver(own, to);
  if (entered === null || entered.section !== from.section || entered.step !== from.step) return null;
  if (below(entered) === null) return null;
  return { kind: "enter", node: view.node(to), index: entered.index, path: path(entered), shown: tensorShown(own, to) };
}

// The leaf that holds a tensor's root, if the node is one.
function leafOver(own: Run, { section, height, step, item }: Position): Position | null {
  if (section !== SECTION.scratchTensor && section !== SECTION.stateTensor) return null;
  if (height !== tensorRootPosition(own, section, step, item).height) return null;
  const above = section === SECTION.scratchTensor ? SECTION.scratch : SECTION.state;
  return { section: above, height: 0, step, item: 0, index: item };
}
