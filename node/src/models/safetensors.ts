/**
 * Weights from a safetensors file: a header of names, types, shapes and byte ranges, then the data. The header is read and
 * checked whole, tensors are read when they are used. Float16 and bfloat16 are widened exactly. Refuses headers that are no
 * JSON of the format, names given twice, ranges that overlap, leave gaps, pass the file's end or do not fit the shape, and
 * tensors of other types where weights are asked for.
 */

import { closeSync, fstatSync } from "node:fs";
import { LockstepError } from "../float/errors.ts";
import { lazyTensor, widenBfloat16, widenFloat16 } from "../onnx/element-types.ts";
import type { OnnxTensor } from "../onnx/element-types.ts";
import { opened, readRange } from "./files.ts";
import { WeightError } from "./weights.ts";
import type { WeightSource } from "./weights.ts";

/** Bytes of an element, by the format's name of its type. */
const ELEMENT_BYTES: ReadonlyMap<string, number> = new Map([
  ["BOOL", 1],
  ["U8", 1],
  ["I8", 1],
  ["F8_E5M2", 1],
  ["F8_E4M3", 1],
  ["I16", 2],
  ["U16", 2],
  ["F16", 2],
  ["BF16", 2],
  ["I32", 4],
  ["U32", 4],
  ["F32", 4],
  ["F64", 8],
  ["I64", 8],
  ["U64", 8],
]);

/** The limit of the format's own reader. */
const MOST_HEADER_BYTES = 100_000_000;
const LENGTH_BYTES = 8;

/** One tensor of a file; `offset` counts from the file's start. */
export interface SafetensorsEntry {
  readonly dtype: string;
  readonly shape: readonly number[];
  readonly offset: number;
  readonly length: number;
}

export interface SafetensorsFile extends WeightSource {
  readonly entries: ReadonlyMap<string, SafetensorsEntry>;
  /** What the writer noted. */
  readonly metadata: ReadonlyMap<string, string>;
  /** Every tensor there is. */
  names(): Iterable<string>;
  /** Tensors cannot be read afterwards. */
  close(): void;
}

/** Opens a safetensors file. Throws SafetensorsError, and ModelFileError where the file cannot be read. */
export function openSafetensors(path: string): SafetensorsFile {
  const file = opened(path, "r");
  try {
    const size = fstatSync(file).size;
    if (size < LENGTH_BYTES) throw new SafetensorsError("length", `the file has ${size} bytes`, { size });
    const start = readRange(file, path, 0, LENGTH_BYTES);
    const length = new DataView(start.buffer).getBigUint64(0, true);
    if (length > BigInt(MOST_HEADER_BYTES) || Number(length) > size - LENGTH_BYTES)
      throw new SafetensorsError("header-length", `a header of ${length} bytes`, { length, size });
    const header = parseHeader(
      readRange(file, path, LENGTH_BYTES, Number(length)),
      size - LENGTH_BYTES - Number(length),
    );
    const { entries, metadata } = header;
    const tensor = (name: string, shape: readonly number[]): OnnxTensor => {
      const entry = entries.get(name);
      if (entry === undefined) throw new WeightError(`the file has no tensor ${JSON.stringify(name)}`, { name, path });
      if (entry.shape.join() !== shape.join()) {
        throw new WeightError(`${JSON.stringify(name)} has another shape than the model's`, {
          name,
          found: [...entry.shape],
          expected: [...shape],
        });
      }
      return widened(name, entry, () => readRange(file, path, entry.offset, entry.length));
    };
    const [has, names] = [(name: string) => entries.has(name), () => entries.keys()];
    return { entries, metadata, tensor, has, names, close: () => closeSync(file) };
  } catch (error) {
    closeSync(file);
    throw error;
  }
}

function widened(name: string, { dtype, shape }: SafetensorsEntry, read: () => Uint8Array): OnnxTensor {
  // What is read starts a buffer of its own, so that it is aligned.
  const halves = (): Uint16Array => new Uint16Array(read().buffer);
  switch (dtype) {
    case "F32":
      return lazyTensor("float32", shape, () => new Float32Array(read().buffer));
    case "F16":
      return lazyTensor("float32", shape, () => widenFloat16(halves()));
    case "BF16":
      return lazyTensor("float32", shape, () => widenBfloat16(halves()));
    default:
      throw new WeightError(`${JSON.stringify(name)} is ${dtype}, which is no type of weights`, { name, dtype });
  }
}

/** Reads the header of a file with `dataBytes` bytes after it; offsets are those of the file. */
function parseHeader(
  bytes: Uint8Array,
  dataBytes: number,
): { entries: Map<string, SafetensorsEntry>; metadata: Map<string, string> } {
  const fields = headerFields(bytes);
  const entries = new Map<string, SafetensorsEntry>();
  const metadata = new Map<string, string>();
  for (const [name, value] of Object.entries(fields)) {
    if (name === "__metadata__") {
      for (const [key, note] of Object.entries(objectOf(name, value))) {
        if (typeof note !== "string")
          throw new SafetensorsError("metadata", `${JSON.stringify(key)} is no text`, { key });
        metadata.set(key, note);
      }
      continue;
    }
    entries.set(name, entryOf(name, objectOf(name, value), LENGTH_BYTES + bytes.length, dataBytes));
  }
  checkRanges(entries, LENGTH_BYTES + bytes.length, dataBytes);
  return { entries, metadata };
}

function headerFields(bytes: Uint8Array): Record<string, unknown> {
  let text: string;
  let value: unknown;
  try {
    text = new TextDecoder("utf-8", { fatal: true }).decode(bytes);
    value = JSON.parse(text);
  } catch (cause) {
    throw new SafetensorsError("header-json", "the header is no JSON", { bytes: bytes.length }, { cause });
  }
  // JSON.parse keeps the last of two like names.
  const twice = repeatedName(text);
  if (twice !== undefined)
    throw new SafetensorsError("duplicate", `${JSON.stringify(twice)} is there twice`, { name: twice });
  return objectOf("the header", value);
}

/** A name that an object of this valid JSON text has twice. By hand: a pattern's stack does not hold a text of megabytes. */
function repeatedName(text: string): string | undefined {
  const names: Set<string>[] = [];
  for (let at = 0; at < text.length; at++) {
    const character = text[at];
    if (character === "{") names.push(new Set());
    else if (character === "}") names.pop();
    else if (character === '"') {
      const end = endOfString(text, at);
      if (isFollowedByColon(text, end)) {
        const name = JSON.parse(text.slice(at, end)) as string;
        const known = names.at(-1);
        if (known?.has(name) === true) return name;
        known?.add(name);
      }
      at = end - 1;
    }
  }
  return undefined;
}

/** The place after the string that begins with the quote at `start`. */
function endOfString(text: string, start: number): number {
  for (let quote = text.indexOf('"', start + 1); ; quote = text.indexOf('"', quote + 1)) {
    let escapes = 0;
    while (text[quote - 1 - escapes] === "\\") escapes++;
    if (escapes % 2 === 0) return quote + 1;
  }
}

function isFollowedByColon(text: string, at: number): boolean {
  while (" \t\n\r".includes(text[at] ?? ":")) at++;
  return text[at] === ":";
}

function objectOf(name: string, value: unknown): Record<string, unknown> {
  if (typeof value === "object" && value !== null && !Array.isArray(value)) return value as Record<string, unknown>;
  throw new SafetensorsError("entry", `${JSON.stringify(name)} is no object`, { name });
}

function entryOf(name: string, fields: Record<string, unknown>, start: number, dataBytes: number): SafetensorsEntry {
  const { dtype, shape, data_offsets: offsets, ...others } = fields;
  const [unknown] = Object.keys(others);
  if (unknown !== undefined)
    throw new SafetensorsError("entry", `${JSON.stringify(name)} has a field ${unknown}`, { name, unknown });
  const size = typeof dtype === "string" ? ELEMENT_BYTES.get(dtype) : undefined;
  if (typeof dtype !== "string" || size === undefined)
    throw new SafetensorsError("dtype", `${JSON.stringify(name)} has no known type`, { name, dtype });
  if (!isCounts(shape)) throw new SafetensorsError("shape", `${JSON.stringify(name)} has no shape`, { name, shape });
  if (!isCounts(offsets) || offsets.length !== 2 || offsets[0] > offsets[1] || offsets[1] > dataBytes)
    throw new SafetensorsError("range", `${JSON.stringify(name)} has no range of the data`, {
      name,
      offsets,
      dataBytes,
    });
  const [begin, end] = offsets;
  const count = shape.reduce((product, extent) => product * extent, 1);
  if (count * size !== end - begin) {
    const found = { name, dtype, shape, offsets };
    throw new SafetensorsError("range-length", `${JSON.stringify(name)} has another length than its shape`, found);
  }
  return { dtype, shape, offset: start + begin, length: end - begin };
}

function isCounts(value: unknown): value is number[] {
  return Array.isArray(value) && value.every((item) => Number.isSafeInteger(item) && item >= 0);
}

/** Every byte of the data belongs to one tensor. */
function checkRanges(entries: ReadonlyMap<string, SafetensorsEntry>, start: number, dataBytes: number): void {
  const sorted = [...entries].sort(([, a], [, b]) => a.offset - b.offset || a.length - b.length);
  let end = start;
  for (const [name, { offset, length }] of sorted) {
    if (offset < end)
      throw new SafetensorsError("overlap", `${JSON.stringify(name)} shares bytes with another`, { name });
    if (offset > end)
      throw new SafetensorsError("gap", `bytes before ${JSON.stringify(name)} belong to nothing`, { name });
    end = offset + length;
  }
  if (end !== start + dataBytes)
    throw new SafetensorsError("gap", "bytes at the end belong to nothing", { end, expected: start + dataBytes });
}

/** The file breaks the safetensors format; `values.rule` says how. */
export class SafetensorsError extends LockstepError {
  constructor(rule: string, message: string, values: Record<string, unknown>, options?: { cause?: unknown }) {
    super("SafetensorsError", message, { rule, ...values }, options);
  }
}
