/**
 * Signal operators (numerics, "Lowering"): windows are computed at import by the scalar programs of cosine, and Fourier
 * transforms are products with a matrix made the same way. Refuses lengths that depend on data.
 */

import type { ScalarBuilder, Value as Register } from "../ir/build.ts";
import { contract } from "./contraction.ts";
import { fromBits, toBits } from "../float/words.ts";
import { elementwise } from "./broadcast.ts";
import { cast, elementTypeOfCode } from "./cast.ts";
import { exp, log } from "./math.ts";
import { cos, sin } from "./trigonometry.ts";
import { axisOf, input, intAttribute, invalid, known, knownNumbers, mismatch } from "./node.ts";
import { requireSize, requireType, unsupported } from "./node.ts";
import type { Lower, OperatorTable, Scope } from "./node.ts";
import { indexed, map, readAll, transposed, view } from "./primitives.ts";
import { axesLast, inverse } from "./shapes.ts";
import { knownWords, reshaped, sizeOf, stridesOf } from "./values.ts";
import type { Value } from "./values.ts";

/** Cosine and sine of 2 pi part / whole, for 0 <= part < whole: exact at quarters, symmetric between them. */
function turn(b: ScalarBuilder, part: Register, whole: number): { cosine: Register; sine: Register } {
  const quarters = b.mulI(part, 4);
  const quarter = b.divU(b.addI(b.mulI(quarters, 2), whole), 2 * whole);
  // What is left is at most an eighth of a turn.
  const rest = b.fromI32(b.subI(quarters, b.mulI(quarter, whole)));
  const angle = b.mul(b.div(rest, whole), Math.PI / 2);
  const [c, s] = [cos(b, angle), sin(b, angle)];
  const isOdd = b.neI(b.and(quarter, 1), 0);
  const isTurned = (shift: number): Register => b.neI(b.and(b.addI(quarter, shift), 2), 0);
  const signed = (value: Register, flag: Register): Register => b.select(flag, b.neg(value), value);
  return {
    cosine: signed(b.select(isOdd, s, c), isTurned(1)),
    sine: signed(b.select(isOdd, c, s), isTurned(0)),
  };
}

/** a0 - a1 cos(t) + a2 cos(2t) over a period. */
function windowFunction(a0: number, a1: number, a2: number): Lower {
  return (scope) => {
    const [size] = knownNumbers(scope, input(scope, 0), "the size");
    const elementType = elementTypeOfCode(scope, intAttribute(scope, "output_datatype", 1));
    const period = Math.max(1, intAttribute(scope, "periodic", 1) === 0 ? size - 1 : size);
    return [
      cast(
        scope,
        indexed(scope, "float32", [size], [], (b) => {
          const [place] = b.digits;
          const cosine = (times: number): Register => turn(b, b.remU(b.mulI(place, times), period), period).cosine;
          const first = b.fma(cosine(1), -a1, a0);
          return a2 === 0 ? first : b.fma(cosine(2), a2, first);
        }),
        elementType,
      ),
    ];
  };
}

/** [outputs, length]: cosines (or sines with the given sign) of 2 pi k n / length. */
function fourierMatrix(scope: Scope, outputs: number, length: number, sineSign: number): Value {
  return indexed(scope, "float32", [outputs, length], [], (b) => {
    const { cosine, sine } = turn(b, b.remU(b.mulI(b.digits[0], b.digits[1]), length), length);
    return sineSign === 0 ? cosine : b.mul(sine, sineSign);
  });
}

/** Rows [count, length] of real and imaginary parts, transformed to [count, outputs, 2]; back where `isInverse`. */
function transform(scope: Scope, real: Value, imaginary: Value | undefined, outputs: number, isInverse = false): Value {
  const [count, length] = real.shape;
  const cosines = fourierMatrix(scope, outputs, length, 0);
  const sines = fourierMatrix(scope, outputs, length, isInverse ? 1 : -1);
  const product = (rows: Value, matrix: Value): Value =>
    contract(scope, {
      elementType: "float32",
      shape: [count, outputs],
      count: length,
      left: { value: rows, strides: [length, 0], offset: 0 },
      right: { value: matrix, strides: [0, length], offset: 0 },
    });
  const parts = [product(real, cosines), product(real, sines)];
  const mixed = imaginary === undefined ? [] : [product(imaginary, sines), product(imaginary, cosines)];
  return indexed(scope, "float32", [count, outputs, 2], [...parts, ...mixed], (b, operand) => {
    const place = b.addI(b.mulI(b.digits[0], outputs), b.digits[1]);
    const isReal = b.eqI(b.digits[2], 0);
    const [a, c, d, e] = operand.map((index) => b.load(index, place));
    const sum = d === undefined ? b.select(isReal, a, c) : b.select(isReal, b.sub(a, d), b.add(c, e));
    return isInverse ? b.div(sum, length) : sum;
  });
}

function dft(scope: Scope): Value[] {
  const x = input(scope, 0);
  requireType(scope, x, "float32");
  const rank = x.shape.length;
  const isOld = scope.opset < 20;
  const axisInput = isOld ? undefined : scope.inputs[2];
  const given = isOld
    ? intAttribute(scope, "axis", 1)
    : axisInput === undefined
      ? -2
      : knownNumbers(scope, axisInput, "the axis")[0];
  const axis = axisOf(scope, given, rank);
  const parts = x.shape[rank - 1];
  if (axis === rank - 1 || (parts !== 1 && parts !== 2))
    throw mismatch(scope, "the last axis holds 1 or 2 parts", { shape: [...x.shape] });
  const lengthInput = scope.inputs[1];
  const length = lengthInput === undefined ? x.shape[axis] : knownNumbers(scope, lengthInput, "the length")[0];
  const isInverse = intAttribute(scope, "inverse", 0) !== 0;
  const isOneSided = intAttribute(scope, "onesided", 0) !== 0;
  if (isInverse && isOneSided) throw unsupported(scope, "an inverse transform with one side only");
  const outputs = isOneSided ? Math.floor(length / 2) + 1 : length;
  // [..., length, parts] with the transformed axis before the last.
  const order = [...axesLast(rank - 1, [axis]), rank - 1];
  const moved = transposed(scope, x, order);
  const outer = moved.shape.slice(0, -2);
  const count = sizeOf(outer);
  const held = x.shape[axis];
  const rowsOf = (index: number): Value => {
    const rows = view(scope, reshaped(moved, [count, held, parts]), [count, held], [held * parts, parts], index);
    if (held === length) return rows;
    return indexed(scope, "float32", [count, length], [rows], (b, [from]) => {
      const [row, place] = b.digits;
      return b.load(from, b.select(b.ltI(place, held), b.addI(b.mulI(row, held), place), b.i32(-1)));
    });
  };
  const result = transform(scope, rowsOf(0), parts === 2 ? rowsOf(1) : undefined, outputs, isInverse);
  return [transposed(scope, reshaped(result, [...outer, outputs, 2]), inverse(order))];
}

/** Transforms of windows of a signal [batch, samples, 1]. */
function stft(scope: Scope): Value[] {
  const x = input(scope, 0);
  requireType(scope, x, "float32");
  const [step] = knownNumbers(scope, input(scope, 1), "the step");
  const [batch, samples, parts = 1] = x.shape;
  const window = scope.inputs[2];
  const lengthInput = scope.inputs[3];
  const length =
    lengthInput === undefined ? (window?.shape[0] ?? 0) : knownNumbers(scope, lengthInput, "the length")[0];
  if (parts !== 1) throw unsupported(scope, "complex signals");
  if (length < 1 || (window !== undefined && window.shape[0] !== length)) {
    throw mismatch(scope, "the window does not have the frame's length", { length, window: window?.shape });
  }
  if (!(step >= 1)) throw invalid(scope, "the step is below 1", { step });
  const frames = Math.floor((samples - length) / step) + 1;
  const shape = [batch, frames, length];
  const cut = view(scope, x, shape, [samples, step, 1], 0);
  const rows =
    window === undefined
      ? cut
      : map(scope, {
          elementType: "float32",
          shape,
          reads: [readAll(cut), { value: window, strides: [0, 0, stridesOf([length])[0]], offset: 0 }],
          define: (b, [word, weight]) => b.mul(word, weight),
        });
  const outputs = intAttribute(scope, "onesided", 1) === 0 ? length : Math.floor(length / 2) + 1;
  const result = transform(scope, reshaped(rows, [batch * frames, length]), undefined, outputs);
  return [reshaped(result, [batch, frames, outputs, 2])];
}

/** [frequencies, bands]: triangles over the bins between points that are evenly spaced on the mel scale. */
function melWeights(scope: Scope): Value[] {
  const [[bands], [length], [rate]] = [0, 1, 2].map((index) => knownNumbers(scope, input(scope, index), "a size"));
  const rows = Math.floor(length / 2) + 1;
  if (!(bands >= 1 && length >= 1 && rate >= 1)) throw invalid(scope, "a size is below 1", { bands, length, rate });
  requireSize(scope, rows * (bands + 2));
  const edges = [3, 4].map((index) => cast(scope, input(scope, index), "float32"));
  requireType(scope, edges[0], "float32");
  // 2595 log10(1 + f / 700) and back, by natural logarithms; natural units differ by a factor that cancels.
  const points = elementwise(
    scope,
    [...edges.map((edge) => reshaped(edge, [])), countsTo(bands + 2)],
    "float32",
    (b, low, high, place) => {
      const mel = (f: Register): Register => log(b, b.add(b.div(f, 700), 1));
      const at = b.fma(place, b.div(b.sub(mel(high), mel(low)), bands + 2), mel(low));
      const hertz = b.mul(b.sub(exp(b, at), 1), 700);
      return b.floor(b.div(b.mul(hertz, length + 1), rate));
    },
  );
  const { at } = known(scope, points, "the edges of the bands");
  if (at.kind !== "words") throw mismatch(scope, "the edges of the bands are no floats", {});
  const bins = Array.from(at.words, fromBits);
  const weights = new Float32Array(rows * bands);
  for (let band = 0; band < bands; band++) {
    const [low, center, high] = bins.slice(band, band + 3);
    for (let bin = Math.max(low, 0); bin <= center && bin < rows; bin++) {
      weights[bin * bands + band] = center === low ? 1 : (bin - low) / (center - low);
    }
    for (let bin = Math.max(center, 0); bin < high && bin < rows; bin++) {
      weights[bin * bands + band] = (high - bin) / (high - center);
    }
  }
  const result = knownWords([rows, bands], new Uint32Array(weights.buffer));
  return [cast(scope, result, elementTypeOfCode(scope, intAttribute(scope, "output_datatype", 1)))];
}

/** 0, 1 ... as floats. */
function countsTo(count: number): Value {
  return knownWords(
    [count],
    Uint32Array.from({ length: count }, (_, index) => toBits(index)),
  );
}

export const SIGNALS: OperatorTable = {
  MelWeightMatrix: melWeights,
  HannWindow: windowFunction(0.5, 0.5, 0),
  HammingWindow: windowFunction(25 / 46, 21 / 46, 0),
  BlackmanWindow: windowFunction(0.42, 0.5, 0.08),
  DFT: dft,
  STFT: stft,
};
