// Runs the contracts' tests with coverage and ends with a table: of each contract, which lines no test reached. Counting
// lines costs gas and code, so tests that assert either fail here; whether tests pass is `npm test`'s to say. `npm run
// coverage`, with files to run only those.
import { spawnSync } from "node:child_process";
import { globSync, readFileSync, rmSync } from "node:fs";

export interface Coverage {
  file: string;
  lines: number;
  covered: number;
  /** Ranges of lines that no test reached. */
  missed: [first: number, last: number][];
}

/** Nothing but gas, and builds of their own. */
const LEFT_OUT = ["calibration", "no-clz"].map((name) => `test/contracts/${name}.test.ts`);

/** Where hardhat writes it. */
const REPORT = "coverage/lcov.info";

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

function main(files: string[]): void {
  const tests = globSync("test/contracts/**/*.test.ts").sort();
  const chosen = files.length > 0 ? files : tests.filter((file) => !LEFT_OUT.includes(file));
  // Nothing older may be taken for the report of this run.
  rmSync(REPORT, { force: true });
  const { error } = spawnSync("hardhat", ["test", "nodejs", ...chosen, "--coverage"], {
    // Others' vectors take minutes more and reach no other line.
    env: { ...process.env, LOCKSTEP_CONFORMANCE: undefined },
    stdio: "inherit",
  });
  if (error !== undefined) throw error;
  const shipped = readLcov(readFileSync(REPORT, "utf8")).filter(
    ({ file }) => !NOT_SHIPPED.some((folder) => file.startsWith(folder)),
  );
  console.log(["", "=== lines covered, and the lines that are not", ...tableOf(shipped)].join("\n"));
}

if (import.meta.main) main(process.argv.slice(2));
