/**
 * Sequences and optionals whose length is known at import (numerics, "Lowering": programs have static shapes): lists of values
 * that no program holds, only the tensors in them. Refuses positions and lengths that depend on data.
 */

import { concatenated } from "./indexing.ts";
import { attribute, axisOf, input, intAttribute, invalid, knownNumbers, mismatch } from "./node.ts";
import type { OperatorTable, Scope } from "./node.ts";
import { splitAlong } from "./shape.ts";
import { knownIntegers, knownList, optionalOf, reshaped, sequenceOf } from "./values.ts";
import type { Value } from "./values.ts";

/** The items of input `index`, a sequence. */
function itemsOf(scope: Scope, index: number): readonly Value[] {
  const { items, isOptional } = input(scope, index);
  if (items === undefined || isOptional === true) throw invalid(scope, `input ${index} is no sequence`, { index });
  return items;
}

/** A position, counted from the end where it is negative, below `count`. */
function positionOf(scope: Scope, value: Value, count: number): number {
  const [given] = knownNumbers(scope, value, "the position");
  const position = given < 0 ? given + count : given;
  if (!(position >= 0 && position < count))
    throw mismatch(scope, "the position is outside", { position: given, count });
  return position;
}

function sequenceInsert(scope: Scope): Value[] {
  const items = itemsOf(scope, 0);
  const at = scope.inputs[2];
  const position = at === undefined ? items.length : insertionAt(scope, at, items.length);
  return [sequenceOf(items.toSpliced(position, 0, input(scope, 1)))];
}

function insertionAt(scope: Scope, value: Value, count: number): number {
  const [given] = knownNumbers(scope, value, "the position");
  return given === count ? count : positionOf(scope, value, count);
}

function sequenceErase(scope: Scope): Value[] {
  const items = itemsOf(scope, 0);
  const at = scope.inputs[1];
  const position = at === undefined ? items.length - 1 : positionOf(scope, at, items.length);
  if (items.length === 0) throw mismatch(scope, "the sequence is empty", {});
  return [sequenceOf(items.toSpliced(position, 1))];
}

function splitToSequence(scope: Scope): Value[] {
  const value = input(scope, 0);
  const axis = axisOf(scope, intAttribute(scope, "axis", 0), value.shape.length);
  const extent = value.shape[axis];
  const given = scope.inputs[1];
  const numbers = given === undefined ? [1] : knownNumbers(scope, given, "the lengths");
  const isList = given !== undefined && given.shape.length === 1;
  const size = numbers[0];
  if (numbers.some((length) => length < 0) || (!isList && size < 1)) throw invalid(scope, "a length is not positive");
  const count = isList ? 0 : Math.ceil(extent / size);
  const even = Array.from({ length: count }, (_, index) => Math.min(size, extent - index * size));
  const lengths = isList ? numbers : even;
  if (lengths.reduce((sum, length) => sum + length, 0) !== extent) {
    throw mismatch(scope, "the parts do not make up the axis", { lengths, extent });
  }
  const parts = splitAlong(scope, value, axis, lengths);
  const drops = given === undefined && intAttribute(scope, "keepdims", 1) === 0;
  const shape = value.shape.filter((_, other) => other !== axis);
  return [sequenceOf(drops ? parts.map((part) => reshaped(part, shape)) : parts)];
}

function concatFromSequence(scope: Scope): Value[] {
  const items = itemsOf(scope, 0);
  if (items.length === 0) throw mismatch(scope, "the sequence is empty", {});
  const rank = items[0].shape.length;
  const isNew = intAttribute(scope, "new_axis", 0) !== 0;
  const axis = axisOf(scope, intAttribute(scope, "axis", 0), isNew ? rank + 1 : rank);
  const widened = items.map((item) => (isNew ? reshaped(item, item.shape.toSpliced(axis, 0, 1)) : item));
  return [concatenated(scope, widened, axis)];
}

/** The body's outputs for every item, and for the same item of further sequences or the whole of further tensors. */
function sequenceMap(scope: Scope): Value[] {
  const body = attribute(scope, "body", "graph");
  if (body === undefined) throw invalid(scope, "the body is missing");
  const first = itemsOf(scope, 0);
  const rest = scope.inputs.slice(1).map((_, index) => input(scope, index + 1));
  if (rest.some(({ items }) => items !== undefined && items.length !== first.length)) {
    throw mismatch(scope, "the sequences differ in length", { lengths: rest.map(({ items }) => items?.length) });
  }
  const results = first.map((item, index) =>
    scope.subgraph(body, [item, ...rest.map((value) => value.items?.[index] ?? value)]),
  );
  return body.outputs.map((_, output) => sequenceOf(results.map((outputs) => outputs[output])));
}

function optional(scope: Scope): Value[] {
  const value = scope.inputs[0];
  return [optionalOf(value)];
}

/** Before opset 18 only an optional has an element; since then a tensor or sequence stands for itself. */
function optionalGetElement(scope: Scope): Value[] {
  const value = input(scope, 0);
  if (value.items === undefined || value.isOptional !== true) return [value];
  const [element] = value.items;
  if (element === undefined) throw mismatch(scope, "the optional is empty", {});
  return [element];
}

function optionalHasElement(scope: Scope): Value[] {
  const value = scope.inputs[0];
  const isEmpty = value === undefined || (value.isOptional === true && value.items?.length === 0);
  return [knownIntegers("bool", [], BigInt64Array.of(isEmpty ? 0n : 1n))];
}

export const SEQUENCES: OperatorTable = {
  SequenceEmpty: () => [sequenceOf([])],
  SequenceConstruct: (scope) => [sequenceOf(scope.inputs.map((_, index) => input(scope, index)))],
  SequenceAt: (scope) => {
    const items = itemsOf(scope, 0);
    return [items[positionOf(scope, input(scope, 1), items.length)]];
  },
  SequenceInsert: sequenceInsert,
  SequenceErase: sequenceErase,
  SequenceLength: (scope) => [reshaped(knownList([itemsOf(scope, 0).length]), [])],
  SequenceMap: sequenceMap,
  SplitToSequence: splitToSequence,
  ConcatFromSequence: concatFromSequence,
  Optional: optional,
  OptionalGetElement: optionalGetElement,
  OptionalHasElement: optionalHasElement,
};

/** Operators that take sequences and optionals as they are, beside those of the table. */
export const TAKES_ITEMS: ReadonlySet<string> = new Set([...Object.keys(SEQUENCES), "Identity", "If", "Loop"]);
