/**
 * Values of four lanes while code is emitted. What differs between lanes by a constant only stays one scalar integer, so
 * that addresses cost scalar arithmetic; everything else is a vector. Code is emitted at the outermost level of the loop
 * nest at which the value's inputs are known.
 */

import { addLocal, get, I32, i32Const, OP, set, simd, V128, v128Const } from "./emit.ts";
import type { Code, FunctionDraft } from "./emit.ts";

/** Lane l holds `scalar + l * stride`, an i32 (or a mask of stride 0). */
export interface ScalarValue {
  readonly kind: "scalar";
  /** How deep in the nest of loops the value is known; 0 is the function itself. */
  readonly level: number;
  /** Leaves lane 0 on the stack. */
  readonly code: Code;
  readonly stride: number;
  /** Lane 0, where it is known when the code is emitted. */
  readonly constant: number | null;
  /** The local that holds the value as a vector, once one was asked for. */
  vector: number | null;
}

/** A v128 local. */
export interface VectorValue {
  readonly kind: "vector";
  readonly level: number;
  readonly local: number;
}

export type Value = ScalarValue | VectorValue;

/** A function being emitted: one buffer of code per open loop or branch, the function's own first. */
export interface Emitter {
  readonly draft: FunctionDraft;
  readonly levels: Code[][];
}

export function createEmitter(draft: FunctionDraft): Emitter {
  return { draft, levels: [[]] };
}

/** The innermost level. */
export function currentLevel({ levels }: Emitter): number {
  return levels.length - 1;
}

/** Appends code to the buffer of a level. */
export function emit(emitter: Emitter, level: number, ...code: readonly Code[]): void {
  emitter.levels[level].push(...code);
}

/** The code that `build` emits into a new innermost level; what it emits further out lands in front. */
export function nested(emitter: Emitter, build: (level: number) => void): Code {
  emitter.levels.push([]);
  build(currentLevel(emitter));
  return emitter.levels.pop()!;
}

export function constantValue(word: number): ScalarValue {
  return { kind: "scalar", level: 0, code: i32Const(word), stride: 0, constant: word | 0, vector: null };
}

/** A value whose lane 0 some code leaves on the stack; the code may run any number of times. */
export function scalarOf(level: number, code: Code, stride: number): ScalarValue {
  return { kind: "scalar", level, code, stride: stride | 0, constant: null, vector: null };
}

/** The same, computed once at its level. */
export function scalarLocal(emitter: Emitter, level: number, code: Code, stride: number): ScalarValue {
  const local = addLocal(emitter.draft, I32);
  emit(emitter, level, code, set(local));
  return scalarOf(level, get(local), stride);
}

/** A vector computed once at its level. */
export function vectorLocal(emitter: Emitter, level: number, code: Code): VectorValue {
  const local = addLocal(emitter.draft, V128);
  emit(emitter, level, code, set(local));
  return { kind: "vector", level, local };
}

/** Code that leaves the value as a vector. */
export function asVector(emitter: Emitter, value: Value): Code {
  if (value.kind === "vector") return get(value.local);
  value.vector ??= vectorLocal(emitter, value.level, splatCode(value)).local;
  return get(value.vector);
}

function splatCode({ code, stride, constant }: ScalarValue): Code {
  const steps = [0, 1, 2, 3].map((lane) => Math.imul(stride, lane));
  if (constant !== null) return v128Const(steps.map((step) => constant + step));
  return [code, simd("i32x4Splat"), stride === 0 ? [] : [v128Const(steps), simd("i32x4Add")]];
}

export function isUniform(value: Value): value is ScalarValue {
  return value.kind === "scalar" && value.stride === 0;
}

/** left + right */
export function addScalars(emitter: Emitter, left: ScalarValue, right: ScalarValue): ScalarValue {
  const stride = (left.stride + right.stride) | 0;
  if (left.constant !== null && right.constant !== null) {
    return { ...constantValue(left.constant + right.constant), stride };
  }
  if (left.constant === 0 && left.stride === 0) return right;
  if (right.constant === 0 && right.stride === 0) return left;
  const level = Math.max(left.level, right.level);
  return scalarLocal(emitter, level, [left.code, right.code, OP.i32Add], stride);
}

/** value * factor, for a factor known when the code is emitted. */
export function scaleScalar(emitter: Emitter, value: ScalarValue, factor: number): ScalarValue {
  if (factor === 0) return constantValue(0);
  if (factor === 1) return value;
  const stride = Math.imul(value.stride, factor);
  if (value.constant !== null) return { ...constantValue(Math.imul(value.constant, factor)), stride };
  return scalarLocal(emitter, value.level, [value.code, i32Const(factor), OP.i32Mul], stride);
}
