// The rows of the benchmarks are well formed. How fast anything is, no test says.
import assert from "node:assert/strict";
import { it } from "node:test";
import { commit } from "./commit.ts";
import { engine } from "./engine.ts";
import type { Row } from "./rows.ts";

function checkRow(row: Row, name: string, unit: string): void {
  assert.equal(row.name, name);
  assert.equal(row.unit, unit);
  for (const figure of [row.value, row.baseline, row.ratio])
    assert.ok(figure !== null && Number.isFinite(figure) && figure > 0);
}

it("engine --only gives the rows that are asked for, beside onnxruntime", async () => {
  const rows = await engine({ only: "layernorm-64x768/wasm/1t", budgetMs: 0 });
  assert.equal(rows.length, 1);
  checkRow(rows[0], "layernorm-64x768/wasm/1t", "ms");
});

it("engine measures products in GFLOP/s", async () => {
  const [row] = await engine({ only: "gemv-768x3072/wasm/1t", budgetMs: 0 });
  checkRow(row, "gemv-768x3072/wasm/1t", "GFLOP/s");
});

it("engine and commit give no rows where none is called so", async () => {
  assert.deepEqual(await engine({ only: "no such row", budgetMs: 0 }), []);
  assert.deepEqual(await commit({ only: "no such row", budgetMs: 0 }), []);
});

it("commit measures hashing beside the plain hasher", async () => {
  const rows = await commit({ only: "hash-1k", budgetMs: 0 });
  assert.equal(rows.length, 1);
  checkRow(rows[0], "hash-1k/wasm/1t", "MB/s");
});
