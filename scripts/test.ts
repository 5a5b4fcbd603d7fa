// Runs every suite of the project and ends with the sum, alone on the last line. `--checks` runs the static checks
// first and counts them in; `--nightly` adds the tests that take minutes each; `--only <text>` keeps the suites whose name
// holds the text.
import { globSync } from "node:fs";
import { parseArgs } from "node:util";
import { staticChecks } from "./check.ts";
import { closingLine, countHardhat, countNodeTest, runSuites, type Suite } from "./suites.ts";

const { values: options } = parseArgs({
  options: { checks: { type: "boolean" }, nightly: { type: "boolean" }, only: { type: "string" } },
});

/** How long a suite with nightly tests may run, in milliseconds. */
const NIGHTLY_LIMIT_MS = 2 * 3600_000;

const suites = [
  ...(options.checks ? staticChecks() : []),
  ...testSuites(),
  ...(options.nightly ? nightlySuites() : []),
].filter(({ name }) => name.includes(options.only ?? ""));
const counts = await (options.nightly ? runSuites(suites, NIGHTLY_LIMIT_MS) : runSuites(suites));
console.log(closingLine(counts));
process.exitCode = counts.failed > 0 || suites.length === 0 ? 1 : 0;

function testSuites(): Suite[] {
  return [
    nodeTest("node", "node/{src,bin}/**/*.test.ts"),
    nodeTest("scripts", "scripts/**/*.test.ts"),
    nodeTest("indexer", "indexer/src/**/*.test.ts"),
    contractTest("test/contracts/**/*.test.ts"),
    nodeTest("examples", "{examples,bench}/**/*.test.ts"),
    nodeTest("project", "test/!(contracts)/**/*.test.ts"),
  ];
}

// Each within a limit of its own: those of the contracts alone may take an hour.
function nightlySuites(): Suite[] {
  return [
    nodeTest("nightly invariants", "test/contracts/invariants/*.nightly.ts", 1),
    nodeTest("nightly lines of play", "test/contracts/exhaustive/*.nightly.ts", 1),
    nodeTest("nightly searches", "test/contracts/*.nightly.ts", 1),
    nodeTest("nightly", "test/!(contracts)/**/*.nightly.ts", 1),
  ];
}

function nodeTest(name: string, pattern: string, concurrency = 2): Suite {
  const reporters = ["spec", "./scripts/counts.ts"].flatMap((reporter) => [
    `--test-reporter=${reporter}`,
    "--test-reporter-destination=stdout",
  ]);
  return {
    name: `test: ${name}`,
    command: "node",
    args: ["--test", `--test-concurrency=${concurrency}`, ...reporters, ...filesOf(pattern)],
    count: countNodeTest,
  };
}

function contractTest(pattern: string): Suite {
  return {
    name: "test: contracts",
    command: "hardhat",
    args: ["test", "nodejs", ...filesOf(pattern)],
    count: countHardhat,
  };
}

// Without a file node and hardhat would look for tests by rules of their own.
function filesOf(pattern: string): string[] {
  const files = globSync(pattern, { exclude: ["**/node_modules/**"] }).sort();
  if (files.length === 0) throw new Error(`no test matches ${pattern}`);
  return files;
}
