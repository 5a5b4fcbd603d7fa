// Runs the contracts' tests with coverage and ends with a table: of each contract, which lines no test reached. Tests that
// assert gas are left out, since counting lines costs gas. What stays uncovered is explained in docs/testing.md.
// `npm run coverage`, with files to run only those.
import { spawnSync } from "node:child_process";
import { globSync, readFileSync } from "node:fs";

export interface Coverage {
  file: string;
  lines: number;
  covered: number;
  /** Ranges of lines that no test reached. */
  missed: [first: number, last: number][];
}

/** Assert gas, or deploy what coverage changes: the builds compared byte by byte. */
const LEFT_OUT = ["calibration", "no-clz"].map((name) => `test/contracts/${name}.test.ts`);

/** Harnesses for tests, and a table of numbers. */
const NOT_SHIPPED = ["contracts/mocks/", "contracts/generated/"];

/** Reads the report of hardhat: `SF:` names a file, `DA:line,count` says how often a line ran. */
export function readLcov(text: string): Coverage[] {
  const files: Coverage[] = [];
  let counts = new Map<number, number>();
  for (const line of text.split("\n")) {
    if (line.startsWith("SF:")) {
      counts = new Map();
      files.push({ file: line.slice(3), lines: 0, covered: 0, missed: [] });
    } else if (line.startsWith("DA:")) {
      const [at, count] = line.slice(3).split(",").map(Number);
      counts.set(at, (counts.get(at) ?? 0) + count);
    } else if (line === "end_of_record") {
      const file = files.at(-1);
      if (file !== undefined) Object.assign(file, summed(counts));
    }
  }
  return files;
}

function summed(counts: Map<number, number>): Omit<Coverage, "file"> {
  const missed: [number, number][] = [];
  let before: number | undefined;
  for (const [line, count] of [...counts].sort(([a], [b]) => a - b)) {
    const last = missed.at(-1);
    // Lines without code between two missed ones belong to the same gap.
    if (count === 0 && last !== undefined && last[1] === before) last[1] = line;
    else if (count === 0) missed.push([line, line]);
    before = line;
  }
  return { lines: counts.size, covered: [...counts.values()].filter((count) => count > 0).length, missed };
}

/** A row per contract and the sum. */
export function tableOf(files: Coverage[]): string[] {
  const width = Math.max(...files.map(({ file }) => file.length), 5);
  const row = (name: string, covered: number, lines: number, missed: string) => {
    const percent = lines === 0 ? "-" : `${((100 * covered) / lines).toFixed(1)}%`;
    return `${name.padEnd(width)} ${`${covered}/${lines}`.padStart(9)} ${percent.padStart(7)}  ${missed}`.trimEnd();
  };
  const sum = (key: "lines" | "covered") => files.reduce((total, file) => total + file[key], 0);
  return [
    ...files.map(({ file, lines, covered, missed }) =>
      row(file, covered, lines, missed.map(([first, last]) => (first === last ? first : `${first}-${last}`)).join(" ")),
    ),
    row("all", sum("covered"), sum("lines"), ""),
  ];
}

function main(files: string[]): number {
  const tests = globSync("test/contracts/**/*.test.ts").sort();
  const chosen = files.length > 0 ? files : tests.filter((file) => !LEFT_OUT.includes(file));
  const { status, error } = spawnSync("hardhat", ["test", "nodejs", ...chosen, "--coverage"], {
    // Others' vectors take minutes more and reach no other line.
    env: { ...process.env, LOCKSTEP_CONFORMANCE: undefined },
    stdio: "inherit",
  });
  if (error !== undefined) throw error;
  const shipped = readLcov(readFileSync("coverage/lcov.info", "utf8")).filter(
    ({ file }) => !NOT_SHIPPED.some((folder) => file.startsWith(folder)),
  );
  console.log(["", "=== lines covered, and the lines that are not", ...tableOf(shipped)].join("\n"));
  return status ?? 1;
}

if (import.meta.main) process.exitCode = main(process.argv.slice(2));
