// Changes the contracts on purpose, one place at a time, and counts the changes that no test notices: a survivor is a test
// that is missing, or a change that changes nothing (docs/testing.md explains those). `npm run mutation`, with `--file TEXT`
// to choose sources, `--max N` mutants of each (30), `--seed S` for the sample (1), `--lines 7,9` instead of a sample,
// `--json` for the figures alone.
import { resolve } from "node:path";
import { parseArgs } from "node:util";
import { type Mutant, applyMutant, mutantsOf, shuffled } from "./mutation/mutants.ts";
import { TARGETS, type Target } from "./mutation/targets.ts";
import { createWorkspace, install, runTests } from "./mutation/workspace.ts";

interface Score {
  file: string;
  /** All mutants there are; those tried; of these, those the compiler refused, which count for nothing. */
  mutants: number;
  tried: number;
  refused: number;
  killed: number;
  survivors: Mutant[];
}

const { values: options } = parseArgs({
  options: {
    file: { type: "string", default: "" },
    max: { type: "string", default: "30" },
    seed: { type: "string", default: "1" },
    lines: { type: "string" },
    json: { type: "boolean", default: false },
  },
});

const max = wholeNumber("max", options.max);
const seed = wholeNumber("seed", options.seed);
const lines = options.lines?.split(",").map((line) => wholeNumber("lines", line));
const targets = TARGETS.filter(({ file }) => file.includes(options.file));
if (targets.length === 0) throw new RangeError(`no target's file holds ${options.file}`);

const workspace = createWorkspace(resolve(import.meta.dirname, ".."));
process.once("SIGINT", () => process.exit(130)).once("SIGTERM", () => process.exit(143));
process.once("exit", () => workspace.remove());

const scores: Score[] = [];
for (const target of targets) {
  const score = await scoreOf(target);
  scores.push(score);
  log(`${target.file}: ${summaryOf(score)}`);
}
if (options.json) console.log(JSON.stringify({ seed, max, scores }, undefined, 2));
log("\n=== summary");
for (const score of scores) log(`${score.file.padEnd(44)} ${summaryOf(score)}`);

async function scoreOf(target: Target): Promise<Score> {
  const source = workspace.sources.get(target.file);
  if (source === undefined) throw new RangeError(`no source ${target.file}`);
  const all = mutantsOf(source);
  const score: Score = { file: target.file, mutants: all.length, tried: 0, refused: 0, killed: 0, survivors: [] };
  const refused = install(workspace, target, source);
  if (refused !== undefined) throw new Error(refused);
  const order = await fastestFirst(target);
  const limit = 60 + 4 * order.seconds;

  const chosen = lines === undefined ? shuffled(all, seed) : all.filter(({ line }) => lines.includes(line));
  for (const mutant of chosen) {
    if (score.killed + score.survivors.length === max) break;
    score.tried++;
    if (install(workspace, target, applyMutant(source, mutant)) !== undefined) {
      score.refused++;
      continue;
    }
    const { failed } = await runTests(workspace, order.files, limit);
    if (failed === undefined) score.survivors.push(mutant);
    else score.killed++;
    log(`${failed === undefined ? "SURVIVED" : "killed  "} ${describe(target, mutant)}`);
  }
  install(workspace, target, source);
  return score;
}

/** The target's tests, the fastest first, none of which may fail on the code as it is. */
async function fastestFirst({ file, tests }: Target): Promise<{ files: string[]; seconds: number }> {
  const timed: { test: string; seconds: number }[] = [];
  for (const test of tests) {
    const { failed, seconds } = await runTests(workspace, [test], 600);
    if (failed !== undefined) throw new Error(`${failed} fails on ${file} as it is`);
    timed.push({ test, seconds });
  }
  timed.sort((a, b) => a.seconds - b.seconds);
  return { files: timed.map(({ test }) => test), seconds: timed.reduce((sum, { seconds }) => sum + seconds, 0) };
}

function describe({ file }: Target, { line, operator, original, replacement }: Mutant): string {
  const short = (text: string) => text.replaceAll(/\s+/g, " ").slice(0, 60);
  return `${file}:${line} ${operator}: ${short(original)} -> ${short(replacement) || "nothing"}`;
}

function summaryOf({ mutants, killed, refused, survivors }: Score): string {
  const valid = killed + survivors.length;
  const percent = valid === 0 ? "-" : `${((100 * killed) / valid).toFixed(1)}%`;
  return `${killed} of ${valid} killed (${percent}), ${survivors.length} survived; ${refused} refused; ${mutants} in all`;
}

function wholeNumber(name: string, text: string): number {
  const value = Number(text);
  if (!Number.isSafeInteger(value) || value < 0) throw new RangeError(`--${name}: ${text} is no whole number`);
  return value;
}

function log(line: string): void {
  if (options.json) console.error(line);
  else console.log(line);
}
