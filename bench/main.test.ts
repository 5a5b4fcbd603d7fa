// What benchmarks print beside what they measure: rows against baselines, dense words, and refusals.
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { describe, it } from "node:test";
import { readSnapshot, toRows } from "./rows.ts";
import { denseWords } from "./workloads.ts";

describe("rows", () => {
  it("compares with baselines where there are some", () => {
    const values = new Map([
      ["a", 30],
      ["b", 7],
    ]);
    assert.deepEqual(
      toRows(values, (row) => `of ${row}`, new Map([["a", 20]])),
      [
        { name: "a", value: 30, unit: "of a", baseline: 20, ratio: 1.5 },
        { name: "b", value: 7, unit: "of b", baseline: null, ratio: null },
      ],
    );
  });

  it("reads no baselines where there is no snapshot", () => {
    assert.deepEqual(readSnapshot("missing"), new Map());
  });
});

describe("dense words", () => {
  it("have no zero byte and are the same for a seed", () => {
    const words = denseWords(10_000, 7);
    assert.equal(new Uint8Array(words.buffer).indexOf(0), -1);
    assert.deepEqual(words, denseWords(10_000, 7));
    assert.notDeepEqual(words, denseWords(10_000, 8));
  });
});

describe("bench", () => {
  const bench = (...args: string[]) =>
    spawnSync(process.execPath, [join(import.meta.dirname, "main.ts"), ...args], { encoding: "utf8" });

  for (const [what, args] of [
    ["no name", []],
    ["an unknown name", ["speed"]],
    ["two names", ["gas", "gas"]],
    ["an unknown flag", ["gas", "--bogus"]],
    ["a flag of another benchmark", ["gas", "--only", "gemm"]],
    ["a snapshot of what has none", ["engine", "--update"]],
  ] as const) {
    it(`refuses ${what}`, () => {
      const { status, stdout, stderr } = bench(...args);
      assert.equal(status, 2);
      assert.equal(stdout, "");
      assert.match(stderr, /Usage: npm run -s bench -- NAME/);
      assert.doesNotMatch(stderr, /\n\s+at /);
      const json = bench(...args, "--json");
      assert.equal(json.status, 2);
      assert.equal((JSON.parse(json.stdout) as { error: { name: string } }).error.name, "UsageError");
    });
  }
});
