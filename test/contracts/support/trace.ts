// Synthetic programs and traces for tests of the walk: random tensors under the trees of section 4, with the demand paths
// and openings of section 5 written out plainly. The programs say nothing about the words; only the structure is right.
import { concatHex, keccak256, numberToHex, pad, type Hex } from "viem";

import {
  buildTree,
  chunkBytes,
  chunkCount,
  descendants,
  proofOf,
  rangeProofOf,
  tensorTree,
  treeDepth,
  treeNode,
  treeRoot,
  type Tree,
} from "@lockstep/node/merkle";

export const ZERO: Hex = pad("0x");
const NONE: Hex = "0x";

/** Lengths in words of the tensors of a synthetic program. */
export interface ProgramShape {
  segments: { steps: number; lengths: number[] }[];
  inputs: number[];
  slots: number[];
  outputs: number[];
}

/** The bytes of a program. */
export interface ProgramBytes {
  shape: ProgramShape;
  summary: Hex;
  programRoot: Hex;
  interfaceTable: Hex;
  bindings: Hex[];
  records: Hex[][];
  scalars: Hex[];
}

export interface Position {
  section: number;
  height: number;
  step: number;
  item: number;
  index: number;
}

export interface TensorShown {
  summary: Hex;
  record: Hex;
  recordSiblings: Hex[];
  interfaceTable: Hex;
}

interface StepTrees {
  scratchTensors: Tree[];
  stateTensors: Tree[];
  scratch: Tree;
  state: Tree;
  scratchWords: Uint32Array[];
  stateWords: Uint32Array[];
}

/** Everything a claimant knows. */
export interface Trace {
  program: ProgramBytes;
  steps: StepTrees[];
  stepTree: Tree;
  traceRoot: Hex;
  outputRoots: Hex[];
}

const u8 = (value: number): Hex => numberToHex(value, { size: 1 });
const u16 = (value: number): Hex => numberToHex(value, { size: 2 });
const u32 = (value: number): Hex => numberToHex(value, { size: 4 });
const zeros = (bytes: number): Hex => `0x${"00".repeat(bytes)}`;

/** Encodes a program; record i names scalar program i modulo their count. */
export function makeProgram(shape: ProgramShape, scalars: Hex[] = ["0x5ca1a4"]): ProgramBytes {
  const scalarHash = (record: number): Hex => keccak256(scalars[record % scalars.length]);
  const records = shape.segments.map(({ lengths }) =>
    lengths.map((length, i) => concatHex([scalarHash(i), u32(length), u8(0), u8(0), zeros(10)])),
  );
  const row = (length: number): Hex => concatHex([u32(length), u8(0), zeros(3)]);
  const slotRow = (length: number): Hex =>
    concatHex([u32(length), u8(0), u8(3), u16(0), u32(0), u32(0), keccak256(u32(length))]);
  const interfaceTable = concatHex([...shape.inputs.map(row), ...shape.slots.map(slotRow), ...shape.outputs.map(row)]);
  const bindings = shape.segments.map(() =>
    concatHex([...shape.slots.map(() => u32(0xffffffff)), ...shape.outputs.map(() => u32(0))]),
  );
  const summary = concatHex([
    "0x4c4f434b53544550",
    ...[1, shape.segments.length, shape.inputs.length, shape.slots.length, shape.outputs.length, 0].map(u32),
    keccak256(interfaceTable),
    ...shape.segments.map(({ steps, lengths }, i) =>
      concatHex([
        treeRoot(buildTree(records[i].map((record) => keccak256(record)))),
        keccak256(bindings[i]),
        u32(steps),
        u32(lengths.length),
        zeros(24),
      ]),
    ),
  ]);
  return { shape, summary, programRoot: keccak256(summary), interfaceTable, bindings, records, scalars };
}

/** Fills every tensor of every step with words drawn from the seed. */
export function makeTrace(program: ProgramBytes, stepCount: number, seed: number): Trace {
  let state = seed >>> 0;
  const tensor = (length: number): Uint32Array =>
    Uint32Array.from({ length }, () => (state = (Math.imul(state, 0x9e3779b1) + 0x7f4a7c15) >>> 0));
  const steps = Array.from({ length: stepCount }, (_, step): StepTrees => {
    const scratchWords = segmentOf(program, step).lengths.map(tensor);
    const stateWords = [...program.shape.slots, ...program.shape.outputs].map(tensor);
    const scratchTensors = scratchWords.map((words) => tensorTree(words));
    const stateTensors = stateWords.map((words) => tensorTree(words));
    return {
      scratchTensors,
      stateTensors,
      scratch: buildTree(scratchTensors.map(treeRoot)),
      state: buildTree(stateTensors.map(treeRoot)),
      scratchWords,
      stateWords,
    };
  });
  const stepTree = buildTree(
    steps.map(({ scratch, state }) => keccak256(concatHex([treeRoot(scratch), treeRoot(state)]))),
  );
  const outputs = steps[stepCount - 1].stateTensors.slice(program.shape.slots.length);
  return { program, steps, stepTree, traceRoot: treeRoot(stepTree), outputRoots: outputs.map(treeRoot) };
}

function segmentOf(program: ProgramBytes, step: number): { steps: number; lengths: number[] } {
  return program.shape.segments[segmentIndexOf(program, step)];
}

function segmentIndexOf({ shape }: ProgramBytes, step: number): number {
  let end = 0;
  const found = shape.segments.findIndex(({ steps }, i) => {
    end += steps;
    return i === shape.segments.length - 1 || step < end;
  });
  return found;
}

/** What binds the outputs to the trace root. */
export function outputsShown({ program, steps, stepTree }: Trace): {
  summary: Hex;
  scratchRoot: Hex;
  stateRoot: Hex;
  stepSiblings: Hex[];
  outputSiblings: Hex[];
} {
  const last = steps.length - 1;
  const { slots, outputs } = program.shape;
  return {
    summary: program.summary,
    scratchRoot: treeRoot(steps[last].scratch),
    stateRoot: treeRoot(steps[last].state),
    stepSiblings: proofOf(stepTree, last),
    outputSiblings: rangeProofOf(steps[last].state, slots.length, outputs.length),
  };
}

/** The tree that a position is in. */
export function treeOf(trace: Trace, { section, step, item }: Position): Tree {
  if (section === 0) return trace.stepTree;
  const { scratch, state, scratchTensors, stateTensors } = trace.steps[step];
  return [scratch, state, scratchTensors[item], stateTensors[item]][section - 1];
}

export function nodeAt(trace: Trace, position: Position): Hex {
  return treeNode(treeOf(trace, position), position.height, position.index);
}

/** Siblings from the node to the trace root. */
export function pathOf(trace: Trace, position: Position): Hex[] {
  const { section, height, step, item, index } = position;
  const own = proofOf(treeOf(trace, position), index, height);
  if (section === 0) return own;
  const { scratch, state } = trace.steps[step];
  const inScratch = section === 1 || section === 3;
  const items = section < 3 ? [] : proofOf(inScratch ? scratch : state, item);
  return [...own, ...items, treeRoot(inScratch ? state : scratch), ...proofOf(trace.stepTree, step)];
}

/** What a demand shows to fix the depth of the position's tree. */
export function tensorShown({ program }: Trace, { section, step, item }: Position): TensorShown {
  const shown: TensorShown = { summary: NONE, record: NONE, recordSiblings: [], interfaceTable: NONE };
  if (section > 0) shown.summary = program.summary;
  if (section === 4) shown.interfaceTable = program.interfaceTable;
  if (section === 3) {
    const records = program.records[segmentIndexOf(program, step)];
    shown.record = records[item];
    shown.recordSiblings = proofOf(buildTree(records.map((record) => keccak256(record))), item);
  }
  return shown;
}

/** The nodes that open a position, five levels down at most. */
export function openingOf(trace: Trace, position: Position): Hex[] {
  const { section, height, index } = position;
  if (section === 0 && height === 0) {
    const { scratch, state } = trace.steps[index];
    return [treeRoot(scratch), treeRoot(state)];
  }
  return descendants(treeOf(trace, position), height, index, Math.min(height, 5));
}

/** The 1,024 bytes that open a leaf of a tensor. */
export function chunkOf(trace: Trace, { section, step, item, index }: Position): Hex {
  const { scratchWords, stateWords } = trace.steps[step];
  const words = (section === 3 ? scratchWords : stateWords)[item];
  return `0x${Buffer.from(chunkBytes(words, index)).toString("hex")}`;
}

/** Every node of a trace that may be demanded. */
export function positionsOf(trace: Trace): Position[] {
  const found: Position[] = [];
  const addTree = (section: number, step: number, item: number, count: number, lowest: number): void => {
    for (let height = lowest; height <= treeDepth(count); height++) {
      for (let index = 0; index * 2 ** height < count; index++) found.push({ section, height, step, item, index });
    }
  };
  addTree(0, 0, 0, trace.steps.length, 0);
  trace.steps.forEach(({ scratchWords, stateWords }, step) => {
    addTree(1, step, 0, scratchWords.length, 1);
    addTree(2, step, 0, stateWords.length, 1);
    scratchWords.forEach((words, item) => addTree(3, step, item, chunkCount(words.length), 0));
    stateWords.forEach((words, item) => addTree(4, step, item, chunkCount(words.length), 0));
  });
  return found;
}
