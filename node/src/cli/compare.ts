/**
 * How far two tensors of one type are apart: by value, and by how many floats lie between (ulp). Two NaNs are equal; a NaN
 * and a number are as far apart as can be.
 */
import { fromBits } from "../float/words.ts";
import type { WordType } from "../ir/index.ts";

export interface Apart {
  /** Largest absolute difference; infinite where one is a NaN or an infinity and the other is not the same. */
  readonly absolute: number;
  /** Largest difference in ulp of float32 (integers and bools: in units); 2^32 where one is a NaN. */
  readonly ulp: number;
  /** The largest absolute difference over the largest finite magnitude of the second; 0 where nothing differs. */
  readonly relative: number;
  /** The element with the largest absolute difference. */
  readonly element: number;
}

const NAN_ULP = 2 ** 32;

/** Compares words of a type, as many of one as of the other. */
export function apart(type: WordType, ours: Uint32Array, theirs: Uint32Array): Apart {
  let [absolute, ulp, largest, element] = [0, 0, 0, 0];
  for (let index = 0; index < ours.length; index++) {
    const [one, other] = [ours[index], theirs[index]];
    const value = valueOf(type, other);
    if (Number.isFinite(value)) largest = Math.max(largest, Math.abs(value));
    if (one === other) continue;
    const difference = Math.abs(valueOf(type, one) - value);
    ulp = Math.max(ulp, type === "f32" ? ulpBetween(one, other) : Math.abs(valueOf(type, one) - value));
    if (type === "f32" && difference === 0) continue; // zeros of two signs
    const distance = Number.isNaN(difference) ? Number.POSITIVE_INFINITY : difference;
    if (distance > absolute) [absolute, element] = [distance, index];
  }
  return { absolute, ulp, relative: absolute === 0 ? 0 : absolute / Math.max(largest, Number.MIN_VALUE), element };
}

function valueOf(type: WordType, word: number): number {
  if (type === "f32") return fromBits(word);
  return type === "i32" ? word | 0 : word === 0 ? 0 : 1;
}

/** How many floats lie between two words, one of them counted. */
export function ulpBetween(one: number, other: number): number {
  if (Number.isNaN(fromBits(one)) || Number.isNaN(fromBits(other))) return NAN_ULP;
  return Math.abs(orderOf(one) - orderOf(other));
}

// Floats in the order of their values, both zeros at 0.
function orderOf(word: number): number {
  return word >= 0x80000000 ? 0x80000000 - word : word;
}
