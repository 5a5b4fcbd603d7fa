/**
 * Attention over caches that are slots (numerics, "Lowering"): keys as rows by position, values as a window of the last 16
 * positions and tiles of 16 positions. Every next value keeps the old word but where a condition on position and step holds, so
 * that an engine writes only the rows that change. Refuses nothing: the caller has checked the shapes.
 *
 *   key    [batch, total, heads * size]
 *   tiles  [batch, total / 16, heads * size, 16]   position 16 t + w of tile t; what is not flushed yet is zero
 *   window [batch, 16, heads * size]               position 16 t + w in row w
 *
 * After a step whose last position is p, tiles hold the positions below 16 * floor(p / 16) and the window those from there on.
 */

import type { ScalarBuilder, Value as Register } from "../ir/build.ts";
import { attended, hidden, joinStages, perContext, scoreRows, scoresOf } from "./attention.ts";
import type { Heads, ScoreEnd } from "./attention.ts";
import { contract } from "./contraction.ts";
import type { Scope } from "./node.ts";
import { general } from "./primitives.ts";
import { softmaxParts } from "./reduction.ts";
import { reshaped } from "./values.ts";
import type { Value } from "./values.ts";

/** Positions of a tile and of the window. */
export const TILE = 16;

/** The slots of one attention, or their next values. */
export interface Cache {
  readonly key: Value;
  readonly tiles: Value;
  readonly window: Value;
}

/** What a step does: reads the whole prompt, or one token more. */
export interface Phase {
  readonly kind: "prompt" | "token";
  /** Positions of the prompt; rows shorter than it stand at its end. */
  readonly prompt: number;
  /** Positions that the slots hold. */
  readonly total: number;
  /** Positions that the scores cover in a step of one token: a multiple of 16. */
  readonly bucket: number;
  /** Positions in front of each row's first token, int64 [batch]. */
  readonly pads: Value;
}

export interface CachedAttention {
  readonly q: Heads;
  /** Of the new positions only. */
  readonly k: Heads;
  readonly v: Heads;
  /** What follows a score before the causal mask. */
  readonly end: ScoreEnd;
  /** How many positions before its own a query sees, or null for all. */
  readonly reach: number | null;
  readonly cache: Cache;
}

/** The position of the one token of a step. */
export function positionOf(b: ScalarBuilder, { prompt }: Phase): Register {
  return b.addI(b.step, prompt - 1);
}

/** The context [batch, length, heads, size], and the caches with the new positions. */
export function cachedAttention(
  scope: Scope,
  phase: Phase,
  attention: CachedAttention,
): { context: Value; next: Cache } {
  return phase.kind === "prompt" ? overPrompt(scope, phase, attention) : overCache(scope, phase, attention);
}

/** Causal, without the positions in front of the row; what stands there sees only its like, so that it stays finite. */
function maskEnd({ kind, pads }: Phase, reach: number | null, position: (b: ScalarBuilder) => Register): ScoreEnd {
  return {
    reads: [{ value: pads, strides: [1, 0, 0, 0, 0], offset: 0 }],
    apply: (b, score, [pad]) => {
      const [place, own] = [b.digits[4], position(b)];
      const isAfterPad = b.leI(pad, place);
      const isText = kind === "token" ? isAfterPad : b.or(isAfterPad, b.ltI(own, pad));
      const isSeen = b.and(b.leI(place, own), isText);
      return hidden(b, score, reach === null ? isSeen : b.and(isSeen, b.leI(b.subI(own, place), reach)));
    },
  };
}

/** A word of new keys or values; zero at a position that is not among them, or where `isRead` does not hold. */
function wordAt(
  b: ScalarBuilder,
  operand: number,
  { strides, length }: Heads,
  at: readonly Register[],
  isRead: Register = b.bool(true),
): Register {
  const [row, head, position, place] = at;
  const parts = [b.mulI(row, strides[0]), b.mulI(head, strides[1]), b.mulI(position, strides[2]), place];
  const address = parts.reduce((sum, part) => b.addI(sum, part));
  const isThere = b.and(isRead, b.ltI(position, length));
  return b.load(operand, length === 1 ? address : b.select(isThere, address, b.i32(-1)));
}

function overPrompt(scope: Scope, phase: Phase, attention: CachedAttention): { context: Value; next: Cache } {
  const { q, k, v, end, reach, cache } = attention;
  const { prompt, total } = phase;
  const mask = maskEnd(phase, reach, (b) => b.digits[3]);
  const context = attended(scope, q, k, v, joinStages([end, mask]));
  const { batch, heads } = k;
  // The position from which on the window holds the values.
  const first = TILE * Math.floor((prompt - 1) / TILE);
  const key = general(scope, {
    elementType: "float32",
    shape: [batch, total, heads, k.size],
    operands: [k.value, cache.key],
    define: (b, [from, old]) => {
      const [row, position, head, place] = b.digits;
      const word = wordAt(b, from, k, [row, head, position, place]);
      return b.select(b.ltI(position, prompt), word, b.load(old, b.index));
    },
  });
  const tiles = general(scope, {
    elementType: "float32",
    shape: [batch, total / TILE, heads, v.size, TILE],
    operands: [v.value, cache.tiles],
    define: (b, [from, old]) => {
      const [row, tile, head, place, within] = b.digits;
      const position = b.addI(b.mulI(tile, TILE), within);
      const isFull = b.ltI(tile, first / TILE);
      const word = wordAt(b, from, v, [row, head, position, place], isFull);
      return b.select(isFull, word, b.load(old, b.index));
    },
  });
  const window = general(scope, {
    elementType: "float32",
    shape: [batch, heads, TILE, v.size],
    operands: [v.value, cache.window],
    define: (b, [from, old]) => {
      const [row, head, within, place] = b.digits;
      const word = wordAt(b, from, v, [row, head, b.addI(within, first), place]);
      return b.select(b.ltI(within, prompt - first), word, b.load(old, b.index));
    },
  });
  return { context, next: { key, tiles, window } };
}

function overCache(scope: Scope, phase: Phase, attention: CachedAttention): { context: Value; next: Cache } {
  const { q, k, v, end, reach, cache } = attention;
  const { total, bucket } = phase;
  const { batch, heads } = k;
  const key = general(scope, {
    elementType: "float32",
    shape: [batch, total, heads, k.size],
    operands: [k.value, cache.key],
    define: (b, [from, old]) => {
      const [row, position, head, place] = b.digits;
      const word = wordAt(b, from, k, [row, head, b.i32(0), place]);
      return b.select(b.eqI(position, positionOf(b, phase)), word, b.load(old, b.index));
    },
  });
  // Before the window takes the first position of a tile, what it holds becomes the tile before.
  const tiles = general(scope, {
    elementType: "float32",
    shape: [batch, total / TILE, heads, v.size, TILE],
    operands: [cache.window, cache.tiles],
    define: (b, [from, old]) => {
      const [row, tile, head, column, within] = b.digits;
      const position = positionOf(b, phase);
      const isFirst = b.eqI(b.and(position, TILE - 1), 0);
      const full = b.select(isFirst, b.addI(b.shrS(position, 4), -1), b.i32(-1));
      const place = b.addI(b.mulI(within, v.size), column);
      const word = b.load(from, b.addI(b.mulI(b.addI(b.mulI(row, heads), head), TILE * v.size), place));
      return b.select(b.eqI(tile, full), word, b.load(old, b.index));
    },
  });
  const window = general(scope, {
    elementType: "float32",
    shape: [batch, heads, TILE, v.size],
    operands: [v.value, cache.window],
    define: (b, [from, old]) => {
      const [row, head, within, place] = b.digits;
      const word = wordAt(b, from, v, [row, head, b.i32(0), place]);
      const isOwn = b.eqI(within, b.and(positionOf(b, phase), TILE - 1));
      return b.select(isOwn, word, b.load(old, b.index));
    },
  });
  const held: Heads = {
    value: key,
    batch,
    heads,
    length: total,
    size: k.size,
    strides: [total * heads * k.size, k.size, heads * k.size],
  };
  const mask = maskEnd(phase, reach, (b) => positionOf(b, phase));
  const scores = scoresOf(scope, q, held, joinStages([end, mask]), bucket);
  const { exponentials, reciprocal } = softmaxParts(scope, scoreRows(scores));
  const flushed = overTiles(scope, phase, exponentials, tiles, v.size);
  return {
    context: overWindow(scope, phase, { exponentials, flushed, window, reciprocal, size: v.size }),
    next: { key, tiles, window },
  };
}

/**
 * Weights times the values of the tiles, [batch, 1, sources, group, size]: those of the window are zero there, and weights of
 * positions that do not exist yet are zero.
 */
function overTiles(scope: Scope, { total, bucket }: Phase, weights: Value, tiles: Value, size: number): Value {
  const [batch, sources, group] = weights.shape;
  const width = sources * size;
  return contract(scope, {
    elementType: "float32",
    shape: [batch, 1, sources, group, size],
    count: bucket,
    left: { value: weights, strides: [sources * group * bucket, 0, group * bucket, bucket, 0], offset: 0 },
    right: { value: tiles, strides: [total * width, 0, size * TILE, 0, TILE], offset: 0 },
    rightPattern: [
      [bucket / TILE, width * TILE],
      [TILE, 1],
    ],
  });
}

interface WindowPart {
  readonly exponentials: Value;
  /** The sum so far. */
  readonly flushed: Value;
  readonly window: Value;
  readonly reciprocal: Value;
  readonly size: number;
}

/** Continues the sum over the window, and multiplies by one over the sum of the weights: [batch, 1, heads, size]. */
function overWindow(scope: Scope, phase: Phase, part: WindowPart): Value {
  const { exponentials, flushed, window, reciprocal, size } = part;
  const [batch, sources, group, , bucket] = exponentials.shape;
  const factor = perContext(reciprocal, exponentials);
  const context = general(scope, {
    elementType: "float32",
    shape: [batch, 1, sources, group, size],
    operands: [exponentials, window, flushed, reciprocal],
    define: (b, [weights, values, before, factors]) => {
      const [row, , source, member, place] = b.digits;
      const first = b.and(positionOf(b, phase), -TILE);
      const head = b.addI(b.mulI(b.addI(b.mulI(row, sources), source), group), member);
      const weightBase = b.addI(b.mulI(head, bucket), first);
      const valueBase = b.addI(b.mulI(b.addI(b.mulI(row, sources), source), TILE * size), place);
      const [total] = b.loop({
        count: TILE,
        carried: [{ type: "f32", init: 0, from: b.load(before, b.index) }],
        body: ({ carried: [sum] }) => [
          b.fma(b.load(weights, weightBase, [[TILE, 1]]), b.load(values, valueBase, [[TILE, size]]), sum),
        ],
        combine: ([sum], [block]) => [b.add(sum, block)],
      });
      const at = b.digits.reduce((sum, digit, axis) => b.addI(b.mulI(digit, factor.strides[axis]), sum), b.i32(0));
      return b.mul(total, b.load(factors, at));
    },
  });
  return reshaped(context, [batch, 1, sources * group, size]);
}
