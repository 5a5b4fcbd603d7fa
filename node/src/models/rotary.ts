/**
 * The cosines and sines of rotary positions (Su et al., "RoFormer"): table[position][i] of the angle
 * position * base^(-2i / size of a head). They are weights of a model file, so they are computed with float64 additions,
 * multiplications and divisions alone, which give the same bits on every machine, and rounded once.
 */

import type { OnnxTensor } from "../onnx/element-types.ts";

/** Two tables [positions, headSize / 2]. */
export function rotaryTables(
  positions: number,
  headSize: number,
  base: number,
): { cosines: OnnxTensor; sines: OnnxTensor } {
  const half = headSize / 2;
  const cosines = new Float32Array(positions * half);
  const sines = new Float32Array(positions * half);
  const logBase = logarithm(base);
  for (let i = 0; i < half; i++) {
    const frequency = exponential((-2 * i * logBase) / headSize);
    for (let position = 0; position < positions; position++) {
      const { cosine, sine } = cosineAndSine(position * frequency);
      cosines[position * half + i] = cosine;
      sines[position * half + i] = sine;
    }
  }
  const shape = [positions, half];
  return {
    cosines: { dtype: "float32", shape: [...shape], data: cosines },
    sines: { dtype: "float32", shape: [...shape], data: sines },
  };
}

const LN2 = 0.6931471805599453;
const HALF_PI_HIGH = 1.5707963267341256; // 33 bits, so that its products with integers below 2^20 are exact
const HALF_PI_LOW = 6.077100506506192e-11;

/** Natural logarithm of a number above 0. */
function logarithm(x: number): number {
  let exponent = 0;
  let m = x;
  for (; m > 1.5; m /= 2) exponent++;
  for (; m < 0.75; m *= 2) exponent--;
  const t = (m - 1) / (m + 1);
  let sum = 0;
  for (let n = 41; n >= 1; n -= 2) sum = sum * t * t + 1 / n;
  return 2 * t * sum + exponent * LN2;
}

/** e to a power of at most a few hundred. */
function exponential(x: number): number {
  const halvings = Math.round(x / LN2);
  const rest = x - halvings * LN2;
  let sum = 1;
  for (let n = 20; n >= 1; n--) sum = 1 + (rest / n) * sum;
  for (let n = halvings; n < 0; n++) sum /= 2;
  for (let n = halvings; n > 0; n--) sum *= 2;
  return sum;
}

/** Of an angle from 0 to 2^20. */
function cosineAndSine(angle: number): { cosine: number; sine: number } {
  const quarters = Math.round(angle / (HALF_PI_HIGH + HALF_PI_LOW));
  const rest = angle - quarters * HALF_PI_HIGH - quarters * HALF_PI_LOW;
  const square = rest * rest;
  let cosine = 1;
  let sine = 1;
  for (let n = 18; n >= 2; n -= 2) {
    cosine = 1 - (square / (n * (n - 1))) * cosine;
    sine = 1 - (square / (n * (n + 1))) * sine;
  }
  sine *= rest;
  switch (quarters % 4) {
    case 0:
      return { cosine, sine };
    case 1:
      return { cosine: -sine, sine: cosine };
    case 2:
      return { cosine: -cosine, sine: -sine };
    default:
      return { cosine: sine, sine: -cosine };
  }
}
