// The greatest error of every function of one argument that operators compute, over all binary32 arguments: operators are
// lowered as from a file, run on the compiled backend and compared with binary64. An error is counted in units of the last
// place (ulp) of the exact result; the last place of results below 2^-126 is 2^-149. A sweep that is cut short goes on from
// its state file. Refuses names of no function.
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { createWasmRunner } from "@lockstep/node/engine";
import { buildScalar, type ScalarBuilder, type Value } from "@lockstep/node/ir/build";
import type { ScalarProgram } from "@lockstep/node/ir/scalar";
import { importModel } from "@lockstep/node/onnx";
import * as math from "@lockstep/node/onnx/math";
import { modelOf, text } from "@lockstep/node/onnx/fixtures";
import * as reference from "./accuracy-reference.ts";
import { BenchError, type Row } from "./rows.ts";

/** A function and what it should be. */
interface Subject {
  /** Its program over a tensor of words. */
  program(length: number): ScalarProgram;
  reference(x: number): number;
  /**
   * Errors count in the last place of the result, or of this if it is larger: for functions that are a difference of like
   * numbers where their result is small.
   */
  floor?(x: number): number;
}

/** The program of an operator of one tensor. */
function operator(op: string, attributes: Parameters<typeof modelOf>[0]["nodes"][number]["attributes"] = {}) {
  return (length: number): ScalarProgram => {
    const { program } = importModel(
      modelOf({
        opset: 24,
        nodes: [{ op, inputs: ["x"], attributes }],
        inputs: { x: { dtype: "float32", shape: [length] } },
        outputs: ["y0"],
      }),
    );
    const [{ records }] = program.segments;
    if (records.length !== 1) throw new BenchError(`${op} is ${records.length} primitives, not one`);
    return program.scalars.get(records[0].scalar)!;
  };
}

function written(define: (b: ScalarBuilder, x: Value) => Value) {
  return (length: number): ScalarProgram =>
    buildScalar({ operands: ["f32"], output: "f32", extents: [length] }, (b) => define(b, b.load(0, b.digits[0])));
}

const halfOf = (x: number): number => Math.abs(x) / 2;

/** By the name of the row. `quickExp` is the exponential within softmax, `rsqrt` that of normalisations. */
export const SUBJECTS: Readonly<Record<string, Subject>> = {
  exp: { program: operator("Exp"), reference: Math.exp },
  quickExp: { program: written(math.quickExp), reference: Math.exp },
  log: { program: operator("Log"), reference: Math.log },
  tanh: { program: operator("Tanh"), reference: Math.tanh },
  sigmoid: { program: operator("Sigmoid"), reference: reference.sigmoid },
  erf: { program: operator("Erf"), reference: reference.erf },
  gelu: { program: operator("Gelu"), reference: reference.gelu, floor: halfOf },
  geluTanh: {
    program: operator("Gelu", { approximate: text("tanh") }),
    reference: reference.geluByTanh,
    floor: halfOf,
  },
  swish: { program: operator("Swish"), reference: (x) => x * reference.sigmoid(x) },
  softplus: { program: operator("Softplus"), reference: reference.softplus },
  mish: { program: operator("Mish"), reference: reference.mish },
  softsign: { program: operator("Softsign"), reference: (x) => x / (1 + Math.abs(x)) },
  sin: { program: operator("Sin"), reference: Math.sin },
  cos: { program: operator("Cos"), reference: Math.cos },
  tan: { program: operator("Tan"), reference: Math.tan },
  asin: { program: operator("Asin"), reference: Math.asin },
  acos: { program: operator("Acos"), reference: Math.acos },
  atan: { program: operator("Atan"), reference: Math.atan },
  sinh: { program: operator("Sinh"), reference: Math.sinh },
  cosh: { program: operator("Cosh"), reference: Math.cosh },
  asinh: { program: operator("Asinh"), reference: Math.asinh },
  acosh: { program: operator("Acosh"), reference: Math.acosh },
  atanh: { program: operator("Atanh"), reference: Math.atanh },
  sqrt: { program: operator("Sqrt"), reference: Math.sqrt },
  reciprocal: { program: operator("Reciprocal"), reference: (x) => 1 / x },
  rsqrt: { program: written((b, x) => b.div(1, b.sqrt(x))), reference: (x) => 1 / Math.sqrt(x) },
};

export interface SweepOptions {
  /** One in so many words is taken; 1 for all. */
  readonly stride: number;
  /** The first word, 0 unless given, and the one to stop before, 2^32 unless given. */
  readonly from?: number;
  readonly end?: number;
  /** Told after every 2^24 words: what was found up to the given word. */
  readonly onProgress?: (found: Found, next: number) => void;
  /** What an earlier part of the sweep found. */
  readonly before?: Found;
}

/** The greatest error, and the word of the argument where it is; infinite where only one of the two is NaN or infinite. */
export interface Found {
  readonly ulp: number;
  readonly at: number;
}

const BATCH = 1 << 16;
const REPORTED = 1 << 24;

/** Compares a function with its reference at every `stride`-th binary32 word. */
export function sweep(subject: Subject, options: SweepOptions): Found {
  const { stride, from = 0, end = 2 ** 32, onProgress = () => {}, before = { ulp: 0, at: 0 } } = options;
  const runner = createWasmRunner();
  const scalar = subject.program(BATCH);
  const inputs = new Uint32Array(BATCH);
  const outputs = new Uint32Array(BATCH);
  const [arguments_, results] = [new Float32Array(inputs.buffer), new Float32Array(outputs.buffer)];
  const { reference: exact, floor } = subject;
  let { ulp, at } = before;
  let reported = from;
  for (let first = from; first < end; first += BATCH * stride) {
    const count = Math.min(BATCH, Math.ceil((end - first) / stride));
    for (let index = 0; index < BATCH; index++) inputs[index] = index < count ? first + index * stride : 0;
    runner.run(scalar, 0, [inputs], outputs);
    for (let index = 0; index < count; index++) {
      const x = arguments_[index];
      const error = ulpError(results[index], exact(x), floor === undefined ? 0 : floor(x));
      if (error > ulp) [ulp, at] = [error, inputs[index]];
    }
    if (first - reported >= REPORTED) {
      reported = first;
      onProgress({ ulp, at }, first + BATCH * stride);
    }
  }
  return { ulp, at };
}

const doubles = new Float64Array(1);
const halves = new Uint32Array(doubles.buffer);
/** 2^(23 - e) by e + 127, for the exponents e of binary32 and the one of overflow. */
const PLACES = Float64Array.from({ length: 256 }, (_, index) => 2 ** (150 - index));
const MOST_FINITE = 2 ** 128;

/** Distance of a binary32 from the exact value in units of the last place of that, or of `floor` if it is larger. */
export function ulpError(found: number, exact: number, floor = 0): number {
  if (found === exact) return 0;
  if (Number.isNaN(found) || Number.isNaN(exact)) return Number.isNaN(found) && Number.isNaN(exact) ? 0 : Infinity;
  // An infinity stands for the first number out of range, of either side.
  const target = Math.min(Math.max(exact, -MOST_FINITE), MOST_FINITE);
  const value = Math.min(Math.max(found, -MOST_FINITE), MOST_FINITE);
  doubles[0] = Math.max(Math.abs(target), floor);
  const field = ((halves[1] >>> 20) & 0x7ff) - 896;
  return Math.abs(value - target) * PLACES[field < 1 ? 1 : field > 254 ? 254 : field];
}

export interface AccuracyOptions {
  /** One subject, or all. */
  readonly op?: string;
  /** A sample of a million words instead of all. */
  readonly quick?: boolean;
  /** A file that holds what was found so far, so that a sweep goes on where it was cut short. */
  readonly state?: string;
}

/** Words of which --quick takes one. Odd, so that every bit of them changes. */
const QUICK_STRIDE = 4099;

/** One row per subject, by its name: the greatest error, and the word of the argument where it is. */
export function accuracy({ op, quick = false, state }: AccuracyOptions = {}): Row[] {
  if (op !== undefined && !Object.hasOwn(SUBJECTS, op)) {
    throw new BenchError(`${JSON.stringify(op)} is none of ${Object.keys(SUBJECTS).join(", ")}`);
  }
  const names = op === undefined ? Object.keys(SUBJECTS) : [op];
  const done = state !== undefined && existsSync(state) ? readState(state) : {};
  return names.map((name) => {
    // A sample that was finished says nothing of a sweep.
    const key = quick ? `${name} quick` : name;
    const { next, ...before } = done[key] ?? { ulp: 0, at: 0, next: 0 };
    const save = (found: Found, upTo: number): void => {
      done[key] = { ...found, next: upTo };
      if (state !== undefined) writeFileSync(state, `${JSON.stringify(done, null, 2)}\n`);
    };
    const stride = quick ? QUICK_STRIDE : 1;
    const found = sweep(SUBJECTS[name], { stride, from: next, before, onProgress: save });
    save(found, 2 ** 32);
    return { name, value: found.ulp, unit: "ulp", baseline: null, ratio: null, at: hex(found.at) };
  });
}

type State = Partial<Record<string, Found & { readonly next: number }>>;

function readState(path: string): State {
  const parsed = parsedState(path);
  const isEntry = (entry: unknown): boolean =>
    typeof entry === "object" &&
    entry !== null &&
    ["ulp", "at", "next"].every((key) => typeof (entry as Record<string, unknown>)[key] === "number");
  if (typeof parsed !== "object" || parsed === null || !Object.values(parsed).every(isEntry)) {
    throw new BenchError(`${path} holds no state of a sweep`);
  }
  return parsed as State;
}

function parsedState(path: string): unknown {
  try {
    return JSON.parse(readFileSync(path, "utf8"));
  } catch {
    throw new BenchError(`${path} holds no state of a sweep`);
  }
}

function hex(word: number): string {
  return `0x${word.toString(16).padStart(8, "0")}`;
}
