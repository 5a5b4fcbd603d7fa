// Gas is exact, so the committed snapshot is what is measured, row by row; the rows of GPT-2 are in test/bench/gas.nightly.ts.
import assert from "node:assert/strict";
import { it } from "node:test";
import { gas } from "./gas.ts";
import { readSnapshot } from "./rows.ts";

it("uses the gas that the snapshot says", async () => {
  const { rows, snapshot } = await gas({ isLarge: false });
  const committed = readSnapshot(snapshot);
  assert.deepEqual(
    Object.fromEntries([...rows].map(([name, { value }]) => [name, value])),
    Object.fromEntries([...rows.keys()].map((name) => [name, committed.get(name)])),
    "gas changed: if it should, run `npm run -s bench -- gas --update` and commit the snapshot",
  );
});
