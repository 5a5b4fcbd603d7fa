/**
 * Sequences and optionals in a model's interface: a program has tensors only, so each item is an input or output of its own,
 * named by its place: `x[0]`. How many items there are is what the import's options give shapes or data for.
 */

import type { NamedValue } from "./graph.ts";
import type { ImportOptions } from "./import.ts";
import type { OnnxValue } from "./types.ts";
import { optionalOf, sequenceOf } from "./values.ts";
import type { Value } from "./values.ts";

/** The name of item `index` of a sequence. */
export function itemName(name: string, index: number): string {
  return `${name}[${index}]`;
}

/** The sequence an item's name belongs to, or undefined where it is none. */
export function sequenceName(name: string): string | undefined {
  return /^(.+)\[\d+\]$/s.exec(name)?.[1];
}

/** The value of a graph input. `tensorInput` makes that of a tensor. */
export function inputValue(
  declared: OnnxValue,
  options: ImportOptions,
  tensorInput: (declared: OnnxValue) => Value,
): Value {
  const { name, kind, element } = declared;
  const isGiven = (item: string): boolean =>
    [options.shapes, options.bind].some((record) => record !== undefined && Object.hasOwn(record, item));
  if (element === undefined || (kind !== "sequence" && kind !== "optional")) return tensorInput(declared);
  if (kind === "sequence") {
    const items: Value[] = [];
    for (let next = itemName(name, 0); isGiven(next); next = itemName(name, items.length)) {
      items.push(inputValue({ ...element, name: next }, options, tensorInput));
    }
    return sequenceOf(items);
  }
  const isPresent = isGiven(element.kind === "sequence" ? itemName(name, 0) : name);
  return optionalOf(isPresent ? inputValue({ ...element, name }, options, tensorInput) : undefined);
}

/** The tensors of a graph output. */
export function tensorsOf(name: string, value: Value): NamedValue[] {
  const { items, isOptional } = value;
  if (items === undefined) return [{ name, value }];
  return items.flatMap((item, index) => tensorsOf(isOptional === true ? name : itemName(name, index), item));
}
