// One model on one tier beside onnxruntime, in a process of its own: flags of V8, threads and memory do not outlive it. Takes a
// Task as JSON, prints a list of Results as JSON.
import { sharedHasher, tensorRoot } from "@lockstep/node/merkle";
import { IDLE_POOL_MS, openReference } from "./reference.ts";
import { loadSubject } from "./subject.ts";
import { engineOf, type Tier } from "./tiers.ts";
import { alternate } from "./timing.ts";

/** A written model, how to specialise it, and on what to run it. */
export interface Task {
  path: string;
  dims: Readonly<Record<string, number>>;
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

if (import.meta.main) console.log(JSON.stringify(await measure(JSON.parse(process.argv[2]) as Task)));

async function measure({ path, dims, tier, threads: counts, budgetMs }: Task): Promise<Result[]> {
  const results: Result[] = [];
  for (const threads of counts) {
    const engine = engineOf(tier, threads);
    if (engine === null) continue;
    const { feeds, outputs, run } = loadSubject(path, dims, engine);
    const reference = await openReference(path, feeds, threads);
    const made = run();
    const differences = outputs.map(({ name }, index) => differenceOf(made[index], reference.output(name)));
    const root = made.map((words) => tensorRoot(words, sharedHasher())).join();
    const settle = threads > 1 ? IDLE_POOL_MS : 0;
    const [ms, referenceMs] = await alternate([{ run }, { run: reference.run, settle }], { budgetMs, rounds: 5 });
    await reference.close();
    results.push({ threads, ms, referenceMs, root, difference: Math.max(...differences) });
  }
  return results;
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
