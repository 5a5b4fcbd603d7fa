/**
 * Scan, unrolled over its static number of turns (numerics, "Lowering"): each turn sees one slice of every scanned input, and
 * its further outputs are stacked. Refuses more than 1,024 turns, and the lengths per batch row that opset 8 allows.
 */

import { concatenated } from "./indexing.ts";
import { attribute, axisOf, input, intsAttribute, invalid, mismatch, requiredInt, unsupported } from "./node.ts";
import type { OperatorTable, Scope } from "./node.ts";
import { view } from "./primitives.ts";
import { reshaped, stridesOf } from "./values.ts";
import type { Value } from "./values.ts";

const MOST_TURNS = 1024;

/** Slice `index` along an axis, without it. */
function sliceAt(scope: Scope, value: Value, axis: number, index: number): Value {
  const strides = stridesOf(value.shape);
  const others = value.shape.map((_, other) => other).filter((other) => other !== axis);
  return view(
    scope,
    value,
    others.map((other) => value.shape[other]),
    others.map((other) => strides[other]),
    index * strides[axis],
  );
}

/** Values stacked along a new axis. */
function stacked(scope: Scope, values: readonly Value[], axis: number): Value {
  return concatenated(
    scope,
    values.map((value) => reshaped(value, value.shape.toSpliced(axis, 0, 1))),
    axis,
  );
}

interface Directions {
  readonly axes: readonly number[];
  readonly reversed: readonly boolean[];
}

/** The final states, then what each turn gave beside them, stacked. */
function scanned(
  scope: Scope,
  states: readonly Value[],
  inputs: readonly Value[],
  ins: Directions,
  outs: Directions,
): Value[] {
  const body = attribute(scope, "body", "graph");
  if (body === undefined) throw invalid(scope, "the body is missing");
  const axes = inputs.map((value, index) => axisOf(scope, ins.axes[index] ?? 0, value.shape.length));
  const turns = inputs.map((value, index) => value.shape[axes[index]]);
  const [count] = turns;
  if (turns.some((other) => other !== count)) throw mismatch(scope, "the scanned inputs differ in length", { turns });
  if (count > MOST_TURNS) throw unsupported(scope, `${count} turns; at most ${MOST_TURNS}`);
  if (count < 1) throw unsupported(scope, "a scan of no turns");
  let state = states;
  const results: Value[][] = [];
  for (let turn = 0; turn < count; turn++) {
    const slices = inputs.map((value, index) =>
      sliceAt(scope, value, axes[index], ins.reversed[index] ? count - 1 - turn : turn),
    );
    const outputs = scope.subgraph(body, [...state, ...slices]);
    state = outputs.slice(0, states.length);
    results.push(outputs.slice(states.length));
  }
  const stacks = results[0].map((first, index) => {
    const items = results.map((outputs) => outputs[index]);
    const axis = axisOf(scope, outs.axes[index] ?? 0, first.shape.length + 1);
    return stacked(scope, outs.reversed[index] ? items.toReversed() : items, axis);
  });
  return [...state, ...stacks];
}

function directionsOf(scope: Scope, axes: string, directions: string): Directions {
  return {
    axes: intsAttribute(scope, axes) ?? [],
    reversed: (intsAttribute(scope, directions) ?? []).map((direction) => direction !== 0),
  };
}

function scan(scope: Scope): Value[] {
  const scans = requiredInt(scope, "num_scan_inputs");
  const given = scope.inputs.length - (scope.opset < 9 ? 1 : 0);
  if (scans < 1 || scans > given) throw invalid(scope, "num_scan_inputs is none of the inputs", { scans, given });
  if (scope.opset < 9) return scanOfBatches(scope, scans);
  const all = scope.inputs.map((_, index) => input(scope, index));
  return scanned(
    scope,
    all.slice(0, all.length - scans),
    all.slice(all.length - scans),
    directionsOf(scope, "scan_input_axes", "scan_input_directions"),
    directionsOf(scope, "scan_output_axes", "scan_output_directions"),
  );
}

/** Opset 8: every value has a batch axis in front, and each row is scanned on its own. */
function scanOfBatches(scope: Scope, scans: number): Value[] {
  if (scope.inputs[0] !== undefined) throw unsupported(scope, "lengths per row of the batch");
  const all = scope.inputs.slice(1).map((_, index) => input(scope, index + 1));
  const ins = directionsOf(scope, "", "directions");
  const batch = all[0].shape[0] ?? 0;
  if (batch < 1) throw unsupported(scope, "a scan of no rows");
  const rows = Array.from({ length: batch }, (_, row) => {
    const values = all.map((value) => sliceAt(scope, value, 0, row));
    const count = values.length - scans;
    return scanned(scope, values.slice(0, count), values.slice(count), ins, { axes: [], reversed: [] });
  });
  return rows[0].map((_, index) =>
    stacked(
      scope,
      rows.map((outputs) => outputs[index]),
      0,
    ),
  );
}

export const SCANS: OperatorTable = { Scan: scan };
