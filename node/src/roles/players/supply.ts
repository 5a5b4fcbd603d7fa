/**
 * The words that a claim vouches for beside its trace: its inputs, the constants in its records and the initial constants of
 * its slots (spec, "Positions and moves", sections 5 to 7). Whoever is not served them demands them here chunk by chunk, and
 * the clock decides; whoever has them opens any node.
 *
 * Invariants of the demander: each node it demands is known from an opening above it or is a root that the claim or its
 * program names, and is demanded once. So it has every word after `supplyDemands` answers, and what it has
 * hashes to the roots. A claimant that holds the words can answer each demand; one that does not loses by its clock.
 */
import {
  constantTree,
  evidenceOf,
  inputTensorTree,
  OPENING_LEVELS,
  type Opened,
  type Run,
  type TensorShown,
} from "../../engine/index.ts";
import { LockstepError } from "../../float/errors.ts";
import type { Program } from "../../ir/index.ts";
import {
  CHUNK_WORDS,
  chunkBytes,
  chunkCount,
  coversLeaf,
  descendants,
  hashPair,
  treeDepth,
  wordsFromChunk,
  ZERO_HASH,
  type Hash,
  type Tree,
} from "../../merkle/index.ts";
import type { ChallengerMove, GamePosition } from "./moves.ts";

/** The sections of what stands beside the trace. */
export const SUPPLY = { tensor: 5, constant: 6, inputs: 7 } as const;

/** A tensor that a claim vouches for: where it is demanded, its length in words, and its root unless it is an input's. */
export interface Supply {
  readonly section: 5 | 6;
  readonly step: number;
  readonly item: number;
  readonly length: number;
  readonly root: Hash | null;
}

/** What was opened at a position of any section. */
export type GameOpening = { readonly position: GamePosition } & Opened;

/** What a demander sees: the claim's inputs root, all openings of the claim, and the challenge of its own. */
export interface SupplyDispute {
  readonly inputsRoot: Hash;
  readonly openings: readonly GameOpening[];
  readonly challenging: boolean;
  readonly standing: GamePosition | null;
}

/** Whether a position is of a section beside the trace. */
export function isSupply({ section }: GamePosition): boolean {
  return section >= SUPPLY.tensor && section <= SUPPLY.inputs;
}

/** The inputs of a program. */
export function inputSupplies(program: Program): Supply[] {
  return program.inputs.map(({ length }, item) => ({ section: SUPPLY.tensor, step: 0, item, length, root: null }));
}

/**
 * The constants of a program, each root once for each number of chunks that it stands for: of tensors that differ in zeros
 * at their ends the longest. Of two numbers of chunks under one root only one can be shown.
 */
export function constantSupplies(program: Program): (Supply & { readonly root: Hash })[] {
  const found = new Map<string, Supply & { readonly root: Hash }>();
  const add = (supply: Supply & { readonly root: Hash }) => {
    const key = `${supply.root}:${chunkCount(supply.length)}`;
    if ((found.get(key)?.length ?? 0) < supply.length) found.set(key, supply);
  };
  program.slots.forEach(({ initial, length }, slot) => {
    const item = program.inputs.length + slot;
    if (initial.kind === "constant") add({ section: SUPPLY.tensor, step: 0, item, length, root: initial.root });
  });
  program.segments.forEach(({ records }, segment) => {
    records.forEach(({ operands }, primitive) => {
      operands.forEach((operand, step) => {
        const item = segment * 2 ** 16 + primitive;
        if (operand.kind !== "constant") return;
        add({ section: SUPPLY.constant, step, item, length: operand.length, root: operand.root });
      });
    });
  });
  return [...found.values()];
}

/** The most demands that it takes to be shown all words of these tensors. */
export function supplyDemands(program: Program, wanted: readonly Supply[]): number {
  const inner = (leaves: number) => {
    let nodes = 0;
    for (let height = treeDepth(leaves); height > 0; height -= OPENING_LEVELS) nodes += Math.ceil(leaves / 2 ** height);
    return nodes;
  };
  const roots =
    program.inputs.length > 1 && wanted.some(({ root }) => root === null) ? inner(program.inputs.length) : 0;
  return wanted.reduce((sum, { length }) => sum + inner(chunkCount(length)) + chunkCount(length), roots);
}

/**
 * The next demand for these tensors; or their words, in order, when all were opened. A tensor with other words than zeros past
 * its end is given as whole chunks: it is what its root commits to.
 */
export function supplyMove(
  program: Program,
  wanted: readonly Supply[],
  dispute: SupplyDispute,
): ChallengerMove | { readonly kind: "complete"; readonly tensors: readonly Uint32Array[] } {
  const inputs = grow(dispute.inputsRoot, program.inputs.length, placed(SUPPLY.inputs, 0, 0), dispute.openings);
  const tensors: Uint32Array[] = [];
  for (const supply of wanted) {
    const { section, step, item, length } = supply;
    let root = supply.root ?? dispute.inputsRoot;
    if (supply.root === null && program.inputs.length > 1) {
      const missing = unopened(inputs, item, 1);
      if (missing !== null) return demandOf(program, inputs, missing, [], dispute);
      root = inputs.node(0, item);
    }
    const tree = grow(root, chunkCount(length), placed(section, step, item), dispute.openings);
    for (let index = 0; index < tree.count; index++) {
      const missing = unopened(tree, index, 0);
      if (missing === null) continue;
      const above = supply.root === null && program.inputs.length > 1 ? inputs.siblings(0, item) : [];
      return demandOf(program, tree, missing, above, dispute);
    }
    // A stranger's program names the length, so nothing is allocated before all of it was opened.
    const whole = new Uint32Array(tree.count * CHUNK_WORDS);
    for (let index = 0; index < tree.count; index++) {
      whole.set(wordsFromChunk(tree.chunk(index)), index * CHUNK_WORDS);
    }
    tensors.push(whole.subarray(length).every((word) => word === 0) ? whole.slice(0, length) : whole);
  }
  return { kind: "complete", tensors };
}

/** What a node beside the trace opens to, from a run. Throws SupplyPositionError for one that the claim does not have. */
export function openSupply(own: Run, position: GamePosition): Opened {
  const { tree, words } = supplied(own, position);
  const { height, index } = position;
  const isNode = height <= tree.depth && coversLeaf(tree.count, height, index);
  if (!isNode || (words === null && height === 0)) throw new SupplyPositionError(position);
  if (height === 0 && words !== null) return { kind: "chunk", chunk: chunkBytes(words(), index) };
  return { kind: "nodes", nodes: descendants(tree, height, index, Math.min(height, OPENING_LEVELS)) };
}

function supplied(own: Run, position: GamePosition): { tree: Tree; words: (() => Uint32Array) | null } {
  const { section, step, item } = position;
  const { program } = own;
  const constant = (root: Hash) => ({ tree: constantTree(own, root), words: () => own.constant(root) });
  if (section === SUPPLY.inputs && own.inputsTree !== null) return { tree: own.inputsTree, words: null };
  if (section === SUPPLY.tensor && item < program.inputs.length) {
    return { tree: inputTensorTree(own, item), words: () => own.committedInputs[item] };
  }
  if (section === SUPPLY.tensor) {
    const initial = program.slots[item - program.inputs.length]?.initial;
    if (initial?.kind === "constant") return constant(initial.root);
  }
  if (section === SUPPLY.constant) {
    const record = program.segments[Math.floor(item / 2 ** 16)]?.records[item % 2 ** 16];
    const operand = record?.operands[step];
    if (operand?.kind === "constant") return constant(operand.root);
  }
  throw new SupplyPositionError(position);
}

// --- A tree as far as it was opened ---

interface Grown {
  readonly count: number;
  readonly at: (height: number, index: number) => GamePosition;
  node(height: number, index: number): Hash;
  chunk(index: number): Uint8Array;
  isOpened(height: number, index: number): boolean;
  /** From a node up to the root of this tree. */
  siblings(height: number, index: number): Hash[];
}

type Place = (height: number, index: number) => GamePosition;

function placed(section: number, step: number, item: number): Place {
  return (height, index) => ({ section, height, step, item, index });
}

function grow(root: Hash, count: number, at: Place, openings: readonly GameOpening[]): Grown {
  const depth = treeDepth(Math.max(1, count));
  const nodes = new Map<string, Hash>([[`${depth}.0`, root]]);
  const opened = new Set<string>();
  const chunks = new Map<number, Uint8Array>();
  const { section, step, item } = at(0, 0);
  for (const opening of openings) {
    const { position } = opening;
    if (position.section !== section || position.step !== step || position.item !== item) continue;
    opened.add(`${position.height}.${position.index}`);
    if (opening.kind === "chunk") {
      chunks.set(position.index, opening.chunk);
      continue;
    }
    let level = opening.nodes;
    for (let height = position.height - Math.log2(level.length); height < position.height; height++) {
      const first = position.index * level.length;
      level.forEach((hash, node) => nodes.set(`${height}.${first + node}`, hash));
      const below = level;
      level = Array.from({ length: below.length / 2 }, (_, pair) => {
        const [left, right] = [below[2 * pair] ?? ZERO_HASH, below[2 * pair + 1] ?? ZERO_HASH];
        return left === ZERO_HASH ? ZERO_HASH : hashPair(left, right);
      });
    }
  }
  const node = (height: number, index: number): Hash => {
    const known = coversLeaf(count, height, index) ? nodes.get(`${height}.${index}`) : ZERO_HASH;
    if (known === undefined) throw new SupplyPositionError(at(height, index));
    return known;
  };
  return {
    count,
    at,
    node,
    chunk(index) {
      const chunk = chunks.get(index);
      if (chunk === undefined) throw new SupplyPositionError(at(0, index));
      return chunk;
    },
    isOpened: (height, index) => opened.has(`${height}.${index}`),
    siblings: (height, index) =>
      Array.from({ length: depth - height }, (_, level) => node(height + level, (index >>> level) ^ 1)),
  };
}

// The highest node over a leaf that was not opened, down to `lowest`: every node above it was, so it is known.
function unopened(tree: Grown, leaf: number, lowest: 0 | 1): { height: number; index: number } | null {
  for (let height = treeDepth(tree.count); height >= lowest; height = Math.max(0, height - OPENING_LEVELS)) {
    const index = leaf >>> height;
    if (!tree.isOpened(height, index)) return { height, index };
    if (height === 0) break;
  }
  return null;
}

function demandOf(
  program: Program,
  tree: Grown,
  { height, index }: { height: number; index: number },
  above: readonly Hash[],
  { challenging, standing }: SupplyDispute,
): ChallengerMove {
  const [position, node] = [tree.at(height, index), tree.node(height, index)];
  const siblings = tree.siblings(height, index);
  if (challenging && standing !== null && isOver(standing, position)) {
    return { kind: "descend", node, index, path: siblings.slice(0, standing.height - height) };
  }
  const demand = { position, node, path: [...siblings, ...above], shown: shownFor(program, position) };
  return { kind: challenging ? "demand" : "challenge", demand };
}

// Whether the game takes a demand of the one relative to the other.
function isOver(from: GamePosition, to: GamePosition): boolean {
  const levels = from.height - to.height;
  return (
    from.section === to.section &&
    from.step === to.step &&
    from.item === to.item &&
    levels > 0 &&
    levels <= OPENING_LEVELS &&
    to.index >>> levels === from.index
  );
}

function shownFor(program: Program, { section, item }: GamePosition): TensorShown {
  const { summary, interfaceTable, recordOf } = evidenceOf(program);
  const nothing = { summary, record: "0x", recordSiblings: [], interfaceTable: "0x" } as const;
  if (section === SUPPLY.inputs) return nothing;
  if (section === SUPPLY.tensor) return { ...nothing, interfaceTable };
  const { record, siblings } = recordOf(Math.floor(item / 2 ** 16), item % 2 ** 16);
  return { ...nothing, record, recordSiblings: siblings };
}

/** A position beside the trace that the claim does not have, or a node that was not shown. */
export class SupplyPositionError extends LockstepError {
  constructor(position: GamePosition) {
    const { section, height, step, item, index } = position;
    const place = `section ${section}, height ${height}, step ${step}, item ${item}, index ${index}`;
    super("SupplyPositionError", `${place}: no such node beside the trace, or none that was shown`, { ...position });
  }
}
