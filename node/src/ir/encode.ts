/**
 * The canonical bytes of scalar programs, records and programs, and their hashes (spec, "Scalar program" and "Program").
 * Equal programs have equal bytes. Refuses numbers that do not fit their fields; whether the rest makes sense is for
 * `validateScalar` and `validateProgram`.
 */

import { keccak_256 } from "@noble/hashes/sha3.js";
import { createWriter, toHash } from "./bytes.ts";
import type { Writer } from "./bytes.ts";
import { OPCODES, WORD_TYPES } from "./opcodes.ts";
import { NUMERICS_VERSION, OPERAND_KINDS, ZERO_HASH } from "./program.ts";
import type { Hash, OperandRef, PrimitiveRecord, Program, Segment } from "./program.ts";
import type { ScalarProgram } from "./scalar.ts";
import { rootOf } from "./tree.ts";

/** The format byte of an encoded scalar program. */
export const SCALAR_FORMAT = 1;

/** The first eight bytes of a summary: "LOCKSTEP". */
export const SUMMARY_MAGIC = Uint8Array.from("LOCKSTEP", (letter) => letter.charCodeAt(0));

/** A program's bytes, as a registration publishes them. */
export interface EncodedProgram {
  /** 64 bytes and 96 per segment; its hash is programRoot. */
  readonly summary: Uint8Array;
  readonly interfaceTable: Uint8Array;
  /** Per segment. */
  readonly bindings: readonly Uint8Array[];
  /** Per segment, per primitive. */
  readonly records: readonly (readonly Uint8Array[])[];
  /** Distinct, ascending by their hashes, as a registration takes them. */
  readonly scalars: readonly Uint8Array[];
}

export function encodeScalar(program: ScalarProgram): Uint8Array {
  const { operandTypes, extents, constants, patterns, prologue, loop, epilogue } = program;
  const writer = createWriter();
  writer.u8(SCALAR_FORMAT);
  writer.u8(WORD_TYPES.indexOf(program.outputType));
  writer.u8(operandTypes.length);
  writer.u8(extents.length);
  writer.u16(constants.length);
  writer.u8(patterns.length);
  writer.u8(loop?.carried.length ?? 0);
  writer.u16(prologue.length);
  writer.u16(loop?.body.length ?? 0);
  writer.u16(loop?.combine.length ?? 0);
  writer.u16(epilogue.length);
  writer.u32(loop?.start ?? 0);
  writer.u16(loop?.count ?? 0);
  writer.u8(loop?.single ? 1 : 0);
  writer.u8(loop?.lanes ?? 0);
  writer.u8(loop?.continued ? 1 : 0);
  writer.zeros(1);
  writer.u16(program.result);
  writer.u32(operandTypes.reduce((packed, type, index) => packed + WORD_TYPES.indexOf(type) * 16 ** (7 - index), 0));
  extents.forEach(writer.u32);
  for (const { type, word } of constants) {
    writer.u32(word);
    writer.u8(WORD_TYPES.indexOf(type));
    writer.zeros(3);
  }
  for (const { extent, stride } of patterns.flat()) {
    writer.u32(extent);
    writer.i32(stride);
  }
  for (const { init, bodyOut, combineOut, totalInit } of loop?.carried ?? []) {
    [init, bodyOut, combineOut, totalInit].forEach(writer.u16);
  }
  for (const section of [prologue, loop?.body ?? [], loop?.combine ?? [], epilogue]) {
    for (const { op, imm, a, b, c } of section) {
      writer.u8(OPCODES[op].code);
      writer.u8(imm);
      [a, b, c].forEach(writer.u16);
    }
  }
  return writer.bytes();
}

/** The hash that records name the scalar program by. */
export function scalarHash(program: ScalarProgram): Hash {
  return toHash(keccak_256(encodeScalar(program)));
}

/** 48 bytes and 48 per operand. */
export function encodeRecord(record: PrimitiveRecord): Uint8Array {
  const writer = createWriter();
  writer.hash(record.scalar);
  writer.u32(record.length);
  writer.u8(WORD_TYPES.indexOf(record.type));
  writer.u8(record.operands.length);
  writer.zeros(10);
  for (const operand of record.operands) writeOperand(writer, operand);
  return writer.bytes();
}

/** The leaf of a record in its segment's recordsRoot. */
export function recordHash(record: PrimitiveRecord): Hash {
  return toHash(keccak_256(encodeRecord(record)));
}

/** Rows of the inputs (8 bytes), then of the slots (48 bytes), then of the outputs (8 bytes). */
export function encodeInterfaceTable({ inputs, slots, outputs }: Program): Uint8Array {
  const writer = createWriter();
  const row = ({ length, type }: Program["inputs"][number]): void => {
    writer.u32(length);
    writer.u8(WORD_TYPES.indexOf(type));
    writer.zeros(3);
  };
  inputs.forEach(row);
  for (const { length, type, initial } of slots) {
    writer.u32(length);
    writer.u8(WORD_TYPES.indexOf(type));
    writer.u8(OPERAND_KINDS.indexOf(initial.kind));
    writer.zeros(2);
    writer.u32(initial.kind === "input" ? initial.index : 0);
    writer.zeros(4);
    writer.hash(initial.kind === "constant" ? initial.root : ZERO_HASH);
  }
  outputs.forEach(row);
  return writer.bytes();
}

/** Four bytes per slot, then four per output. */
export function encodeBindings({ slotBindings, outputBindings }: Segment): Uint8Array {
  const writer = createWriter();
  [...slotBindings, ...outputBindings].forEach(writer.u32);
  return writer.bytes();
}

/** Every committed part of a program. Scalar programs that no record names are left out. */
export function encodeProgram(program: Program): EncodedProgram {
  const interfaceTable = encodeInterfaceTable(program);
  const bindings = program.segments.map(encodeBindings);
  const records = program.segments.map((segment) => segment.records.map(encodeRecord));
  const used = new Set(program.segments.flatMap((segment) => segment.records.map((record) => record.scalar)));
  const scalars = [...used]
    .sort()
    .flatMap((hash) => program.scalars.get(hash) ?? [])
    .map(encodeScalar);

  const writer = createWriter();
  SUMMARY_MAGIC.forEach(writer.u8);
  writer.u32(NUMERICS_VERSION);
  writer.u32(program.segments.length);
  writer.u32(program.inputs.length);
  writer.u32(program.slots.length);
  writer.u32(program.outputs.length);
  writer.zeros(4);
  writer.hash(toHash(keccak_256(interfaceTable)));
  program.segments.forEach((segment, index) => {
    writer.hash(toHash(rootOf(records[index].map((record) => keccak_256(record)))));
    writer.hash(toHash(keccak_256(bindings[index])));
    writer.u32(segment.steps);
    writer.u32(segment.records.length);
    writer.zeros(24);
  });
  return { summary: writer.bytes(), interfaceTable, bindings, records, scalars };
}

/** The identity of a program: the hash of its summary. */
export function programRoot(program: Program | EncodedProgram): Hash {
  const { summary } = "summary" in program ? program : encodeProgram(program);
  return toHash(keccak_256(summary));
}

function writeOperand(writer: Writer, operand: OperandRef): void {
  writer.u8(OPERAND_KINDS.indexOf(operand.kind));
  writer.u8(WORD_TYPES.indexOf(operand.type));
  writer.zeros(2);
  writer.u32(operand.length);
  writer.u32(operand.kind === "constant" ? 0 : operand.index);
  writer.zeros(4);
  writer.hash(operand.kind === "constant" ? operand.root : ZERO_HASH);
}
