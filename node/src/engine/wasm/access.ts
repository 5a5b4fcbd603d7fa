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
  simd,
  store32Lane,
  tee,
  V128,
  v128Const,
  v128Load,
  v128Store,
} from "./emit.ts";
import type { Code } from "./emit.ts";
import { currentLevel, emit, scalarLocal, vectorLocal } from "./values.ts";
import type { Emitter, ScalarValue, Value } from "./values.ts";

/** Bytes that memory must have after the last word of every tensor. */
export const SPARE_BYTES = 64;

/** A tensor in memory. */
export interface Tensor {
  readonly type: WordType;
  /** Local of the first word's address in bytes. */
  readonly base: number;
  /** Local of the length in words. */
  readonly length: number;
}

/** The words at `address` (in words), one per lane. With `inBounds`, every lane's address is below the length. */
export function loadLanes(emitter: Emitter, tensor: Tensor, address: Value, inBounds: boolean): Value {
  const { level } = address;
  if (address.kind === "scalar" && address.stride === 0 && tensor.type !== "f32") {
    const word = inBounds ? [pointer(tensor, address.code), i32Load()] : checkedWord(emitter, tensor, address.code);
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
  return vectorLocal(emitter, level, tensor.type === "bool" ? [words, v128Const([0]), simd("i32x4Ne")] : words);
}

/** Stores the lanes of a vector at `address` (in words) of the tensor at byte address `base`; the first `lanes` of them. */
export function storeLanes(emitter: Emitter, base: number, address: ScalarValue, vector: Code, lanes: number): void {
  const { stride } = address;
  const at: Code = [get(base), address.code, i32Const(2), OP.i32Shl, OP.i32Add];
  const level = currentLevel(emitter);
  if (stride === 1 && lanes === 4) {
    emit(emitter, level, at, vector, v128Store());
    return;
  }
  const start = addLocal(emitter.draft, I32);
  const local = addLocal(emitter.draft, V128);
  emit(emitter, level, at, set(start), vector, set(local));
  for (let lane = 0; lane < lanes; lane++) {
    emit(emitter, level, get(start), get(local), store32Lane(lane, 4 * lane * stride));
  }
}

function pointer({ base }: Tensor, address: Code): Code {
  return [get(base), address, i32Const(2), OP.i32Shl, OP.i32Add];
}

/** A word, or 0 past the end. */
function checkedWord({ draft }: Emitter, tensor: Tensor, address: Code): Code {
  const local = addLocal(draft, I32);
  return [
    [address, tee(local), get(tensor.length), OP.i32LtU],
    ifElse([pointer(tensor, get(local)), i32Load()], i32Const(0), I32),
  ];
}

function stridedLanes({ draft }: Emitter, tensor: Tensor, { code, stride }: ScalarValue): Code {
  if (stride === 0) return [pointer(tensor, code), load32Splat()];
  if (stride === 1) return [pointer(tensor, code), v128Load()];
  // Offsets of memory instructions are not negative: a descending vector is addressed from its last lane.
  const first = stride > 0 ? code : [code, i32Const(Math.imul(3, stride)), OP.i32Add];
  const offset = (lane: number): number => 4 * (stride > 0 ? lane : lane - 3) * stride;
  const start = addLocal(draft, I32);
  return [
    [pointer(tensor, first), tee(start), load32Splat(offset(0))],
    [1, 2, 3].map((lane): Code => {
      const vector = addLocal(draft, V128);
      return [set(vector), get(start), get(vector), load32Lane(lane, offset(lane))];
    }),
  ];
}

function checkedLanes(emitter: Emitter, tensor: Tensor, { code, stride }: ScalarValue): Code {
  const { draft } = emitter;
  const first = addLocal(draft, I32);
  const begin: Code = [code, set(first)];
  const inside: Code = [get(first), get(tensor.length), OP.i32LtU];
  if (stride === 0) {
    return [begin, inside, ifElse([pointer(tensor, get(first)), load32Splat()], v128Const([0]), V128)];
  }
  const one = (lane: number): Code =>
    checkedWord(emitter, tensor, [get(first), i32Const(Math.imul(lane, stride)), OP.i32Add]);
  const each = lanesOf(one);
  if (stride !== 1) return [begin, each];
  // All four are inside where the first is below length - 3; a shorter tensor has no such place.
  const isWhole: Code = [
    [get(tensor.length), i32Const(3), OP.i32GtU],
    [get(first), get(tensor.length), i32Const(3), OP.i32Sub, OP.i32LtU, OP.i32And],
  ];
  return [begin, isWhole, ifElse([pointer(tensor, get(first)), v128Load()], each, V128)];
}

function gatherLanes(emitter: Emitter, tensor: Tensor, addresses: number, inBounds: boolean): Code {
  return lanesOf((lane) => {
    const address: Code = [get(addresses), extractLane(lane)];
    return inBounds ? [pointer(tensor, address), i32Load()] : checkedWord(emitter, tensor, address);
  });
}

function lanesOf(word: (lane: number) => Code): Code {
  return [word(0), simd("i32x4Splat"), [1, 2, 3].map((lane): Code => [word(lane), replaceLane(lane)])];
}
