/**
 * The referees in TypeScript: checks a fraud proof under a claim's roots exactly as the contracts do (spec, "Solidity types"),
 * for clients that want to know before they pay, and for tests. Throws a typed error for anything malformed, unbound or
 * right; returns the fault otherwise.
 */
import { hexToBytes } from "viem/utils";
import { LockstepError } from "../../float/errors.ts";
import { decodeBindings, decodeInterfaceTable, decodeRecord, decodeScalar, decodeSummary } from "../../ir/decode.ts";
import type { SegmentSummary, Summary } from "../../ir/decode.ts";
import { evaluateElement } from "../../ir/interpret.ts";
import type { Operand } from "../../ir/interpret.ts";
import { UNCHANGED } from "../../ir/program.ts";
import type { OperandRef, SlotInitial } from "../../ir/program.ts";
import { validateScalar } from "../../ir/validate.ts";
import { CHUNK_BYTES, CHUNK_WORDS, ZERO_HASH, hashPair, keccak } from "../../merkle/hash.ts";
import type { Hash } from "../../merkle/hash.ts";
import { ChunkLengthError, chunkCount, chunkHash, wordsFromChunk } from "../../merkle/tensor.ts";
import { rootFromPath, rootFromRange } from "../../merkle/tree.ts";
import { SECTION } from "../position.ts";
import { FRAUD } from "./types.ts";
import type {
  ClaimView,
  ElementProof,
  Fault,
  FraudProof,
  OperandShown,
  PaddingProof,
  Range,
  RecordShown,
  SlotProof,
  StepShown,
} from "./types.ts";

/** The fault that a proof of kind 0, 1 or 2 shows. Kind 3 is about a program, not a run: `validateProgram` finds it. */
export function checkProof(claim: ClaimView, fraud: Exclude<FraudProof, { kind: 3 }>): Fault {
  switch (fraud.kind) {
    case FRAUD.badElement:
      return checkElementProof(claim, fraud.proof);
    case FRAUD.badSlot:
      return checkSlotProof(claim, fraud.proof);
    case FRAUD.badPadding:
      return checkPaddingProof(claim, fraud.proof);
  }
}

/** The wrong word of a primitive's output. Throws NoFaultError when the word is right. */
export function checkElementProof(claim: ClaimView, proof: ElementProof): Fault {
  const summary = checkSummary(claim, proof.record.summary);
  checkStep(claim, proof.step);
  const { step } = proof.step;
  const segment = segmentOf(summary, step);
  checkRecord(segment, proof.record);
  const { primitive } = proof.record;
  const record = decodeRecord(hexToBytes(proof.record.record));
  const scalarBytes = hexToBytes(proof.scalar);
  requireHash("scalar program", record.scalar, keccak(scalarBytes));
  const scalar = decodeScalar(scalarBytes);
  validateScalar(scalar);

  const { element, outputRoot, output } = proof;
  const first = Math.floor(element / CHUNK_WORDS);
  if (element >= record.length) throw new EvidenceError("element", `not below ${record.length}`, { element });
  requireLeaf("scratch", proof.step.scratchRoot, outputRoot, primitive, segment.recordCount, proof.outputSiblings);
  const words = checkRange(outputRoot, record.length, output);
  if (output.first !== first || words.length !== CHUNK_WORDS) {
    throw new EvidenceError("output", `must be chunk ${first} alone`, { first: output.first, words: words.length });
  }

  if (proof.operands.length !== record.operands.length) {
    throw new EvidenceError("operands", `the record has ${record.operands.length}`, { count: proof.operands.length });
  }
  const operands = record.operands.map((operand, index): Operand => {
    const shown = proof.operands[index];
    const chunks = new Map<number, Uint32Array>();
    if (shown.ranges.length > 0) {
      const root = operandRoot(claim, proof, summary, segment, operand, shown);
      for (const range of shown.ranges) keepChunks(chunks, range.first, checkRange(root, operand.length, range));
    }
    const read = (address: number): number => {
      const chunk = chunks.get(Math.floor(address / CHUNK_WORDS));
      if (chunk === undefined)
        throw new EvidenceError("operand", "a chunk that is read is not shown", { index, address });
      return chunk[address % CHUNK_WORDS];
    };
    return { type: operand.type, length: operand.length, read };
  });
  const computed = evaluateElement(scalar, element, step, operands);
  const claimed = words[element % CHUNK_WORDS];
  if (claimed === computed)
    throw new NoFaultError("the claimed word is the computed one", { step, primitive, element });
  return { step, primitive, element, claimed, computed };
}

/** The slot or output that is not what it is bound to. Throws NoFaultError when it is. */
export function checkSlotProof(claim: ClaimView, proof: SlotProof): Fault {
  const summary = checkSummary(claim, proof.summary);
  checkStep(claim, proof.step);
  const { step, scratchRoot, stateRoot } = proof.step;
  const segment = segmentOf(summary, step);
  const bytes = hexToBytes(proof.bindings);
  requireHash("bindings", segment.bindingsHash, keccak(bytes));
  const { slotBindings, outputBindings } = decodeBindings(bytes, summary);
  const items = summary.slotCount + summary.outputCount;
  const { item } = proof;
  requireLeaf("state", stateRoot, proof.itemRoot, item, items, proof.itemSiblings);
  const bound = [...slotBindings, ...outputBindings][item];
  if (bound !== UNCHANGED) {
    requireLeaf("scratch", scratchRoot, proof.sourceRoot, bound, segment.recordCount, proof.sourceSiblings);
  } else if (item >= summary.slotCount) {
    throw new EvidenceError("bindings", "an output must be bound to a primitive", { item });
  } else if (step > 0) {
    checkPrevious(claim, proof.previous, step);
    requireLeaf("state", proof.previous.stateRoot, proof.sourceRoot, item, items, proof.sourceSiblings);
  } else {
    const initial = initialOf(summary, proof.interfaceTable, item);
    checkInitial(claim, summary, initial, proof.sourceRoot, proof.sourceSiblings);
  }
  if (proof.itemRoot === proof.sourceRoot) throw new NoFaultError("the item is what it is bound to", { step, item });
  return { step, primitive: item, element: 0, claimed: 0, computed: 0 };
}

/** The word past a tensor's length that is not zero. Throws NoFaultError when all are. */
export function checkPaddingProof(claim: ClaimView, proof: PaddingProof): Fault {
  const { item, section } = proof;
  const inScratch = section === SECTION.scratchTensor;
  const summary = checkSummary(claim, inScratch ? proof.record.summary : proof.summary);
  checkStep(claim, proof.step);
  const { step, scratchRoot, stateRoot } = proof.step;
  const segment = segmentOf(summary, step);
  let length: number;
  if (inScratch) {
    checkRecord(segment, proof.record);
    if (proof.record.primitive !== item) throw new EvidenceError("record", "of another primitive", { item });
    length = decodeRecord(hexToBytes(proof.record.record)).length;
    requireLeaf("scratch", scratchRoot, proof.root, item, segment.recordCount, proof.siblings);
  } else {
    const { slots, outputs } = interfaceOf(summary, proof.interfaceTable);
    requireLeaf("state", stateRoot, proof.root, item, slots.length + outputs.length, proof.siblings);
    length = [...slots, ...outputs][item].length;
  }
  const words = checkRange(proof.root, length, proof.chunk);
  const last = chunkCount(length) - 1;
  if (proof.chunk.first !== last || words.length !== CHUNK_WORDS) {
    throw new EvidenceError("chunk", `must be chunk ${last} alone`, { first: proof.chunk.first, words: words.length });
  }
  const held = length - last * CHUNK_WORDS;
  const word = words.findIndex((value, index) => index >= held && value !== 0);
  if (word < 0) throw new NoFaultError("all words past the length are zero", { step, item });
  return { step, primitive: item, element: last * CHUNK_WORDS + word, claimed: words[word], computed: 0 };
}

// --- What is shown under the claim's roots ---

function checkSummary(claim: ClaimView, summary: `0x${string}`): Summary {
  const bytes = hexToBytes(summary);
  requireHash("summary", claim.programRoot, keccak(bytes));
  return decodeSummary(bytes);
}

function checkStep(claim: ClaimView, shown: StepShown): void {
  const { step, scratchRoot } = shown;
  if (step >= claim.steps) throw new EvidenceError("step", `not below ${claim.steps}`, { step });
  if (claim.deferred && scratchRoot !== ZERO_HASH && (step !== claim.postedStep || scratchRoot !== claim.postedRoot)) {
    throw new EvidenceError("scratch root", "not the one posted for the step", { step, scratchRoot });
  }
  const node = hashPair(claim.deferred ? ZERO_HASH : scratchRoot, shown.stateRoot);
  requireLeaf("trace", claim.traceRoot, node, shown.step, claim.steps, shown.siblings);
}

function checkPrevious(claim: ClaimView, shown: StepShown, step: number): void {
  if (shown.step !== step - 1) throw new EvidenceError("previous step", `must be ${step - 1}`, { step: shown.step });
  checkStep(claim, shown);
}

function segmentOf(summary: Summary, step: number): SegmentSummary {
  let end = 0;
  for (const segment of summary.segments.slice(0, -1)) {
    end += segment.steps;
    if (step < end) return segment;
  }
  return summary.segments[summary.segments.length - 1];
}

function checkRecord(segment: SegmentSummary, shown: RecordShown): void {
  const leaf = keccak(hexToBytes(shown.record));
  requireLeaf("records", segment.recordsRoot, leaf, shown.primitive, segment.recordCount, shown.siblings);
}

function interfaceOf(summary: Summary, table: `0x${string}`): ReturnType<typeof decodeInterfaceTable> {
  const bytes = hexToBytes(table);
  requireHash("interface table", summary.interfaceHash, keccak(bytes));
  return decodeInterfaceTable(bytes, summary);
}

function initialOf(summary: Summary, table: `0x${string}`, slot: number): SlotInitial {
  const row = interfaceOf(summary, table).slots[slot];
  if (row === undefined) throw new EvidenceError("slot", `not below ${summary.slotCount}`, { slot });
  return row.initial;
}

function checkInitial(
  claim: ClaimView,
  summary: Summary,
  initial: SlotInitial,
  root: Hash,
  siblings: readonly Hash[],
): void {
  if (initial.kind === "constant") requireHash("initial value", initial.root, root);
  else requireLeaf("inputs", claim.inputsRoot, root, initial.index, summary.inputCount, siblings);
}

/** The root of the tensor that the claim and its program give the operand in this step. */
function operandRoot(
  claim: ClaimView,
  proof: ElementProof,
  summary: Summary,
  segment: SegmentSummary,
  operand: OperandRef,
  shown: OperandShown,
): Hash {
  const { step, scratchRoot } = proof.step;
  switch (operand.kind) {
    case "constant":
      return operand.root;
    case "primitive":
      requireLeaf("scratch", scratchRoot, shown.root, operand.index, segment.recordCount, shown.siblings);
      return shown.root;
    case "input":
      requireLeaf("inputs", claim.inputsRoot, shown.root, operand.index, summary.inputCount, shown.siblings);
      return shown.root;
    case "slot": {
      if (step === 0) {
        const initial = initialOf(summary, proof.interfaceTable, operand.index);
        if (initial.kind === "constant") return initial.root;
        checkInitial(claim, summary, initial, shown.root, shown.siblings);
        return shown.root;
      }
      checkPrevious(claim, proof.previous, step);
      const items = summary.slotCount + summary.outputCount;
      requireLeaf("state", proof.previous.stateRoot, shown.root, operand.index, items, shown.siblings);
      return shown.root;
    }
  }
}

/** The words of a range of chunks that stands under a tensor's root. */
function checkRange(root: Hash, length: number, range: Range): Uint32Array {
  const bytes = hexToBytes(range.chunks);
  if (bytes.length === 0 || bytes.length % CHUNK_BYTES !== 0) throw new ChunkLengthError(bytes.length);
  const chunks = Array.from({ length: bytes.length / CHUNK_BYTES }, (_, index) =>
    bytes.subarray(index * CHUNK_BYTES, (index + 1) * CHUNK_BYTES),
  );
  const computed = rootFromRange(chunks.map(chunkHash), range.first, chunkCount(length), range.siblings);
  requireHash("tensor", root, computed);
  const words = new Uint32Array(chunks.length * CHUNK_WORDS);
  chunks.forEach((chunk, index) => words.set(wordsFromChunk(chunk), index * CHUNK_WORDS));
  return words;
}

function keepChunks(chunks: Map<number, Uint32Array>, first: number, words: Uint32Array): void {
  for (let index = 0; index * CHUNK_WORDS < words.length; index++) {
    chunks.set(first + index, words.subarray(index * CHUNK_WORDS, (index + 1) * CHUNK_WORDS));
  }
}

function requireLeaf(
  part: string,
  root: Hash,
  leaf: Hash,
  index: number,
  count: number,
  siblings: readonly Hash[],
): void {
  if (leaf === ZERO_HASH) throw new EvidenceError(part, "a leaf is never zero", { index });
  requireHash(part, root, rootFromPath(leaf, index, count, siblings));
}

function requireHash(part: string, expected: Hash, computed: Hash): void {
  if (computed !== expected) throw new EvidenceError(part, "not under the claim's root", { expected, computed });
}

/** A part of a proof that is malformed, or not what the claim commits to. */
export class EvidenceError extends LockstepError {
  constructor(part: string, rule: string, values: Record<string, unknown>) {
    super("EvidenceError", `${part}: ${rule}`, { part, rule, ...values });
  }
}

/** A well-formed proof of something that is right. */
export class NoFaultError extends LockstepError {
  constructor(rule: string, values: Record<string, unknown>) {
    super("NoFaultError", rule, values);
  }
}
