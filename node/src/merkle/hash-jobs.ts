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
  STATE_LOCALS,
  V128,
  block,
  branch,
  doubleStates,
  get,
  i32Const,
  loop,
  permute,
  roundConstants,
  set,
  singleState,
  unsigned,
} from "./keccak-code.ts";
import type { Code, States } from "./keccak-code.ts";

/** Jobs that are hashed together; tables split among threads are split at multiples of it, else lanes idle. */
export const HASH_GROUP = 3;

/** A job of `chunks`: byte address of the words, how many words (1 .. 256, the rest is zero), byte address of the hash. */
export const CHUNK_JOB_WORDS = 3;

/** A job of `pairs`: byte address of the 64 bytes, byte address of the hash. */
export const PAIR_JOB_WORDS = 2;

/** Room in the memory that each instance needs for itself: the round constants, and copies of chunks that are not full. */
export const HASH_ROOM_BYTES = CONSTANTS_BYTES + HASH_GROUP * CHUNK_BYTES;

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
  const memory = [2, isShared ? 3 : 0, 1, ...(isShared ? unsigned(MAX_PAGES) : [])];
  const names = ["chunks", "pairs"];
  const exports = names.flatMap((name, index) => [...text(name), 0, index]);
  return Uint8Array.from([
    ...[0x00, 0x61, 0x73, 0x6d, 0x01, 0x00, 0x00, 0x00],
    ...section(1, [1, 0x60, 2, I32, I32, 0]),
    ...section(2, [2, ...text("host"), ...text("memory"), ...memory, ...text("host"), ...text("room"), 3, I32, 0]),
    ...section(3, [functions.length, ...functions.map(() => 0)]),
    ...section(7, [names.length, ...exports]),
    ...section(10, [functions.length, ...functions.flat()]),
  ]);
}

/** An instance for one thread: writes the round constants at `room`, a byte address that is a multiple of 16. */
export function bindHashJobs(module: WebAssembly.Module, memory: WebAssembly.Memory, room: number): HashJobs {
  if (room < 0 || room % 16 !== 0 || room + HASH_ROOM_BYTES > memory.buffer.byteLength) throw new HashRoomError(room);
  new BigUint64Array(memory.buffer, room, CONSTANTS_BYTES / 8).set(roundConstants());
  const { exports } = new WebAssembly.Instance(module, { host: { memory, room } });
  return exports as unknown as HashJobs;
}

/** Room for an instance that is not aligned to 16 bytes or not in the memory. */
export class HashRoomError extends LockstepError {
  constructor(room: number) {
    super("HashRoomError", `no ${HASH_ROOM_BYTES} aligned bytes at ${room} of the memory`, { room });
  }
}

// --- The emitter. Locals: the two parameters, then these. ---

const MAX_PAGES = 65536;
const [TABLE, COUNT, BLOCK, TURN, CONSTANTS] = [0, 1, 2, 3, 4];
const SOURCE = [5, 6, 7];
const RESULT = [8, 9, 10];
const VECTORS = 11;
const SCALARS = VECTORS + STATE_LOCALS + 1;
const FULL_BLOCKS = Math.floor(CHUNK_BYTES / 8 / RATE_LANES);
const CHUNK_REST = CHUNK_BYTES / 8 - FULL_BLOCKS * RATE_LANES;
const ROOM = [0x23, 0];

const states = (): States[] => [doubleStates(VECTORS), singleState(SCALARS, VECTORS + STATE_LOCALS)];

// Applies something to each state with those of three locals that belong to its messages.
function each(all: readonly States[], locals: readonly number[], code: (state: States, its: number[]) => Code): Code {
  let first = 0;
  return all.flatMap((state) => {
    const its = locals.slice(first, first + state.messages);
    first += state.messages;
    return code(state, its);
  });
}

const load = (address: Code, offset: number): Code => [...address, 0x28, 0, ...unsigned(offset)];
const add = (local: number, value: number): Code => [...get(local), ...i32Const(value), 0x6a, ...set(local)];

// Of a group that the table ends in, the last job stands for the missing ones: the same bytes are written again.
const jobOf = (index: number, words: number): Code => {
  if (index === 0) return get(TABLE);
  const own = [...get(TABLE), ...i32Const(4 * words * index), 0x6a];
  const last = [...get(TABLE), ...get(COUNT), ...i32Const(1), 0x6b, ...i32Const(4 * words), 0x6c, 0x6a];
  return [...own, ...last, ...get(COUNT), ...i32Const(index), 0x4b, 0x1b];
};

function chunksFunction(): Code {
  const all = states();
  const setUp = SOURCE.flatMap((source, index) => [
    ...jobOf(index, CHUNK_JOB_WORDS),
    ...set(TURN),
    ...load(get(TURN), 0),
    ...set(source),
    ...load(get(TURN), 4),
    ...set(BLOCK),
    ...load(get(TURN), 8),
    ...set(RESULT[index]),
    ...branch([...get(BLOCK), ...i32Const(CHUNK_WORDS), 0x49], padded(index)),
  ]);
  const full = each(all, SOURCE, (state, from) => state.absorb(from, RATE_LANES, null, true));
  const last = each(all, SOURCE, (state, from) => state.absorb(from, CHUNK_REST, CHUNK_REST, true));
  const hash = [
    ...i32Const(0),
    ...set(BLOCK),
    ...loop([
      ...branch([...get(BLOCK), ...i32Const(FULL_BLOCKS), 0x49], full, last),
      ...permute(all, CONSTANTS, TURN),
      ...SOURCE.flatMap((source) => add(source, 8 * RATE_LANES)),
      ...add(BLOCK, 1),
      ...[...get(BLOCK), ...i32Const(FULL_BLOCKS), 0x4d, 0x0d, 0],
    ]),
  ];
  return functionOf(all, CHUNK_JOB_WORDS, [...setUp, ...all.flatMap((state) => state.clear()), ...hash]);
}

// Copies the words of a chunk that is not full, whose count is in BLOCK, and hashes the copy.
function padded(index: number): Code {
  const copy = [...ROOM, ...i32Const(CONSTANTS_BYTES + CHUNK_BYTES * index), 0x6a];
  const bytes = [...get(BLOCK), ...i32Const(2), 0x74];
  const memoryCopy = [0xfc, 10, 0, 0];
  const memoryFill = [0xfc, 11, 0];
  return [
    ...[...copy, ...get(SOURCE[index]), ...bytes, ...memoryCopy],
    ...[...copy, ...bytes, 0x6a, ...i32Const(0), ...i32Const(CHUNK_BYTES), ...bytes, 0x6b, ...memoryFill],
    ...[...copy, ...set(SOURCE[index])],
  ];
}

function pairsFunction(): Code {
  const all = states();
  const setUp = SOURCE.flatMap((source, index) => [
    ...jobOf(index, PAIR_JOB_WORDS),
    ...set(TURN),
    ...load(get(TURN), 0),
    ...set(source),
    ...load(get(TURN), 4),
    ...set(RESULT[index]),
  ]);
  const lanes = (2 * HASH_BYTES) / 8;
  const absorb = each(all, SOURCE, (state, from) => state.absorb(from, lanes, lanes, false));
  const clear = all.flatMap((state) => state.clear());
  return functionOf(all, PAIR_JOB_WORDS, [...setUp, ...clear, ...absorb, ...permute(all, CONSTANTS, TURN)]);
}

// A function that hashes a group with `hash`, stores the results and goes on while there are jobs.
function functionOf(all: readonly States[], jobWords: number, hash: Code): Code {
  const next = [
    ...add(TABLE, 4 * jobWords * HASH_GROUP),
    ...[...get(COUNT), ...i32Const(HASH_GROUP), 0x4b, 0x45, 0x0d, 1],
    ...add(COUNT, -HASH_GROUP),
    ...[0x0c, 0],
  ];
  const store = each(all, RESULT, (state, to) => state.store(to));
  const group = loop([...hash, ...store, ...next]);
  const body = [...ROOM, ...set(CONSTANTS), ...block([...get(COUNT), 0x45, 0x0d, 0, ...group])];
  // The locals of the states, and a v128 in which the bytes of a word are turned round for the last.
  const declared = all.flatMap((state) => [...unsigned(STATE_LOCALS), state.type]);
  const locals = [all.length + 2, VECTORS - 2, I32, ...declared.slice(0, 2), 1, V128, ...declared.slice(2)];
  const code = [...locals, ...body, 0x0b];
  return [...unsigned(code.length), ...code];
}

const text = (name: string): Code => [name.length, ...new TextEncoder().encode(name)];
const section = (id: number, content: Code): Code => [id, ...unsigned(content.length), ...content];
