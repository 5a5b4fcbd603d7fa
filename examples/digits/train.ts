// Trains the digit network and writes digits.onnx and one sample picture of each digit (samples/input-<digit>.npy) beside
// itself, then measures both the network and a linear classifier on pictures from another seed. Same seeds, same files.

import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { dump } from "npyjs";
import { serializeModel } from "@lockstep/node/onnx";
import { CLASSES, forward, makeWorkspace } from "./network.ts";
import { digitsModel } from "./onnx-file.ts";
import { random } from "./random.ts";
import { renderDigit, SIZE } from "./render.ts";
import { accuracy, BATCH, trainLinear, trainNetwork } from "./training.ts";

const TRAINING_SEED = 1;
const HELD_OUT_SEED = 2;
const SAMPLE_SEED = 3;
const STEPS = 3000;
const HELD_OUT = 10_000;
const REPORT_STEPS = 100;

const started = performance.now();
const seconds = (): string => ((performance.now() - started) / 1000).toFixed(0);

console.log(`training on ${STEPS * BATCH} pictures, seed ${TRAINING_SEED}`);
let sum = 0;
const parameters = trainNetwork(TRAINING_SEED, STEPS, (step, share) => {
  sum += share;
  if ((step + 1) % REPORT_STEPS !== 0) return;
  console.log(`step ${step + 1} of ${STEPS}: ${((100 * sum) / REPORT_STEPS).toFixed(1)}% right, ${seconds()} s`);
  sum = 0;
});

const bytes = serializeModel(digitsModel(parameters));
writeFileSync(join(import.meta.dirname, "digits.onnx"), bytes);
const samples = join(import.meta.dirname, "samples");
mkdirSync(samples, { recursive: true });
const draw = random(SAMPLE_SEED);
for (let digit = 0; digit < CLASSES; digit++) {
  const picture = renderDigit(digit, draw);
  const file = dump(picture, [1, 1, SIZE, SIZE]);
  writeFileSync(join(samples, `input-${digit}.npy`), new Uint8Array(file));
}
console.log(`wrote digits.onnx (${bytes.length} bytes) and ${CLASSES} samples`);

const space = makeWorkspace();
const network = accuracy((picture) => forward(parameters, picture, space), HELD_OUT_SEED, HELD_OUT);
const linear = accuracy(trainLinear(TRAINING_SEED, STEPS), HELD_OUT_SEED, HELD_OUT);
console.log(`right on ${HELD_OUT} held-out pictures, seed ${HELD_OUT_SEED}:`);
console.log(`  network ${(100 * network).toFixed(2)}%, linear classifier ${(100 * linear).toFixed(2)}%`);
