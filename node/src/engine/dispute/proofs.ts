/**
 * Builds fraud proofs from what is known of a claimant's tree (spec, "Solidity types"). The chunks an element touches are
 * found by running its scalar program in the interpreter and noting every read. Refuses to build a proof of what is right.
 */
import { bytesToHex } from "viem/utils";
import { LockstepError } from "../../float/errors.ts";
import { MissingScalarError } from "../../ir/decode.ts";
import { evaluateElement } from "../../ir/interpret.ts";
import type { Operand } from "../../ir/interpret.ts";
import { UNCHANGED } from "../../ir/program.ts";
import type { OperandRef, PrimitiveRecord } from "../../ir/program.ts";
import { CHUNK_BYTES, CHUNK_WORDS, ZERO_HASH } from "../../merkle/hash.ts";
import type { Hash } from "../../merkle/hash.ts";
import { chunkBytes, chunkCount, wordsFromChunk } from "../../merkle/tensor.ts";
import { proofOf, rangeProofOf, treeRoot } from "../../merkle/tree.ts";
import type { Tree } from "../../merkle/tree.ts";
import type { Run } from "../execute.ts";
import {
  SECTION,
  segmentAt,
  siblingsInTree,
  stepPosition,
  tensorOf,
  tensorRootPosition,
  treeRootPosition,
} from "../position.ts";
import type { Position } from "../position.ts";
import { committedTensor, constantTree, inputTensorTree, outputPathsOf } from "../trace.ts";
import type { CommittedTensor } from "../trace.ts";
import { NO_BYTES, NO_RECORD, NO_STEP, evidenceOf } from "./evidence.ts";
import type { ElementProof, OperandShown, OutputsShown, PaddingProof, Range, SlotProof, StepShown } from "./types.ts";
import { viewOfRun } from "./view.ts";
import type { TraceView } from "./view.ts";

/** Proof that a word of a primitive's output is wrong. Throws NothingToProveError when it is right. */
export function buildElementProof(view: TraceView, step: number, primitive: number, element: number): ElementProof {
  const { run } = view;
  const evidence = evidenceOf(run.program);
  const record = segmentAt(run, step).records[primitive];
  const index = Math.floor(element / CHUNK_WORDS);
  const leaf: Position = { section: SECTION.scratchTensor, height: 0, step, item: primitive, index };
  const chunk = view.chunk(leaf);

  const sources = record.operands.map((operand) => operandSource(view, step, operand));
  const { word, touched } = traceElement(run, record, step, element, sources);
  const claimed = wordsFromChunk(chunk)[element % CHUNK_WORDS];
  if (claimed === word) throw new NothingToProveError(step, primitive, element);

  const operands = sources.map((source, operand) => showOperand(source, touched[operand]));
  const isRead = (kind: OperandSource["kind"]): boolean => {
    return sources.some((source, operand) => source.kind === kind && touched[operand].length > 0);
  };
  return {
    step: stepShown(view, step),
    previous: isRead("state") ? previousShown(view, step - 1) : NO_STEP,
    record: evidence.record(step, primitive),
    interfaceTable: isRead("initial") ? evidence.interfaceTable : NO_BYTES,
    scalar: evidence.scalar(record.scalar),
    outputRoot: view.node(tensorRootPosition(run, SECTION.scratchTensor, step, primitive)),
    outputSiblings: pathOf(view, SECTION.scratch, step, primitive),
    output: { first: index, chunks: bytesToHex(chunk), siblings: siblingNodes(view, leaf) },
    element,
    operands,
  };
}

/** Proof from the claimant's whole run that a word of a primitive's output is wrong. */
export function buildElementProofFromRun(
  claimant: Run,
  step: number,
  primitive: number,
  element: number,
): ElementProof {
  return buildElementProof(viewOfRun(claimant), step, primitive, element);
}

/** Whether a slot, or slot count + output, has the root of the tensor that it is bound to. */
export function isBound(view: TraceView, step: number, item: number): boolean {
  return view.node(tensorRootPosition(view.run, SECTION.stateTensor, step, item)) === slotSource(view, step, item).root;
}

/** Proof that a slot, or slot count + output, is not the tensor it is bound to. Throws NothingToProveError when it is. */
export function buildSlotProof(view: TraceView, step: number, item: number): SlotProof {
  const { run } = view;
  const evidence = evidenceOf(run.program);
  const source = slotSource(view, step, item);
  const itemRoot = view.node(tensorRootPosition(run, SECTION.stateTensor, step, item));
  if (itemRoot === source.root) throw new NothingToProveError(step, item, null);
  return {
    step: stepShown(view, step),
    previous: source.previous ? previousShown(view, step - 1) : NO_STEP,
    summary: evidence.summary,
    interfaceTable: source.initial ? evidence.interfaceTable : NO_BYTES,
    bindings: evidence.bindings(step),
    item,
    itemRoot,
    itemSiblings: pathOf(view, SECTION.state, step, item),
    sourceRoot: source.root,
    sourceSiblings: source.siblings,
  };
}

/** Proof that a tensor's last chunk has a non-zero word past its length. Throws NothingToProveError when it has none. */
export function buildPaddingProof(view: TraceView, section: 3 | 4, step: number, item: number): PaddingProof {
  const { run } = view;
  const evidence = evidenceOf(run.program);
  const { length } = tensorOf(run, section, step, item);
  const leaf: Position = { section, height: 0, step, item, index: chunkCount(length) - 1 };
  const chunk = view.chunk(leaf);
  const held = length - leaf.index * CHUNK_WORDS;
  if (
    wordsFromChunk(chunk)
      .subarray(held)
      .every((word) => word === 0)
  ) {
    throw new NothingToProveError(step, item, null);
  }
  const inScratch = section === SECTION.scratchTensor;
  return {
    step: stepShown(view, step),
    section,
    item,
    record: inScratch ? evidence.record(step, item) : NO_RECORD,
    summary: inScratch ? NO_BYTES : evidence.summary,
    interfaceTable: inScratch ? NO_BYTES : evidence.interfaceTable,
    root: view.node(tensorRootPosition(run, section, step, item)),
    siblings: pathOf(view, inScratch ? SECTION.scratch : SECTION.state, step, item),
    chunk: { first: leaf.index, chunks: bytesToHex(chunk), siblings: siblingNodes(view, leaf) },
  };
}

/** What a claimant reveals beside its roots. */
export function outputsShownOf(run: Run): OutputsShown {
  return { summary: evidenceOf(run.program).summary, ...outputPathsOf(run) };
}

/** A step node under the claimant's trace root. */
export function stepShown(view: TraceView, step: number): StepShown {
  return {
    step,
    scratchRoot: view.node(treeRootPosition(view.run, SECTION.scratch, step)),
    stateRoot: view.node(treeRootPosition(view.run, SECTION.state, step)),
    siblings: siblingNodes(view, stepPosition(step)),
  };
}

// Only the state of the step before is needed: of a deferred trace its scratch root need not have been posted.
function previousShown(view: TraceView, step: number): StepShown {
  if (view.run.trace !== "deferred") return stepShown(view, step);
  const stateRoot = view.node(treeRootPosition(view.run, SECTION.state, step));
  return { step, scratchRoot: ZERO_HASH, stateRoot, siblings: siblingNodes(view, stepPosition(step)) };
}

// --- Operands ---

interface OperandSource {
  /** Where its root stands: this step's scratch, the previous state, an input, the interface table, or the record. */
  readonly kind: "scratch" | "state" | "input" | "initial" | "constant";
  readonly operand: OperandRef;
  readonly tensor: CommittedTensor;
  readonly root: Hash;
  path(): Hash[];
}

function operandSource(view: TraceView, step: number, operand: OperandRef): OperandSource {
  const { run } = view;
  switch (operand.kind) {
    case "primitive": {
      const tensor = committedTensor(run, SECTION.scratchTensor, step, operand.index);
      const root = view.node(tensorRootPosition(run, SECTION.scratchTensor, step, operand.index));
      return { kind: "scratch", operand, tensor, root, path: () => pathOf(view, SECTION.scratch, step, operand.index) };
    }
    case "slot": {
      if (step === 0) return initialSource(run, operand, operand.index);
      const tensor = committedTensor(run, SECTION.stateTensor, step - 1, operand.index);
      const root = view.node(tensorRootPosition(run, SECTION.stateTensor, step - 1, operand.index));
      return { kind: "state", operand, tensor, root, path: () => pathOf(view, SECTION.state, step - 1, operand.index) };
    }
    case "input":
      return inputSource(run, "input", operand, operand.index);
    case "constant":
      return constantSource(run, "constant", operand, operand.root);
  }
}

function initialSource(run: Run, operand: OperandRef, slot: number): OperandSource {
  const { initial } = run.program.slots[slot];
  if (initial.kind === "input") return inputSource(run, "initial", operand, initial.index);
  return constantSource(run, "initial", operand, initial.root);
}

function inputSource(run: Run, kind: "input" | "initial", operand: OperandRef, input: number): OperandSource {
  const tensor = { words: () => run.committedInputs[input], tree: () => inputTensorTree(run, input) };
  return { kind, operand, tensor, root: treeRoot(tensor.tree()), path: () => inputPath(run, input) };
}

// The record or the interface table holds a constant's root, so none is shown.
function constantSource(run: Run, kind: "constant" | "initial", operand: OperandRef, root: Hash): OperandSource {
  const tensor = { words: () => run.constant(root), tree: () => constantTree(run, root) };
  return { kind, operand, tensor, root: ZERO_HASH, path: () => [] };
}

function inputPath(run: Run, input: number): Hash[] {
  return run.inputsTree === null ? [] : proofOf(run.inputsTree, input);
}

/** The word of an element over these operands, and the chunks of each operand that it reads, ascending. */
function traceElement(
  run: Run,
  record: PrimitiveRecord,
  step: number,
  element: number,
  sources: readonly OperandSource[],
): { word: number; touched: number[][] } {
  const scalar = run.program.scalars.get(record.scalar);
  if (scalar === undefined) throw new MissingScalarError(record.scalar);
  const touched = sources.map(() => new Set<number>());
  const operands = sources.map(({ operand, tensor }, index): Operand => {
    const words = tensor.words();
    const read = (address: number): number => {
      touched[index].add(Math.floor(address / CHUNK_WORDS));
      return words[address];
    };
    return { type: operand.type, length: operand.length, read };
  });
  const word = evaluateElement(scalar, element, step, operands);
  return { word, touched: touched.map((chunks) => [...chunks].sort((one, other) => one - other)) };
}

function showOperand(source: OperandSource, touched: readonly number[]): OperandShown {
  if (touched.length === 0) return { root: ZERO_HASH, siblings: [], ranges: [] };
  const tree = source.tensor.tree();
  const isShown = source.root !== ZERO_HASH;
  // The walk proves only what follows from agreed operands; anything else is a mistake of the caller.
  if (isShown && source.root !== treeRoot(tree)) throw new DisagreedOperandError(source.operand, source.root);
  const words = source.tensor.words();
  return { root: source.root, siblings: source.path(), ranges: rangesOf(words, tree, touched) };
}

function rangesOf(words: Uint32Array, tree: Tree, touched: readonly number[]): Range[] {
  const runs: { first: number; length: number }[] = [];
  for (const chunk of touched) {
    const last = runs.at(-1);
    if (last !== undefined && last.first + last.length === chunk) last.length++;
    else runs.push({ first: chunk, length: 1 });
  }
  return runs.map(({ first, length }) => {
    const bytes = new Uint8Array(length * CHUNK_BYTES);
    for (let index = 0; index < length; index++) bytes.set(chunkBytes(words, first + index), index * CHUNK_BYTES);
    return { first, chunks: bytesToHex(bytes), siblings: rangeProofOf(tree, first, length) };
  });
}

// --- Slots ---

interface SlotSource {
  readonly root: Hash;
  readonly siblings: readonly Hash[];
  readonly previous: boolean;
  readonly initial: boolean;
}

function slotSource(view: TraceView, step: number, item: number): SlotSource {
  const { run } = view;
  const { slotBindings, outputBindings } = segmentAt(run, step);
  const bound = [...slotBindings, ...outputBindings][item];
  if (bound !== UNCHANGED) {
    const root = view.node(tensorRootPosition(run, SECTION.scratchTensor, step, bound));
    return { root, siblings: pathOf(view, SECTION.scratch, step, bound), previous: false, initial: false };
  }
  if (step > 0) {
    const root = view.node(tensorRootPosition(run, SECTION.stateTensor, step - 1, item));
    return { root, siblings: pathOf(view, SECTION.state, step - 1, item), previous: true, initial: false };
  }
  const { initial } = run.program.slots[item];
  if (initial.kind === "constant") return { root: initial.root, siblings: [], previous: false, initial: true };
  const root = treeRoot(inputTensorTree(run, initial.index));
  return { root, siblings: inputPath(run, initial.index), previous: false, initial: true };
}

// --- Paths ---

function pathOf(view: TraceView, section: 1 | 2, step: number, index: number): Hash[] {
  return siblingNodes(view, { section, height: 0, step, item: 0, index });
}

function siblingNodes(view: TraceView, position: Position): Hash[] {
  return siblingsInTree(view.run, position).map((sibling) => view.node(sibling));
}

/** What was to be proven wrong is right. `element` is null where roots or padding were compared. */
export class NothingToProveError extends LockstepError {
  constructor(step: number, item: number, element: number | null) {
    super("NothingToProveError", `step ${step}, tensor ${item}: nothing is wrong`, { step, item, element });
  }
}

/** An operand whose words are not known, because the claimant's root of it is not the one agreed. */
export class DisagreedOperandError extends LockstepError {
  constructor(operand: OperandRef, root: Hash) {
    super("DisagreedOperandError", `the claimant's operand ${root} is not agreed`, { operand, root });
  }
}
