/**
 * The data files of the ONNX backend test suite: a TensorProto, or a SequenceProto or OptionalProto (onnx-data.proto), which
 * have no generated types here. Refuses maps, sparse tensors and sequences of sequences.
 */

import { BinaryReader, WireType } from "@bufbuild/protobuf/wire";
import { UnsupportedTensorError } from "./errors.ts";
import { parseTensorFile } from "./tensor.ts";
import type { OnnxTensor } from "./element-types.ts";
import type { OnnxType } from "./types.ts";

/** The tensor of a file, the items of a sequence, or what an optional holds, if anything. */
export type FileData = OnnxTensor | readonly OnnxTensor[] | undefined;

/** Field numbers of onnx-data.proto. */
const SEQUENCE_TENSORS = 3;
const OPTIONAL_TYPE = 2;
const OPTIONAL_TENSOR = 3;
const OPTIONAL_SEQUENCE = 5;

/** The length-delimited fields of a message by number, and whether it has scalars of a number. */
function fieldsOf(bytes: Uint8Array): { messages: [number, Uint8Array][]; scalars: Map<number, number> } {
  const reader = new BinaryReader(bytes);
  const messages: [number, Uint8Array][] = [];
  const scalars = new Map<number, number>();
  while (reader.pos < reader.len) {
    const [field, wire] = reader.tag();
    if (wire === WireType.LengthDelimited) messages.push([field, reader.bytes()]);
    else if (wire === WireType.Varint) scalars.set(field, reader.int32());
    else reader.skip(wire);
  }
  return { messages, scalars };
}

function sequenceOfFile(bytes: Uint8Array): OnnxTensor[] {
  return fieldsOf(bytes).messages.flatMap(([field, message]) =>
    field === SEQUENCE_TENSORS ? [parseTensorFile(message)] : [],
  );
}

/** Reads a data file of a value of the given type. */
export function parseDataFile(bytes: Uint8Array, type: OnnxType | undefined, name: string): FileData {
  if (type === undefined || type.kind === "tensor" || type.kind === "unknown") return parseTensorFile(bytes);
  if (type.kind === "sequence" && type.element?.kind !== "sequence") return sequenceOfFile(bytes);
  if (type.kind !== "optional") throw new UnsupportedTensorError(name, `data of kind ${type.kind}`);
  const { messages, scalars } = fieldsOf(bytes);
  const held = messages.find(([field]) => field === OPTIONAL_TENSOR || field === OPTIONAL_SEQUENCE);
  // The suite writes what an optional holds without the optional around it.
  if (!scalars.has(OPTIONAL_TYPE) && held === undefined) return undefined;
  if (held !== undefined && held[0] === OPTIONAL_SEQUENCE) return sequenceOfFile(held[1]);
  if (held !== undefined && type.element?.kind === "tensor" && scalars.has(OPTIONAL_TYPE))
    return parseTensorFile(held[1]);
  return type.element?.kind === "sequence" ? sequenceOfFile(bytes) : undefined;
}
