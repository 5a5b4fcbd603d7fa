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
/** Levels that a relative move descends at most, and that an opening shows. */
export const LEVELS = 5;

/** Sections of section 5 of the specification. */
export const SECTION = {
  steps: 0,
  scratch: 1,
  state: 2,
  scratchTensor: 3,
  stateTensor: 4,
  table: 5,
  constant: 6,
  inputs: 7,
} as const;

/** Lengths in words of the tensors of a synthetic program. */
export interface ProgramShape {
  /** `constants`: of each record's only operand, a constant; 0 or missing for a record without. */
  segments: { steps: number; lengths: number[]; constants?: number[] }[];
  inputs: number[];
  /** Every slot starts as a constant. */
  slots: number[];
  outputs: number[];
}

/** The bytes of a program, and the words of its constants. */
export interface ProgramBytes {
  shape: ProgramShape;
  summary: Hex;
  programRoot: Hex;
  interfaceTable: Hex;
  bindings: Hex[];
  records: Hex[][];
  scalars: Hex[];
  slotWords: Uint32Array[];
  /** Per segment and record; empty without an operand. */
  constantWords: Uint32Array[][];
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

/** A demand as the game takes it. */
export interface Demand {
  node: Hex;
  position: Position;
  path: Hex[];
  shown: TensorShown;
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
  deferred: boolean;
  inputWords: Uint32Array[];
  inputsRoot: Hex;
  steps: StepTrees[];
  stepTree: Tree;
  traceRoot: Hex;
  outputRoots: Hex[];
}

const u8 = (value: number): Hex => numberToHex(value, { size: 1 });
const u16 = (value: number): Hex => numberToHex(value, { size: 2 });
const u32 = (value: number): Hex => numberToHex(value, { size: 4 });
const zeros = (bytes: number): Hex => `0x${"00".repeat(bytes)}`;
const rootOf = (words: Uint32Array): Hex => treeRoot(tensorTree(words));

function createDraw(seed: number): (length: number) => Uint32Array {
  let state = seed >>> 0;
  return (length) => Uint32Array.from({ length }, () => (state = (Math.imul(state, 0x9e3779b1) + 0x7f4a7c15) >>> 0));
}

/** Encodes a program; record i names scalar program i modulo their count. */
export function makeProgram(shape: ProgramShape, scalars: Hex[] = ["0x5ca1a4"]): ProgramBytes {
  const draw = createDraw(0xc0);
  const scalarHash = (record: number): Hex => keccak256(scalars[record % scalars.length]);
  const slotWords = shape.slots.map(draw);
  const constantWords = shape.segments.map(({ lengths, constants }) =>
    lengths.map((_, i) => draw(constants?.[i] ?? 0)),
  );
  const operands = (words: Uint32Array): Hex[] =>
    words.length === 0 ? [] : [concatHex([u8(3), u8(0), u16(0), u32(words.length), u32(0), u32(0), rootOf(words)])];
  const records = shape.segments.map(({ lengths }, segment) =>
    lengths.map((length, i) => {
      const shown = operands(constantWords[segment][i]);
      return concatHex([scalarHash(i), u32(length), u8(0), u8(shown.length), zeros(10), ...shown]);
    }),
  );
  const row = (length: number): Hex => concatHex([u32(length), u8(0), zeros(3)]);
  const slotRow = (words: Uint32Array): Hex =>
    concatHex([u32(words.length), u8(0), u8(3), u16(0), u32(0), u32(0), rootOf(words)]);
  const interfaceTable = concatHex([...shape.inputs.map(row), ...slotWords.map(slotRow), ...shape.outputs.map(row)]);
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
  const programRoot = keccak256(summary);
  return { shape, summary, programRoot, interfaceTable, bindings, records, scalars, slotWords, constantWords };
}

/** Fills every tensor of every step with words drawn from the seed. */
export function makeTrace(program: ProgramBytes, stepCount: number, seed: number, deferred = false): Trace {
  const tensor = createDraw(seed);
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
    steps.map(({ scratch, state }) => keccak256(concatHex([deferred ? ZERO : treeRoot(scratch), treeRoot(state)]))),
  );
  const outputs = steps[stepCount - 1].stateTensors.slice(program.shape.slots.length);
  const inputWords = program.shape.inputs.map(createDraw(seed ^ 0x1117));
  return {
    program,
    deferred,
    inputWords,
    inputsRoot: inputWords.length === 0 ? ZERO : treeRoot(inputsTree(inputWords)),
    steps,
    stepTree,
    traceRoot: treeRoot(stepTree),
    outputRoots: outputs.map(treeRoot),
  };
}

const inputsTree = (inputWords: Uint32Array[]): Tree => buildTree(inputWords.map(rootOf));

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
export function outputsShown({ program, deferred, steps, stepTree }: Trace): {
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
    scratchRoot: deferred ? ZERO : treeRoot(steps[last].scratch),
    stateRoot: treeRoot(steps[last].state),
    stepSiblings: proofOf(stepTree, last),
    outputSiblings: rangeProofOf(steps[last].state, slots.length, outputs.length),
  };
}

/** The words under a tensor of sections 3 to 6. */
export function wordsOf(trace: Trace, { section, step, item }: Position): Uint32Array {
  const { program, inputWords } = trace;
  if (section === SECTION.scratchTensor) return trace.steps[step].scratchWords[item];
  if (section === SECTION.stateTensor) return trace.steps[step].stateWords[item];
  if (section === SECTION.constant) return program.constantWords[item >>> 16][item & 0xffff];
  return item < inputWords.length ? inputWords[item] : program.slotWords[item - inputWords.length];
}

/** The tree that a position is in. */
export function treeOf(trace: Trace, position: Position): Tree {
  const { section, step, item } = position;
  if (section === SECTION.steps) return trace.stepTree;
  if (section === SECTION.inputs) return inputsTree(trace.inputWords);
  if (section > SECTION.stateTensor) return tensorTree(wordsOf(trace, position));
  const { scratch, state, scratchTensors, stateTensors } = trace.steps[step];
  return [scratch, state, scratchTensors[item], stateTensors[item]][section - 1];
}

export function nodeAt(trace: Trace, position: Position): Hex {
  return treeNode(treeOf(trace, position), position.height, position.index);
}

/** Siblings from the node to the root that an absolute demand is shown under. */
export function pathOf(trace: Trace, position: Position): Hex[] {
  const { section, height, step, item, index } = position;
  const own = proofOf(treeOf(trace, position), index, height);
  if (section === SECTION.steps || section === SECTION.constant || section === SECTION.inputs) return own;
  if (section === SECTION.table) {
    return item < trace.inputWords.length ? [...own, ...proofOf(inputsTree(trace.inputWords), item)] : own;
  }
  const { scratch, state } = trace.steps[step];
  const inScratch = section === SECTION.scratch || section === SECTION.scratchTensor;
  const items = section < SECTION.scratchTensor ? [] : proofOf(inScratch ? scratch : state, item);
  // In a deferred trace the posted root is where a path through the scratch tree ends.
  if (trace.deferred && inScratch) return [...own, ...items];
  const other = inScratch ? treeRoot(state) : trace.deferred ? ZERO : treeRoot(scratch);
  return [...own, ...items, other, ...proofOf(trace.stepTree, step)];
}

/** What leads from a node down to one below it in the same tree: siblings from the lower one upwards. */
export function pathBetween(trace: Trace, upper: Position, lower: Position): Hex[] {
  return proofOf(treeOf(trace, lower), lower.index, lower.height).slice(0, upper.height - lower.height);
}

/** What a demand shows to fix the depth of the position's tree. */
export function tensorShown({ program }: Trace, { section, height, step, item }: Position): TensorShown {
  const shown: TensorShown = { summary: NONE, record: NONE, recordSiblings: [], interfaceTable: NONE };
  if (section > SECTION.steps || height === 0) shown.summary = program.summary;
  if (section === SECTION.stateTensor || section === SECTION.table) shown.interfaceTable = program.interfaceTable;
  if (section === SECTION.scratchTensor || section === SECTION.constant) {
    const ofStep = section === SECTION.scratchTensor;
    const records = program.records[ofStep ? segmentIndexOf(program, step) : item >>> 16];
    const primitive = ofStep ? item : item & 0xffff;
    shown.record = records[primitive];
    shown.recordSiblings = proofOf(buildTree(records.map((record) => keccak256(record))), primitive);
  }
  return shown;
}

/** An absolute demand for a node, with all that it shows. */
export function demandOf(trace: Trace, position: Position): Demand {
  const [node, path, shown] = [nodeAt(trace, position), pathOf(trace, position), tensorShown(trace, position)];
  return { node, position, path, shown };
}

/** The node that the challenge stands at once a step node is opened. */
export function scratchRootAt(trace: Trace, step: number): Position {
  return {
    section: SECTION.scratch,
    height: treeDepth(trace.steps[step].scratchWords.length),
    step,
    item: 0,
    index: 0,
  };
}

/** The state root of a step. */
export function stateRootOf({ steps }: Trace, step: number): Hex {
  return treeRoot(steps[step].state);
}

/** The nodes that open a position, five levels down at most; of a step node the top of its scratch tree. */
export function openingOf(trace: Trace, position: Position): Hex[] {
  const { section, height, index } = position;
  if (section === SECTION.steps && height === 0) {
    const { scratch } = trace.steps[index];
    const depth = scratchRootAt(trace, index).height;
    return depth === 0 ? [treeRoot(scratch)] : descendants(scratch, depth, 0, Math.min(depth, LEVELS));
  }
  return descendants(treeOf(trace, position), height, index, Math.min(height, LEVELS));
}

/** The 1,024 bytes that open a leaf of a tensor. */
export function chunkOf(trace: Trace, position: Position): Hex {
  return `0x${Buffer.from(chunkBytes(wordsOf(trace, position), position.index)).toString("hex")}`;
}

/** Every node of a trace that may be demanded. In a deferred trace those of sections 1 and 3 need their step posted. */
export function positionsOf(trace: Trace): Position[] {
  const { program, inputWords } = trace;
  const found: Position[] = [];
  const addTree = (section: number, step: number, item: number, count: number, lowest: number): void => {
    for (let height = lowest; height <= treeDepth(count); height++) {
      for (let index = 0; index * 2 ** height < count; index++) found.push({ section, height, step, item, index });
    }
  };
  const addTensor = (section: number, step: number, item: number, { length }: Uint32Array): void =>
    addTree(section, step, item, chunkCount(length), 0);
  addTree(SECTION.steps, 0, 0, trace.steps.length, 0);
  trace.steps.forEach(({ scratchWords, stateWords }, step) => {
    addTree(SECTION.scratch, step, 0, scratchWords.length, 1);
    addTree(SECTION.state, step, 0, stateWords.length, 1);
    scratchWords.forEach((words, item) => addTensor(SECTION.scratchTensor, step, item, words));
    stateWords.forEach((words, item) => addTensor(SECTION.stateTensor, step, item, words));
  });
  [...inputWords, ...program.slotWords].forEach((words, item) => addTensor(SECTION.table, 0, item, words));
  if (inputWords.length > 1) addTree(SECTION.inputs, 0, 0, inputWords.length, 1);
  program.constantWords.forEach((words, segment) => {
    words.forEach((constant, primitive) => {
      if (constant.length > 0) addTensor(SECTION.constant, 0, segment * 0x10000 + primitive, constant);
    });
  });
  return found;
}
