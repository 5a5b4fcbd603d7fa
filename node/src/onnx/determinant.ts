/**
 * Determinants of small matrices as one scalar program: minors over growing sets of rows, each made once. Exact but for the
 * roundings of its products and sums. Refuses more than six rows.
 */

import type { Value as Register } from "../ir/build.ts";
import { input, mismatch, requireType, unsupported } from "./node.ts";
import type { OperatorTable, Scope } from "./node.ts";
import { general } from "./primitives.ts";
import { sizeOf } from "./values.ts";
import type { Value } from "./values.ts";

const MOST_ROWS = 6;

function det(scope: Scope): Value[] {
  const x = input(scope, 0);
  requireType(scope, x, "float32");
  const [rows = 0, columns = 1] = x.shape.slice(-2);
  if (x.shape.length < 2 || rows !== columns) throw mismatch(scope, "the matrices are not square", { shape: x.shape });
  if (rows > MOST_ROWS) throw unsupported(scope, `a determinant of ${rows} rows; at most ${MOST_ROWS}`);
  const shape = x.shape.slice(0, -2);
  return [
    general(scope, {
      elementType: "float32",
      shape,
      extents: [sizeOf(shape)],
      operands: [x],
      define: (b, [from]) => {
        const base = b.mulI(b.digits[0], rows * rows);
        // minors.get(set): the determinant of the first columns over the rows of `set`, expanded along the last column.
        const minors = new Map<number, Register>([[0, b.f32(1)]]);
        for (let set = 1; set < 2 ** rows; set++) {
          const members = Array.from({ length: rows }, (_, row) => row).filter((row) => (set & (2 ** row)) !== 0);
          const column = members.length - 1;
          let sum: Register | undefined;
          members.forEach((row, index) => {
            const item = b.load(from, b.addI(base, row * rows + column));
            const isNegative = (members.length - 1 - index) % 2 === 1;
            const signed = isNegative ? b.neg(item) : item;
            const minor = minors.get(set - 2 ** row)!;
            if (column === 0) sum = signed;
            else sum = sum === undefined ? b.mul(signed, minor) : b.fma(signed, minor, sum);
          });
          minors.set(set, sum!);
        }
        return minors.get(2 ** rows - 1)!;
      },
    }),
  ];
}

export const DETERMINANTS: OperatorTable = { Det: det };
