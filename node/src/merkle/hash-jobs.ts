/**
 * keccak256 of tables of jobs in a WebAssembly memory: chunks of little-endian words that are hashed big-endian, and pairs of
 * nodes (spec, "Trees"). Three messages at a time, two in SIMD lanes and one in integers. Bits are those of `plainHasher`.
 * Refuses room that is not aligned; the addresses in a table are the caller's word.
 */
import { LockstepError } from "../float/errors.ts";
import { CHUNK_BYTES, CHUNK_WORDS, HASH_BYTES } from "./hash.ts";
import {
  CONSTANTS_BYTES,
  I32,
  RATE_LANES,
  V128,
  VECTORS_BYTES,
  block,
  branch,
  bytesOf,
  get,
  i32Const,
  integerState,
  loop,
  permute,
  roundConstants,
  set,
  unsigned,
  vectorStates,
} from "./keccak-code.ts";
import type { Code } from "./keccak-code.ts";

/** Jobs that are hashed together; tables split among threads are split at multiples of it, else lanes idle. */
export const HASH_GROUP = 3;

/** A job of `chunks`: byte address of the words, how many words (1 .. 256, the rest is zero), byte address of the hash. */
export const CHUNK_JOB_WORDS = 3;

/** A job of `pairs`: byte address of the 64 bytes, byte address of the hash. */
export const PAIR_JOB_WORDS = 2;

const COPIES_AT = CONSTANTS_BYTES + VECTORS_BYTES;

/** Room in the memory that each instance needs for itself: round constants, two states, copies of chunks that are not full. */
export const HASH_ROOM_BYTES = COPIES_AT + HASH_GROUP * CHUNK_BYTES;

/** The hashes of the jobs of a table at a byte address (a multiple of 4), `count` of them; jobs must not write what others read. */
export interface HashJobs {
  chunks(table: number, count: number): void;
  pairs(table: number, count: number): void;
}

export interface HashModuleOptions {
  /** Whether the memory is a shared one. */
  readonly isShared: boolean;
}

/** The bytes of the module. It imports `host.memory` and, as an i32, `host.room`: the address of its own HASH_ROOM_BYTES. */
export function hashModule({ isShared }: HashModuleOptions): Uint8Array {
  const functions = [chunksFunction(), pairsFunction()];
  const memory = [0x02, isShared ? [3, 1, unsigned(MAX_PAGES)] : [0, 1]];
  const names = ["chunks", "pairs"];
  const module = [
    [0x00, 0x61, 0x73, 0x6d, 0x01, 0x00, 0x00, 0x00],
    section(1, [1, 0x60, 2, I32, I32, 0]),
    section(2, [2, text("host"), text("memory"), memory, text("host"), text("room"), 0x03, I32, 0]),
    section(3, [functions.length, functions.map(() => 0)]),
    section(7, [names.length, names.map((name, index) => [text(name), 0, index])]),
    section(10, [functions.length, functions]),
  ];
  return Uint8Array.from(bytesOf(module));
}

/** An instance for one thread: writes the round constants at `room`, a byte address that is a multiple of 64. */
export function bindHashJobs(module: WebAssembly.Module, memory: WebAssembly.Memory, room: number): HashJobs {
  if (room < 0 || room % 64 !== 0 || room + HASH_ROOM_BYTES > memory.buffer.byteLength) throw new HashRoomError(room);
  new BigUint64Array(memory.buffer, room, CONSTANTS_BYTES / 8).set(roundConstants());
  const { exports } = new WebAssembly.Instance(module, { host: { memory, room } });
  return exports as unknown as HashJobs;
}

/** Room for an instance that is not aligned to 64 bytes or not in the memory. */
export class HashRoomError extends LockstepError {
  constructor(room: number) {
    super("HashRoomError", `no ${HASH_ROOM_BYTES} aligned bytes at ${room} of the memory`, { room });
  }
}

// --- The emitter. Locals: the two parameters, these, and those of the states. ---

const MAX_PAGES = 65536;
const [TABLE, COUNT, BLOCK, TURN, CONSTANTS] = [0, 1, 2, 3, 4];
const SOURCE = [5, 6, 7];
const RESULT = [8, 9, 10];
const SWAPPED = 11;
const FULL_BLOCKS = Math.floor(CHUNK_BYTES / 8 / RATE_LANES);
const CHUNK_REST = CHUNK_BYTES / 8 - FULL_BLOCKS * RATE_LANES;
const ROOM: Code = [0x23, 0];

const VECTORS = vectorStates(SWAPPED + 1, CONSTANTS, CONSTANTS_BYTES);
const INTEGERS = integerState(SWAPPED + 1 + VECTORS.locals, SWAPPED);
const STATES = [VECTORS, INTEGERS];

const absorb = (count: number, options: { swaps: boolean; ends: boolean }): Code => [
  VECTORS.absorb(SOURCE.slice(0, 2), count, options),
  INTEGERS.absorb(SOURCE.slice(2), count, options),
];
const load = (address: Code, offset: number): Code => [address, 0x28, 0, unsigned(offset)];
const add = (local: number, value: number): Code => [get(local), i32Const(value), 0x6a, set(local)];
const isBelow = (local: number, limit: number): Code => [get(local), i32Const(limit), 0x49];

// Leaves the address of a job. Of a group that the table ends in, the last job stands for the missing ones: its result is written again.
function jobAddress(index: number, words: number): Code {
  if (index === 0) return get(TABLE);
  const own = [get(TABLE), i32Const(4 * words * index), 0x6a];
  const last = [get(TABLE), get(COUNT), i32Const(1), 0x6b, i32Const(4 * words), 0x6c, 0x6a];
  return [own, last, get(COUNT), i32Const(index), 0x4b, 0x1b];
}

function chunksFunction(): Code {
  const setUp = SOURCE.map((source, index): Code => {
    const job = [jobAddress(index, CHUNK_JOB_WORDS), set(TURN), load(get(TURN), 0), set(source)];
    const rest = [load(get(TURN), 4), set(BLOCK), load(get(TURN), 8), set(RESULT[index])];
    return [job, rest, branch(isBelow(BLOCK, CHUNK_WORDS), padded(index))];
  });
  const full = absorb(RATE_LANES, { swaps: true, ends: false });
  const last = absorb(CHUNK_REST, { swaps: true, ends: true });
  const blocks = [
    [i32Const(0), set(BLOCK)],
    loop([
      branch(isBelow(BLOCK, FULL_BLOCKS), full, last),
      permute(STATES, CONSTANTS, TURN),
      SOURCE.map((source) => add(source, 8 * RATE_LANES)),
      add(BLOCK, 1),
      [isBelow(BLOCK, FULL_BLOCKS + 1), 0x0d, 0],
    ]),
  ];
  return functionOf(CHUNK_JOB_WORDS, [setUp, STATES.map(({ clear }) => clear), blocks]);
}

// Copies the words of a chunk that is not full, whose count is in BLOCK, and hashes the copy.
function padded(index: number): Code {
  const copy = [ROOM, i32Const(COPIES_AT + CHUNK_BYTES * index), 0x6a];
  const bytes = [get(BLOCK), i32Const(2), 0x74];
  const memoryCopy = [0xfc, 10, 0, 0];
  const memoryFill = [0xfc, 11, 0];
  return [
    [copy, get(SOURCE[index]), bytes, memoryCopy],
    [copy, bytes, 0x6a, i32Const(0), i32Const(CHUNK_BYTES), bytes, 0x6b, memoryFill],
    [copy, set(SOURCE[index])],
  ];
}

function pairsFunction(): Code {
  const setUp = SOURCE.map((source, index): Code => {
    const job = [jobAddress(index, PAIR_JOB_WORDS), set(TURN)];
    return [job, load(get(TURN), 0), set(source), load(get(TURN), 4), set(RESULT[index])];
  });
  const absorbed = absorb((2 * HASH_BYTES) / 8, { swaps: false, ends: true });
  const hash = permute(STATES, CONSTANTS, TURN);
  return functionOf(PAIR_JOB_WORDS, [setUp, STATES.map(({ clear }) => clear), absorbed, hash]);
}

// A function that hashes a group with `hash`, stores the results and goes on while there are jobs.
function functionOf(jobWords: number, hash: Code): Code {
  const store = [VECTORS.store(RESULT.slice(0, 2)), INTEGERS.store(RESULT.slice(2))];
  const next = [
    add(TABLE, 4 * jobWords * HASH_GROUP),
    // Leaves where no more than this group is left.
    [get(COUNT), i32Const(HASH_GROUP), 0x4b, 0x45, 0x0d, 1],
    add(COUNT, -HASH_GROUP),
    [0x0c, 0],
  ];
  const body = [ROOM, set(CONSTANTS), block([get(COUNT), 0x45, 0x0d, 0, loop([hash, store, next])]), 0x0b];
  const locals = [
    [2 + STATES.length, SWAPPED - 2, I32, 1, V128],
    STATES.map((state) => [unsigned(state.locals), state.type]),
  ];
  return sized([locals, body]);
}

function sized(content: Code): Code {
  const bytes = bytesOf(content);
  return [unsigned(bytes.length), bytes];
}

const text = (name: string): Code => [name.length, [...new TextEncoder().encode(name)]];
const section = (id: number, content: Code): Code => [id, sized(content)];
