/** Programs that fuzzers put together piece by piece, with the words of their inputs and constants. */
import { below } from "../../../float/directed.ts";
import type { Random } from "../../../float/directed.ts";
import { buildScalar } from "../../../ir/build.ts";
import type { ScalarBuilder, Value } from "../../../ir/build.ts";
import { scalarHash } from "../../../ir/encode.ts";
import type { WordType } from "../../../ir/opcodes.ts";
import type {
  ConstantOperand,
  Hash,
  IndexedOperand,
  OperandRef,
  PrimitiveRecord,
  Segment,
  Slot,
  TensorType,
} from "../../../ir/program.ts";
import { randomWords } from "../../../ir/random.ts";
import { outputLength } from "../../../ir/scalar.ts";
import type { ScalarProgram } from "../../../ir/scalar.ts";
import { validateProgram } from "../../../ir/validate-program.ts";
import { tensorRoot } from "../../../merkle/tensor.ts";
import { sharedHasher } from "../../../merkle/wasm-hasher.ts";
import type { Fixture } from "../../fixtures.ts";

export interface Draft {
  readonly random: Random;
  readonly scalars: Map<Hash, ScalarProgram>;
  readonly inputs: { readonly type: WordType; readonly words: Uint32Array }[];
  readonly constants: Map<Hash, Uint32Array>;
  readonly slots: Slot[];
  /** Of the segment that is being made. */
  readonly records: PrimitiveRecord[];
}

export function createDraft(random: Random): Draft {
  return { random, scalars: new Map(), inputs: [], constants: new Map(), slots: [], records: [] };
}

export function lengthOf(extents: readonly number[]): number {
  return extents.reduce((product, extent) => product * extent, 1);
}

export function addInput({ inputs }: Draft, type: WordType, words: Uint32Array): IndexedOperand {
  return { kind: "input", type, length: words.length, index: inputs.push({ type, words }) - 1 };
}

/** A constant of these words. Others that differ from it by zeros at the end may have its root: the longest is given out. */
export function addConstant({ constants }: Draft, type: WordType, words: Uint32Array): ConstantOperand {
  const root = tensorRoot(words, sharedHasher());
  if (words.length > (constants.get(root)?.length ?? 0)) constants.set(root, words);
  return { kind: "constant", type, length: words.length, root };
}

/** An input or a constant of random words, of which `mask` leaves some bits. */
export function addTensor(draft: Draft, { type, length }: TensorType, mask = 0xffffffff): OperandRef {
  const words = randomWords(draft.random, type, length).map((word) => word & mask);
  return below(draft.random, 2) === 0 ? addConstant(draft, type, words) : addInput(draft, type, words);
}

/** A slot that starts as an input or a constant. */
export function addSlot({ slots }: Draft, from: OperandRef): IndexedOperand {
  const { type, length } = from;
  if (from.kind !== "constant" && from.kind !== "input") throw new TypeError("a slot starts as an input or a constant");
  const initial =
    from.kind === "constant" ? { kind: from.kind, root: from.root } : { kind: from.kind, index: from.index };
  return { kind: "slot", type, length, index: slots.push({ type, length, initial }) - 1 };
}

export interface PrimitiveDraft {
  readonly output: WordType;
  readonly extents: readonly number[];
  /** The last ones are left out where nothing reads them. */
  readonly operands: readonly OperandRef[];
  readonly define: (b: ScalarBuilder) => Value;
}

export function addPrimitive({ scalars, records }: Draft, draft: PrimitiveDraft): IndexedOperand {
  const { output, extents, define } = draft;
  const scalar = buildScalar({ operands: draft.operands.map(({ type }) => type), output, extents }, define);
  const hash = scalarHash(scalar);
  scalars.set(hash, scalar);
  const operands = draft.operands.slice(0, scalar.operandTypes.length);
  const record = { scalar: hash, type: output, length: outputLength(scalar), operands };
  return { kind: "primitive", type: output, length: record.length, index: records.push(record) - 1 };
}

/** The primitives so far as a segment; the next one starts empty. */
export function endSegment({ records }: Draft, rest: Omit<Segment, "records">): Segment {
  return { records: records.splice(0), ...rest };
}

/** The program, valid; the outputs are those of the first segment. */
export function fixtureOf({ scalars, inputs, constants, slots }: Draft, segments: readonly Segment[]): Fixture {
  const [{ records, outputBindings }] = segments;
  const program = {
    inputs: inputs.map(({ type, words }) => ({ type, length: words.length })),
    slots,
    outputs: outputBindings.map((bound) => ({ type: records[bound].type, length: records[bound].length })),
    segments,
    scalars,
  };
  validateProgram(program);
  return { program, inputs: inputs.map(({ words }) => words), constants: (root) => constants.get(root)! };
}
