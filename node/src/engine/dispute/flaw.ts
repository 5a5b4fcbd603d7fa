/**
 * Finds what is invalid in a published program and builds the fraud proof of it, badRecord (spec, "Solidity types"): anyone
 * may register any bytes, and claiming an invalid program is what loses the bond. Works on the bytes, since a program that is
 * flawed may not decode; the parts must have the hashes that the summary names.
 */
import { bytesToHex } from "viem/utils";
import { LockstepError } from "../../float/errors.ts";
import { MalformedBytesError } from "../../ir/bytes.ts";
import {
  MissingScalarError,
  decodeBindings,
  decodeInterfaceTable,
  decodeRecord,
  decodeScalar,
  decodeSummary,
} from "../../ir/decode.ts";
import type { Summary } from "../../ir/decode.ts";
import type { EncodedProgram } from "../../ir/encode.ts";
import { PROGRAM_LIMITS, UNCHANGED } from "../../ir/program.ts";
import type { OperandRef, PrimitiveRecord, Program, TensorType } from "../../ir/program.ts";
import { SCALAR_LIMITS, outputLength } from "../../ir/scalar.ts";
import type { ScalarProgram } from "../../ir/scalar.ts";
import { InvalidScalarProgramError, validateScalar } from "../../ir/validate.ts";
import { ZERO_HASH, keccak } from "../../merkle/hash.ts";
import { buildTree, proofOf } from "../../merkle/tree.ts";
import type { Tree } from "../../merkle/tree.ts";
import { NO_BYTES, NO_RECORD } from "./evidence.ts";
import type { RecordProof, RecordShown } from "./types.ts";

/** The flaws, by the number the contracts know them by. */
export const FLAW = {
  record: 0,
  scalar: 1,
  signature: 2,
  operandIndex: 3,
  operandTensor: 4,
  binding: 5,
  interface: 6,
} as const;

/**
 * The first flaw of a program, in the order interface, records, scalar programs, operands, bindings; null for a valid one.
 * Throws MalformedBytesError for a summary that does not decode: no claim can name it. Throws MissingScalarError when the
 * bytes of a scalar program are not among the parts.
 */
export function findFlaw(parts: EncodedProgram): RecordProof | null {
  const summary = decodeSummary(parts.summary);
  const empty: RecordProof = {
    flaw: 0,
    record: { ...NO_RECORD, summary: bytesToHex(parts.summary) },
    scalar: NO_BYTES,
    interfaceTable: NO_BYTES,
    other: NO_RECORD,
    operand: 0,
    segment: 0,
    bindings: NO_BYTES,
    item: 0,
  };
  const interfaceTable = bytesToHex(parts.interfaceTable);
  const item = interfaceFlaw(summary, parts.interfaceTable);
  if (item !== null) return { ...empty, flaw: FLAW.interface, interfaceTable, item };
  const tables = decodeInterfaceTable(parts.interfaceTable, summary);

  for (let segment = 0; segment < summary.segments.length; segment++) {
    const shown = recordsShown(parts, segment);
    const encoded = parts.records[segment];
    const bad = encoded.findIndex((bytes) => !isCanonicalRecord(bytes));
    if (bad >= 0) return { ...empty, flaw: FLAW.record, segment, record: shown(bad) };
  }
  const scalarOf = scalarReader(parts);
  for (let segment = 0; segment < summary.segments.length; segment++) {
    const shown = recordsShown(parts, segment);
    const records = parts.records[segment].map(decodeRecord);
    for (const [primitive, record] of records.entries()) {
      const { bytes, scalar } = scalarOf(record);
      const flaw = scalar === null ? FLAW.scalar : FLAW.signature;
      if (scalar === null || !fits(scalar, record)) {
        return { ...empty, flaw, segment, record: shown(primitive), scalar: bytesToHex(bytes) };
      }
      for (const [operand, named] of record.operands.entries()) {
        const proof = { ...empty, segment, record: shown(primitive), operand };
        if (named.kind === "constant") continue;
        if (named.index >= indexLimit(named, primitive, tables)) return { ...proof, flaw: FLAW.operandIndex };
        const source = namedTensor(named, records, tables);
        if (sameTensor(source, named)) continue;
        const other = named.kind === "primitive" ? shown(named.index) : NO_RECORD;
        return { ...proof, flaw: FLAW.operandTensor, other, interfaceTable };
      }
    }
    const binding = bindingFlaw(parts.bindings[segment], summary, records, tables);
    if (binding !== null) {
      const other = binding.source === null ? NO_RECORD : { ...shown(binding.source), summary: NO_BYTES };
      const bindings = bytesToHex(parts.bindings[segment]);
      return { ...empty, flaw: FLAW.binding, segment, other, interfaceTable, bindings, item: binding.item };
    }
  }
  return null;
}

type Tables = Pick<Program, "inputs" | "slots" | "outputs">;

/** The first row of the interface table that is not canonical; 0 when the length is wrong. */
function interfaceFlaw(summary: Summary, table: Uint8Array): number | null {
  const { inputCount, slotCount, outputCount } = summary;
  if (table.length !== 8 * inputCount + 48 * slotCount + 8 * outputCount) return 0;
  const counts = { inputCount: 0, slotCount: 0, outputCount: 0 };
  const inputs: (TensorType | undefined)[] = [];
  let offset = 0;
  for (let row = 0; row < inputCount + slotCount + outputCount; row++) {
    const isSlot = row >= inputCount && row < inputCount + slotCount;
    const bytes = table.subarray(offset, offset + (isSlot ? 48 : 8));
    offset += bytes.length;
    const decoded = attempt(() => decodeInterfaceTable(bytes, { ...counts, [isSlot ? "slotCount" : "inputCount"]: 1 }));
    const tensor = decoded?.slots[0] ?? decoded?.inputs[0];
    if (tensor === undefined || !hasLength(tensor)) return row;
    if (row < inputCount) inputs.push(tensor);
    if (!("initial" in tensor)) continue;
    const { initial } = tensor as Program["slots"][number];
    if (initial.kind === "constant" && initial.root === ZERO_HASH) return row;
    if (initial.kind === "input" && !sameTensor(inputs[initial.index], tensor)) return row;
  }
  return null;
}

function isCanonicalRecord(bytes: Uint8Array): boolean {
  const record = attempt(() => decodeRecord(bytes));
  if (record === null || !hasLength(record) || record.operands.length > SCALAR_LIMITS.operands) return false;
  return record.operands.every((operand) => {
    return hasLength(operand) && (operand.kind !== "constant" || operand.root !== ZERO_HASH);
  });
}

interface ReadScalar {
  readonly bytes: Uint8Array;
  /** Null for bytes that are no valid scalar program. */
  readonly scalar: ScalarProgram | null;
}

function scalarReader(parts: EncodedProgram): (record: PrimitiveRecord) => ReadScalar {
  const byHash = new Map(parts.scalars.map((bytes) => [keccak(bytes), bytes]));
  const read = new Map<string, ReadScalar>();
  return ({ scalar: hash }) => {
    const bytes = byHash.get(hash);
    if (bytes === undefined) throw new MissingScalarError(hash);
    const known = read.get(hash) ?? { bytes, scalar: attempt(() => validated(decodeScalar(bytes))) };
    read.set(hash, known);
    return known;
  };
}

function validated(scalar: ScalarProgram): ScalarProgram {
  validateScalar(scalar);
  return scalar;
}

function fits(scalar: ScalarProgram, record: PrimitiveRecord): boolean {
  const { operandTypes, outputType } = scalar;
  if (operandTypes.length !== record.operands.length) return false;
  if (record.operands.some(({ type }, index) => type !== operandTypes[index])) return false;
  return outputType === record.type && outputLength(scalar) === record.length;
}

function indexLimit(operand: OperandRef, primitive: number, { slots, inputs }: Tables): number {
  if (operand.kind === "primitive") return primitive;
  return operand.kind === "slot" ? slots.length : inputs.length;
}

function namedTensor(
  operand: Exclude<OperandRef, { kind: "constant" }>,
  records: readonly PrimitiveRecord[],
  { slots, inputs }: Tables,
): TensorType {
  return { primitive: records, slot: slots, input: inputs }[operand.kind][operand.index];
}

/** The first bad binding, with the record it names where there is one. */
function bindingFlaw(
  bytes: Uint8Array,
  summary: Summary,
  records: readonly PrimitiveRecord[],
  { slots, outputs }: Tables,
): { item: number; source: number | null } | null {
  const decoded = attempt(() => decodeBindings(bytes, summary));
  if (decoded === null) return { item: 0, source: null };
  const bindings = [...decoded.slotBindings, ...decoded.outputBindings];
  const items: readonly TensorType[] = [...slots, ...outputs];
  for (const [item, bound] of bindings.entries()) {
    if (bound === UNCHANGED && item < slots.length) continue;
    if (bound >= records.length) return { item, source: null };
    if (!sameTensor(records[bound], items[item])) return { item, source: bound };
  }
  return null;
}

function recordsShown(parts: EncodedProgram, segment: number): (primitive: number) => RecordShown {
  const summary = bytesToHex(parts.summary);
  const encoded = parts.records[segment];
  let tree: Tree | null = null;
  return (primitive) => {
    tree ??= buildTree(encoded.map(keccak));
    return { summary, primitive, record: bytesToHex(encoded[primitive]), siblings: proofOf(tree, primitive) };
  };
}

function hasLength({ length }: TensorType): boolean {
  return length >= 1 && length <= PROGRAM_LIMITS.tensorLength;
}

function sameTensor(one: TensorType | undefined, other: TensorType): boolean {
  return one !== undefined && one.length === other.length && one.type === other.type;
}

// What the bytes mean, or null where they break a rule; anything else is a mistake of this program.
function attempt<T>(read: () => T): T | null {
  try {
    return read();
  } catch (error) {
    if (
      error instanceof LockstepError &&
      (error instanceof MalformedBytesError || error instanceof InvalidScalarProgramError)
    ) {
      return null;
    }
    throw error;
  }
}
