// Runs every suite of the project and ends with the sum, alone on the last line. `--checks` runs the static checks
// first and counts them in; `--only <text>` keeps the suites whose name holds the text.
import { globSync } from "node:fs";
import { parseArgs } from "node:util";
import { staticChecks } from "./check.ts";
import { closingLine, countHardhat, countNodeTest, runSuites, type Suite } from "./suites.ts";

const { values: options } = parseArgs({ options: { checks: { type: "boolean" }, only: { type: "string" } } });

const suites = [...(options.checks ? staticChecks() : []), ...testSuites()].filter(({ name }) =>
  name.includes(options.only ?? ""),
);
const counts = await runSuites(suites);
console.log(closingLine(counts));
process.exitCode = counts.failed > 0 || suites.length === 0 ? 1 : 0;

function testSuites(): Suite[] {
  return [
    nodeTest("node", "node/{src,bin}/**/*.test.ts"),
    nodeTest("scripts", "scripts/**/*.test.ts"),
    nodeTest("schema", "subgraph-schema/src/**/*.test.ts"),
    nodeTest("indexer", "indexer/src/**/*.test.ts"),
    hardhatTest("solidity", "test/contracts/**/*.t.sol"),
    hardhatTest("nodejs", "test/contracts/**/*.test.ts"),
    nodeTest("examples", "{examples,bench}/**/*.test.ts"),
    nodeTest("project", "test/!(contracts)/**/*.test.ts"),
  ].filter((suite) => suite !== undefined);
}

function nodeTest(name: string, pattern: string): Suite | undefined {
  const files = globSync(pattern, { exclude: ["**/node_modules/**"] }).sort();
  if (files.length === 0) return undefined;
  const reporters = ["spec", "./scripts/counts.ts"].flatMap((reporter) => [
    `--test-reporter=${reporter}`,
    "--test-reporter-destination=stdout",
  ]);
  return {
    name: `test: ${name}`,
    command: "node",
    args: ["--test", "--test-concurrency=2", ...reporters, ...files],
    count: countNodeTest,
  };
}

function hardhatTest(task: "solidity" | "nodejs", pattern: string): Suite | undefined {
  const files = globSync(pattern).sort();
  if (files.length === 0) return undefined;
  return { name: `test: contracts (${task})`, command: "hardhat", args: ["test", task, ...files], count: countHardhat };
}
