// ONNX: reading and writing model files and tensors as plain data. Refuses, with TruncatedFileError or MalformedModelError,
// what is no valid file; says nothing about which operators can be run.

export * from "./functions.ts";
export { parseModel, canonicalDomain } from "./model.ts";
export * from "./serialize.ts";
export {
  decodeTensor,
  elementCount,
  encodeTensor,
  MalformedModelError,
  parseTensorFile,
  serializeTensorFile,
  TruncatedFileError,
  widenBfloat16,
  widenFloat16,
} from "./tensor.ts";
export type { DType, LoadExternal, OnnxTensor, TensorData } from "./tensor.ts";
export type * from "./types.ts";
