/**
 * Operators of the domain ai.onnx.ml that prepare features (numerics, "Lowering"): elementwise primitives and gathers. Trees,
 * support vectors, dictionaries and strings have no lowering.
 */

import { elementwise } from "./broadcast.ts";
import { cast } from "./cast.ts";
import { INDEXING } from "./indexing.ts";
import { attribute, floatAttribute, input, mismatch, requireType, standingFor } from "./node.ts";
import type { OperatorTable, Scope } from "./node.ts";
import { toBits } from "../float/words.ts";
import { knownWords, reshaped, sizeOf } from "./values.ts";
import type { Value } from "./values.ts";

/** 1 where an element exceeds the threshold, else 0. */
function binarizer(scope: Scope): Value[] {
  const x = input(scope, 0);
  requireType(scope, x, "float32", "int32", "int64");
  const threshold = floatAttribute(scope, "threshold", 0);
  const flags = elementwise(scope, [cast(scope, x, "float32")], "bool", (b, word) => b.lt(threshold, word));
  return [cast(scope, flags, x.elementType)];
}

/** Elements of the last axis by index. */
function arrayFeatureExtractor(scope: Scope): Value[] {
  const [x, indices] = [input(scope, 0), input(scope, 1)];
  const places = reshaped(indices, [sizeOf(indices.shape)]);
  const attributes = { axis: { type: "int", value: -1n } } as const;
  const [taken] = INDEXING["Gather"](standingFor(scope, [x, places], attributes));
  // A vector counts as one row.
  return [x.shape.length === 1 ? reshaped(taken, [1, ...taken.shape]) : taken];
}

/** (x - offset) * scale, one of each per feature or one for all. */
function scaler(scope: Scope): Value[] {
  const x = cast(scope, input(scope, 0), "float32");
  const features = x.shape.at(-1) ?? 1;
  const list = (name: string, absent: number): Value => {
    const items = attribute(scope, name, "floats") ?? [absent];
    if (items.length !== 1 && items.length !== features) {
      throw mismatch(scope, `${name} is not one per feature`, { length: items.length, features });
    }
    return knownWords([items.length], Uint32Array.from(items, toBits));
  };
  return [
    elementwise(scope, [x, list("offset", 0), list("scale", 1)], "float32", (b, word, offset, scale) =>
      b.mul(b.sub(word, offset), scale),
    ),
  ];
}

export const CLASSICAL: OperatorTable = {
  "ai.onnx.ml.ArrayFeatureExtractor": arrayFeatureExtractor,
  "ai.onnx.ml.Binarizer": binarizer,
  "ai.onnx.ml.Scaler": scaler,
};
