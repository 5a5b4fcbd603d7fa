/**
 * What each operator takes and refuses, in words: the source of docs/operators.md. A test holds it to the table of operators,
 * so that a row is missing nowhere and none is left over.
 */

/** Element types of an operator's data and what of the standard is not supported. */
export interface CatalogueRow {
  readonly types: string;
  readonly restrictions?: string;
}

const FLOAT = "float32";
const BOOL = "bool";
const WIDE = "int32, int64";
/** Those of 2 to 64 bits but uint64. */
const INTEGERS = "integers";
const SIGNED = "signed integers";
const NUMBERS = `${FLOAT}, ${INTEGERS}`;
const ORDERED = `${FLOAT}, integers but uint32`;
const ANY = "all";

const row = (types: string, restrictions?: string): CatalogueRow =>
  restrictions === undefined ? { types } : { types, restrictions };
const each = (names: string, types: string, restrictions?: string): Record<string, CatalogueRow> =>
  Object.fromEntries(names.split(" ").map((name) => [name, row(types, restrictions)]));

const KNOWN = "known at import";
const PACKED = "right sides of two axes that DequantizeLinear makes of constants of 4 or 8 bits stay packed";

/** By the operator's key in the table: its name, after its domain and a dot where that is not the standard one. */
export const CATALOGUE: Readonly<Record<string, CatalogueRow>> = {
  ...each(
    "Acos Acosh Asin Asinh Atan Atanh Ceil Celu Cos Cosh Elu Erf Exp Floor Gelu HardSigmoid HardSwish IsInf IsNaN",
    FLOAT,
  ),
  ...each(
    "LeakyRelu Log Mean Mish Reciprocal Round Selu Shrink Sigmoid Sin Sinh Softplus Softsign Sqrt Sum Swish",
    FLOAT,
  ),
  ...each("Tan Tanh ThresholdedRelu", FLOAT),
  ...each("Add Sub Mul Div Max Min Clip PRelu Less LessOrEqual Greater GreaterOrEqual Abs Sign", NUMBERS),
  ...each("Equal", `${NUMBERS}, ${BOOL}`),
  ...each("Neg Relu", `${FLOAT}, ${SIGNED}`),
  Mod: row(NUMBERS, "floats need fmod = 1"),
  Pow: row(`${FLOAT}, ${WIDE}; any exponent`),
  ...each("And Or Xor Not", BOOL),
  ...each("BitwiseAnd BitwiseNot BitwiseOr BitwiseXor", INTEGERS),
  BitShift: row("uint32, uint16, uint8"),
  Where: row(ANY),
  Cast: row(
    ANY,
    "no conversion to float16, bfloat16, float64 or the floats of 8 bits and fewer; uint32 to int64 at import only",
  ),
  CastLike: row(ANY, "as Cast"),

  ...each(
    "Identity Flatten Reshape Squeeze Unsqueeze Transpose Expand Tile Slice Split Concat DepthToSpace SpaceToDepth",
    ANY,
  ),
  ...each(
    "Gather GatherElements GatherND ReverseSequence Shape Size Constant ConstantOfShape Trilu CenterCropPad",
    ANY,
  ),
  Dropout: row(ANY, "in training mode only with ratio 0"),
  EyeLike: row(`${NUMBERS}, ${BOOL}`),
  OneHot: row(ANY, `the depth is ${KNOWN}`),
  Pad: row(ANY, `the pads are ${KNOWN}`),
  Range: row(`${FLOAT}, ${WIDE}`, `the bounds are ${KNOWN}`),
  Resize: row(
    `${FLOAT}; all with mode nearest`,
    `scales, sizes and regions are ${KNOWN}; filters of at most 256 elements`,
  ),
  Upsample: row(FLOAT, `the scales are ${KNOWN}`),
  ...each(
    "Scatter ScatterElements ScatterND",
    ANY,
    "without a reduction any type; at most 64 loops over 512 indices, or known indices",
  ),
  TensorScatter: row(ANY),

  ...each("ReduceL2 ReduceLogSum ReduceLogSumExp ReduceMean", FLOAT),
  ...each("ReduceSum ReduceProd ReduceSumSquare", NUMBERS),
  ReduceL1: row(ORDERED),
  ...each("ReduceMax ReduceMin", `${ORDERED}, ${BOOL}`),
  ...each("ArgMax ArgMin", ORDERED),
  TopK: row(ORDERED, `k is ${KNOWN}; of rows above 4,096 elements the best 2,048 at most`),
  CumSum: row(NUMBERS, `the axis is ${KNOWN}`),
  Hardmax: row(FLOAT),
  ...each(
    "Softmax LogSoftmax LpNormalization LRN MeanVarianceNormalization InstanceNormalization GroupNormalization",
    FLOAT,
  ),
  ...each("LayerNormalization RMSNormalization", FLOAT, "scale and bias of the shape of the normalised axes"),
  BatchNormalization: row(FLOAT, "training outputs before opset 14"),

  MatMul: row(`${FLOAT}, ${WIDE}`, PACKED),
  Gemm: row(FLOAT, PACKED),
  Einsum: row(FLOAT),
  Conv: row(FLOAT, "at most three digits in the walk of a kernel: three spatial dimensions"),
  ConvTranspose: row(FLOAT, "as Conv"),
  DeformConv: row(FLOAT, "two spatial dimensions"),
  Col2Im: row(FLOAT, `shapes are ${KNOWN}`),
  Det: row(FLOAT, "at most six rows"),
  ...each("AveragePool LpPool", FLOAT, "at most three spatial dimensions"),
  MaxPool: row(`${FLOAT}, int8, uint8`, "at most three spatial dimensions; indices of windows up to 1,024 elements"),
  ...each("GlobalAveragePool GlobalMaxPool GlobalLpPool", FLOAT),
  MaxUnpool: row(FLOAT, `the shape is ${KNOWN}`),
  RoiAlign: row(FLOAT, `regions and batch indices are ${KNOWN}`),
  ...each("AffineGrid", FLOAT, `the size is ${KNOWN}`),
  GridSample: row(FLOAT, "cubic in two dimensions only"),
  ...each("HannWindow HammingWindow BlackmanWindow", FLOAT, `the size is ${KNOWN}`),
  DFT: row(FLOAT, `length and axis are ${KNOWN}`),
  STFT: row(FLOAT, `step and length are ${KNOWN}; real signals`),
  MelWeightMatrix: row(FLOAT, `all inputs are ${KNOWN}`),
  ...each("NegativeLogLikelihoodLoss SoftmaxCrossEntropyLoss", FLOAT),
  ...each("RNN GRU LSTM", FLOAT, "unrolled to at most 2,048 primitives"),
  Attention: row(FLOAT, "no softcap in a generator: it comes after the masks"),
  RotaryEmbedding: row(FLOAT),

  QuantizeLinear: row("float32, int32 to integers of 2 to 16 bits"),
  DequantizeLinear: row(
    "integers of 2 to 16 bits, int32 to float32",
    "constants become float32 words, four to eight times the file's bytes, unless a MatMul or Gemm reads them packed",
  ),
  DynamicQuantizeLinear: row("float32 to uint8"),
  ...each(
    "MatMulInteger ConvInteger QLinearMatMul QLinearConv",
    "int8, uint8",
    "zero points of the second matrix are one or one per column",
  ),

  ...each("NonZero Unique", ANY, `the data is ${KNOWN}`),
  Compress: row(ANY, `the condition is ${KNOWN}`),
  NonMaxSuppression: row(FLOAT, `all inputs are ${KNOWN}`),

  If: row(ANY, "a condition that depends on data needs branches of the same shapes"),
  Loop: row(ANY, `the number of turns is ${KNOWN}, at most 1,024`),
  Scan: row(ANY, "at most 1,024 turns; no lengths per batch row"),
  ...each(
    "SequenceAt SequenceConstruct SequenceEmpty SequenceErase SequenceInsert SequenceLength SequenceMap",
    ANY,
    `positions and lengths are ${KNOWN}`,
  ),
  ...each(
    "SplitToSequence ConcatFromSequence Optional OptionalGetElement OptionalHasElement",
    ANY,
    `positions and lengths are ${KNOWN}`,
  ),

  "ai.onnx.ml.ArrayFeatureExtractor": row(ANY),
  "ai.onnx.ml.Binarizer": row(`${FLOAT}, ${WIDE}`),
  "ai.onnx.ml.Scaler": row(NUMBERS),
  "ai.onnx.preview.training.Adagrad": row(FLOAT),
  "ai.onnx.preview.training.Adam": row(FLOAT),
  "ai.onnx.preview.training.Momentum": row(FLOAT),

  SimplifiedLayerNormalization: row(FLOAT, "onnxruntime's, in the standard domain"),
  "com.microsoft.SimplifiedLayerNormalization": row(FLOAT),
  "com.microsoft.SkipLayerNormalization": row(FLOAT),
  "com.microsoft.SkipSimplifiedLayerNormalization": row(FLOAT),
  "com.microsoft.EmbedLayerNormalization": row(FLOAT),
  ...each("com.microsoft.Gelu com.microsoft.BiasGelu com.microsoft.FastGelu com.microsoft.QuickGelu", FLOAT),
  "com.microsoft.FusedMatMul": row(FLOAT, "no transposed batches"),
  "com.microsoft.FusedConv": row(FLOAT, "activations Relu, Tanh, Sigmoid, LeakyRelu, Clip, HardSigmoid"),
  "com.microsoft.MatMulIntegerToFloat": row(
    "int8, uint8",
    "zero points of the second matrix are one or one per column",
  ),
  "com.microsoft.DynamicQuantizeMatMul": row("float32 by int8, uint8"),
  "com.microsoft.QuantizeLinear": row("float32, int32 to integers of 2 to 16 bits"),
  "com.microsoft.DequantizeLinear": row("integers of 2 to 16 bits, int32 to float32", "as DequantizeLinear"),
  "com.microsoft.MatMulNBits": row("float32 by 4 or 8 bits", "constant weights; no g_idx"),
  "com.microsoft.RotaryEmbedding": row(FLOAT, "no packed batches"),
  "com.microsoft.GroupQueryAttention": row(
    FLOAT,
    "a past only where it is full in every row, or as slots of a generator; no sinks, no smoothed softmax",
  ),
  "com.microsoft.MultiHeadAttention": row(FLOAT, "no cache in a shared buffer; no bias of packed projections"),
  "com.microsoft.Attention": row(FLOAT, "no cache in a shared buffer; no rotary embedding"),
  ...each(
    "com.microsoft.QLinearAdd com.microsoft.QLinearMul com.microsoft.QLinearSigmoid com.microsoft.QLinearLeakyRelu",
    "int8, uint8",
  ),
  "com.microsoft.QLinearGlobalAveragePool": row("int8, uint8"),
};
