/**
 * keccak256 behind an interface that hashes many equal blocks at once, and the two forms of a hash: 0x-prefixed hex at
 * every API, 32 bytes in a flat array inside trees (spec, "Trees"). Refuses hex that is not 32 bytes, and bulk calls
 * whose buffers do not hold whole blocks.
 */
import { keccak_256 } from "@noble/hashes/sha3.js";
import { LockstepError } from "../float/errors.ts";
import { ZERO_HASH } from "../ir/program.ts";
import type { Hash } from "../ir/program.ts";

export { ZERO_HASH };
export type { Hash };

/** Bytes of a hash. */
export const HASH_BYTES = 32;

/** Words in a chunk. */
export const CHUNK_WORDS = 256;

/** Bytes in a chunk. */
export const CHUNK_BYTES = 1024;

/** Hashes whole batches, so that an implementation may use several lanes. Every implementation gives the same bytes. */
export interface Hasher {
  /**
   * The hash of each chunk of `words`: chunk i is words[256 i .. 256 i + 255] as big-endian bytes, the last one padded
   * with zeros. `output` holds ceil(words.length / 256) * 32 bytes.
   */
  hashChunks(words: Uint32Array, output: Uint8Array): void;
  /** The hash of each 64-byte pair of `nodes` (count * 64 bytes) into `output` (count * 32 bytes). */
  hashPairs(nodes: Uint8Array, output: Uint8Array): void;
}

/** keccak256 of any bytes, as hex. */
export function keccak(data: Uint8Array): Hash {
  return toHash(keccak_256(data));
}

/** keccak256 of two concatenated nodes. */
export function hashPair(left: Hash, right: Hash): Hash {
  const pair = new Uint8Array(2 * HASH_BYTES);
  pair.set(fromHash(left), 0);
  pair.set(fromHash(right), HASH_BYTES);
  return keccak(pair);
}

/** The plain implementation: the definition every faster one is tested against. */
export const plainHasher: Hasher = {
  hashChunks(words, output) {
    const count = Math.ceil(words.length / CHUNK_WORDS);
    requireBytes(output, count * HASH_BYTES);
    const chunk = new Uint8Array(CHUNK_BYTES);
    for (let index = 0; index < count; index++) {
      writeChunk(words, index, chunk);
      output.set(keccak_256(chunk), index * HASH_BYTES);
    }
  },
  hashPairs(nodes, output) {
    const count = output.length / HASH_BYTES;
    requireBytes(nodes, count * 2 * HASH_BYTES);
    for (let index = 0; index < count; index++) {
      const pair = nodes.subarray(index * 2 * HASH_BYTES, (index + 1) * 2 * HASH_BYTES);
      output.set(keccak_256(pair), index * HASH_BYTES);
    }
  },
};

/** Writes chunk `index` of `words` as 1,024 big-endian bytes at the start of `target`, padded with zeros. */
export function writeChunk(words: Uint32Array, index: number, target: Uint8Array): void {
  const view = new DataView(target.buffer, target.byteOffset, CHUNK_BYTES);
  const first = index * CHUNK_WORDS;
  const held = Math.max(0, Math.min(CHUNK_WORDS, words.length - first));
  for (let word = 0; word < held; word++) view.setUint32(word * 4, words[first + word]);
  target.fill(0, held * 4, CHUNK_BYTES);
}

const HEX_OF_BYTE = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, "0"));

/** The hash at `offset` of a flat array of hashes. */
export function toHash(bytes: Uint8Array, offset = 0): Hash {
  if (bytes.length < offset + HASH_BYTES) {
    throw new BufferLengthError(bytes.length, offset + HASH_BYTES);
  }
  let hex = "";
  for (let index = offset; index < offset + HASH_BYTES; index++) hex += HEX_OF_BYTE[bytes[index]];
  return `0x${hex}`;
}

/** The 32 bytes of a hash. Upper-case digits are refused: a hash has one spelling. */
export function fromHash(hash: Hash): Uint8Array {
  if (!/^0x[0-9a-f]{64}$/.test(hash)) throw new HashFormatError(hash);
  return Uint8Array.from({ length: HASH_BYTES }, (_, index) => parseInt(hash.slice(2 + 2 * index, 4 + 2 * index), 16));
}

/** Hashes one after another as flat bytes. */
export function concatHashes(hashes: readonly Hash[]): Uint8Array {
  const bytes = new Uint8Array(hashes.length * HASH_BYTES);
  hashes.forEach((hash, index) => bytes.set(fromHash(hash), index * HASH_BYTES));
  return bytes;
}

function requireBytes(buffer: Uint8Array, length: number): void {
  if (buffer.length !== length) throw new BufferLengthError(buffer.length, length);
}

/** A string that is not `0x` and 64 lower-case hex digits. */
export class HashFormatError extends LockstepError {
  constructor(hash: string) {
    super("HashFormatError", `not a 32-byte hash in lower-case hex: ${hash}`, { hash });
  }
}

/** A buffer that does not hold the bytes a call needs. */
export class BufferLengthError extends LockstepError {
  constructor(length: number, expected: number) {
    super("BufferLengthError", `buffer of ${length} bytes where ${expected} are needed`, { length, expected });
  }
}
