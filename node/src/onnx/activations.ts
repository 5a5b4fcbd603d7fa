/**
 * The activation functions of recurrent networks (numerics, "Lowering"), with their parameters and the clipping in front of
 * them. Refuses names that the standard does not have, and parameters that are missing.
 */

import type { ScalarBuilder, Value as Register } from "../ir/build.ts";
import * as math from "./math.ts";
import { attribute, unsupported } from "./node.ts";
import type { Scope } from "./node.ts";

export type Activation = (b: ScalarBuilder, x: Register) => Register;

/** A function of x, alpha and beta, and what these are where they are not given. */
interface Row {
  readonly alpha?: number;
  readonly beta?: number;
  readonly apply: (b: ScalarBuilder, x: Register, alpha: number, beta: number) => Register;
}

const ROWS: Readonly<Record<string, Row>> = {
  sigmoid: { apply: math.sigmoid },
  tanh: { apply: math.tanh },
  relu: { apply: (b, x) => b.max(x, 0) },
  softsign: { apply: (b, x) => b.div(x, b.add(b.abs(x), 1)) },
  softplus: { apply: math.softplus },
  affine: { alpha: 1, beta: 0, apply: (b, x, alpha, beta) => b.fma(x, alpha, b.f32(beta)) },
  leakyrelu: { alpha: 0.01, apply: (b, x, alpha) => b.select(b.lt(x, 0), b.mul(x, alpha), x) },
  thresholdedrelu: { alpha: 1, apply: (b, x, alpha) => b.select(b.lt(x, alpha), b.f32(0), x) },
  scaledtanh: { alpha: 1, beta: 1, apply: (b, x, alpha, beta) => b.mul(math.tanh(b, b.mul(x, beta)), alpha) },
  hardsigmoid: {
    alpha: 0.2,
    beta: 0.5,
    apply: (b, x, alpha, beta) => b.max(b.min(b.fma(x, alpha, b.f32(beta)), 1), 0),
  },
  elu: { alpha: 1, apply: (b, x, alpha) => b.select(b.lt(x, 0), b.mul(b.sub(math.exp(b, x), 1), alpha), x) },
};

/** The activations a node names, or `defaults`. Parameters are consumed in order, by those functions that have them. */
export function activationsOf(scope: Scope, defaults: readonly string[]): Activation[] {
  const names = attribute(scope, "activations", "strings") ?? defaults;
  if (names.length !== defaults.length) {
    throw unsupported(scope, `${names.length} activations; ${defaults.length} are used`);
  }
  const alphas = [...(attribute(scope, "activation_alpha", "floats") ?? [])];
  const betas = [...(attribute(scope, "activation_beta", "floats") ?? [])];
  const clip = attribute(scope, "clip", "float");
  return names.map((name) => {
    const key = name.toLowerCase();
    if (!Object.hasOwn(ROWS, key)) throw unsupported(scope, `activation ${name}`);
    const { alpha, beta, apply } = ROWS[key];
    const first = alpha === undefined ? 0 : (alphas.shift() ?? alpha);
    const second = beta === undefined ? 0 : (betas.shift() ?? beta);
    const limited = (b: ScalarBuilder, x: Register): Register =>
      clip === undefined || clip <= 0 ? x : b.max(b.min(x, clip), -clip);
    return (b, x) => apply(b, limited(b, x), first, second);
  });
}
