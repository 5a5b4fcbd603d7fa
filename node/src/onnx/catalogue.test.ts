/** Holds the catalogue of operators to the table they are lowered by, and its types to what random models of them use. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { CATALOGUE } from "./catalogue.ts";
import { drawFrom } from "./differential/compare.ts";
import { GENERATORS } from "./differential/index.ts";
import { OPERATORS, REFUSALS } from "./registry.ts";

test("the catalogue has a row for every operator and none for others", () => {
  assert.deepEqual(Object.keys(CATALOGUE).sort(), [...OPERATORS.keys()].sort());
  for (const key of Object.keys(REFUSALS)) assert.equal(OPERATORS.has(key), false, key);
});

test("every operator set a row names exists", () => {
  for (const [key, { since, until }] of OPERATORS) assert.equal(since >= 1 && since <= until, true, key);
});

test("the first input of every random model has an element type of its row (seeds 1 to 20)", () => {
  for (const [name, generate] of GENERATORS) {
    for (let seed = 1; seed <= 20; seed++) {
      const { op, domain, inputs } = generate(drawFrom(seed));
      const { types } = CATALOGUE[domain === undefined ? op : `${domain}.${op}`];
      const dtype = inputs[0]?.tensor.dtype;
      // The first input of these is indices or a size.
      const isOther = op === "EmbedLayerNormalization" || op === "MelWeightMatrix" || op.endsWith("Window");
      if (dtype === undefined || isOther) continue;
      if (types === "all" || types.includes("integers")) continue;
      assert.equal(types.includes(dtype), true, `${name}: ${dtype} is not among ${types}`);
    }
  }
});
