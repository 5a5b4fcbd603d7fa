import assert from "node:assert/strict";
import { test } from "node:test";
import { closingLine, countBuild, countExit, countHardhat, countNodeTest, runSuites, type Suite } from "./suites.ts";

function suite(code: string, count: Suite["count"]): Suite {
  return { name: "suite", command: process.execPath, args: ["-e", code], count };
}
const fixed = (passed: number, failed: number) => () => ({ passed, failed, skipped: 0 });

test("sums the counts of suites that end well", async () => {
  const counts = await runSuites([suite("0", fixed(2, 0)), suite("process.exit(1)", fixed(3, 1))]);
  assert.deepEqual(counts, { passed: 5, failed: 1, skipped: 0 });
});

test("hands its output, without colours, to the count", async () => {
  const painted = suite(`console.log("\\u001b[32m  3 passing\\u001b[39m (2ms)")`, countHardhat);
  assert.deepEqual(await runSuites([painted]), { passed: 3, failed: 0, skipped: 0 });
});

test("counts a crash, a missing count, a missing command and a lie as failures", async () => {
  const broken: [Suite, number][] = [
    [suite("process.exit(3)", fixed(4, 0)), 4],
    [suite("process.kill(process.pid, 'SIGKILL')", fixed(4, 0)), 4],
    [suite("0", () => undefined), 0],
    [{ ...suite("0", fixed(0, 0)), command: "no-such-command" }, 0],
  ];
  for (const [one, passed] of broken) {
    assert.deepEqual(await runSuites([one]), { passed, failed: 1, skipped: 0 });
  }
});

test("ends a suite that outlives its time, with what it started, and counts a failure", async () => {
  const lasting = `require("node:child_process").spawn(process.execPath, ["-e", "setTimeout(() => {}, 60000)"], { stdio: "inherit" })`;
  const started = performance.now();
  assert.deepEqual(await runSuites([suite(lasting, fixed(1, 0))], 500), { passed: 1, failed: 1, skipped: 0 });
  assert.ok(performance.now() - started < 20_000);
});

test("reads node:test's totals, cancelled tests as failures", () => {
  const line = `counts {"tests":9,"failed":1,"passed":4,"cancelled":1,"skipped":2,"todo":1,"topLevel":5,"suites":2}`;
  assert.deepEqual(countNodeTest(`noise\n${line}\n`), { passed: 4, failed: 2, skipped: 3 });
  assert.equal(countNodeTest("noise"), undefined);
});

test("reads Hardhat's closing lines", () => {
  assert.deepEqual(countHardhat("  12 passing (3s)\n  1 failing\n  2 skipped\n"), {
    passed: 12,
    failed: 1,
    skipped: 2,
  });
  assert.equal(countHardhat("Error HHE27"), undefined);
});

test("counts a command by how it ends", () => {
  assert.deepEqual(countExit("", 0), { passed: 1, failed: 0, skipped: 0 });
  assert.deepEqual(countExit("", 2), { passed: 0, failed: 1, skipped: 0 });
});

test("fails a build that warns of the project's own sources", () => {
  const warning = (file: string) => `Warning: Unused local variable.\n   --> ./${file}:352:9:\n    |\n`;
  assert.deepEqual(countBuild(warning("contracts/Game.sol"), 0), { passed: 0, failed: 1, skipped: 0 });
  assert.deepEqual(countBuild(warning("npm/@openzeppelin/contracts@5.7.0/a.sol"), 0).failed, 0);
  assert.deepEqual(countBuild("Compiled 7 Solidity files", 0), { passed: 1, failed: 0, skipped: 0 });
  assert.deepEqual(countBuild("Compiled nothing", 1), { passed: 0, failed: 1, skipped: 0 });
});

test("closes with what passed and what failed, and nothing else", () => {
  assert.equal(closingLine({ passed: 2, failed: 0, skipped: 0 }), "2 passed, 0 failed");
  assert.equal(closingLine({ passed: 2, failed: 1, skipped: 3 }), "2 passed, 1 failed");
});
