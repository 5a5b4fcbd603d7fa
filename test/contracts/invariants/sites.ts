// Every node of a run that may be demanded, with what a demand of it shows, how it is answered and which relative moves lead to
// it: the rules of section 5 of the specification written out over plain trees, apart from the players that nodes use.
import type { Hex } from "viem";
import { bytesToHex } from "viem";

import {
  committedTensor,
  constantTree,
  evidenceOf,
  inputTensorTree,
  inputsTree,
  segmentAt,
  type Run,
} from "@lockstep/node/engine";
import { buildTree, chunkBytes, descendants, proofOf, treeNode, treeRoot, type Tree } from "@lockstep/node/merkle";

import { ZERO } from "../support/trace.ts";

/** Levels of an opening, and of a relative move at most. */
export const LEVELS = 5;
export const SECTION = {
  steps: 0,
  scratch: 1,
  state: 2,
  scratchTensor: 3,
  stateTensor: 4,
  initial: 5,
  constant: 6,
  inputs: 7,
} as const;
/** Whether the leaves of a section are chunks; those of the others hold something else. */
export const isTensor = (section: number): boolean => section >= SECTION.scratchTensor && section <= SECTION.constant;

export interface Place {
  section: number;
  height: number;
  step: number;
  item: number;
  index: number;
}

export interface Shown {
  summary: Hex;
  record: Hex;
  recordSiblings: Hex[];
  interfaceTable: Hex;
}

export interface Demand {
  node: Hex;
  position: Place;
  path: Hex[];
  shown: Shown;
}

/** What answers a demand. */
export type Answer =
  | { kind: "nodes"; nodes: Hex[] }
  | { kind: "chunk"; chunk: Hex }
  | { kind: "step"; step: number; stateRoot: Hex; scratchRoot: Hex; nodes: Hex[]; below: Site };

/** A node that may be demanded. */
export interface Site {
  key: string;
  place: Place;
  node: Hex;
  leafCount: number;
  demand: Demand;
  answer: Answer;
  /** The step whose scratch root must be posted before the node can be demanded absolutely; null if none. */
  needsPosted: number | null;
  /** Relative moves from here, once it is answered. */
  moves: Move[];
}

/** A relative move to another site. */
export interface Move {
  kind: "descend" | "enter";
  to: Site;
  index: number;
  path: Hex[];
  shown: Shown;
}

const NOTHING: Shown = { summary: "0x", record: "0x", recordSiblings: [], interfaceTable: "0x" };

export const keyOf = ({ section, height, step, item, index }: Place): string =>
  `${section}.${height}.${step}.${item}.${index}`;

/** The tree that a place is in. */
function treeOf(run: Run, { section, step, item }: Place): Tree {
  switch (section) {
    case SECTION.steps:
      return run.stepTree;
    case SECTION.scratch:
      return itemsTree(run, step, "scratch");
    case SECTION.state:
      return itemsTree(run, step, "state");
    case SECTION.scratchTensor:
    case SECTION.stateTensor:
      return committedTensor(run, section, step, item).tree();
    case SECTION.initial: {
      const inputs = run.program.inputs.length;
      return item < inputs ? inputTensorTree(run, item) : constantTree(run, initialConstant(run, item - inputs));
    }
    case SECTION.inputs:
      return inputsTreeOf(run);
    default:
      return constantTree(run, recordConstant(run, item, step));
  }
}

const itemsTree = (run: Run, step: number, which: "scratch" | "state"): Tree => buildTree(run.roots[step][which]);

function initialConstant(run: Run, slot: number): Hex {
  const { initial } = run.program.slots[slot];
  if (initial.kind !== "constant") throw new RangeError(`slot ${slot} begins with an input`);
  return initial.root;
}

function recordConstant(run: Run, item: number, operand: number): Hex {
  const reference = run.program.segments[item >>> 16].records[item & 0xffff].operands[operand];
  if (reference.kind !== "constant") throw new RangeError(`operand ${operand} is no constant`);
  return reference.root;
}

function wordsOf(run: Run, { section, step, item }: Place): Uint32Array {
  switch (section) {
    case SECTION.scratchTensor:
    case SECTION.stateTensor:
      return committedTensor(run, section, step, item).words();
    case SECTION.initial: {
      const inputs = run.program.inputs.length;
      return item < inputs ? run.inputs[item] : run.constant(initialConstant(run, item - inputs));
    }
    default:
      return run.constant(recordConstant(run, item, step));
  }
}

/** Siblings from the node to the root that a demand of it leads to. */
function pathOf(run: Run, place: Place): Hex[] {
  const { section, height, step, item, index } = place;
  const own = proofOf(treeOf(run, place), index, height);
  switch (section) {
    case SECTION.steps:
    case SECTION.constant:
    case SECTION.inputs:
      return own;
    case SECTION.initial:
      if (item >= run.program.inputs.length) return own;
      return [...own, ...proofOf(inputsTreeOf(run), item)];
  }
  const inScratch = section === SECTION.scratch || section === SECTION.scratchTensor;
  const items =
    section < SECTION.scratchTensor ? [] : proofOf(itemsTree(run, step, inScratch ? "scratch" : "state"), item);
  if (inScratch && run.trace === "deferred") return [...own, ...items];
  const other = inScratch
    ? treeRoot(itemsTree(run, step, "state"))
    : run.trace === "deferred"
      ? ZERO
      : treeRoot(itemsTree(run, step, "scratch"));
  return [...own, ...items, other, ...proofOf(run.stepTree, step)];
}

function inputsTreeOf(run: Run): Tree {
  const tree = inputsTree(run.inputs);
  if (tree === null) throw new RangeError("the run has no inputs");
  return tree;
}

/** What shows the size of the trees that a demand leads into. */
function shownOf(run: Run, { section, height, step, item }: Place): Shown {
  const evidence = evidenceOf(run.program);
  if (section === SECTION.steps) return height === 0 ? { ...NOTHING, summary: evidence.summary } : NOTHING;
  const shown: Shown = { ...NOTHING, summary: evidence.summary };
  if (section === SECTION.stateTensor || section === SECTION.initial) shown.interfaceTable = evidence.interfaceTable;
  if (section === SECTION.scratchTensor || section === SECTION.constant) {
    const at = section === SECTION.scratchTensor ? step : firstStepOf(run, item >>> 16);
    const { record, siblings } = evidence.record(at, section === SECTION.scratchTensor ? item : item & 0xffff);
    shown.record = record;
    shown.recordSiblings = [...siblings];
  }
  return shown;
}

/** A step that the segment runs in; the sections of a program's constants are not bound to one. */
function firstStepOf(run: Run, segment: number): number {
  return run.program.segments.slice(0, segment).reduce((sum, { steps }) => sum + steps, 0);
}

function answerOf(run: Run, place: Place, siteAt: (place: Place) => Site): Answer {
  const { section, height, index } = place;
  const tree = treeOf(run, place);
  if (isTensor(section) && height === 0) {
    return { kind: "chunk", chunk: bytesToHex(chunkBytes(wordsOf(run, place), index)) };
  }
  if (section === SECTION.steps && height === 0) {
    const scratch = itemsTree(run, index, "scratch");
    const nodes = descendants(scratch, scratch.depth, 0, Math.min(scratch.depth, LEVELS));
    const below = siteAt({ section: SECTION.scratch, height: scratch.depth, step: index, item: 0, index: 0 });
    const stateRoot = treeRoot(itemsTree(run, index, "state"));
    return { kind: "step", step: index, stateRoot, scratchRoot: treeRoot(scratch), nodes, below };
  }
  return { kind: "nodes", nodes: descendants(tree, height, index, Math.min(height, LEVELS)) };
}

/** All sites of a run by their keys. The root of a scratch tree is one even where, being a leaf, it can't be demanded. */
export function sitesOf(run: Run): Map<string, Site> {
  const sites = new Map<string, Site>();
  const siteAt = (place: Place): Site => {
    const known = sites.get(keyOf(place));
    if (known !== undefined) return known;
    const tree = treeOf(run, place);
    const node = treeNode(tree, place.height, place.index);
    const inScratch = place.section === SECTION.scratch || place.section === SECTION.scratchTensor;
    const site: Site = {
      key: keyOf(place),
      place,
      node,
      leafCount: tree.count,
      demand: { node, position: place, path: pathOf(run, place), shown: shownOf(run, place) },
      // Set below: a step's answer leads to another site.
      answer: { kind: "nodes", nodes: [] },
      needsPosted: inScratch && run.trace === "deferred" ? place.step : null,
      moves: [],
    };
    sites.set(site.key, site);
    site.answer = answerOf(run, place, siteAt);
    return site;
  };
  const addTree = (section: number, step: number, item: number, lowest: number): void => {
    const tree = treeOf(run, { section, height: 0, step, item, index: 0 });
    for (let height = lowest; height <= tree.depth; height++) {
      for (let index = 0; index * 2 ** height < tree.count; index++) siteAt({ section, height, step, item, index });
    }
  };
  const { inputs, slots, outputs, segments } = run.program;
  addTree(SECTION.steps, 0, 0, 0);
  for (let step = 0; step < run.steps; step++) {
    addTree(SECTION.scratch, step, 0, 1);
    addTree(SECTION.state, step, 0, 1);
    const { records } = segmentAt(run, step);
    for (let item = 0; item < records.length; item++) addTree(SECTION.scratchTensor, step, item, 0);
    for (let item = 0; item < slots.length + outputs.length; item++) addTree(SECTION.stateTensor, step, item, 0);
  }
  if (inputs.length > 0) addTree(SECTION.inputs, 0, 0, 1);
  for (let item = 0; item < inputs.length; item++) addTree(SECTION.initial, 0, item, 0);
  slots.forEach(({ initial }, slot) => {
    if (initial.kind === "constant") addTree(SECTION.initial, 0, inputs.length + slot, 0);
  });
  segments.forEach(({ records }, segment) => {
    if (firstStepOf(run, segment) >= run.steps) return;
    records.forEach(({ operands }, primitive) => {
      operands.forEach(({ kind }, operand) => {
        if (kind === "constant") addTree(SECTION.constant, operand, segment * 2 ** 16 + primitive, 0);
      });
    });
  });
  for (const site of sites.values()) site.moves = movesFrom(run, site, sites);
  return sites;
}

/** Whether a demand may name the site by its position: a tensor's root is demanded as the top of its own tree. */
export function isDemandable({ place: { section, height } }: Site): boolean {
  return height > 0 || section === SECTION.steps || isTensor(section);
}

function movesFrom(run: Run, from: Site, sites: Map<string, Site>): Move[] {
  const { section, height, step, item, index } = from.place;
  const tree = treeOf(run, from.place);
  const moves: Move[] = [];
  const pathTo = (at: number, below: number): Hex[] => proofOf(tree, at, below).slice(0, height - below);
  const lowest = isTensor(section) ? 0 : 1;
  for (let below = height - 1; below >= Math.max(lowest, height - LEVELS); below--) {
    for (let at = index << (height - below); at < (index + 1) << (height - below); at++) {
      const to = sites.get(keyOf({ section, height: below, step, item, index: at }));
      if (to !== undefined) moves.push({ kind: "descend", to, index: at, path: pathTo(at, below), shown: NOTHING });
    }
  }
  // A step that was opened stands at its scratch root.
  if (height > LEVELS || isTensor(section) || (section === SECTION.steps && height === 0)) return moves;
  for (let leaf = index << height; leaf < (index + 1) << height; leaf++) {
    const to = heldBy(sites, { section, height: 0, step, item: 0, index: leaf });
    if (to !== undefined) {
      moves.push({ kind: "enter", to, index: leaf, path: pathTo(leaf, 0), shown: shownOf(run, to.place) });
    }
  }
  return moves;
}

/** What a leaf holds: the step node that it is, or a tensor as the top of its own tree. */
export function heldBy(sites: Map<string, Site>, leaf: Place): Site | undefined {
  const { section, step, index } = leaf;
  if (section === SECTION.steps) return sites.get(keyOf(leaf));
  const held = section === SECTION.inputs ? SECTION.initial : section + 2;
  let top: Site | undefined;
  for (let height = 0; height < 32; height++) {
    const above = sites.get(keyOf({ section: held, height, step, item: index, index: 0 }));
    if (above === undefined) return top;
    top = above;
  }
  return top;
}
