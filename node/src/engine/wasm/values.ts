/**
 * Values of four lanes while code is emitted. What differs between lanes by a constant only stays one scalar integer, so
 * that addresses cost scalar arithmetic; everything else is a vector. Code is emitted at the outermost level of the loop
 * nest at which the value's inputs are known, and scalar arithmetic that was emitted there before is used again.
 */

import { addLocal, get, I32, i32Const, OP, set, simd, V128, v128Const } from "./emit.ts";
import type { Code, FunctionDraft } from "./emit.ts";

/** Lane l holds `scalar + ahead + l * stride`, an i32 (or a mask of stride 0), where `scalar` is what the code leaves. */
export interface ScalarValue {
  readonly kind: "scalar";
  /** How deep in the nest of loops the value is known; 0 is the function itself. */
  readonly level: number;
  /** Leaves a scalar on the stack. The same array is the same scalar. */
  readonly code: Code;
  readonly stride: number;
  /** What values of several groups of lanes are apart, so that they share their code. 0 where lane 0 is constant. */
  readonly ahead: number;
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

interface Level {
  readonly code: Code[];
  /** Locals of this level by what they hold. */
  readonly locals: Map<string, Code>;
}

/** A function being emitted: one buffer of code per open loop or branch, the function's own first. */
export interface Emitter {
  readonly draft: FunctionDraft;
  readonly levels: Level[];
  /** Names of pieces of code, in the order in which they were asked for. */
  readonly names: Map<Code, number>;
  /** Locals of vector constants by their words. */
  readonly constants: Map<string, number>;
}

export function createEmitter(draft: FunctionDraft): Emitter {
  return { draft, levels: [newLevel()], names: new Map(), constants: new Map() };
}

function newLevel(): Level {
  return { code: [], locals: new Map() };
}

/** The innermost level. */
export function currentLevel({ levels }: Emitter): number {
  return levels.length - 1;
}

/** Appends code to the buffer of a level. */
export function emit(emitter: Emitter, level: number, ...code: readonly Code[]): void {
  emitter.levels[level].code.push(...code);
}

/** The code that `build` emits into a new innermost level; what it emits further out lands in front. */
export function nested(emitter: Emitter, build: (level: number) => void): Code {
  emitter.levels.push(newLevel());
  build(currentLevel(emitter));
  return emitter.levels.pop()!.code;
}

export function constantValue(word: number): ScalarValue {
  return { kind: "scalar", level: 0, code: i32Const(word), stride: 0, ahead: 0, constant: word | 0, vector: null };
}

/** A value whose lane 0 some code leaves on the stack; the code may run any number of times. */
export function scalarOf(level: number, code: Code, stride: number): ScalarValue {
  return { kind: "scalar", level, code, stride: stride | 0, ahead: 0, constant: null, vector: null };
}

/** The same value, `words` further in every lane. */
export function movedAhead(value: ScalarValue, words: number): ScalarValue {
  if (value.constant !== null) return { ...constantValue(value.constant + words), stride: value.stride };
  return { ...value, ahead: (value.ahead + words) | 0, vector: null };
}

/** Code that leaves lane 0. */
export function laneZero({ code, ahead }: ScalarValue): Code {
  return ahead === 0 ? code : [code, i32Const(ahead), OP.i32Add];
}

/** The same, computed once at its level. */
export function scalarLocal(emitter: Emitter, level: number, code: Code, stride: number): ScalarValue {
  const local = addLocal(emitter.draft, I32);
  emit(emitter, level, code, set(local));
  return scalarOf(level, get(local), stride);
}

/**
 * Code that leaves what `code` computes, once for all who ask for `key` at the level. The key must tell all that the code
 * depends on; `nameOf` gives it for other code.
 */
export function sharedScalar(emitter: Emitter, level: number, key: string, code: Code): Code {
  const { locals } = emitter.levels[level];
  const found = locals.get(key);
  if (found !== undefined) return found;
  const made = scalarLocal(emitter, level, code, 0).code;
  locals.set(key, made);
  return made;
}

/** A name for a piece of code: the same for the same array. */
export function nameOf({ names }: Emitter, code: Code): number {
  const name = names.get(code) ?? names.size;
  names.set(code, name);
  return name;
}

/** A vector computed once at its level. */
export function vectorLocal(emitter: Emitter, level: number, code: Code): VectorValue {
  const local = addLocal(emitter.draft, V128);
  emit(emitter, level, code, set(local));
  return { kind: "vector", level, local };
}

/** A vector constant of four words, or of one in every lane; made once, before all loops. */
export function vectorConstant(emitter: Emitter, words: readonly number[]): Code {
  const key = Array.from({ length: 4 }, (_, lane) => words[lane % words.length] >>> 0).join();
  const local = emitter.constants.get(key) ?? vectorLocal(emitter, 0, v128Const(words)).local;
  emitter.constants.set(key, local);
  return get(local);
}

/** Code that leaves the value as a vector. */
export function asVector(emitter: Emitter, value: Value): Code {
  if (value.kind === "vector") return get(value.local);
  const { stride, constant, level } = value;
  const steps = [0, 1, 2, 3].map((lane) => Math.imul(stride, lane));
  if (constant !== null)
    return vectorConstant(
      emitter,
      steps.map((step) => constant + step),
    );
  if (value.vector === null) {
    const apart = steps.map((step) => step + value.ahead);
    const moved = apart.every((words) => words === 0) ? [] : [vectorConstant(emitter, apart), simd("i32x4Add")];
    value.vector = vectorLocal(emitter, level, [value.code, simd("i32x4Splat"), moved]).local;
  }
  return get(value.vector);
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
  const key = [left, right].map(({ constant, code }) => (constant === null ? nameOf(emitter, code) : `#${constant}`));
  const code = sharedScalar(emitter, level, key.join("+"), [left.code, right.code, OP.i32Add]);
  return { ...scalarOf(level, code, stride), ahead: (left.ahead + right.ahead) | 0 };
}

/** value * factor, for a factor known when the code is emitted. */
export function scaleScalar(emitter: Emitter, value: ScalarValue, factor: number): ScalarValue {
  if (factor === 0) return constantValue(0);
  if (factor === 1) return value;
  const stride = Math.imul(value.stride, factor);
  if (value.constant !== null) return { ...constantValue(Math.imul(value.constant, factor)), stride };
  const { level } = value;
  const key = `${nameOf(emitter, value.code)}*${factor | 0}`;
  const code = sharedScalar(emitter, level, key, [value.code, i32Const(factor), OP.i32Mul]);
  return { ...scalarOf(level, code, stride), ahead: Math.imul(value.ahead, factor) };
}
