/**
 * Positions of the nodes of a trace, across its five kinds of trees, and the moves between them (spec, "Positions and
 * moves"): parents, siblings, and what a node opens to. Refuses positions that are not in the trace of a program.
 */
import { LockstepError } from "../float/errors.ts";
import { segmentOfStep } from "../ir/program.ts";
import type { Program, Segment, TensorType } from "../ir/program.ts";
import { chunkCount } from "../merkle/tensor.ts";
import { coversLeaf, treeDepth } from "../merkle/tree.ts";
import type { TraceMode } from "./machine/types.ts";

/** The kinds of trees: steps, scratch, state, and the tensors under the latter two. */
export const SECTION = { steps: 0, scratch: 1, state: 2, scratchTensor: 3, stateTensor: 4 } as const;
export type Section = (typeof SECTION)[keyof typeof SECTION];

/** Levels that one opening descends. */
export const OPENING_LEVELS = 5;

/** Steps of a claim, at most. */
export const MAX_STEPS = 2 ** 20;

/**
 * A node of a trace. `height` counts from the leaves of the section's tree; `index` among the nodes of that height;
 * `step` is 0 in section 0; `item` is the primitive (section 3) or the slot or slot count + output (section 4), else 0.
 */
export interface Position {
  readonly section: Section;
  readonly height: number;
  readonly step: number;
  readonly item: number;
  readonly index: number;
}

/** The sizes of a trace follow from a program and a number of steps. */
export interface TraceShape {
  readonly program: Program;
  /** 1 .. 2^20. */
  readonly steps: number;
  /** Of a deferred trace the roots over primitives stand under no step node; full unless given. */
  readonly trace?: TraceMode;
}

/** The root of the whole trace. */
export function traceRootPosition(shape: TraceShape): Position {
  return at(SECTION.steps, treeDepth(shape.steps), 0, 0, 0);
}

/** The node of a step, H(scratchRoot || stateRoot). */
export function stepPosition(step: number): Position {
  return at(SECTION.steps, 0, 0, 0, step);
}

/** The scratch (or state) root of a step; the tensor's root itself where there is only one tensor. */
export function treeRootPosition(shape: TraceShape, section: 1 | 2, step: number): Position {
  return normalised(shape, at(section, treeDepth(itemCount(shape, section, step)), step, 0, 0));
}

/** The root of a primitive's output (section 3) or of a slot or output (section 4). */
export function tensorRootPosition(shape: TraceShape, section: 3 | 4, step: number, item: number): Position {
  return at(section, treeDepth(chunkCount(tensorOf(shape, section, step, item).length)), step, item, 0);
}

/** The segment that runs in a step. */
export function segmentAt(shape: TraceShape, step: number): Segment {
  return shape.program.segments[segmentOfStep(shape.program, step)];
}

/** Tensors in the scratch or state tree of a step. */
export function itemCount(shape: TraceShape, section: 1 | 2, step: number): number {
  if (section === SECTION.scratch) return segmentAt(shape, step).records.length;
  return shape.program.slots.length + shape.program.outputs.length;
}

/** Length and type of a tensor of the trace. */
export function tensorOf(shape: TraceShape, section: 3 | 4, step: number, item: number): TensorType {
  const slots = shape.program.slots;
  const state = item < slots.length ? slots[item] : shape.program.outputs[item - slots.length];
  const tensor = section === SECTION.scratchTensor ? segmentAt(shape, step).records[item] : state;
  if (tensor === undefined) throw new PositionError(at(section, 0, step, item, 0), "no such tensor");
  return tensor;
}

/** Leaves of the tree that the position is in. */
export function leafCount(shape: TraceShape, position: Position): number {
  switch (position.section) {
    case SECTION.steps:
      return shape.steps;
    case SECTION.scratch:
    case SECTION.state:
      return itemCount(shape, position.section, position.step);
    case SECTION.scratchTensor:
    case SECTION.stateTensor:
      return chunkCount(tensorOf(shape, position.section, position.step, position.item).length);
  }
}

/** Throws PositionError unless the position is a node of the trace that covers a leaf. */
export function requirePosition(shape: TraceShape, position: Position): void {
  const fields = [position.section, position.height, position.step, position.item, position.index];
  if (!fields.every((field) => Number.isInteger(field) && field >= 0))
    throw new PositionError(position, "not integers");
  if (position.section > SECTION.stateTensor) throw new PositionError(position, "no such section");
  if (position.step >= shape.steps) throw new PositionError(position, "no such step");
  if (position.section === SECTION.steps && position.step !== 0) throw new PositionError(position, "step must be 0");
  if (position.section <= SECTION.state && position.item !== 0) throw new PositionError(position, "item must be 0");
  const leaves = leafCount(shape, position);
  if (position.height > treeDepth(leaves)) throw new PositionError(position, "above the tree");
  if (!coversLeaf(leaves, position.height, position.index)) throw new PositionError(position, "covers no leaf");
}

/** The one spelling of a node: a leaf of the scratch or state tree is the root of that tensor. Empty nodes stay as given. */
export function normalised(shape: TraceShape, position: Position): Position {
  if (position.height !== 0 || isEmpty(shape, position)) return position;
  if (position.section !== SECTION.scratch && position.section !== SECTION.state) return position;
  return tensorRootPosition(shape, position.section === SECTION.scratch ? 3 : 4, position.step, position.index);
}

/** A key of the node, equal for equal nodes. */
export function positionKey(shape: TraceShape, position: Position): string {
  const { section, height, step, item, index } = normalised(shape, position);
  return `${section}.${height}.${step}.${item}.${index}`;
}

/** The node above, in the same tree or in the one that holds it; null for the root of the trace. */
export function parentOf(shape: TraceShape, position: Position): Position | null {
  const { section, height, step, item, index } = position;
  if (height < treeDepth(leafCount(shape, position))) return at(section, height + 1, step, item, index >>> 1);
  switch (section) {
    case SECTION.steps:
      return null;
    case SECTION.scratch:
    case SECTION.state:
      return stepPosition(step);
    case SECTION.scratchTensor:
      return parentOf(shape, at(SECTION.scratch, 0, step, 0, item));
    case SECTION.stateTensor:
      return parentOf(shape, at(SECTION.state, 0, step, 0, item));
  }
}

/**
 * The siblings from a node up to the root of its own section's tree, which is the path of a proof in that tree. A
 * sibling may cover no leaf.
 */
export function siblingsInTree(shape: TraceShape, position: Position): Position[] {
  const { section, height, step, item, index } = position;
  const depth = treeDepth(leafCount(shape, position));
  return Array.from({ length: depth - height }, (_, level) => {
    const below = index >>> level;
    return at(section, height + level, step, item, below % 2 === 1 ? below - 1 : below + 1);
  });
}

/** The siblings from a node up to the trace root, tree by tree: the path of a demand. */
export function siblingsToRoot(shape: TraceShape, position: Position): Position[] {
  const { section, step, item } = position;
  const own = siblingsInTree(shape, position);
  switch (section) {
    case SECTION.steps:
      return own;
    case SECTION.scratch:
    case SECTION.state: {
      const other = section === SECTION.scratch ? SECTION.state : SECTION.scratch;
      const above = siblingsInTree(shape, stepPosition(step));
      return [...own, treeRootPosition(shape, other, step), ...above];
    }
    case SECTION.scratchTensor:
      return [...own, ...siblingsToRoot(shape, at(SECTION.scratch, 0, step, 0, item))];
    case SECTION.stateTensor:
      return [...own, ...siblingsToRoot(shape, at(SECTION.state, 0, step, 0, item))];
  }
}

/** Whether the node covers no leaf and is therefore zero. */
export function isEmpty(shape: TraceShape, position: Position): boolean {
  return !coversLeaf(leafCount(shape, position), position.height, position.index);
}

/** Whether a node opens to a chunk instead of nodes. */
export function opensToChunk(position: Position): boolean {
  return position.height === 0 && position.section >= SECTION.scratchTensor;
}

/** The nodes that a node opens to, normalised, left to right; those that cover no leaf included. None for a chunk. */
export function childrenOf(shape: TraceShape, position: Position): Position[] {
  const { section, height, step, item, index } = normalised(shape, position);
  if (height > 0) {
    const levels = Math.min(height, OPENING_LEVELS);
    const width = 2 ** levels;
    return Array.from({ length: width }, (_, child) =>
      normalised(shape, at(section, height - levels, step, item, index * width + child)),
    );
  }
  if (section !== SECTION.steps) return [];
  return [treeRootPosition(shape, SECTION.scratch, index), treeRootPosition(shape, SECTION.state, index)];
}

/** The most demands a walk can need: one per opening on the longest way from the trace root to a chunk. */
export function demandBound(shape: TraceShape): number {
  const openings = (depth: number): number => Math.ceil(depth / OPENING_LEVELS);
  const perSegment = shape.program.segments.map(({ records }) => {
    const tensors = records.map(({ length }) => openings(treeDepth(chunkCount(length))));
    return openings(treeDepth(records.length)) + Math.max(...tensors) + 1;
  });
  const state = openings(treeDepth(shape.program.slots.length + shape.program.outputs.length));
  return openings(treeDepth(shape.steps)) + 1 + Math.max(state, ...perSegment);
}

function at(section: Section, height: number, step: number, item: number, index: number): Position {
  return { section, height, step, item, index };
}

/** A position that is no node of the trace. */
export class PositionError extends LockstepError {
  constructor(position: Position, rule: string) {
    const { section, height, step, item, index } = position;
    const place = `section ${section}, height ${height}, step ${step}, item ${item}, index ${index}`;
    super("PositionError", `${place}: ${rule}`, { ...position, rule });
  }
}
