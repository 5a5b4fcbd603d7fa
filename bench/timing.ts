// How long things take, measured side by side: candidates alternate within one process, and medians are compared.

/** Something to be timed. `settle` is how long it keeps the machine busy after it has returned, in ms. */
export interface Candidate {
  run(): unknown;
  settle?: number;
}

export interface Timing {
  /** Of all rounds together, beside the warm-up. */
  budgetMs: number;
  /** At least this many rounds, whatever they take. */
  rounds: number;
}

/** A batch is long enough for the clock, and for work that is handed to other threads to be the rule. */
const BATCH_MS = 20;
/** Compilers take a few calls to give their best code. */
const WARM_MS = 500;
const WARM_CALLS = 4;

/** The median time of one run of each candidate, in ms. */
export async function alternate(candidates: readonly Candidate[], { budgetMs, rounds }: Timing): Promise<number[]> {
  const counts: number[] = [];
  for (const candidate of candidates) counts.push(await batchOf(candidate));
  const times: number[][] = candidates.map(() => []);
  const start = performance.now();
  for (let round = 0; round < rounds || performance.now() - start < budgetMs; round++) {
    for (const [index, candidate] of candidates.entries()) {
      times[index].push(await timeOf(candidate, counts[index]));
      await settle(candidate);
    }
  }
  return times.map(median);
}

/** The middle of the times, the upper one of two. */
export function median(times: readonly number[]): number {
  return times.toSorted((a, b) => a - b)[Math.floor(times.length / 2)];
}

async function batchOf(candidate: Candidate): Promise<number> {
  const start = performance.now();
  let calls = 0;
  let last = 0;
  for (; calls < WARM_CALLS || performance.now() - start < WARM_MS; calls++) last = await timeOf(candidate, 1);
  await settle(candidate);
  return Math.max(1, Math.round(BATCH_MS / Math.max(last, 0.001)));
}

async function timeOf(candidate: Candidate, count: number): Promise<number> {
  const start = performance.now();
  for (let call = 0; call < count; call++) {
    const pending = candidate.run();
    // What is ready at once is not made to wait for a turn of the event loop.
    if (pending instanceof Promise) await pending;
  }
  return (performance.now() - start) / count;
}

async function settle({ settle: wait = 0 }: Candidate): Promise<void> {
  if (wait > 0) await new Promise((resolve) => setTimeout(resolve, wait));
}
