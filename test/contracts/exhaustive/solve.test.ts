// Every line of play about tiny programs, on the real contracts and referees beside a model of the rules: wherever a lie stands and
// whatever its claimant does, the honest challenger wins; whatever challengers do, the honest claimant of a right claim does.
import { describe, it } from "node:test";

import { WORD, shapeOf } from "./shapes.ts";
import { solve } from "./solve.ts";

const SHAPES = [WORD, shapeOf(2, 1, 2), shapeOf(1, 3, 1)];

describe("every line of play", () => {
  for (const shape of SHAPES) {
    for (const trace of ["full", "deferred"] as const) {
      it(`is won by the honest side: ${shape.name}, ${trace}`, async (t) => {
        const { wrong, right } = await solve(shape, trace, shape.steps === 2);
        t.diagnostic(`wrong claims: ${JSON.stringify(wrong)}`);
        t.diagnostic(`right claim: ${JSON.stringify(right)}`);
      });
    }
  }
});
