/** All generators of random models of one node, by name. */

import type { Draw, DrawnCase } from "./compare.ts";
import { ELEMENTWISE_CASES } from "./elementwise.ts";
import { MICROSOFT_CASES } from "./microsoft.ts";
import { REDUCTION_CASES } from "./reduction.ts";
import { SHAPE_CASES } from "./shape.ts";
import { SPATIAL_CASES } from "./spatial.ts";
import { WINDOW_CASES } from "./window.ts";

const FAMILIES = {
  elementwise: ELEMENTWISE_CASES,
  reduction: REDUCTION_CASES,
  shape: SHAPE_CASES,
  spatial: SPATIAL_CASES,
  window: WINDOW_CASES,
  microsoft: MICROSOFT_CASES,
};

export const GENERATORS: ReadonlyMap<string, (draw: Draw) => DrawnCase> = new Map(
  Object.entries(FAMILIES).flatMap(([family, cases]) =>
    Object.entries(cases).map(([name, generate]) => [`${family}/${name}`, generate] as const),
  ),
);
