/**
 * The table of operators that can be lowered, keyed by domain and name (numerics, "Lowering"). A family of operators gives
 * rows; opset versions within a row are the lowering's own business, versions outside it are refused.
 */

import { ATTENTION } from "./attention.ts";
import { CASTS } from "./cast.ts";
import { CONTRACTIONS } from "./contraction.ts";
import { CONTROL } from "./control.ts";
import { CONVOLUTIONS } from "./convolution.ts";
import { EINSUMS } from "./einsum.ts";
import { ELEMENTWISE } from "./elementwise.ts";
import { GRIDS } from "./grid.ts";
import { INDEXING } from "./indexing.ts";
import { LOSSES } from "./loss.ts";
import type { Lower, OperatorTable } from "./node.ts";
import { NORMALIZATIONS } from "./normalization.ts";
import { POOLING } from "./pooling.ts";
import { RECURRENTS } from "./recurrent.ts";
import { REDUCTIONS } from "./reduction.ts";
import { RESIZERS } from "./resize.ts";
import { SCATTERS } from "./scatter.ts";
import { SHAPES } from "./shape.ts";
import { SIGNALS } from "./signal.ts";

/** The versions of the standard operator set that can be imported. */
export const OPSETS = { least: 6, most: 25 } as const;

const FAMILIES: readonly OperatorTable[] = [
  ATTENTION,
  CASTS,
  CONTRACTIONS,
  CONTROL,
  CONVOLUTIONS,
  EINSUMS,
  ELEMENTWISE,
  GRIDS,
  INDEXING,
  LOSSES,
  NORMALIZATIONS,
  POOLING,
  RECURRENTS,
  REDUCTIONS,
  RESIZERS,
  SCATTERS,
  SHAPES,
  SIGNALS,
];

/** Every operator that can be lowered. */
export const OPERATORS: ReadonlyMap<string, Lower> = new Map(FAMILIES.flatMap((family) => Object.entries(family)));
