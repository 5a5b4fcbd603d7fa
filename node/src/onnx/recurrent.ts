/**
 * Recurrent networks, unrolled over their positions (numerics, "Lowering"): per position a dot product per gate row and
 * elementwise primitives for the cell. Input projections of all positions are one product. Refuses networks that
 * unroll to more than 2,048 primitives, and activations without a lowering.
 */

import type { ScalarBuilder, Value as Register } from "../ir/build.ts";
import { productOfRows } from "./contraction.ts";
import { elementwise, where } from "./broadcast.ts";
import { broadcastTo } from "./shape.ts";
import { concatenated } from "./indexing.ts";
import { activationsOf } from "./activations.ts";
import type { Activation } from "./activations.ts";
import { input, intAttribute, mismatch, requireType, stringAttribute, unsupported } from "./node.ts";
import type { OperatorTable, Scope } from "./node.ts";
import { indexed, transposed, view } from "./primitives.ts";
import { floatValue, reshaped, stridesOf } from "./values.ts";
import type { Value } from "./values.ts";

/** Primitives that a network may unroll to. */
const MOST_PRIMITIVES = 2048;

/** Primitives of one position, by the number of gates, and of a state's choice where sequences differ in length. */
const PER_POSITION: Readonly<Record<number, number>> = { 1: 2, 3: 6, 4: 3 };
const PER_CHOICE = 3;

/** The parts of one direction; matrices have one row per gate and hidden element. */
interface Direction {
  /** [gates * hidden, inputs] */
  readonly w: Value;
  /** [gates * hidden, hidden] */
  readonly r: Value;
  /** [gates * hidden] each, for the input and the recurrent product. */
  readonly biases: readonly [Value, Value] | undefined;
  /** [3 * hidden], LSTM only. */
  readonly peepholes: Value | undefined;
  readonly activations: readonly Activation[];
  readonly isReverse: boolean;
}

interface Setup {
  /** [positions, batch, inputs] */
  readonly x: Value;
  readonly positions: number;
  readonly batch: number;
  readonly hidden: number;
  /** [batch], or undefined where every sequence is whole. */
  readonly lengths: Value | undefined;
}

/** The state of a cell, [batch, hidden] each: h, and c for LSTM. */
type CellState = readonly Value[];

/** A cell: the next state from the input's projection [batch, gates * hidden] and the state. */
type Cell = (scope: Scope, setup: Setup, direction: Direction, projected: Value, state: CellState) => CellState;

function part(scope: Scope, value: Value, index: number): Value {
  const [, ...shape] = value.shape;
  const strides = stridesOf(value.shape);
  return view(scope, value, shape, strides.slice(1), index * strides[0]);
}

/** Columns of gate `gate`, [batch, hidden], of a [batch, gates * hidden] tensor or a [gates * hidden] vector. */
function gateOf(scope: Scope, { batch, hidden }: Setup, value: Value, gate: number): Value {
  const width = value.shape.at(-1)!;
  return view(scope, value, [batch, hidden], [value.shape.length === 1 ? 0 : width, 1], gate * hidden);
}

/** h times the rows of r, plus the projection and the recurrent bias. */
function gatesOf(scope: Scope, direction: Direction, projected: Value, h: Value): Value {
  const [, bias] = direction.biases ?? [];
  const width = projected.shape[1];
  const reads = [{ value: projected, strides: [width, 1], offset: 0 }];
  if (bias !== undefined) reads.push({ value: bias, strides: [0, 1], offset: 0 });
  return productOfRows(scope, h, direction.r, {
    reads,
    finish: (b, total, [given, shift]) => {
      const sum = b.add(total, given);
      return shift === undefined ? sum : b.add(sum, shift);
    },
  });
}

const simpleCell: Cell = (scope, _, direction, projected, [h]) => {
  const [f] = direction.activations;
  return [elementwise(scope, [gatesOf(scope, direction, projected, h)], "float32", (b, x) => f(b, x))];
};

/** Gates in the order input, output, forget, cell. */
const lstmCell: Cell = (scope, setup, direction, projected, [h, c]) => {
  const [f, g, hOf] = direction.activations;
  const isCoupled = intAttribute(scope, "input_forget", 0) !== 0;
  const sums = gatesOf(scope, direction, projected, h);
  const [i, o, forget, candidate] = [0, 1, 2, 3].map((gate) => gateOf(scope, setup, sums, gate));
  const { peepholes } = direction;
  // The peepholes stand in the order input, output, forget.
  const peep = (gate: number): readonly Value[] =>
    peepholes === undefined ? [] : [gateOf(scope, setup, peepholes, gate)];
  const look = (b: ScalarBuilder, sum: Register, cell: Register, weight: Register | undefined): Register =>
    weight === undefined ? sum : b.fma(cell, weight, sum);
  const cell = elementwise(
    scope,
    [i, forget, candidate, c, ...peep(0), ...peep(2)],
    "float32",
    (b, wi, wf, wc, wOld, pi, pf) => {
      const entry = f(b, look(b, wi, wOld, pi));
      const kept = isCoupled ? b.sub(1, entry) : f(b, look(b, wf, wOld, pf));
      return b.fma(kept, wOld, b.mul(entry, g(b, wc)));
    },
  );
  const output = elementwise(scope, [o, cell, ...peep(1)], "float32", (b, wo, wCell, po) =>
    b.mul(f(b, look(b, wo, wCell, po)), hOf(b, wCell)),
  );
  return [output, cell];
};

/** Gates in the order update, reset, hidden. */
const gruCell: Cell = (scope, setup, direction, projected, [h]) => {
  const [f, g] = direction.activations;
  const isBefore = intAttribute(scope, "linear_before_reset", 0) === 0;
  const { hidden } = setup;
  const rows = (from: number, count: number): Value =>
    view(scope, direction.r, [count, hidden], [hidden, 1], from * hidden);
  const product = (left: Value, right: Value): Value => productOfRows(scope, left, right);
  const recurrentBias = (gate: number): readonly Value[] =>
    direction.biases === undefined ? [] : [gateOf(scope, setup, direction.biases[1], gate)];
  const both = product(h, rows(0, 2 * hidden));
  const gate = (index: number): Value =>
    elementwise(
      scope,
      [gateOf(scope, setup, projected, index), gateOf(scope, setup, both, index), ...recurrentBias(index)],
      "float32",
      (b, x, y, shift) => f(b, shift === undefined ? b.add(x, y) : b.add(b.add(x, y), shift)),
    );
  const [update, reset] = [gate(0), gate(1)];
  const candidateRows = rows(2 * hidden, hidden);
  const inner = isBefore
    ? product(
        elementwise(scope, [reset, h], "float32", (b, x, y) => b.mul(x, y)),
        candidateRows,
      )
    : product(h, candidateRows);
  const operands = [gateOf(scope, setup, projected, 2), inner, update, h, reset, ...recurrentBias(2)];
  const next = elementwise(scope, operands, "float32", (b, x, dot, z, old, r, shift) => {
    const shifted = shift === undefined ? dot : b.add(dot, shift);
    const candidate = g(b, isBefore ? b.add(x, shifted) : b.fma(r, shifted, x));
    return b.fma(z, b.sub(old, candidate), candidate);
  });
  return [next];
};

function runDirection(
  scope: Scope,
  setup: Setup,
  direction: Direction,
  cell: Cell,
  initial: CellState,
): { all: Value[]; last: CellState } {
  const { positions, batch, lengths } = setup;
  const projected = projections(scope, setup, direction);
  const order = Array.from({ length: positions }, (_, index) => (direction.isReverse ? positions - 1 - index : index));
  const all = new Array<Value>(positions);
  let state = initial;
  for (const position of order) {
    const next = cell(scope, setup, direction, part(scope, projected, position), state);
    if (lengths === undefined) {
      state = next;
      all[position] = next[0];
      continue;
    }
    // Beyond its own length a sequence keeps its state and gives zeros.
    const isInside = indexed(scope, "bool", [batch, 1], [lengths], (b, [counts]) =>
      b.ltI(position, b.load(counts, b.digits[0])),
    );
    state = next.map((value, index) => where(scope, isInside, value, state[index]));
    all[position] = elementwise(scope, [isInside, next[0]], "float32", (b, flag, x) => b.select(flag, x, b.f32(0)));
  }
  return { all, last: state };
}

/** x times the rows of w plus the input bias, for all positions: [positions, batch, gates * hidden]. */
function projections(scope: Scope, { x }: Setup, { w, biases }: Direction): Value {
  if (biases === undefined) return productOfRows(scope, x, w);
  return productOfRows(scope, x, w, {
    reads: [{ value: biases[0], strides: [0, 0, 1], offset: 0 }],
    finish: (b, total, [shift]) => b.add(total, shift),
  });
}

function recurrent(gates: number, defaults: readonly string[], cell: Cell, hasCell: boolean) {
  return (scope: Scope): Value[] => {
    const isBatchFirst = intAttribute(scope, "layout", 0) !== 0;
    const swap = (value: Value): Value =>
      isBatchFirst ? transposed(scope, value, [1, 0, ...value.shape.slice(2).map((_, axis) => axis + 2)]) : value;
    const x = swap(input(scope, 0));
    const [w, r] = [input(scope, 1), input(scope, 2)];
    [x, w, r].forEach((value) => requireType(scope, value, "float32"));
    const [positions, batch] = x.shape;
    const [directions, rows, hidden] = r.shape;
    if (rows !== gates * hidden || w.shape[1] !== rows || x.shape.length !== 3) {
      throw mismatch(scope, "the weights do not fit", { x: x.shape, w: w.shape, r: r.shape });
    }
    const each = PER_POSITION[gates] + (scope.inputs[4] === undefined ? 0 : PER_CHOICE);
    if (positions * directions * each > MOST_PRIMITIVES) {
      throw unsupported(scope, `${positions} positions, ${each} primitives each; at most ${MOST_PRIMITIVES} in all`);
    }
    const setup: Setup = { x, positions, batch, hidden, lengths: scope.inputs[4] };
    const kind = stringAttribute(scope, "direction", "forward");
    const kinds = directions === 2 ? ["bidirectional"] : ["forward", "reverse"];
    if (directions > 2 || directions !== w.shape[0] || !kinds.includes(kind))
      throw mismatch(scope, `direction ${kind} does not fit the weights`, { w: w.shape, r: r.shape });
    const activations = activationsOf(scope, Array.from({ length: directions }, () => defaults).flat());
    const initialOf = (index: number, direction: number): Value => {
      const given = scope.inputs[index];
      if (given === undefined) return broadcastTo(scope, floatValue(0), [batch, hidden]);
      return part(scope, swap(given), direction);
    };
    const runs = Array.from({ length: directions }, (_, index) => {
      const bias = scope.inputs[3] === undefined ? undefined : part(scope, scope.inputs[3], index);
      const peepholes = hasCell && scope.inputs[7] !== undefined ? part(scope, scope.inputs[7], index) : undefined;
      const half = (offset: number): Value => view(scope, bias!, [rows], [1], offset);
      const direction: Direction = {
        w: part(scope, w, index),
        r: part(scope, r, index),
        biases: bias === undefined ? undefined : [half(0), half(rows)],
        peepholes,
        activations: activations.slice(index * defaults.length, (index + 1) * defaults.length),
        isReverse: kind === "reverse" || index === 1,
      };
      const initial = hasCell ? [initialOf(5, index), initialOf(6, index)] : [initialOf(5, index)];
      return runDirection(scope, setup, direction, cell, initial);
    });
    // [positions, directions, batch, hidden], or with the batch first [batch, positions, directions, hidden].
    const rowsOf = runs.map(({ all }) => stack(scope, all));
    const y = concatenated(
      scope,
      rowsOf.map((value) => reshaped(value, [positions, 1, batch, hidden])),
      1,
    );
    const outputs = isBatchFirst ? transposed(scope, y, [2, 0, 1, 3]) : y;
    const lasts = (index: number): Value =>
      swap(
        stack(
          scope,
          runs.map(({ last }) => last[index]),
        ),
      );
    return hasCell ? [outputs, lasts(0), lasts(1)] : [outputs, lasts(0)];
  };
}

function stack(scope: Scope, values: readonly Value[]): Value {
  return concatenated(
    scope,
    values.map((value) => reshaped(value, [1, ...value.shape])),
    0,
  );
}

export const RECURRENTS: OperatorTable = {
  RNN: recurrent(1, ["Tanh"], simpleCell, false),
  GRU: recurrent(3, ["Sigmoid", "Tanh"], gruCell, false),
  LSTM: recurrent(4, ["Sigmoid", "Tanh", "Tanh"], lstmCell, true),
};
