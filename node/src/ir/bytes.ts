/**
 * Writing and reading big-endian bytes, and hashes as hexadecimal. The reader refuses input that is too short, too long, or
 * not zero where the encoding asks for zero; the writer refuses numbers that do not fit their field.
 */

import { LockstepError } from "../float/errors.ts";
import type { Hash } from "./program.ts";

/** Bytes that are not the canonical encoding of anything. `part` says of what they should have been. */
export class MalformedBytesError extends LockstepError {
  constructor(part: string, message: string, values: Record<string, unknown> = {}) {
    super("MalformedBytesError", `${part}: ${message}`, { part, ...values });
  }
}

/** A number that does not fit its field of the encoding. */
export class FieldRangeError extends LockstepError {
  constructor(bits: number, value: number) {
    super("FieldRangeError", `${value} does not fit in ${bits} bits`, { bits, value });
  }
}

export interface Writer {
  u8(value: number): void;
  u16(value: number): void;
  u32(value: number): void;
  i32(value: number): void;
  hash(hash: Hash): void;
  zeros(count: number): void;
  /** The bytes written so far. */
  bytes(): Uint8Array;
}

export function createWriter(): Writer {
  let buffer = new Uint8Array(256);
  let length = 0;
  const reserve = (count: number): number => {
    if (length + count > buffer.length) {
      const larger = new Uint8Array(Math.max(2 * buffer.length, length + count));
      larger.set(buffer);
      buffer = larger;
    }
    length += count;
    return length - count;
  };
  const unsigned = (bits: 8 | 16 | 32, value: number): void => {
    if (!Number.isInteger(value) || value < 0 || value >= 2 ** bits) throw new FieldRangeError(bits, value);
    const offset = reserve(bits / 8);
    for (let byte = 0; byte < bits / 8; byte++) buffer[offset + byte] = value >>> (bits - 8 * (byte + 1));
  };
  return {
    u8: (value) => unsigned(8, value),
    u16: (value) => unsigned(16, value),
    u32: (value) => unsigned(32, value),
    i32: (value) => {
      if ((value | 0) !== value) throw new FieldRangeError(32, value);
      unsigned(32, value >>> 0);
    },
    hash: (hash) => {
      const bytes = hashBytes(hash);
      const offset = reserve(bytes.length); // may replace the buffer
      buffer.set(bytes, offset);
    },
    // A fresh buffer is zero, and nothing is written twice.
    zeros: (count) => void reserve(count),
    bytes: () => buffer.slice(0, length),
  };
}

export interface Reader {
  u8(): number;
  u16(): number;
  u32(): number;
  i32(): number;
  hash(): Hash;
  zeros(count: number): void;
  /** Refuses bytes that are left over. */
  end(): void;
  /** Refuses what was read. */
  fail(message: string, values?: Record<string, unknown>): never;
}

export function createReader(part: string, bytes: Uint8Array): Reader {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let position = 0;
  const take = (count: number): number => {
    if (position + count > bytes.length) fail("too short", { length: bytes.length, needed: position + count });
    position += count;
    return position - count;
  };
  const fail = (message: string, values: Record<string, unknown> = {}): never => {
    throw new MalformedBytesError(part, message, { position, ...values });
  };
  return {
    u8: () => view.getUint8(take(1)),
    u16: () => view.getUint16(take(2)),
    u32: () => view.getUint32(take(4)),
    i32: () => view.getInt32(take(4)),
    hash: () => toHash(bytes.subarray(take(32), position)),
    zeros: (count) => {
      const from = take(count);
      if (bytes.subarray(from, from + count).some((byte) => byte !== 0)) fail("unused bytes are not zero", { from });
    },
    end: () => {
      if (position !== bytes.length) fail("too long", { length: bytes.length });
    },
    fail,
  };
}

/** 32 bytes as a hash. */
export function toHash(bytes: Uint8Array): Hash {
  let digits = "";
  for (const byte of bytes) digits += BYTE_DIGITS[byte];
  return `0x${digits}`;
}

/** The 32 bytes of a hash; refuses any other text, upper case included, so that equal hashes are equal strings. */
export function hashBytes(hash: Hash): Uint8Array {
  if (!/^0x[0-9a-f]{64}$/.test(hash))
    throw new MalformedBytesError("hash", "not 0x and 64 lower-case digits", { hash });
  return Uint8Array.from({ length: 32 }, (_, index) => Number.parseInt(hash.slice(2 + 2 * index, 4 + 2 * index), 16));
}

const BYTE_DIGITS = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, "0"));
