// Runs one benchmark: npm run -s bench -- NAME [--json] [--update]. Prints rows {name, value, unit, baseline, ratio}: as one
// JSON array with --json, else as a table. A benchmark with a committed snapshot compares with it; --update writes it anew.
// Refuses other names and flags with exit code 2, with --json as one JSON object.
import { parseArgs } from "node:util";
import type { Row } from "./rows.ts";
import { readSnapshot, toRows, writeSnapshot } from "./rows.ts";

/** A benchmark measures; its snapshot, if it has one, is the baseline. */
type Benchmark = () => Promise<{
  unit(row: string): string;
  values: ReadonlyMap<string, number>;
  snapshot?: string;
}>;

// Each is loaded when it is run: what it measures takes seconds to load.
const BENCHMARKS = new Map<string, Benchmark>([["gas", async () => (await import("./gas.ts")).gas()]]);

process.exitCode = await main(process.argv.slice(2));

async function main(args: readonly string[]): Promise<number> {
  let parsed;
  try {
    parsed = parse(args);
  } catch (error) {
    if (!(error instanceof Error)) throw error;
    return refuse(error.message, args.includes("--json"));
  }
  const { values: flags, positionals } = parsed;
  const [name = "", ...rest] = positionals;
  const benchmark = BENCHMARKS.get(name);
  if (benchmark === undefined || rest.length > 0) {
    return refuse(`${JSON.stringify(positionals.join(" "))} is no benchmark`, flags.json);
  }
  const { unit, values, snapshot } = await benchmark();
  if (flags.update && snapshot !== undefined) writeSnapshot(snapshot, values);
  const rows = toRows(values, unit, snapshot === undefined ? new Map() : readSnapshot(snapshot));
  if (flags.json) console.log(JSON.stringify(rows));
  else for (const row of rows) console.log(line(row));
  return 0;
}

function parse(args: readonly string[]) {
  return parseArgs({
    args: [...args],
    allowPositionals: true,
    options: { json: { type: "boolean", default: false }, update: { type: "boolean", default: false } },
  });
}

function refuse(message: string, json: boolean): number {
  if (json) console.log(JSON.stringify({ error: { name: "UsageError", message, values: {} } }));
  else console.error(message);
  const names = [...BENCHMARKS.keys()].join(", ");
  console.error(`Usage: npm run -s bench -- NAME [--json] [--update], where NAME is one of ${names}`);
  return 2;
}

function line({ name: row, value, unit: of, baseline, ratio }: Row): string {
  const compared = baseline === null ? "" : `baseline ${baseline}, ratio ${ratio?.toFixed(4)}`;
  return `${row.padEnd(32)} ${String(value).padStart(10)} ${of}  ${compared}`.trimEnd();
}
