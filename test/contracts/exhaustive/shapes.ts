// Tiny programs for every line of play to be tried on: chains of a few primitives over a slot, a few chunks long, for a few steps.
// And every place in them where a lie can stand, as far as lies are walked to or proven differently.
import { chain, runFixture, singleWord, type Fixture } from "@lockstep/node/engine/fixtures";
import type { Run, Tamper } from "@lockstep/node/engine";

export interface Shape {
  name: string;
  fixture: Fixture;
  steps: number;
  primitives: number;
  /** Words of every tensor. */
  length: number;
  /** Slots and outputs. */
  items: number;
}

/** A chain of `primitives` over tensors of `chunks` chunks, the last one half full, for `steps` steps. */
export function shapeOf(primitives: number, chunks: number, steps: number): Shape {
  const length = 256 * chunks - 128;
  const name = `${primitives} primitives of ${chunks} chunks, ${steps} steps`;
  return { name, fixture: chain(primitives, length), steps, primitives, length, items: 2 };
}

/** One word, one primitive, one step: every tree is a leaf. */
export const WORD: Shape = {
  name: "one word",
  fixture: singleWord(),
  steps: 1,
  primitives: 1,
  length: 1,
  items: 1,
};

/** The first and the last word of every chunk of every primitive in every step, padding, and every item of the state. */
export function liesOf({ steps, primitives, length, items }: Shape): Tamper[] {
  const chunks = Math.ceil(length / 256);
  const elements = [0, length - 1, length, 256 * chunks - 1];
  for (let chunk = 1; chunk < chunks; chunk++) elements.push(256 * chunk - 1, 256 * chunk);
  const lies: Tamper[] = [];
  for (let step = 0; step < steps; step++) {
    for (let primitive = 0; primitive < primitives; primitive++) {
      for (const element of new Set(elements)) lies.push({ step, primitive, element, xor: 1 });
    }
    for (let item = 0; item < items; item++) lies.push({ step, item, element: 0, xor: 1 });
  }
  return lies;
}

export function honestRun({ fixture, steps }: Shape, trace: "full" | "deferred"): Run {
  return runFixture(fixture, steps, { trace });
}

export function lyingRun({ fixture, steps }: Shape, trace: "full" | "deferred", tamper: Tamper): Run {
  return runFixture(fixture, steps, { trace, tamper });
}
