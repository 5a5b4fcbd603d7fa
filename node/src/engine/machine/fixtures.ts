/**
 * Random programs of several steps for differential tests of engines: primitives of every kind over inputs, constants, slots
 * and each other, in one to three segments, with slots that are updated in rows, in place, from elsewhere, or not at all.
 */
import { below, createRandom, pick } from "../../float/directed.ts";
import type { Random } from "../../float/directed.ts";
import { buildScalar } from "../../ir/build.ts";
import type { ScalarBuilder, ScalarSignature, Value } from "../../ir/build.ts";
import { scalarHash } from "../../ir/encode.ts";
import type { WordType } from "../../ir/opcodes.ts";
import { UNCHANGED } from "../../ir/program.ts";
import type { Hash, OperandRef, PrimitiveRecord, Program, Segment, Slot, TensorType } from "../../ir/program.ts";
import { randomScalar, randomWords } from "../../ir/random.ts";
import { outputLength } from "../../ir/scalar.ts";
import type { ScalarProgram } from "../../ir/scalar.ts";
import { tensorRoot } from "../../merkle/tensor.ts";
import { sharedHasher } from "../../merkle/wasm-hasher.ts";
import type { Fixture } from "../fixtures.ts";

interface Draft {
  readonly random: Random;
  readonly scalars: Map<Hash, ScalarProgram>;
  readonly constants: Map<Hash, { words: Uint32Array; type: WordType }>;
  readonly inputs: TensorType[];
  readonly slots: { tensor: TensorType; rows: number; columns: number }[];
  /** Constants that products have for columns. */
  readonly matrices: { readonly root: Hash; readonly count: number; readonly length: number }[];
}

/** A valid program with its inputs and constants; all is a function of the seed. */
export function randomProgram(seed: number): Fixture & { readonly steps: number } {
  const random = createRandom(seed);
  const draft: Draft = { random, scalars: new Map(), constants: new Map(), inputs: [], slots: [], matrices: [] };
  const types: WordType[] = ["f32", "i32", "f32", "bool"];
  for (let count = 1 + below(random, 3); count > 0; count--) {
    draft.inputs.push({ type: pick(random, types), length: 1 + below(random, 700) });
  }
  for (let count = 1 + below(random, 4); count > 0; count--) {
    const [rows, columns] = [1 + below(random, 9), pick(random, [1, 3, 4, 6, 16, 64, 100, 128, 320])];
    draft.slots.push({ tensor: { type: pick(random, types), length: rows * columns }, rows, columns });
  }
  const segmentCount = 1 + below(random, 3);
  const segments = Array.from({ length: segmentCount }, (_, index) => {
    return randomSegment(draft, index === segmentCount - 1 ? 0 : 1 + below(random, 2));
  });
  // All segments give the outputs that the first one names.
  const outputs = segments[0].outputBindings.map((bound) => tensorOf(segments[0].records[bound]));
  const slots = draft.slots.map(({ tensor }): Slot => {
    if (below(random, 3) > 0) return { ...tensor, initial: { kind: "constant", root: addConstant(draft, tensor) } };
    return { ...tensor, initial: { kind: "input", index: draft.inputs.push(tensor) - 1 } };
  });
  const program: Program = {
    inputs: draft.inputs,
    slots,
    outputs,
    segments: segments.map((segment) => withOutputs(draft, segment, outputs)),
    scalars: draft.scalars,
  };
  const words = new Map([...draft.constants].map(([root, constant]) => [root, constant.words]));
  return {
    program,
    inputs: draft.inputs.map(({ type, length }) => randomWords(random, type, length)),
    constants: (root) => words.get(root)!,
    steps: 2 + below(random, 5),
  };
}

function randomSegment(draft: Draft, steps: number): Segment {
  const { random, slots } = draft;
  const records: PrimitiveRecord[] = [];
  for (let count = 1 + below(random, 5); count > 0; count--) {
    records.push(below(random, 3) === 0 ? matrixRecord(draft, records) : randomRecord(draft, records));
    const lookup = below(random, 2) === 0 ? lookupRecord(draft, records) : null;
    if (lookup !== null) records.push(lookup);
  }
  const slotBindings = slots.map((_, slot) => {
    if (below(random, 5) === 0) return UNCHANGED;
    records.push(updateRecord(draft, records, slot));
    return records.length - 1;
  });
  // Readers that come after an update see the old words.
  for (let count = below(random, 3); count > 0; count--) records.push(randomRecord(draft, records));
  const outputBindings = Array.from({ length: 1 + below(random, 3) }, () => below(random, records.length));
  return { records, steps, slotBindings, outputBindings };
}

function randomRecord(draft: Draft, records: readonly PrimitiveRecord[]): PrimitiveRecord {
  const scalar = randomScalar(draft.random);
  return recordOf(
    draft,
    scalar,
    scalar.operandTypes.map((type) => randomOperand(draft, records, type)),
  );
}

/** A product of matrices whose columns are a constant, mostly one that bf16 holds. */
function matrixRecord(draft: Draft, records: readonly PrimitiveRecord[]): PrimitiveRecord {
  const { random } = draft;
  const [rows, columns, count] = [1 + below(random, 9), 4 + below(random, 90), 1 + below(random, 300)];
  const bias = below(random, 2) === 0;
  const operands: WordType[] = ["f32", "f32", "f32"];
  const scalar = buildScalar({ operands, output: "f32", extents: [rows, columns] }, (b) => {
    const [left, right] = b.digits.map((digit) => b.mulI(digit, count));
    const [total] = b.loop({
      count,
      carried: [{ type: "f32", init: 0, ...(bias ? { from: b.load(2, b.digits[1]) } : {}) }],
      body: ({ carried }) => [b.fma(b.load(0, left, [[count, 1]]), b.load(1, right, [[count, 1]]), carried[0])],
      combine: ([sum], [block]) => [b.add(sum, block)],
    });
    return below(random, 2) === 0 ? total : b.max(total, b.load(2, b.digits[1]));
  });
  const weights = { type: "f32", length: columns * count } as const;
  const known = [...draft.constants].find(([, { words, type }]) => type === "f32" && words.length === weights.length);
  const root = known?.[0] ?? addConstant(draft, weights, below(random, 2) === 0 ? 0xffff0000 : 0xffffffff);
  const others = [randomOperand(draft, records, "f32"), randomOperand(draft, records, "f32")];
  draft.matrices.push({ root, count, length: weights.length });
  const given: OperandRef[] = [others[0], { kind: "constant", ...weights, root }, others[1]];
  return recordOf(draft, scalar, given.slice(0, scalar.operandTypes.length));
}

/** Rows of the columns of such a product, looked up by numbers of which some miss; null where there are none yet. */
function lookupRecord(draft: Draft, records: readonly PrimitiveRecord[]): PrimitiveRecord | null {
  const { random, matrices } = draft;
  if (matrices.length === 0) return null;
  const { root, count, length } = matrices[below(random, matrices.length)];
  const extents = [1 + below(random, 3), 1 + below(random, Math.min(count, 12))];
  const isNegative = below(random, 3) === 0;
  const scalar = buildScalar({ operands: ["f32", "i32"], output: "f32", extents }, (b) => {
    const row = b.load(1, b.digits[0]);
    const near = b.remU(row, Math.ceil(length / count) + 1);
    const word = b.gather(0, b.addI(b.mulI(isNegative ? row : near, count), b.digits[1]));
    return b.add(word, b.load(0, b.addI(b.index, b.step)));
  });
  const matrix: OperandRef = { kind: "constant", type: "f32", length, root };
  return recordOf(draft, scalar, [matrix, randomOperand(draft, records, "i32")]);
}

function updateRecord(draft: Draft, records: readonly PrimitiveRecord[], index: number): PrimitiveRecord {
  const { random } = draft;
  const { tensor, rows, columns } = draft.slots[index];
  const own: OperandRef = { kind: "slot", ...tensor, index };
  if (tensor.type === "f32" && columns > 3 && below(random, 3) === 0) return productRecord(draft, records, own, rows);
  const extents =
    below(random, 3) === 0 ? [rows * columns] : below(random, 4) === 0 ? [rows, 1, columns] : [rows, columns];
  const signature: ScalarSignature = { operands: [tensor.type, "i32", tensor.type], output: tensor.type, extents };
  const kind = below(random, 6);
  const scalar = buildScalar(signature, (b) => {
    const old = b.load(0, b.index);
    const given = b.load(2, b.remU(b.index, 1 + below(random, 40)));
    switch (kind) {
      case 0:
        return b.select(b.eqI(b.remU(b.step, rows), b.digits[0]), given, old);
      case 1:
        return b.select(b.ltI(b.digits[0], b.and(b.load(1, 0), 7)), old, given);
      case 2:
        return b.select(b.eqI(b.and(b.addI(b.index, b.step), 3), 0), given, old);
      case 3:
        return changed(b, tensor.type, old, given);
      case 4:
        return changed(b, tensor.type, b.load(0, b.addI(b.index, 1)), old);
      default:
        return given;
    }
  });
  const operands: OperandRef[] = [
    own,
    randomOperand(draft, records, "i32"),
    randomOperand(draft, records, tensor.type),
  ];
  return recordOf(draft, scalar, operands);
}

/** A product that is added to a slot, before or after the sum, or weighed with it. */
function productRecord(
  draft: Draft,
  records: readonly PrimitiveRecord[],
  own: OperandRef,
  rows: number,
): PrimitiveRecord {
  const { random } = draft;
  const columns = own.length / rows;
  const count = 1 + below(random, 300);
  const kind = below(random, 3);
  const operands: WordType[] = ["f32", "f32", "f32"];
  const scalar = buildScalar({ operands, output: "f32", extents: [rows, columns] }, (b) => {
    const [left, right] = b.digits.map((digit) => b.mulI(digit, count));
    const old = b.load(0, b.index);
    const [total] = b.loop({
      count,
      carried: [{ type: "f32", init: 0, ...(kind === 0 ? { from: old } : {}) }],
      body: ({ carried }) => [b.fma(b.load(1, left, [[count, 1]]), b.load(2, right, [[count, 1]]), carried[0])],
      combine: ([sum], [block]) => [b.add(sum, block)],
    });
    return kind === 0 ? total : kind === 1 ? b.add(old, total) : b.select(b.lt(old, 0), total, b.fma(old, 0.5, total));
  });
  return recordOf(draft, scalar, [own, randomOperand(draft, records, "f32"), randomOperand(draft, records, "f32")]);
}

function changed(b: ScalarBuilder, type: WordType, one: Value, other: Value): Value {
  if (type === "f32") return b.add(one, b.mul(other, 0.5));
  return type === "i32" ? b.addI(b.mulI(one, 3), other) : b.xor(one, b.not(other));
}

function randomOperand(draft: Draft, records: readonly PrimitiveRecord[], type: WordType): OperandRef {
  const { random, inputs, slots } = draft;
  const known: OperandRef[] = [
    ...inputs.map((tensor, index): OperandRef => ({ kind: "input", ...tensor, index })),
    ...slots.map(({ tensor }, index): OperandRef => ({ kind: "slot", ...tensor, index })),
    ...records.map((record, index): OperandRef => ({ kind: "primitive", ...tensorOf(record), index })),
    ...[...draft.constants].map(([root, constant]): OperandRef => {
      return { kind: "constant", type: constant.type, length: constant.words.length, root };
    }),
  ].filter((operand) => operand.type === type && !(operand.kind === "constant" && isKeptApart(draft, operand.root)));
  if (known.length > 0 && below(random, 5) > 0) return known[below(random, known.length)];
  const tensor = { type, length: 1 + below(random, 600) };
  return { kind: "constant", ...tensor, root: addConstant(draft, tensor) };
}

/** Most matrices are left to products and lookups, which lets them be packed. */
function isKeptApart({ random, matrices }: Draft, root: Hash): boolean {
  return below(random, 8) > 0 && matrices.some((matrix) => matrix.root === root);
}

/** The segment with outputs like those of the first: one more primitive each. */
function withOutputs(draft: Draft, segment: Segment, outputs: readonly TensorType[]): Segment {
  const records = [...segment.records];
  const outputBindings = outputs.map((tensor) => {
    const found = records.findIndex(({ type, length }) => type === tensor.type && length === tensor.length);
    if (found >= 0) return found;
    const signature = { operands: [tensor.type], output: tensor.type, extents: [tensor.length] };
    const scalar = buildScalar(signature, (b) => b.load(0, b.addI(b.index, b.step)));
    return records.push(recordOf(draft, scalar, [randomOperand(draft, records, tensor.type)])) - 1;
  });
  return { ...segment, records, outputBindings };
}

function recordOf(draft: Draft, scalar: ScalarProgram, operands: readonly OperandRef[]): PrimitiveRecord {
  const hash = scalarHash(scalar);
  draft.scalars.set(hash, scalar);
  return { scalar: hash, type: scalar.outputType, length: outputLength(scalar), operands };
}

function addConstant(draft: Draft, { type, length }: TensorType, mask = 0xffffffff): Hash {
  const words = randomWords(draft.random, type, length).map((word) => word & mask);
  const root = tensorRoot(words, sharedHasher());
  draft.constants.set(root, { words, type });
  return root;
}

const tensorOf = ({ type, length }: TensorType): TensorType => ({ type, length });
