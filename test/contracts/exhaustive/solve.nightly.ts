// Every line of play about every chain of up to three primitives, four chunks and three steps, full and deferred.
import { describe, it } from "node:test";

import { shapeOf } from "./shapes.ts";
import { solve } from "./solve.ts";

describe("every line of play, at length", () => {
  for (const primitives of [1, 2, 3]) {
    for (const chunks of [1, 2, 3, 4]) {
      for (const steps of [1, 2, 3]) {
        for (const trace of ["full", "deferred"] as const) {
          const shape = shapeOf(primitives, chunks, steps);
          // All pairs of demands where there are few.
          const pairs = primitives * chunks * steps <= 6;
          it(`is won by the honest side: ${shape.name}, ${trace}`, async (t) => {
            const { wrong, right } = await solve(shape, trace, pairs);
            t.diagnostic(`wrong claims: ${JSON.stringify(wrong)}`);
            t.diagnostic(`right claim: ${JSON.stringify(right)}`);
          });
        }
      }
    }
  }
});
