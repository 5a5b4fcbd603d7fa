/** `lockstep dispute`: seeded trials of whole disputes, with a lie in every one. */
import type { Logger } from "pino";
import { z } from "zod";
import { defineCommand, integer, OptionError, text } from "../command.ts";
import { table } from "../format.ts";
import { withFuzzChain, type FuzzChain } from "../fuzz/chain.ts";
import { playRun, type FuzzRun } from "../fuzz/fuzz.ts";
import { ENDINGS } from "../fuzz/play.ts";
import { PRIMITIVE_KINDS } from "../fuzz/primitive-kinds.ts";
import { StoppedError } from "../stop.ts";

/** Runs from which on a second chain pays. */
const MANY = 60;

const spreadSchema = z.object({ min: z.int(), median: z.int(), max: z.int() });

const runSchema = z.object({
  run: z.int(),
  kind: z.string(),
  trace: z.enum(["full", "deferred"]),
  steps: z.int(),
  primitives: z.int(),
  /** element, padding, carried, slot, output, input for a run on another input, or flaw for an invalid program. */
  place: z.string(),
  /** The kind of primitive that it is told in; null where there is none. */
  primitive: z.enum(PRIMITIVE_KINDS).nullable(),
  lie: z.string(),
  ending: z.enum(ENDINGS),
  /** Answers that the liar gave. */
  rounds: z.int(),
  /** What both sides spent on the dispute. */
  gas: z.int(),
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
    { flag: "--runs <count>", summary: "how many; 20 unless given" },
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
    byTrace: z.record(z.string(), z.int()),
    /** Runs by the kind of primitive that the lie was told in, every kind named. */
    byPrimitive: z.record(z.enum(PRIMITIVE_KINDS), z.int()),
    /** Answers of liars that were challenged, and the gas of all disputes, both sides together; null without such. */
    rounds: spreadSchema.nullable(),
    gas: spreadSchema.nullable(),
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
    await onChains(input, numbers, async (chain, run) => {
      const result = await playRun(chain, seed, run);
      results.push(result);
      process.stderr.write(`${lineOf(seed, result)}\n`);
    });
    results.sort((one, other) => one.run - other.run);
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
      byTrace: countBy(results, ({ trace }) => trace),
      byPrimitive: Object.fromEntries(
        PRIMITIVE_KINDS.map((name) => [name, results.filter(({ primitive }) => primitive === name).length]),
      ) as Record<(typeof PRIMITIVE_KINDS)[number], number>,
      rounds: spread(results.filter(({ rounds }) => rounds > 0).map(({ rounds }) => rounds)),
      gas: spread(results.filter(({ slashed }) => slashed).map(({ gas }) => gas)),
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
      ...(result.gas === null ? [] : [`gas of a dispute ${told(result.gas)}`]),
      ...(result.rounds === null ? [] : [`answers in a challenge ${told(result.rounds)}`]),
      `seed ${seed}: ${result.runs} runs, ${result.slashed} slashed, ${result.honestLosses} honest losses`,
      ...failures.map(({ run }) => `repeat with: lockstep dispute fuzz --seed ${seed} --only ${run}`),
    ].join("\n");
    return { result, text: lines, exitCode: failures.length > 0 ? 1 : 0 };
  },
});

/** Plays runs on a chain, or on two side by side where there are many: most of the time is spent waiting for blocks. */
async function onChains(
  { log, signal }: { log: Logger; signal: AbortSignal },
  runs: readonly number[],
  play: (chain: FuzzChain, run: number) => Promise<void>,
): Promise<void> {
  const left = [...runs];
  const playAll = async (chain: FuzzChain): Promise<void> => {
    for (let run = left.shift(); run !== undefined; run = left.shift()) {
      if (signal.aborted) throw new StoppedError();
      await play(chain, run);
    }
  };
  const chains = Array.from({ length: runs.length < MANY ? 1 : 2 }, async () => {
    try {
      await withFuzzChain({ log, signal }, playAll);
    } finally {
      left.length = 0; // where one fails, the other ends too
    }
  });
  for (const ended of await Promise.allSettled(chains)) if (ended.status === "rejected") throw ended.reason;
}

function lineOf(seed: number, { run, kind, trace, place, lie, ending, rounds, slashed, failure }: FuzzRun): string {
  const end = failure ?? (slashed ? "slashed" : "not slashed");
  return `seed ${seed} run ${run}: ${kind}, ${trace} trace, ${place} ${lie}, ${ending} after ${rounds} answers: ${end}`;
}

type Spread = z.infer<typeof spreadSchema>;

function spread(values: readonly number[]): Spread | null {
  if (values.length === 0) return null;
  const sorted = values.toSorted((one, other) => one - other);
  return { min: sorted[0], median: sorted[sorted.length >>> 1], max: sorted[sorted.length - 1] };
}

function told({ min, median, max }: Spread): string {
  return `${min} to ${max}, median ${median}`;
}

function countBy(results: readonly FuzzRun[], keyOf: (run: FuzzRun) => string): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const result of results) counts[keyOf(result)] = (counts[keyOf(result)] ?? 0) + 1;
  return counts;
}
