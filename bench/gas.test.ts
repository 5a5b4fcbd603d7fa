// Gas is exact, so the committed snapshot is what is measured, row by row.
import assert from "node:assert/strict";
import { it } from "node:test";
import { gas } from "./gas.ts";
import { readSnapshot } from "./rows.ts";

it("uses the gas that the snapshot says", async () => {
  const { values, snapshot } = await gas();
  assert.deepEqual(
    Object.fromEntries(values),
    Object.fromEntries(readSnapshot(snapshot)),
    "gas changed: if it should, run `npm run -s bench -- gas --update` and commit the snapshot",
  );
});
