// Runs one benchmark: npm run -s bench -- NAME [--json] [--update]. Prints rows {name, value, unit, baseline, ratio}: as one
// JSON array with --json, else as a table. A benchmark with a committed snapshot compares with it; --update writes it anew.
import { parseArgs } from "node:util";
import { gas } from "./gas.ts";
import type { Row } from "./rows.ts";
import { readSnapshot, toRows, writeSnapshot } from "./rows.ts";

/** A benchmark measures; its snapshot, if it has one, is the baseline. */
type Benchmark = () => Promise<{
  unit(row: string): string;
  values: ReadonlyMap<string, number>;
  snapshot?: string;
}>;

const BENCHMARKS: Readonly<Record<string, Benchmark>> = { gas };

const { values: flags, positionals } = parseArgs({
  allowPositionals: true,
  options: { json: { type: "boolean" }, update: { type: "boolean" } },
});
const name = positionals[0] ?? "";
const benchmark = BENCHMARKS[name];
if (benchmark === undefined) {
  console.error(
    `Usage: npm run -s bench -- NAME [--json] [--update], where NAME is one of ${Object.keys(BENCHMARKS).join(", ")}`,
  );
  process.exit(2);
}
const { unit, values, snapshot } = await benchmark();
if (flags.update === true && snapshot !== undefined) writeSnapshot(snapshot, values);
const rows = toRows(values, unit, snapshot === undefined ? new Map() : readSnapshot(snapshot));
if (flags.json === true) console.log(JSON.stringify(rows));
else for (const row of rows) console.log(line(row));

function line({ name: row, value, unit: of, baseline, ratio }: Row): string {
  const compared = baseline === null ? "" : `baseline ${baseline}, ratio ${ratio?.toFixed(4)}`;
  return `${row.padEnd(32)} ${String(value).padStart(10)} ${of}  ${compared}`.trimEnd();
}
