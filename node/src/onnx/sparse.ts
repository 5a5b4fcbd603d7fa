/**
 * Sparse constants as the dense tensors they stand for: zeros but for the values at the given places. Refuses places outside the
 * shape, numbers of values and places that differ, and element types without a value here.
 */

import { malformed } from "./malformed.ts";
import type { OnnxTensor, TensorData } from "./element-types.ts";
import type { OnnxSparseTensor } from "./types.ts";
import { sizeOf, stridesOf } from "./values.ts";

/** Elements of a dense tensor made of a sparse one. */
const MOST_ELEMENTS = 2 ** 28;

type Numbers = Exclude<TensorData[keyof TensorData], string[]>;

/** The dense tensor. Throws MalformedModelError where values and places do not fit the shape. */
export function denseTensor({ shape, values, indices }: OnnxSparseTensor, where: string): OnnxTensor {
  const count = sizeOf(values.shape);
  const size = sizeOf(shape);
  const isLinear = indices.shape.length !== 2;
  const width = isLinear ? 1 : shape.length;
  const fits = indices.dtype === "int64" && values.dtype !== "string" && sizeOf(indices.shape) === count * width;
  if (!fits || size > MOST_ELEMENTS) {
    throw malformed("sparse", `${where}: values and places do not fit the sparse tensor's shape`, { where, shape });
  }
  const places = indices.data as BigInt64Array;
  const strides = stridesOf(shape);
  const data = values.data as Numbers;
  const dense = new (data.constructor as new (length: number) => Numbers)(size);
  for (let i = 0; i < count; i++) {
    const digits = Array.from(places.subarray(i * width, (i + 1) * width), Number);
    const isInside = digits.every((digit, axis) => digit >= 0 && digit < (isLinear ? size : shape[axis]));
    if (!isInside)
      throw malformed("sparse", `${where}: a place is outside the sparse tensor`, { where, digits, shape });
    const place = isLinear ? digits[0] : digits.reduce((sum, digit, axis) => sum + digit * strides[axis], 0);
    dense[place] = data[i];
  }
  return { dtype: values.dtype, shape: [...shape], data: dense } as OnnxTensor;
}
