// Functions of one argument in binary64, right to well below 2^-45 of their value: what errors in the last place of binary32
// are measured against. They use the host's Math, so they are a yardstick and no part of any claim; accuracy.test.ts checks
// them, on this host, against integer arithmetic of 200 bits.

/** 1 / (1 + e^-x). */
export function sigmoid(x: number): number {
  return x < 0 ? Math.exp(x) / (1 + Math.exp(x)) : 1 / (1 + Math.exp(-x));
}

/** ln(1 + e^x). */
export function softplus(x: number): number {
  return Math.max(x, 0) + Math.log1p(Math.exp(-Math.abs(x)));
}

/** tanh(ln(1 + e^x)) * x. */
export function mish(x: number): number {
  // With n = e^x the tangent is (n^2 + 2n) / (n^2 + 2n + 2).
  const n = Math.exp(Math.min(x, 40));
  return (x * n * (n + 2)) / (n * (n + 2) + 2);
}

/** From here on erf(x) is 1 within 2^-57. */
const ERF_END = 6.2;
const TWO_OVER_ROOT_PI = 1.1283791670955126;

/** The error function, for binary32 x: then x^2 is exact. */
export function erf(x: number): number {
  const t = Math.abs(x);
  if (!(t < ERF_END)) return Math.sign(x);
  // Of the series for small x, two terms are enough.
  if (t < 2 ** -12) return TWO_OVER_ROOT_PI * x * (1 - (x * x) / 3);
  if (t < 3) return Math.sign(x) * erfBySeries(t);
  return Math.sign(x) * (1 - erfcByFraction(t));
}

/** 1 - erf(x), for binary32 x. */
export function erfc(x: number): number {
  return x < 0.5 ? 1 - erf(x) : x < 3 ? 1 - erfBySeries(x) : erfcByFraction(x);
}

// 2/sqrt(pi) e^(-t^2) * sum of 2^n t^(2n+1) / (1 * 3 * ... * (2n+1)): every term is positive, so nothing cancels.
function erfBySeries(t: number): number {
  let term = t;
  let sum = t;
  for (let n = 1; term > sum * 2 ** -55; n++) {
    term *= (2 * t * t) / (2 * n + 1);
    sum += term;
  }
  return TWO_OVER_ROOT_PI * Math.exp(-t * t) * sum;
}

// e^(-t^2)/sqrt(pi) / (t + 1/2 / (t + 1 / (t + 3/2 / (t + ...)))).
function erfcByFraction(t: number): number {
  let fraction = 0;
  for (let n = 60; n >= 1; n--) fraction = n / 2 / (t + fraction);
  return ((TWO_OVER_ROOT_PI / 2) * Math.exp(-t * t)) / (t + fraction);
}

/** x * Phi(x). */
export function gelu(x: number): number {
  return x > -6 ? 0.5 * x * (1 + erfOfRoot(x)) : 0.5 * x * erfcByFraction(-x * Math.SQRT1_2);
}

// erf(x / sqrt(2)). The argument is rounded, which moves the result by less than 2^-53 of x.
function erfOfRoot(x: number): number {
  return erf(x * Math.SQRT1_2);
}

/** x/2 * (1 + tanh(sqrt(2/pi) * (x + 0.044715 x^3))). */
export function geluByTanh(x: number): number {
  return x * sigmoid(2 * Math.sqrt(2 / Math.PI) * (x + 0.044715 * x ** 3));
}
