/**
 * Reads the canonical bytes of scalar programs, records and programs (spec, "Scalar program" and "Program"). Whatever
 * is returned encodes to the very bytes it came from; everything else is refused with a `MalformedBytesError`, and parts
 * that do not belong together with a `HashMismatchError`. What the parts mean is checked by `validateScalar` and
 * `validateProgram`.
 */

import { keccak_256 } from "@noble/hashes/sha3.js";
import { LockstepError } from "../float/errors.ts";
import { createReader, MalformedBytesError, toHash } from "./bytes.ts";
import type { Reader } from "./bytes.ts";
import { SCALAR_FORMAT, SUMMARY_MAGIC } from "./encode.ts";
import type { EncodedProgram } from "./encode.ts";
import { opcodeOf, WORD_TYPES } from "./opcodes.ts";
import type { WordType } from "./opcodes.ts";
import { NUMERICS_VERSION, OPERAND_KINDS, PROGRAM_LIMITS, ZERO_HASH } from "./program.ts";
import type { Hash, OperandRef, PrimitiveRecord, Program, Segment, Slot, TensorType } from "./program.ts";
import type { Carried, Constant, Instruction, LoadPattern, Loop, PatternDigit, ScalarProgram } from "./scalar.ts";
import { SCALAR_LIMITS } from "./scalar.ts";
import { rootOf } from "./tree.ts";

/** A part's bytes do not have the hash that names it. */
export class HashMismatchError extends LockstepError {
  constructor(part: string, expected: Hash, actual: Hash) {
    super("HashMismatchError", `${part} has hash ${actual}, not ${expected}`, { part, expected, actual });
  }
}

/** A record names a scalar program whose bytes were not given. */
export class MissingScalarError extends LockstepError {
  constructor(scalar: Hash) {
    super("MissingScalarError", `scalar program ${scalar} is missing`, { scalar });
  }
}

/** The fixed fields of a summary. */
export interface Summary {
  readonly inputCount: number;
  readonly slotCount: number;
  readonly outputCount: number;
  readonly interfaceHash: Hash;
  readonly segments: readonly SegmentSummary[];
}

export interface SegmentSummary {
  readonly recordsRoot: Hash;
  readonly bindingsHash: Hash;
  readonly steps: number;
  readonly recordCount: number;
}

/** @throws MalformedBytesError */
export function decodeScalar(bytes: Uint8Array): ScalarProgram {
  const reader = createReader("scalar program", bytes);
  if (bytes.length > SCALAR_LIMITS.encodedBytes) reader.fail("too long", { length: bytes.length });
  const format = reader.u8();
  if (format !== SCALAR_FORMAT) reader.fail(`unknown format ${format}`, { format });
  const outputType = readType(reader);
  const operandCount = reader.u8();
  if (operandCount > SCALAR_LIMITS.operands) reader.fail("too many operands", { operandCount });
  const digitCount = reader.u8();
  const constantCount = reader.u16();
  const patternCount = reader.u8();
  const carriedCount = reader.u8();
  const prologueCount = reader.u16();
  const bodyCount = reader.u16();
  const combineCount = reader.u16();
  const epilogueCount = reader.u16();
  const start = reader.u32();
  const count = reader.u16();
  const single = readFlag(reader);
  const lanes = reader.u8();
  const continued = readFlag(reader);
  reader.zeros(1);
  const result = reader.u16();
  const operandTypes = unpackTypes(reader, operandCount);
  if (count === 0) {
    const loopFields = [
      patternCount,
      carriedCount,
      bodyCount,
      combineCount,
      start,
      lanes,
      Number(single),
      Number(continued),
    ];
    if (loopFields.some((field) => field !== 0)) reader.fail("a field of a loop is set, but there is no loop");
  }
  const extents = times(digitCount, reader.u32);
  const constants = times(constantCount, (): Constant => {
    const word = reader.u32();
    const type = readType(reader);
    reader.zeros(3);
    return { type, word };
  });
  const digit = (): PatternDigit => ({ extent: reader.u32(), stride: reader.i32() });
  const patterns = times(patternCount, (): LoadPattern => [digit(), digit(), digit()]);
  const carried = times(carriedCount, (): Carried => {
    const [init, bodyOut, combineOut, totalInit] = times(4, reader.u16);
    return { init, bodyOut, combineOut, totalInit };
  });
  const [prologue, body, combine, epilogue] = [prologueCount, bodyCount, combineCount, epilogueCount].map((length) =>
    times(length, () => readInstruction(reader)),
  );
  reader.end();
  let loop: Loop | null = null;
  if (count !== 0) {
    if (lanes !== 1 && lanes !== 32) return reader.fail(`lanes are 1 or 32, not ${lanes}`, { lanes });
    loop = { start, count, single, lanes, continued, carried, body, combine };
  }
  return { outputType, operandTypes, extents, constants, patterns, prologue, loop, epilogue, result };
}

/** @throws MalformedBytesError */
export function decodeRecord(bytes: Uint8Array): PrimitiveRecord {
  const reader = createReader("record", bytes);
  const scalar = reader.hash();
  const length = reader.u32();
  const type = readType(reader);
  const operandCount = reader.u8();
  reader.zeros(10);
  const operands = times(operandCount, () => readOperand(reader));
  reader.end();
  return { scalar, length, type, operands };
}

/** @throws MalformedBytesError */
export function decodeSummary(bytes: Uint8Array): Summary {
  const reader = createReader("summary", bytes);
  for (const letter of SUMMARY_MAGIC) if (reader.u8() !== letter) reader.fail("does not start with LOCKSTEP");
  const version = reader.u32();
  if (version !== NUMERICS_VERSION) reader.fail(`unknown numerics version ${version}`, { version });
  const segmentCount = reader.u32();
  if (segmentCount < 1 || segmentCount > PROGRAM_LIMITS.segments) reader.fail("segment count", { segmentCount });
  const inputCount = reader.u32();
  const slotCount = reader.u32();
  const outputCount = reader.u32();
  reader.zeros(4);
  const interfaceHash = reader.hash();
  const segments = times(segmentCount, (): SegmentSummary => {
    const recordsRoot = reader.hash();
    const bindingsHash = reader.hash();
    const steps = reader.u32();
    const recordCount = reader.u32();
    reader.zeros(24);
    return { recordsRoot, bindingsHash, steps, recordCount };
  });
  reader.end();
  return { inputCount, slotCount, outputCount, interfaceHash, segments };
}

/** The interface table of a program with these counts. @throws MalformedBytesError */
export function decodeInterfaceTable(
  bytes: Uint8Array,
  { inputCount, slotCount, outputCount }: Pick<Summary, "inputCount" | "slotCount" | "outputCount">,
): Pick<Program, "inputs" | "slots" | "outputs"> {
  const reader = createReader("interface table", bytes);
  const expected = 8 * inputCount + 48 * slotCount + 8 * outputCount;
  if (bytes.length !== expected) reader.fail(`needs ${expected} bytes`, { length: bytes.length });
  const row = (): TensorType => {
    const length = reader.u32();
    const type = readType(reader);
    reader.zeros(3);
    return { type, length };
  };
  const inputs = times(inputCount, row);
  const slots = times(slotCount, (): Slot => {
    const length = reader.u32();
    const type = readType(reader);
    const kind = OPERAND_KINDS[reader.u8()];
    reader.zeros(2);
    const index = reader.u32();
    reader.zeros(4);
    const root = reader.hash();
    if (kind === "input" && root === ZERO_HASH) return { type, length, initial: { kind, index } };
    if (kind === "constant" && index === 0) return { type, length, initial: { kind, root } };
    return reader.fail("initial value", { kind, index, root });
  });
  return { inputs, slots, outputs: times(outputCount, row) };
}

/** The bindings of one segment. @throws MalformedBytesError */
export function decodeBindings(
  bytes: Uint8Array,
  { slotCount, outputCount }: Pick<Summary, "slotCount" | "outputCount">,
): Pick<Segment, "slotBindings" | "outputBindings"> {
  const reader = createReader("bindings", bytes);
  const expected = 4 * (slotCount + outputCount);
  if (bytes.length !== expected) reader.fail(`needs ${expected} bytes`, { length: bytes.length });
  return { slotBindings: times(slotCount, reader.u32), outputBindings: times(outputCount, reader.u32) };
}

/**
 * The program whose parts these are. Scalar programs that no record names are ignored: whoever publishes a program may add
 * bytes to it, and must not thereby make it unreadable.
 *
 * @throws MalformedBytesError, HashMismatchError, MissingScalarError
 */
export function decodeProgram(parts: EncodedProgram): Program {
  const summary = decodeSummary(parts.summary);
  checkHash("interface table", summary.interfaceHash, keccak_256(parts.interfaceTable));
  const tables = decodeInterfaceTable(parts.interfaceTable, summary);
  checkCount("bindings", parts.bindings.length, summary.segments.length);
  checkCount("records", parts.records.length, summary.segments.length);
  const segments = summary.segments.map((segment, index): Segment => {
    checkHash("bindings", segment.bindingsHash, keccak_256(parts.bindings[index]));
    const encoded = parts.records[index];
    checkCount("records", encoded.length, segment.recordCount);
    checkHash("records", segment.recordsRoot, rootOf(encoded.map((record) => keccak_256(record))));
    const bindings = decodeBindings(parts.bindings[index], summary);
    return { records: encoded.map(decodeRecord), steps: segment.steps, ...bindings };
  });

  const bytesByHash = new Map(parts.scalars.map((bytes) => [toHash(keccak_256(bytes)), bytes]));
  const scalars = new Map<Hash, ScalarProgram>();
  for (const { scalar } of segments.flatMap((segment) => segment.records)) {
    if (scalars.has(scalar)) continue;
    const bytes = bytesByHash.get(scalar);
    if (bytes === undefined) throw new MissingScalarError(scalar);
    scalars.set(scalar, decodeScalar(bytes));
  }
  return { ...tables, segments, scalars };
}

function readInstruction(reader: Reader): Instruction {
  const code = reader.u8();
  const op = opcodeOf(code);
  if (op === undefined) return reader.fail(`unknown opcode ${code}`, { code });
  const imm = reader.u8();
  const [a, b, c] = times(3, reader.u16);
  return { op, imm, a, b, c };
}

function readOperand(reader: Reader): OperandRef {
  const kind = OPERAND_KINDS[reader.u8()];
  const type = readType(reader);
  reader.zeros(2);
  const length = reader.u32();
  const index = reader.u32();
  reader.zeros(4);
  const root = reader.hash();
  if (kind === undefined) return reader.fail("unknown operand kind");
  if (kind === "constant") {
    return index === 0 ? { kind, type, length, root } : reader.fail("a constant has no index", { index });
  }
  return root === ZERO_HASH ? { kind, type, length, index } : reader.fail("only a constant has a root", { kind, root });
}

function readType(reader: Reader): WordType {
  const code = reader.u8();
  return WORD_TYPES[code] ?? reader.fail(`unknown type ${code}`, { code });
}

function readFlag(reader: Reader): boolean {
  const flag = reader.u8();
  return flag > 1 ? reader.fail(`a flag is 0 or 1, not ${flag}`, { flag }) : flag === 1;
}

function unpackTypes(reader: Reader, count: number): WordType[] {
  const packed = reader.u32();
  const types = times(count, (index) => {
    const code = (packed >>> (28 - 4 * index)) & 15;
    return WORD_TYPES[code] ?? reader.fail(`unknown operand type ${code}`, { code });
  });
  if (packed % 16 ** (8 - count) !== 0) reader.fail("types of absent operands", { packed });
  return types;
}

function times<T>(count: number, read: (index: number) => T): T[] {
  return Array.from({ length: count }, (_, index) => read(index));
}

function checkCount(part: string, actual: number, expected: number): void {
  if (actual !== expected)
    throw new MalformedBytesError(part, `${actual} given, not ${expected}`, { actual, expected });
}

function checkHash(part: string, expected: Hash, bytes: Uint8Array): void {
  const actual = toHash(bytes);
  if (actual !== expected) throw new HashMismatchError(part, expected, actual);
}
