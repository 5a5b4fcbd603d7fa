/** `lockstep dispute`: seeded trials of whole disputes, with a lie in every one. */
import { z } from "zod";
import { defineCommand, integer, OptionError, text } from "../command.ts";
import { table } from "../format.ts";
import { withFuzzChain } from "../fuzz/chain.ts";
import { playRun, type FuzzRun } from "../fuzz/fuzz.ts";
import { StoppedError } from "../stop.ts";

const runSchema = z.object({
  run: z.int(),
  kind: z.string(),
  steps: z.int(),
  primitives: z.int(),
  /** element, padding, carried, slot, output, or flaw for an invalid program. */
  place: z.string(),
  lie: z.string(),
  ending: z.enum(["walk", "walk without commitment", "direct proof", "silence"]),
  moves: z.int(),
  /** Of the fraud proof that was shown; null when the liar fell silent. */
  proofKind: z.int().nullable(),
  slashed: z.boolean(),
  /** Attacks that the honest claim over the same program survived. */
  attacks: z.int(),
  honestLost: z.boolean(),
  failure: z.string().nullable(),
});

export const disputeFuzz = defineCommand({
  path: ["dispute", "fuzz"],
  summary: "play seeded disputes over models of every kind: each lie must be slashed, no honest claim lost",
  flags: [
    { flag: "--runs <count>", summary: "how many", default: "20" },
    { flag: "--seed <number>", summary: "everything is drawn from it", default: "1" },
    { flag: "--only <run>", summary: "repeat this one run of the seed" },
  ],
  examples: ["lockstep dispute fuzz --runs 200 --seed 1 --json", "lockstep dispute fuzz --seed 1 --only 17"],
  result: z.object({
    seed: z.int(),
    runs: z.int(),
    slashed: z.int(),
    honestLosses: z.int(),
    seconds: z.number(),
    /** Runs by the kind of their model, by the place of the lie, and by how it was caught. */
    byKind: z.record(z.string(), z.int()),
    byPlace: z.record(z.string(), z.int()),
    byEnding: z.record(z.string(), z.int()),
    failures: z.array(runSchema),
    results: z.array(runSchema),
  }),
  async run(input) {
    const seed = integer(input, "seed", 0, 2 ** 32 - 1) ?? 1;
    const count = integer(input, "runs", 1, 100_000) ?? 20;
    const only = integer(input, "only", 0, 100_000);
    if (only !== undefined && text(input, "runs") !== undefined) {
      throw new OptionError("only", String(only), "no --runs beside it, since it is one run");
    }
    const numbers = only === undefined ? Array.from({ length: count }, (_, run) => run) : [only];
    const started = performance.now();
    const results: FuzzRun[] = [];
    await withFuzzChain({ log: input.log, signal: input.signal }, async (chain) => {
      for (const run of numbers) {
        if (input.signal.aborted) throw new StoppedError();
        const result = await playRun(chain, seed, run);
        results.push(result);
        process.stderr.write(`${lineOf(seed, result)}\n`);
      }
    });
    const failures = results.filter(({ failure }) => failure !== null);
    const result = {
      seed,
      runs: results.length,
      slashed: results.filter(({ slashed }) => slashed).length,
      honestLosses: results.filter(({ honestLost }) => honestLost).length,
      seconds: Math.round(performance.now() - started) / 1000,
      byKind: countBy(results, ({ kind }) => kind),
      byPlace: countBy(results, ({ place }) => place),
      byEnding: countBy(results, ({ ending }) => ending),
      failures,
      results,
    };
    const rows = Object.entries(result.byKind).map(([kind, runs]) => {
      const own = results.filter((one) => one.kind === kind);
      return [kind, String(runs), String(own.filter(({ slashed }) => slashed).length)];
    });
    const lines = [
      table(["kind", "runs", "slashed"], rows),
      "",
      `seed ${seed}: ${result.runs} runs, ${result.slashed} slashed, ${result.honestLosses} honest losses`,
      ...failures.map(({ run }) => `repeat with: lockstep dispute fuzz --seed ${seed} --only ${run}`),
    ].join("\n");
    return { result, text: lines, exitCode: failures.length > 0 ? 1 : 0 };
  },
});

function lineOf(seed: number, { run, kind, place, lie, ending, moves, slashed, failure }: FuzzRun): string {
  const end = failure ?? (slashed ? "slashed" : "not slashed");
  return `seed ${seed} run ${run}: ${kind}, ${place} ${lie}, ${ending} after ${moves} moves: ${end}`;
}

function countBy(results: readonly FuzzRun[], keyOf: (run: FuzzRun) => string): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const result of results) counts[keyOf(result)] = (counts[keyOf(result)] ?? 0) + 1;
  return counts;
}
