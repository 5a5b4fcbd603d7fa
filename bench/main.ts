// Runs one benchmark: npm run -s bench -- NAME [--json] [flags of its own]. Prints rows {name, value, unit, baseline, ratio}: as
// one JSON array with --json, else as a table. Refuses other names and flags with exit code 2, with --json as one JSON object;
// a benchmark that fails has exit code 1.
import { parseArgs } from "node:util";
import { besideOthers } from "./gas-others.ts";
import type { Row } from "./rows.ts";
import { BenchError, readSnapshot, toRows, writeSnapshot } from "./rows.ts";

/** Flags beside --json; undefined where they are not given. */
interface Flags {
  readonly update?: boolean;
  readonly only?: string;
  readonly op?: string;
  readonly quick?: boolean;
  readonly state?: string;
}

/** A benchmark: the flags it takes beside --json, and its rows. */
interface Benchmark {
  readonly flags: readonly (keyof Flags)[];
  rows(flags: Flags): Promise<Row[]>;
  /** Lines under the table. */
  notes?(rows: readonly Row[]): string[];
}

// Each is loaded when it is run: what it measures takes seconds to load.
const BENCHMARKS: ReadonlyMap<string, Benchmark> = new Map<string, Benchmark>([
  ["gas", { flags: ["update"], rows: gasRows, notes: gasNotes }],
  ["engine", { flags: ["only"], rows: async (flags) => (await import("./engine.ts")).engine(timed(flags)) }],
  ["commit", { flags: ["only"], rows: async (flags) => (await import("./commit.ts")).commit(timed(flags)) }],
  [
    "accuracy",
    { flags: ["op", "quick", "state"], rows: async (flags) => (await import("./accuracy.ts")).accuracy(flags) },
  ],
]);

/** How long a row is measured, in ms. */
const BUDGET_MS = 3_000;
const timed = ({ only = "" }: Flags) => ({ only, budgetMs: BUDGET_MS });

process.exitCode = await main(process.argv.slice(2));

// Gas is exact: it is compared with a committed snapshot, which --update writes anew.
async function gasRows({ update }: Flags): Promise<Row[]> {
  const { gas, SNAPSHOTS } = await import("./gas.ts");
  const { unit, rows, small } = await gas({ log: (text) => console.error(text) });
  const valuesOf = (of: typeof rows) => new Map([...of].map(([name, { value }]) => [name, value]));
  if (update === true) {
    writeSnapshot(SNAPSHOTS.rows, valuesOf(rows));
    writeSnapshot(SNAPSHOTS.small, valuesOf(small));
  }
  for (const [name, { value, place }] of rows)
    if (place !== undefined) console.error(`most ${name} ${value}: ${place}`);
  return toRows(valuesOf(rows), unit, readSnapshot(SNAPSHOTS.rows)).map((row) => {
    const { tx } = rows.get(row.name)!;
    return tx === undefined ? row : { ...row, tx };
  });
}

function gasNotes(rows: readonly Row[]): string[] {
  const of = (name: string): number | undefined => rows.find((row) => row.name === name)?.value;
  const [openings, used] = [of("dispute-openings-gpt2"), of("dispute-interactive-gpt2")];
  return openings === undefined || used === undefined ? [] : ["", ...besideOthers({ openings, gas: used })];
}

async function main(args: readonly string[]): Promise<number> {
  const isJson = args.includes("--json");
  let parsed;
  try {
    parsed = parse(args);
  } catch (error) {
    if (!(error instanceof Error)) throw error;
    return refuse(error.message, isJson);
  }
  const { values: flags, positionals } = parsed;
  const [name = "", ...rest] = positionals;
  const benchmark = BENCHMARKS.get(name);
  if (benchmark === undefined || rest.length > 0) {
    return refuse(`${JSON.stringify(positionals.join(" "))} is no benchmark`, isJson);
  }
  const { json, ...given } = flags;
  const foreign = Object.keys(given).find((flag) => !benchmark.flags.some((own) => own === flag));
  if (foreign !== undefined) return refuse(`${name} has no flag --${foreign}`, isJson);
  try {
    const rows = await benchmark.rows(given);
    if (json) console.log(JSON.stringify(rows));
    else for (const text of [...rows.map(line), ...(benchmark.notes?.(rows) ?? [])]) console.log(text);
    return 0;
  } catch (error) {
    if (!(error instanceof BenchError)) throw error;
    return fail(error, isJson, 1);
  }
}

function parse(args: readonly string[]) {
  return parseArgs({
    args: [...args],
    allowPositionals: true,
    options: {
      json: { type: "boolean", default: false },
      update: { type: "boolean" },
      only: { type: "string" },
      op: { type: "string" },
      quick: { type: "boolean" },
      state: { type: "string" },
    },
  });
}

function refuse(message: string, isJson: boolean): number {
  const status = fail({ name: "UsageError", message }, isJson, 2);
  const names = [...BENCHMARKS].map(([name, { flags }]) => [name, ...flags.map((flag) => `[--${flag}]`)].join(" "));
  console.error(`Usage: npm run -s bench -- NAME [--json], where NAME is one of ${names.join(", ")}`);
  return status;
}

function fail({ name, message }: { name: string; message: string }, isJson: boolean, status: number): number {
  if (isJson) console.log(JSON.stringify({ error: { name, message, values: {} } }));
  else console.error(message);
  return status;
}

function line({ name: row, value, unit: of, baseline, ratio, at }: Row): string {
  // Gas and counts are exact; what is measured is not good for more than four digits.
  const figure = (number: number): string => (Number.isInteger(number) ? String(number) : number.toPrecision(4));
  const compared = baseline === null ? "" : `baseline ${figure(baseline)}, ratio ${ratio?.toFixed(4)}`;
  return `${row.padEnd(32)} ${figure(value).padStart(10)} ${of}${at === undefined ? "" : ` at ${at}`}  ${compared}`.trimEnd();
}
