/**
 * The table of operators that can be lowered, keyed by domain and name (numerics, "Lowering"). A family of operators gives
 * lowerings; what changed between versions is the lowering's own business, versions outside an operator's range are refused.
 */

import { ATTENTION } from "./attention.ts";
import { CASTS } from "./cast.ts";
import { CONTRACTIONS } from "./contraction.ts";
import { CONTROL } from "./control.ts";
import { CONVOLUTIONS } from "./convolution.ts";
import { EINSUMS } from "./einsum.ts";
import { ELEMENTWISE } from "./elementwise.ts";
import { DATA_DEPENDENT } from "./fold-data.ts";
import { GRIDS } from "./grid.ts";
import { INDEXING } from "./indexing.ts";
import { LOSSES } from "./loss.ts";
import { MICROSOFT_ATTENTION } from "./microsoft-attention.ts";
import { MICROSOFT } from "./microsoft.ts";
import type { Lower, OperatorTable } from "./node.ts";
import { NORMALIZATIONS } from "./normalization.ts";
import { POOLING } from "./pooling.ts";
import { QUANTISED_PRODUCTS } from "./quantised-products.ts";
import { QUANTIZERS } from "./quantize.ts";
import { RECURRENTS } from "./recurrent.ts";
import { REDUCTIONS } from "./reduction.ts";
import { RESIZERS } from "./resize.ts";
import { SCANS } from "./scan.ts";
import { SCATTERS } from "./scatter.ts";
import { SEQUENCES } from "./sequence.ts";
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
  DATA_DEPENDENT,
  EINSUMS,
  ELEMENTWISE,
  GRIDS,
  INDEXING,
  LOSSES,
  MICROSOFT,
  MICROSOFT_ATTENTION,
  NORMALIZATIONS,
  POOLING,
  QUANTISED_PRODUCTS,
  QUANTIZERS,
  RECURRENTS,
  REDUCTIONS,
  RESIZERS,
  SCANS,
  SCATTERS,
  SEQUENCES,
  SHAPES,
  SIGNALS,
];

/** The operator sets in which an operator has its name, where that is not all of {@link OPSETS}: first and last version. */
const RANGES: Readonly<Record<string, readonly [since: number, until?: number]>> = {
  Acos: [7],
  Acosh: [9],
  AffineGrid: [20],
  Asin: [7],
  Asinh: [9],
  Atan: [7],
  Atanh: [9],
  Attention: [23],
  BitShift: [11],
  BitwiseAnd: [18],
  BitwiseNot: [18],
  BitwiseOr: [18],
  BitwiseXor: [18],
  BlackmanWindow: [17],
  CastLike: [15],
  Celu: [12],
  CenterCropPad: [18],
  Compress: [9],
  ConcatFromSequence: [11],
  ConstantOfShape: [9],
  ConvInteger: [10],
  Cos: [7],
  Cosh: [9],
  CumSum: [11],
  DFT: [17],
  DequantizeLinear: [10],
  DynamicQuantizeLinear: [11],
  Einsum: [12],
  Erf: [9],
  Expand: [8],
  EyeLike: [9],
  GatherElements: [11],
  GatherND: [11],
  Gelu: [20],
  GreaterOrEqual: [12],
  GridSample: [16],
  GroupNormalization: [18],
  HammingWindow: [17],
  HannWindow: [17],
  HardSwish: [14],
  IsInf: [10],
  IsNaN: [9],
  LayerNormalization: [17],
  LessOrEqual: [12],
  MatMulInteger: [10],
  MeanVarianceNormalization: [9],
  Mish: [18],
  Mod: [10],
  NegativeLogLikelihoodLoss: [12],
  NonMaxSuppression: [10],
  NonZero: [9],
  OneHot: [9],
  Optional: [15],
  OptionalGetElement: [15],
  OptionalHasElement: [15],
  QLinearConv: [10],
  QLinearMatMul: [10],
  QuantizeLinear: [10],
  RMSNormalization: [23],
  Range: [11],
  Resize: [10],
  RotaryEmbedding: [23],
  Round: [11],
  STFT: [17],
  Scan: [8],
  Scatter: [9, 10],
  ScatterElements: [11],
  ScatterND: [11],
  SequenceAt: [11],
  SequenceConstruct: [11],
  SequenceEmpty: [11],
  SequenceErase: [11],
  SequenceInsert: [11],
  SequenceLength: [11],
  SequenceMap: [17],
  Shrink: [9],
  Sign: [9],
  Sin: [7],
  Sinh: [9],
  SoftmaxCrossEntropyLoss: [12],
  SplitToSequence: [11],
  Swish: [24],
  Tan: [7],
  TensorScatter: [24],
  ThresholdedRelu: [10],
  Trilu: [14],
  Unique: [11],
  Upsample: [7, 9],
  Where: [9],
};

/** An operator that can be lowered, in the versions `since` to `until` of its domain's operator set. */
export interface OperatorRow {
  readonly since: number;
  readonly until: number;
  readonly lower: Lower;
}

/** Every operator that can be lowered. */
export const OPERATORS: ReadonlyMap<string, OperatorRow> = new Map(
  FAMILIES.flatMap((family) => Object.entries(family)).map(([name, lower]) => {
    // Other domains' operators stand with their domain, and have not changed since their first version.
    const [since, until = OPSETS.most] = RANGES[name] ?? [name.includes(".") ? 1 : OPSETS.least];
    return [name, { since, until, lower }];
  }),
);
