// Gas is exact, so the committed snapshot is what is measured, row by row; with GPT-2 it is in test/bench/gas.nightly.ts.
import assert from "node:assert/strict";
import { it } from "node:test";
import { gas, SNAPSHOTS } from "./gas.ts";
import { readSnapshot } from "./rows.ts";

it("uses the gas that the snapshot says", async () => {
  const { rows } = await gas({ isLarge: false });
  assert.deepEqual(
    Object.fromEntries([...rows].map(([name, { value }]) => [name, value])),
    Object.fromEntries(readSnapshot(SNAPSHOTS.small)),
    "gas changed: if it should, run `npm run -s bench -- gas --update` and commit the snapshots",
  );
});
