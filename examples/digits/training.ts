// Training and measuring of the digit network, and of a linear classifier to compare with: Adam on freshly drawn pictures, a
// step size that falls linearly to zero, everything from one seed. The same seed gives the same numbers on every machine.

import {
  backDense,
  backward,
  CLASSES,
  decide,
  denseSoftmax,
  forward,
  initialParameters,
  makeWorkspace,
  PARAMETER_NAMES,
  zeroParameters,
} from "./network.ts";
import type { Parameters } from "./network.ts";
import { random } from "./random.ts";
import type { Random } from "./random.ts";
import { renderDigit, SIZE } from "./render.ts";

/** Pictures in a step. */
export const BATCH = 32;
const STEP_SIZE = 0.003;
const DECAY_MEAN = 0.9;
const DECAY_SQUARE = 0.99;

/** Maps a picture to the probabilities of the ten digits. */
export type Classifier = (picture: Float32Array) => ArrayLike<number>;

/** Trains the network for `steps` batches; `report` is called after each with the share of the batch it got right. */
export function trainNetwork(seed: number, steps: number, report: (step: number, share: number) => void): Parameters {
  const draw = random(seed);
  const parameters = initialParameters(draw);
  const space = makeWorkspace();
  const gradient = zeroParameters();
  const pairs = PARAMETER_NAMES.map((name): [Float64Array, Float64Array] => [parameters[name], gradient[name]]);
  train(pairs, draw, steps, report, (picture, label) => {
    const right = decide(forward(parameters, picture, space)) === label;
    backward(parameters, label, space, gradient);
    return right;
  });
  return parameters;
}

/** Trains one dense layer on the pixels in the same way: what the task is without convolutions. */
export function trainLinear(seed: number, steps: number): Classifier {
  const draw = random(seed);
  const [weights, bias] = [new Float64Array(CLASSES * SIZE * SIZE), new Float64Array(CLASSES)];
  const [weightGradient, biasGradient] = [new Float64Array(weights.length), new Float64Array(CLASSES)];
  const out = new Float64Array(CLASSES);
  const pairs: [Float64Array, Float64Array][] = [
    [weights, weightGradient],
    [bias, biasGradient],
  ];
  train(pairs, draw, steps, undefined, (picture, label) => {
    denseSoftmax(weights, bias, picture, out);
    const right = decide(out) === label;
    out[label]! -= 1;
    backDense(weights, out, picture, weightGradient, biasGradient);
    return right;
  });
  return (picture) => {
    denseSoftmax(weights, bias, picture, out);
    return out;
  };
}

/** The share of `count` pictures drawn from `seed`, every digit equally often, that a classifier gets right. */
export function accuracy(classify: Classifier, seed: number, count: number): number {
  const draw = random(seed);
  let right = 0;
  for (let i = 0; i < count; i++) {
    if (decide(classify(renderDigit(i % CLASSES, draw))) === i % CLASSES) right += 1;
  }
  return right / count;
}

function train(
  pairs: [values: Float64Array, gradient: Float64Array][],
  draw: Random,
  steps: number,
  report: ((step: number, share: number) => void) | undefined,
  learn: (picture: Float32Array, label: number) => boolean,
): void {
  const means = pairs.map(([values]) => new Float64Array(values.length));
  const squares = pairs.map(([values]) => new Float64Array(values.length));
  let [meanPower, squarePower] = [1, 1];
  for (let step = 0; step < steps; step++) {
    for (const [, gradient] of pairs) gradient.fill(0);
    let right = 0;
    for (let i = 0; i < BATCH; i++) {
      const label = draw.below(CLASSES);
      if (learn(renderDigit(label, draw), label)) right += 1;
    }
    meanPower *= DECAY_MEAN;
    squarePower *= DECAY_SQUARE;
    const rate = STEP_SIZE * (1 - step / steps);
    pairs.forEach(([values, gradient], p) => {
      const [mean, square] = [means[p]!, squares[p]!];
      for (let i = 0; i < values.length; i++) {
        const g = gradient[i]! / BATCH;
        mean[i] = DECAY_MEAN * mean[i]! + (1 - DECAY_MEAN) * g;
        square[i] = DECAY_SQUARE * square[i]! + (1 - DECAY_SQUARE) * g * g;
        const scale = Math.sqrt(square[i]! / (1 - squarePower)) + 1e-8;
        values[i]! -= (rate * (mean[i]! / (1 - meanPower))) / scale;
      }
    });
    report?.(step, right / BATCH);
  }
}
