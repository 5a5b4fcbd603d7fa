// One model on one tier beside onnxruntime, in a process of its own: flags of V8, threads and memory do not outlive it. Takes a
// Task as JSON, prints a list of Results as JSON.
import type { Engine } from "@lockstep/node/engine";
import { sharedHasher, tensorRoot } from "@lockstep/node/merkle";
import { loadSteps, openGeneration } from "./generation.ts";
import { modelNamed, type BenchDecoder, type BenchModel } from "./models.ts";
import { IDLE_POOL_MS, openReference, openReferenceDecoder } from "./reference.ts";
import { loadSubject } from "./subject.ts";
import { engineOf, type Tier } from "./tiers.ts";
import { alternate } from "./timing.ts";

/** A written model, and on what to run it. */
export interface Task {
  name: string;
  path: string;
  tier: Tier;
  threads: readonly number[];
  /** How long a row is measured, in ms. */
  budgetMs: number;
}

/** Medians in ms. `root` names the outputs' bits; `difference` is relative to the largest value of an output. */
export interface Result {
  threads: number;
  ms: number;
  referenceMs: number;
  root: string;
  difference: number;
}

/** Two runtimes that are ready to be timed, and what they gave. */
interface Pair {
  readonly root: string;
  readonly difference: number;
  run(): unknown;
  runReference(): Promise<void>;
  close(): Promise<void>;
}

/** Tokens of a decoder's prompt. */
const PROMPT = 56;
/** Steps that are checked: then onnxruntime's text has 64 tokens, on which it is timed. */
const CHECKED = 9;
/** Steps of one token that are timed; on average, the text before them has 64 tokens too. */
const STEPS = 17;

if (import.meta.main) console.log(JSON.stringify(await measure(JSON.parse(process.argv[2]) as Task)));

async function measure({ name, path, tier, threads: counts, budgetMs }: Task): Promise<Result[]> {
  const model = modelNamed(name);
  const results: Result[] = [];
  for (const threads of counts) {
    const engine = engineOf(tier, threads);
    if (engine === null) continue;
    const { root, difference, run, runReference, close } =
      model.kind === "decoder"
        ? await openDecoders(path, model, engine, threads)
        : await open(path, model, engine, threads);
    const settle = threads > 1 ? IDLE_POOL_MS : 0;
    const [ms, referenceMs] = await alternate([{ run }, { run: runReference, settle }], { budgetMs, rounds: 5 });
    await close();
    results.push({ threads, ms, referenceMs, root, difference });
  }
  return results;
}

async function open(path: string, { dims }: BenchModel, engine: Engine, threads: number): Promise<Pair> {
  const { feeds, outputs, run } = loadSubject(path, dims, engine);
  const reference = await openReference(path, feeds, threads);
  const made = run();
  const differences = outputs.map(({ name }, index) => differenceOf(made[index], reference.output(name)));
  return {
    root: rootsOf(made),
    difference: Math.max(...differences),
    run,
    runReference: reference.run,
    close: reference.close,
  };
}

// onnxruntime continues the text that Lockstep makes, so that small differences do not lead to others.
async function openDecoders(path: string, decoder: BenchDecoder, engine: Engine, threads: number): Promise<Pair> {
  const generation = openGeneration(path, decoder, { prompt: PROMPT, tokens: STEPS + 1, logits: true });
  const advance = loadSteps(generation, engine);
  generation.close();
  const reference = await openReferenceDecoder(path, decoder, threads);
  const roots: string[] = [];
  let difference = 0;
  let next = generation.prompt;
  for (let step = 0; step < CHECKED; step++) {
    const made = advance(step);
    roots.push(rootsOf([made.logits, made.tokens]));
    const expected = await reference.append(next);
    const token = made.tokens[step];
    const best = expected.reduce((a, b) => Math.max(a, b));
    difference = Math.max(difference, differenceOf(made.logits, expected), (best - expected[token]) / Math.abs(best));
    next = [token];
  }
  const runReference = await reference.step(next[0]);
  let step = 0;
  return {
    root: roots.join(),
    difference,
    run: () => advance(1 + (step++ % STEPS)),
    runReference,
    close: reference.close,
  };
}

function rootsOf(tensors: readonly Uint32Array[]): string {
  return tensors.map((words) => tensorRoot(words, sharedHasher())).join();
}

/** The largest difference as a part of the largest value; NaN and infinities that are not on both sides count as infinite. */
export function differenceOf(words: Uint32Array, expected: Float32Array): number {
  const values = new Float32Array(words.buffer, words.byteOffset, words.length);
  if (values.length !== expected.length) return Infinity;
  let [largest, difference] = [0, 0];
  for (let index = 0; index < values.length; index++) {
    const [value, wanted] = [values[index], expected[index]];
    if (Number.isFinite(wanted)) largest = Math.max(largest, Math.abs(wanted));
    if (Object.is(value, wanted)) continue;
    const apart = Math.abs(value - wanted);
    difference = Math.max(difference, Number.isNaN(apart) ? Infinity : apart);
  }
  return difference === 0 ? 0 : difference / largest;
}
