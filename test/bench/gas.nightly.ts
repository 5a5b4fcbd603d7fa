// The gas of all rows, disputes of GPT-2 among them, is what the committed snapshot says, and within the goals.
import assert from "node:assert/strict";
import { it } from "node:test";
import { gas, SNAPSHOTS } from "../../bench/gas.ts";
import { GOALS } from "../../bench/gas-goals.ts";
import { readSnapshot } from "../../bench/rows.ts";

it("uses the gas that the snapshot says, GPT-2 included", { timeout: 60 * 60_000 }, async () => {
  const { rows } = await gas();
  const measured = new Map([...rows].map(([name, { value }]) => [name, value]));
  assert.deepEqual(Object.fromEntries(measured), Object.fromEntries(readSnapshot(SNAPSHOTS.rows)));
  for (const [name, goal] of Object.entries(GOALS)) assert.ok(measured.get(name)! <= goal, `${name} is above ${goal}`);
});
