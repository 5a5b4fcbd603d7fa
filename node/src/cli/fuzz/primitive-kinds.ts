/** The kinds of primitives that lies of `lockstep dispute fuzz` are told in: the forms that a referee judges in different ways. */
import { isDotProduct } from "../../ir/bounds.ts";
import type { ScalarProgram } from "../../ir/index.ts";

export const PRIMITIVE_KINDS = [
  "map",
  "gather",
  "dot product",
  "continued dot product",
  "loop",
  "continued loop",
  "loop in one block",
  "lanes",
  "continued lanes",
  "lanes in one block",
] as const;
export type PrimitiveKind = (typeof PRIMITIVE_KINDS)[number];

/** The kind of a primitive with this program. */
export function primitiveKindOf(scalar: ScalarProgram): PrimitiveKind {
  const { loop, prologue, epilogue } = scalar;
  if (loop === null) return [...prologue, ...epilogue].some(({ op }) => op === "gather") ? "gather" : "map";
  if (isDotProduct(scalar)) return loop.continued ? "continued dot product" : "dot product";
  const form = loop.lanes === 1 ? "loop" : "lanes";
  if (loop.single) return `${form} in one block`;
  return loop.continued ? `continued ${form}` : form;
}
