// The digit network in plain float64 loops, forward and backward: two rounds of 3x3 convolution (zero border of 1), ReLU and
// 2x2 max pooling, then one dense layer to ten scores and a softmax. It trains the example and checks the exported file; it is
// no part of what Lockstep claims or disputes.

import type { Random } from "./random.ts";
import { SIZE } from "./render.ts";

export const CLASSES = 10;
/** Channels after each convolution. */
export const CHANNELS = [8, 16] as const;
const [C1, C2] = CHANNELS;
const HALF = SIZE / 2;
const QUARTER = SIZE / 4;
/** Length of the flattened input of the dense layer, [channel, row, column]. */
export const FEATURES = C2 * QUARTER * QUARTER;

/** Trained numbers: convolution weights [out, in, 3, 3], dense weights [10, FEATURES], one bias for each output. */
export interface Parameters {
  conv1: Float64Array;
  bias1: Float64Array;
  conv2: Float64Array;
  bias2: Float64Array;
  dense: Float64Array;
  bias3: Float64Array;
}

/** The names of the parameters, in the order of the network. */
export const PARAMETER_NAMES = ["conv1", "bias1", "conv2", "bias2", "dense", "bias3"] as const;

/** What a pass through the network keeps. Pictures of a convolution's input have their border of zeros. */
export interface Workspace {
  input: Float64Array;
  conv1: Float64Array;
  pool1: Float64Array;
  from1: Int32Array;
  conv2: Float64Array;
  pool2: Float64Array;
  from2: Int32Array;
  probabilities: Float64Array;
}

/** Random weights, He-scaled, and zero biases. */
export function initialParameters(draw: Random): Parameters {
  const weights = (count: number, fanIn: number): Float64Array =>
    Float64Array.from({ length: count }, () => Math.sqrt(2 / fanIn) * draw.bell());
  return {
    conv1: weights(C1 * 9, 9),
    bias1: new Float64Array(C1),
    conv2: weights(C2 * C1 * 9, C1 * 9),
    bias2: new Float64Array(C2),
    dense: weights(CLASSES * FEATURES, FEATURES),
    bias3: new Float64Array(CLASSES),
  };
}

/** Zeros of the parameters' shapes. */
export function zeroParameters(): Parameters {
  return {
    conv1: new Float64Array(C1 * 9),
    bias1: new Float64Array(C1),
    conv2: new Float64Array(C2 * C1 * 9),
    bias2: new Float64Array(C2),
    dense: new Float64Array(CLASSES * FEATURES),
    bias3: new Float64Array(CLASSES),
  };
}

export function makeWorkspace(): Workspace {
  return {
    input: new Float64Array((SIZE + 2) * (SIZE + 2)),
    conv1: new Float64Array(C1 * SIZE * SIZE),
    pool1: new Float64Array(C1 * (HALF + 2) * (HALF + 2)),
    from1: new Int32Array(C1 * HALF * HALF),
    conv2: new Float64Array(C2 * HALF * HALF),
    pool2: new Float64Array(FEATURES),
    from2: new Int32Array(FEATURES),
    probabilities: new Float64Array(CLASSES),
  };
}

/** Runs the network on a picture of SIZE * SIZE; the result is `space.probabilities`, which the next call overwrites. */
export function forward(parameters: Parameters, picture: ArrayLike<number>, space: Workspace): Float64Array {
  for (let y = 0; y < SIZE; y++) {
    for (let x = 0; x < SIZE; x++) space.input[(y + 1) * (SIZE + 2) + x + 1] = picture[y * SIZE + x]!;
  }
  convolve(space.input, 1, parameters.conv1, parameters.bias1, space.conv1, SIZE);
  poolRelu(space.conv1, C1, SIZE, space.pool1, 1, space.from1);
  convolve(space.pool1, C1, parameters.conv2, parameters.bias2, space.conv2, HALF);
  poolRelu(space.conv2, C2, HALF, space.pool2, 0, space.from2);
  denseSoftmax(parameters.dense, parameters.bias3, space.pool2, space.probabilities);
  return space.probabilities;
}

/** Adds the gradient of the cross-entropy at `label`, for the picture `forward` just saw in `space`, to `gradient`. */
export function backward(parameters: Parameters, label: number, space: Workspace, gradient: Parameters): void {
  const score = space.probabilities.slice();
  score[label]! -= 1;
  const features = backDense(parameters.dense, score, space.pool2, gradient.dense, gradient.bias3);
  const atConv2 = unpool(features, C2, QUARTER, 0, space.from2, space.conv2.length);
  const atPool1 = backConvolve(space.pool1, C1, parameters.conv2, atConv2, HALF, gradient.conv2, gradient.bias2);
  const atConv1 = unpool(atPool1, C1, HALF, 1, space.from1, space.conv1.length);
  backConvolve(space.input, 1, parameters.conv1, atConv1, SIZE, gradient.conv1, gradient.bias1);
}

/** scores = weights x + bias, then their softmax. Weights are [CLASSES, x.length]. */
export function denseSoftmax(weights: Float64Array, bias: Float64Array, x: ArrayLike<number>, out: Float64Array): void {
  for (let k = 0; k < CLASSES; k++) {
    let sum = bias[k]!;
    for (let i = 0; i < x.length; i++) sum += weights[k * x.length + i]! * x[i]!;
    out[k] = sum;
  }
  const largest = out.reduce((a, b) => Math.max(a, b));
  let total = 0;
  for (let k = 0; k < CLASSES; k++) {
    out[k] = exponential(out[k]! - largest);
    total += out[k]!;
  }
  for (let k = 0; k < CLASSES; k++) out[k]! /= total;
}

/** Adds the dense layer's gradients for the scores' gradient and returns that of its input. */
export function backDense(
  weights: Float64Array,
  score: Float64Array,
  x: ArrayLike<number>,
  weightGradient: Float64Array,
  biasGradient: Float64Array,
): Float64Array {
  const out = new Float64Array(x.length);
  for (let k = 0; k < CLASSES; k++) {
    const g = score[k]!;
    biasGradient[k]! += g;
    for (let i = 0; i < x.length; i++) {
      weightGradient[k * x.length + i]! += g * x[i]!;
      out[i]! += g * weights[k * x.length + i]!;
    }
  }
  return out;
}

/** Index of the largest probability. */
export function decide(probabilities: ArrayLike<number>): number {
  let best = 0;
  for (let k = 1; k < probabilities.length; k++) if (probabilities[k]! > probabilities[best]!) best = k;
  return best;
}

// e^x for x <= 0. Engines differ in Math.exp; with this the trained file is the same everywhere.
function exponential(x: number): number {
  if (x < -700) return 0;
  const k = Math.round(x * 1.4426950408889634);
  const r = x - k * 0.6931471805599453;
  let term = 1;
  let sum = 1;
  for (let n = 1; n <= 14; n++) {
    term *= r / n;
    sum += term;
  }
  for (let n = 0; n > k; n--) sum /= 2;
  return sum;
}

// `source` has `channels` pictures of (size + 2)^2; `out` gets one of size^2 for each bias.
function convolve(
  source: Float64Array,
  channels: number,
  weights: Float64Array,
  bias: Float64Array,
  out: Float64Array,
  size: number,
): void {
  const row = size + 2;
  for (let o = 0; o < bias.length; o++) {
    const target = o * size * size;
    out.fill(bias[o]!, target, target + size * size);
    for (let c = 0; c < channels; c++) {
      for (let tap = 0; tap < 9; tap++) {
        const weight = weights[(o * channels + c) * 9 + tap]!;
        const origin = c * row * row + Math.floor(tap / 3) * row + (tap % 3);
        for (let y = 0; y < size; y++) {
          const from = origin + y * row;
          const to = target + y * size;
          for (let x = 0; x < size; x++) out[to + x]! += weight * source[from + x]!;
        }
      }
    }
  }
}

// Adds the gradients of weights and bias; returns that of the source, border included.
function backConvolve(
  source: Float64Array,
  channels: number,
  weights: Float64Array,
  gradient: Float64Array,
  size: number,
  weightGradient: Float64Array,
  biasGradient: Float64Array,
): Float64Array {
  const row = size + 2;
  const out = new Float64Array(source.length);
  for (let o = 0; o < biasGradient.length; o++) {
    const target = o * size * size;
    for (let i = 0; i < size * size; i++) biasGradient[o]! += gradient[target + i]!;
    for (let c = 0; c < channels; c++) {
      for (let tap = 0; tap < 9; tap++) {
        const index = (o * channels + c) * 9 + tap;
        const weight = weights[index]!;
        const origin = c * row * row + Math.floor(tap / 3) * row + (tap % 3);
        let sum = 0;
        for (let y = 0; y < size; y++) {
          const from = origin + y * row;
          const to = target + y * size;
          for (let x = 0; x < size; x++) {
            const g = gradient[to + x]!;
            sum += g * source[from + x]!;
            out[from + x]! += weight * g;
          }
        }
        weightGradient[index]! += sum;
      }
    }
  }
  return out;
}

// The largest of each 2x2 block, or 0 where none is positive (ReLU); `from` is its index, -1 for the 0. `out` has a border.
function poolRelu(
  source: Float64Array,
  channels: number,
  size: number,
  out: Float64Array,
  border: number,
  from: Int32Array,
): void {
  const half = size / 2;
  const row = half + 2 * border;
  for (let c = 0; c < channels; c++) {
    for (let y = 0; y < half; y++) {
      for (let x = 0; x < half; x++) {
        let largest = 0;
        let where = -1;
        for (let tap = 0; tap < 4; tap++) {
          const index = (c * size + 2 * y + (tap >> 1)) * size + 2 * x + (tap & 1);
          if (source[index]! > largest) {
            largest = source[index]!;
            where = index;
          }
        }
        out[(c * row + y + border) * row + x + border] = largest;
        from[(c * half + y) * half + x] = where;
      }
    }
  }
}

function unpool(
  gradient: Float64Array,
  channels: number,
  half: number,
  border: number,
  from: Int32Array,
  length: number,
): Float64Array {
  const row = half + 2 * border;
  const out = new Float64Array(length);
  for (let c = 0; c < channels; c++) {
    for (let y = 0; y < half; y++) {
      for (let x = 0; x < half; x++) {
        const where = from[(c * half + y) * half + x]!;
        if (where >= 0) out[where] = gradient[(c * row + y + border) * row + x + border]!;
      }
    }
  }
  return out;
}
