// Solves a shape: all its lies and its right claim, full and deferred.
import { caseOf } from "../invariants/cases.ts";
import { sitesOf } from "../invariants/sites.ts";
import { createBoards, noFigures, type Figures } from "./board.ts";
import { solveRightClaim } from "./right-claims.ts";
import { honestRun, liesOf, type Shape } from "./shapes.ts";
import { solveWrongClaim } from "./wrong-claims.ts";

export interface Solved {
  wrong: Figures;
  right: Figures;
}

/** Throws at the first line of play that an honest side loses, or that ends otherwise than the rules say. */
export async function solve(shape: Shape, trace: "full" | "deferred", pairs: boolean): Promise<Solved> {
  const run = honestRun(shape, trace);
  const cases = [caseOf(shape.name, run, sitesOf(run), null)];
  const wrong = await createBoards(cases, noFigures());
  for (const tamper of liesOf(shape)) await solveWrongClaim(wrong, shape, trace, tamper);
  const right = { ...wrong, figures: noFigures() };
  await solveRightClaim(right, shape, trace, pairs);
  return { wrong: wrong.figures, right: right.figures };
}
