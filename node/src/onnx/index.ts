// ONNX: reading and writing model files and tensors as plain data, and lowering models to programs. Refuses, with
// TruncatedFileError or MalformedModelError, what is no valid file, and with the errors of ./errors.ts what has no lowering.

export * from "./conformance.ts";
export { IMPORT_LIMITS, OWN_MODEL_LIMITS } from "./budget.ts";
export type { ImportLimits } from "./budget.ts";
export { eachConstant } from "./constants.ts";
export type { Constants } from "./constants.ts";
export * from "./errors.ts";
export * from "./functions.ts";
export { GeneratorError, importGenerator } from "./generate.ts";
export type { GeneratorNames, GeneratorOptions, GeneratorSampling } from "./generate.ts";
export { checkBound, importModel } from "./import.ts";
export type { ImportedModel, ImportedTensor, ImportOptions } from "./import.ts";
export { parseModel, canonicalDomain } from "./model.ts";
export { OPERATORS, OPSETS } from "./registry.ts";
export type { OperatorRow } from "./registry.ts";
export * from "./serialize.ts";
export { elementCount, widenBfloat16, widenFloat16 } from "./element-types.ts";
export { MalformedModelError, TruncatedFileError } from "./malformed.ts";
export { decodeTensor, encodeTensor, parseTensorFile, serializeTensorFile } from "./tensor.ts";
export type { DType, OnnxTensor, TensorData } from "./element-types.ts";
export type { LoadExternal } from "./tensor.ts";
export type * from "./types.ts";
export type { ElementType } from "./values.ts";
