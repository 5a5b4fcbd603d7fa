/**
 * Loads and stores of four lanes (spec, "Scalar program": `load` and `gather`). An address at or past an operand's length
 * reads 0; where the analysis proves that no address is, the check falls away. Memory holds words little-endian, with
 * spare bytes after every tensor so that a vector may start at its last word.
 */

import type { WordType } from "../../ir/opcodes.ts";
import {
  addLocal,
  extractLane,
  get,
  I32,
  i32Const,
  i32Load,
  ifElse,
  load32Lane,
  load32Splat,
  OP,
  replaceLane,
  set,
  shuffleWords,
  simd,
  store32Lane,
  tee,
  V128,
  v128Load,
  v128Store,
} from "./emit.ts";
import type { Code } from "./emit.ts";
import {
  currentLevel,
  emit,
  laneZero,
  nameOf,
  scalarLocal,
  scalarOf,
  sharedScalar,
  vectorConstant,
  vectorLocal,
} from "./values.ts";
import type { Emitter, ScalarValue, Value, VectorValue } from "./values.ts";

/** Bytes that memory must have after the last word of every tensor. */
export const SPARE_BYTES = 64;

/** A tensor in memory. */
export interface Tensor {
  readonly type: WordType;
  /** Local of the first word's address in bytes. */
  readonly base: number;
  readonly words: number;
}

/** The words at `address` (in words), one per lane. With `inBounds`, every lane's address is below the length. */
export function loadLanes(emitter: Emitter, tensor: Tensor, address: Value, inBounds: boolean): Value {
  const { level } = address;
  if (address.kind === "scalar" && address.stride === 0 && tensor.type !== "f32") {
    const word = inBounds ? loadWord(emitter, tensor, address) : checkedWord(emitter, tensor, laneZero(address));
    return scalarLocal(
      emitter,
      level,
      tensor.type === "bool" ? [i32Const(0), word, OP.i32Eqz, OP.i32Eqz, OP.i32Sub] : word,
      0,
    );
  }
  const words =
    address.kind === "vector"
      ? gatherLanes(emitter, tensor, address.local, inBounds)
      : inBounds
        ? stridedLanes(emitter, tensor, address)
        : checkedLanes(emitter, tensor, address);
  return vectorLocal(emitter, level, tensor.type === "bool" ? [words, none(emitter), simd("i32x4Ne")] : words);
}

/** Four vectors of words whose lanes are neighbours in memory, one per lane of the address, turned to one per neighbour. */
export interface TurnedBlock {
  /** `ahead` of the first group's address. */
  readonly ahead: number;
  readonly groups: readonly VectorValue[];
}

/** Reads four neighbouring words at each lane of `address`, all in bounds. */
export function loadTurned(emitter: Emitter, { base }: Tensor, address: ScalarValue): TurnedBlock {
  const { level, ahead } = address;
  const row = [0, 1, 2, 3].map((lane) => {
    const start = [laneZero(address), i32Const(Math.imul(lane, address.stride)), OP.i32Add];
    return get(vectorLocal(emitter, level, [pointer(base, start), v128Load()]).local);
  });
  const pair = (left: Code, right: Code, words: readonly number[]): Code =>
    get(vectorLocal(emitter, level, [left, right, shuffleWords(words)]).local);
  const [lowA, lowB] = [pair(row[0], row[1], [0, 4, 1, 5]), pair(row[2], row[3], [0, 4, 1, 5])];
  const [highA, highB] = [pair(row[0], row[1], [2, 6, 3, 7]), pair(row[2], row[3], [2, 6, 3, 7])];
  const join = (left: Code, right: Code, words: readonly number[]): VectorValue =>
    vectorLocal(emitter, level, [left, right, shuffleWords(words)]);
  const groups = [
    join(lowA, lowB, [0, 1, 4, 5]),
    join(lowA, lowB, [2, 3, 6, 7]),
    join(highA, highB, [0, 1, 4, 5]),
    join(highA, highB, [2, 3, 6, 7]),
  ];
  return { ahead, groups };
}

/** Lanes of a vector to store: the first so many, or those from a local's value on. */
export type StoredLanes = { readonly first: number } | { readonly from: number };

/** Stores lanes of a vector at `address` (in words) of the tensor at byte address `base`. */
export function storeLanes(
  emitter: Emitter,
  base: number,
  address: ScalarValue,
  vector: Code,
  lanes: StoredLanes,
): void {
  const { stride } = address;
  const level = currentLevel(emitter);
  const { code, offset } = placeOf(emitter, base, address);
  if (stride === 1 && "first" in lanes && lanes.first === 4) {
    emit(emitter, level, code, vector, v128Store(offset));
    return;
  }
  const local = addLocal(emitter.draft, V128);
  emit(emitter, level, vector, set(local));
  const store = (lane: number): Code => [code, get(local), store32Lane(lane, offset + 4 * lane * stride)];
  if ("first" in lanes) {
    emit(
      emitter,
      level,
      Array.from({ length: lanes.first }, (_, lane) => store(lane)),
    );
    return;
  }
  const last = [1, 2, 3].map((lane): Code => [get(lanes.from), i32Const(lane), OP.i32LeU, ifElse(store(lane))]);
  const all = stride === 1 ? [code, get(local), v128Store(offset)] : [store(0), store(1), store(2), store(3)];
  emit(emitter, level, get(lanes.from), ifElse(last, all));
}

/** A byte address: what the code leaves, and `offset` bytes further, not negative. */
interface Place {
  readonly code: Code;
  readonly offset: number;
}

/** Offsets beyond this would have little room to grow with the lanes. */
const FURTHEST = 2 ** 28;

// Offsets do not wrap, so the address without `ahead` must be in bounds itself: it is that of another group of lanes or
// another iteration.
function placeOf(emitter: Emitter, base: number, address: ScalarValue): Place {
  const { constant, ahead, code } = address;
  if (constant !== null && constant >= 0 && constant < FURTHEST) return { code: get(base), offset: 4 * constant };
  const isOffset = ahead >= 0 && ahead < FURTHEST;
  const key = `${base}@${nameOf(emitter, code)},${isOffset ? 0 : ahead}`;
  const start = isOffset ? code : laneZero(address);
  const shared = sharedScalar(emitter, address.level, key, pointer(base, start));
  return { code: shared, offset: isOffset ? 4 * ahead : 0 };
}

function pointer(base: number, address: Code): Code {
  return [get(base), address, i32Const(2), OP.i32Shl, OP.i32Add];
}

function loadWord(emitter: Emitter, { base }: Tensor, address: ScalarValue): Code {
  const { code, offset } = placeOf(emitter, base, address);
  return [code, i32Load(offset)];
}

/** A word, or 0 past the end. */
function checkedWord({ draft }: Emitter, tensor: Tensor, address: Code): Code {
  const local = addLocal(draft, I32);
  return [
    [address, tee(local), i32Const(tensor.words), OP.i32LtU],
    ifElse([pointer(tensor.base, get(local)), i32Load()], i32Const(0), I32),
  ];
}

function stridedLanes(emitter: Emitter, { base }: Tensor, address: ScalarValue): Code {
  const { stride } = address;
  if (stride < 0) {
    // Offsets are not negative: a descending vector is addressed from its last lane.
    const last = [laneZero(address), i32Const(Math.imul(3, stride)), OP.i32Add];
    const { code } = placeOf(emitter, base, scalarOf(address.level, last, 0));
    if (stride !== -1) return lanesAt(emitter, code, (lane) => 4 * (lane - 3) * stride);
    const ascending = addLocal(emitter.draft, V128);
    return [code, v128Load(), tee(ascending), get(ascending), shuffleWords([3, 2, 1, 0])];
  }
  const { code, offset } = placeOf(emitter, base, address);
  if (stride === 0) return [code, load32Splat(offset)];
  if (stride === 1) return [code, v128Load(offset)];
  // The word after the last lane is read too; the spare bytes have room for it.
  if (stride === 2) return [code, v128Load(offset), code, v128Load(offset + 16), shuffleWords([0, 2, 4, 6])];
  return lanesAt(emitter, code, (lane) => offset + 4 * lane * stride);
}

function lanesAt({ draft }: Emitter, start: Code, offset: (lane: number) => number): Code {
  return [
    [start, load32Splat(offset(0))],
    [1, 2, 3].map((lane): Code => {
      const vector = addLocal(draft, V128);
      return [set(vector), start, get(vector), load32Lane(lane, offset(lane))];
    }),
  ];
}

function checkedLanes(emitter: Emitter, tensor: Tensor, address: ScalarValue): Code {
  const { draft } = emitter;
  const { stride } = address;
  const first = addLocal(draft, I32);
  const begin: Code = [laneZero(address), set(first)];
  const start = pointer(tensor.base, get(first));
  const below = (words: number): Code => [get(first), i32Const(words), OP.i32LtU];
  if (stride === 0) return [begin, below(tensor.words), ifElse([start, load32Splat()], none(emitter), V128)];
  const one = (lane: number): Code =>
    checkedWord(emitter, tensor, [get(first), i32Const(Math.imul(lane, stride)), OP.i32Add]);
  const each = lanesOf(one);
  // Neighbours are all inside where the first is below words - 3; a shorter tensor has no such place.
  if (stride !== 1 || tensor.words <= 3) return [begin, each];
  return [begin, below(tensor.words - 3), ifElse([start, v128Load()], each, V128)];
}

const none = (emitter: Emitter): Code => vectorConstant(emitter, [0]);

/** An address that is `inside` where `mask` holds (where it does not, if `isInverted`), and else past the tensor's end. */
export interface SelectedAddress {
  readonly mask: Value;
  readonly isInverted: boolean;
  /** Its lanes a constant apart. */
  readonly inside: ScalarValue;
  /** The address itself, where the lanes of the mask differ. */
  readonly lanes: Code;
}

/** The words at a selected address, one per lane: as loads of neighbours where all lanes are inside. */
export function loadSelected(emitter: Emitter, tensor: Tensor, address: SelectedAddress): Value {
  const { mask, isInverted, inside, lanes } = address;
  const level = Math.max(mask.level, inside.level);
  const within = checkedLanes(emitter, tensor, inside);
  if (mask.kind === "scalar") {
    const arms = isInverted ? [none(emitter), within] : [within, none(emitter)];
    return vectorLocal(emitter, level, [laneZero(mask), ifElse(arms[0], arms[1], V128)]);
  }
  const local = addLocal(emitter.draft, V128);
  const each: Code = [lanes, set(local), gatherLanes(emitter, tensor, local, false)];
  const isAll: Code = isInverted ? [simd("anyTrue"), OP.i32Eqz] : simd("i32x4AllTrue");
  return vectorLocal(emitter, level, [get(mask.local), isAll, ifElse(within, each, V128)]);
}

function gatherLanes(emitter: Emitter, tensor: Tensor, addresses: number, inBounds: boolean): Code {
  return lanesOf((lane) => {
    const address: Code = [get(addresses), extractLane(lane)];
    return inBounds ? [pointer(tensor.base, address), i32Load()] : checkedWord(emitter, tensor, address);
  });
}

function lanesOf(word: (lane: number) => Code): Code {
  return [word(0), simd("i32x4Splat"), [1, 2, 3].map((lane): Code => [word(lane), replaceLane(lane)])];
}
