/** Weights in another layout than the published one, made when they are used: transposed, joined, or as another type. */

import { lazyTensor } from "../onnx/element-types.ts";
import type { OnnxTensor } from "../onnx/element-types.ts";
import { WeightError } from "./weights.ts";

/** Rows and columns of a block that stays in the cache while it is turned. */
const BLOCK = 32;

/** The transpose of a float32 matrix [rows, columns]. */
export function transposedMatrix(tensor: OnnxTensor): OnnxTensor {
  const [rows, columns] = tensor.shape;
  if (tensor.shape.length !== 2) throw new WeightError("a matrix has two axes", { shape: tensor.shape });
  return lazyTensor("float32", [columns, rows], () => {
    const from = floatsOf(tensor);
    const to = new Float32Array(from.length);
    for (let top = 0; top < rows; top += BLOCK) {
      for (let left = 0; left < columns; left += BLOCK) {
        const [bottom, right] = [Math.min(top + BLOCK, rows), Math.min(left + BLOCK, columns)];
        for (let row = top; row < bottom; row++) {
          for (let column = left; column < right; column++) to[column * rows + row] = from[row * columns + column];
        }
      }
    }
    return to;
  });
}

/** Float32 tensors of one width (or vectors) below each other. */
export function stacked(tensors: readonly OnnxTensor[]): OnnxTensor {
  const [first] = tensors;
  const rest = first.shape.slice(1);
  if (tensors.some(({ shape }) => shape.slice(1).join() !== rest.join()))
    throw new WeightError("tensors of different widths cannot be stacked", {
      shapes: tensors.map(({ shape }) => shape),
    });
  const rows = tensors.reduce((sum, { shape }) => sum + shape[0], 0);
  return lazyTensor("float32", [rows, ...rest], () => {
    const all = new Float32Array(rest.reduce((product, extent) => product * extent, rows));
    let place = 0;
    for (const tensor of tensors) {
      const data = floatsOf(tensor);
      all.set(data, place);
      place += data.length;
    }
    return all;
  });
}

/** The data of a float32 tensor. */
export function floatsOf(tensor: OnnxTensor): Float32Array {
  if (tensor.dtype !== "float32")
    throw new WeightError(`weights are float32, not ${tensor.dtype}`, { dtype: tensor.dtype });
  return tensor.data;
}
