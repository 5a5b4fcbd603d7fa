/**
 * The table of operators that can be lowered, keyed by domain and name (numerics, "Lowering"). A family of operators gives
 * lowerings; what changed between versions is the lowering's own business, versions outside an operator's range are refused.
 */

import { ATTENTION } from "./attention.ts";
import { CASTS } from "./cast.ts";
import { CLASSICAL } from "./classical.ts";
import { CONTRACTIONS } from "./contraction.ts";
import { CONTROL } from "./control.ts";
import { CONVOLUTIONS } from "./convolution.ts";
import { DEFORMABLE } from "./deformable.ts";
import { DETERMINANTS } from "./determinant.ts";
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
import { ORDERINGS } from "./ordering.ts";
import { PADDING } from "./padding.ts";
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
import { SPATIAL } from "./spatial.ts";
import { TRAINING } from "./training.ts";

/** The versions of the standard operator set that can be imported. */
export const OPSETS = { least: 6, most: 25 } as const;

const FAMILIES: readonly OperatorTable[] = [
  ATTENTION,
  CASTS,
  CLASSICAL,
  CONTRACTIONS,
  CONTROL,
  CONVOLUTIONS,
  DATA_DEPENDENT,
  DEFORMABLE,
  DETERMINANTS,
  EINSUMS,
  ELEMENTWISE,
  GRIDS,
  INDEXING,
  LOSSES,
  MICROSOFT,
  MICROSOFT_ATTENTION,
  NORMALIZATIONS,
  ORDERINGS,
  PADDING,
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
  SPATIAL,
  TRAINING,
];

/**
 * The operator sets in which an operator has its name and a form that can be lowered, where that is not all of {@link OPSETS}:
 * first and last version. Some have been the same since before the first of those.
 */
const RANGES: Readonly<Record<string, readonly [since: number, until?: number]>> = {
  Acos: [7],
  Acosh: [9],
  AffineGrid: [20],
  And: [1],
  ArgMax: [1],
  ArgMin: [1],
  Asin: [7],
  Asinh: [9],
  Atan: [7],
  Atanh: [9],
  Attention: [23],
  AveragePool: [1],
  BitShift: [11],
  BitwiseAnd: [18],
  BitwiseNot: [18],
  BitwiseOr: [18],
  BitwiseXor: [18],
  BlackmanWindow: [17],
  CastLike: [15],
  Celu: [12],
  CenterCropPad: [18],
  Col2Im: [18],
  Compress: [9],
  Concat: [4],
  ConcatFromSequence: [11],
  Constant: [1],
  ConstantOfShape: [9],
  Conv: [1],
  ConvInteger: [10],
  ConvTranspose: [1],
  Cos: [7],
  Cosh: [9],
  CumSum: [11],
  DFT: [17],
  DeformConv: [19],
  DepthToSpace: [1],
  DequantizeLinear: [10],
  Det: [11],
  DynamicQuantizeLinear: [11],
  Einsum: [12],
  Equal: [1],
  Erf: [9],
  Expand: [8],
  EyeLike: [9],
  Flatten: [1],
  GRU: [3],
  Gather: [1],
  GatherElements: [11],
  GatherND: [11],
  Gelu: [20],
  GlobalAveragePool: [1],
  GlobalLpPool: [2],
  GlobalMaxPool: [1],
  Greater: [1],
  GreaterOrEqual: [12],
  GridSample: [16],
  GroupNormalization: [18],
  HammingWindow: [17],
  HannWindow: [17],
  HardSwish: [14],
  Hardmax: [1],
  Identity: [1],
  If: [1],
  IsInf: [10],
  IsNaN: [9],
  LRN: [1],
  LSTM: [1],
  LayerNormalization: [17],
  Less: [1],
  LessOrEqual: [12],
  LogSoftmax: [1],
  Loop: [1],
  LpNormalization: [1],
  LpPool: [2],
  MatMul: [1],
  MatMulInteger: [10],
  MaxPool: [1],
  MaxUnpool: [9],
  MeanVarianceNormalization: [9],
  MelWeightMatrix: [17],
  Mish: [18],
  Mod: [10],
  NegativeLogLikelihoodLoss: [12],
  NonMaxSuppression: [10],
  NonZero: [9],
  Not: [1],
  OneHot: [9],
  Optional: [15],
  OptionalGetElement: [15],
  OptionalHasElement: [15],
  Or: [1],
  Pad: [2],
  QLinearConv: [10],
  QLinearMatMul: [10],
  QuantizeLinear: [10],
  RMSNormalization: [23],
  RNN: [1],
  Range: [11],
  ReduceL1: [1],
  ReduceL2: [1],
  ReduceLogSum: [1],
  ReduceLogSumExp: [1],
  ReduceMax: [1],
  ReduceMean: [1],
  ReduceMin: [1],
  ReduceProd: [1],
  ReduceSum: [1],
  ReduceSumSquare: [1],
  Reshape: [5],
  Resize: [10],
  ReverseSequence: [10],
  RoiAlign: [10],
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
  Shape: [1],
  Shrink: [9],
  Sign: [9],
  SimplifiedLayerNormalization: [1],
  Sin: [7],
  Sinh: [9],
  Size: [1],
  Slice: [1],
  Softmax: [1],
  SoftmaxCrossEntropyLoss: [12],
  Softplus: [1],
  Softsign: [1],
  SpaceToDepth: [1],
  Split: [2],
  SplitToSequence: [11],
  Squeeze: [1],
  Swish: [24],
  Tan: [7],
  TensorScatter: [24],
  ThresholdedRelu: [10],
  TopK: [1],
  Transpose: [1],
  Trilu: [14],
  Unique: [11],
  Unsqueeze: [1],
  Upsample: [7, 9],
  Where: [9],
  Xor: [1],
};

const RANDOM = "random numbers, whose generator the standard leaves open";
const STRINGS = "strings have no value in a program";

/** Why operators of the standard have no lowering. */
export const REFUSALS: Readonly<Record<string, string>> = {
  Bernoulli: RANDOM,
  ImageDecoder: "decoding of image files",
  MaxRoiPool: "regions whose size in elements depends on data",
  Multinomial: RANDOM,
  RandomNormal: RANDOM,
  RandomNormalLike: RANDOM,
  RandomUniform: RANDOM,
  RandomUniformLike: RANDOM,
  RegexFullMatch: STRINGS,
  StringConcat: STRINGS,
  StringNormalizer: STRINGS,
  StringSplit: STRINGS,
  TfIdfVectorizer: "counts of sequences of words or strings",
  "ai.onnx.ml.LabelEncoder": STRINGS,
  "ai.onnx.preview.training.Gradient": "differentiation of a part of the graph; export the training step instead",
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
