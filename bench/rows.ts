// The rows every benchmark prints, and the committed snapshots that exact figures are compared with.
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";

/**
 * One figure. `baseline` is what it is compared with, null where there is nothing: a committed figure, with `ratio` value /
 * baseline, or one measured in the same run, with `ratio` above 1 where the value is the better one.
 */
export interface Row {
  name: string;
  value: number;
  unit: string;
  baseline: number | null;
  ratio: number | null;
  /** Where the value was found, if it is that of one place. */
  at?: string;
  /** Hash of the transaction that used it, if it is one. */
  tx?: string;
}

const FOLDER = join(import.meta.dirname, "snapshots");

/** Rows of measured values against their baselines. */
export function toRows(
  values: ReadonlyMap<string, number>,
  unit: (row: string) => string,
  baselines: ReadonlyMap<string, number>,
): Row[] {
  return [...values].map(([name, value]) => {
    const baseline = baselines.get(name) ?? null;
    return { name, value, unit: unit(name), baseline, ratio: baseline === null ? null : value / baseline };
  });
}

/** The committed figures of a benchmark; none if it has no snapshot yet. */
export function readSnapshot(name: string): Map<string, number> {
  const path = join(FOLDER, `${name}.json`);
  if (!existsSync(path)) return new Map();
  return new Map(Object.entries(JSON.parse(readFileSync(path, "utf8")) as Record<string, number>));
}

/** Replaces a snapshot. */
export function writeSnapshot(name: string, values: ReadonlyMap<string, number>): void {
  writeFileSync(join(FOLDER, `${name}.json`), `${JSON.stringify(Object.fromEntries(values), null, 2)}\n`);
}

/** What is measured is not what it should be: wrong outputs, or a part that failed. */
export class BenchError extends Error {
  override name = "BenchError";
}
