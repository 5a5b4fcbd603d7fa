import assert from "node:assert/strict";
import { test } from "node:test";
import {
  buildScalar,
  ForeignValueError,
  LiteralError,
  LoadError,
  LoopShapeError,
  ValueSectionError,
  ValueTypeError,
} from "./build.ts";
import type { LoopOptions, ScalarBuilder, ScalarSignature, Value } from "./build.ts";
import { encodeScalar } from "./encode.ts";
import { InvalidScalarProgramError } from "./validate.ts";

const INTEGER: ScalarSignature = { operands: ["i32", "f32"], output: "i32", extents: [3, 4] };
const FLOAT: ScalarSignature = { operands: ["f32", "f32"], output: "f32", extents: [8] };

function sum(b: ScalarBuilder, body: LoopOptions["body"], more: Partial<LoopOptions> = {}): Value {
  return b.loop({
    count: 300,
    carried: [{ type: "f32", init: 0 }],
    body,
    combine: ([total], [block]) => [b.add(total, block)],
    ...more,
  })[0];
}

test("index arithmetic folds to the shortest form", () => {
  const program = buildScalar(INTEGER, (b) => {
    const [i, j] = b.digits;
    const row = b.addI(b.mulI(b.addI(i, 0), b.mulI(2, 2)), b.subI(7, b.i32(7)));
    return b.addI(b.addI(b.addI(row, 5), b.mulI(j, 1)), b.mulI(b.divU(j, 1), 0));
  });
  // (i * 4) + 5 + j
  assert.deepEqual(
    program.prologue.map(({ op }) => op),
    ["mulI", "addI", "addI"],
  );
  assert.deepEqual(
    program.constants.map(({ word }) => word),
    [4, 5],
  );
});

test("equal expressions are computed once, dead ones not at all", () => {
  const program = buildScalar(INTEGER, (b) => {
    b.mulI(b.index, 1234);
    const left = b.mulI(b.index, b.index);
    return b.addI(left, b.mulI(b.index, b.index));
  });
  assert.deepEqual(
    program.prologue.map(({ op }) => op),
    ["mulI", "addI", "mulI", "addI"],
  );
  assert.equal(program.loop, null);
});

test("a digit of extent one is the constant zero", () => {
  const program = buildScalar({ operands: [], output: "i32", extents: [1, 7, 1] }, (b) => b.index);
  assert.equal(program.prologue.length, 0);
  assert.equal(program.result, program.constants.length + 2);
});

test("what does not change in the loop leaves it", () => {
  const program = buildScalar(FLOAT, (b) =>
    sum(b, ({ carried: [total] }) => {
      const scale = b.sqrt(b.load(1, b.digits[0]));
      return [b.fma(b.load(0, b.mulI(b.digits[0], 300), [[300, 1]]), scale, total)];
    }),
  );
  assert.deepEqual(program.prologue.map(({ op }) => op).sort(), ["load", "mulI", "sqrt"]);
  assert.deepEqual(
    program.loop?.body.map(({ op }) => op),
    ["load", "fma"],
  );
});

test("bytes do not depend on the order of construction", () => {
  const build = (swap: boolean) =>
    buildScalar(FLOAT, (b) =>
      sum(b, ({ carried: [total] }) => {
        const load = (operand: number): Value => b.load(operand, b.digits[0], [[300, 1 + operand]]);
        const [left, right] = swap ? [load(1), load(0)].reverse() : [load(0), load(1)];
        return [b.fma(left, right, total)];
      }),
    );
  assert.deepEqual(encodeScalar(build(true)), encodeScalar(build(false)));
  assert.equal(build(true).loop?.body[0].imm, 0);
});

test("patterns are brought to their shortest form", () => {
  const patterns = (digits: [number, number][]) =>
    buildScalar(FLOAT, (b) => sum(b, ({ carried: [total] }) => [b.add(total, b.load(0, 0, digits))])).patterns[0];
  const unused = { extent: 1, stride: 0 };
  const contiguous = [unused, unused, { extent: 24, stride: 1 }];
  assert.deepEqual(
    patterns([
      [4, 6],
      [6, 1],
    ]),
    contiguous,
  );
  assert.deepEqual(
    patterns([
      [1, 99],
      [24, 1],
      [1, 7],
    ]),
    contiguous,
  );
  assert.deepEqual(
    patterns([
      [5, 0],
      [24, 1],
    ]),
    contiguous,
  );
  assert.deepEqual(
    patterns([
      [2, 100],
      [6, 1],
      [3, 0],
    ]),
    [
      { extent: 2, stride: 100 },
      { extent: 6, stride: 1 },
      { extent: 3, stride: 0 },
    ],
  );
});

test("a gather whose index does not change is a load", () => {
  const program = buildScalar(FLOAT, (b) => b.gather(0, b.index));
  assert.equal(program.prologue[0].op, "load");
});

test("a loop that the result does not need is dropped", () => {
  const program = buildScalar(FLOAT, (b) => {
    sum(b, ({ k, carried: [total] }) => [b.add(total, b.fromI32(k))]);
    return b.load(0, b.index);
  });
  assert.equal(program.loop, null);
});

test("a long prologue spills into the epilogue", () => {
  const program = buildScalar(FLOAT, (b) => {
    let value = b.load(0, b.index);
    for (let round = 0; round < 400; round++) value = b.add(value, round % 100);
    return b.mul(value, b.load(1, b.toI32(b.load(1, 0))));
  });
  assert.equal(program.prologue.length, 256);
  assert.equal(program.prologue.length + program.epilogue.length, 405);
  assert.throws(
    () =>
      buildScalar(FLOAT, (b) => {
        let value = b.load(0, b.index);
        for (let round = 0; round < 600; round++) value = b.add(value, round % 100);
        return value;
      }),
    InvalidScalarProgramError,
  );
});

test("arguments of the wrong type are refused", () => {
  const attempt = (define: (b: ScalarBuilder) => Value) => () => buildScalar(INTEGER, define);
  assert.throws(
    attempt((b) => b.addI(b.index, b.f32(1))),
    ValueTypeError,
  );
  assert.throws(
    attempt((b) => b.select(b.bool(true), b.index, b.f32(1))),
    ValueTypeError,
  );
  assert.throws(
    attempt((b) => b.and(b.f32(1), b.f32(2))),
    ValueTypeError,
  );
  assert.throws(
    attempt((b) => b.divU(b.index, b.step)),
    ValueTypeError,
  );
  assert.throws(
    attempt((b) => b.divU(b.index, 0)),
    ValueTypeError,
  );
  assert.throws(
    attempt((b) => b.load(1, b.index)),
    ValueTypeError,
  );
  assert.throws(
    attempt((b) => b.load(2, b.index)),
    LoadError,
  );
  assert.throws(
    attempt((b) => b.addI(b.index, 0.5)),
    LiteralError,
  );
  assert.throws(
    attempt((b) => b.addI(b.index, true)),
    LiteralError,
  );
  assert.throws(
    attempt((b) => b.select(b.bool(true), 1, 2)),
    LiteralError,
  );
  assert.throws(
    attempt((b) => b.shl(b.index, 32)),
    LiteralError,
  );
});

test("values do not leave their section", () => {
  let stray: Value | undefined;
  const keep = (b: ScalarBuilder, value: Value): Value => {
    stray = value;
    return b.fromI32(value);
  };
  assert.throws(
    () =>
      buildScalar(FLOAT, (b) => {
        sum(b, ({ k, carried: [total] }) => [b.add(total, keep(b, k))]);
        return b.fromI32(stray!);
      }),
    ValueSectionError,
  );
  assert.throws(
    () =>
      buildScalar(FLOAT, (b) => {
        const total = sum(b, ({ k, carried: [part] }) => [b.add(part, keep(b, k))]);
        return b.add(total, b.fromI32(stray!));
      }),
    ValueSectionError,
  );
  assert.throws(
    () => buildScalar(FLOAT, (b) => sum(b, ({ k, carried: [total] }) => [b.add(total, b.load(0, k))])),
    ValueSectionError,
  );
  assert.throws(() => buildScalar(FLOAT, (b) => b.fromI32(stray!)), ForeignValueError);
});

test("loops that do not fit are refused", () => {
  const attempt = (define: (b: ScalarBuilder) => Value) => () => buildScalar(FLOAT, define);
  assert.throws(
    attempt((b) => sum(b, () => [])),
    LoopShapeError,
  );
  assert.throws(
    attempt((b) => sum(b, () => [b.i32(1)])),
    ValueTypeError,
  );
  assert.throws(
    attempt((b) =>
      b.add(
        sum(b, ({ carried }) => carried),
        sum(b, ({ carried }) => carried),
      ),
    ),
    LoopShapeError,
  );
  assert.throws(
    attempt((b) =>
      sum(b, ({ carried: [total] }) => [
        b.add(
          total,
          sum(b, ({ carried }) => carried),
        ),
      ]),
    ),
    LoopShapeError,
  );
  assert.throws(
    attempt((b) =>
      sum(b, ({ k, carried }) => [b.fromI32(k), carried[1]], {
        carried: [
          { type: "f32", init: 0, from: b.f32(1) },
          { type: "f32", init: 0 },
        ],
      }),
    ),
    LoopShapeError,
  );
  assert.throws(
    attempt((b) => sum(b, ({ carried: [total] }) => [b.add(total, b.load(0, 0, [[0, 1]]))])),
    LoadError,
  );
  assert.throws(
    attempt((b) =>
      sum(b, ({ carried: [total] }) => [
        b.add(
          total,
          b.load(0, 0, [
            [2, 1],
            [2, 5],
            [2, 11],
            [2, 30],
          ]),
        ),
      ]),
    ),
    LoadError,
  );
  assert.throws(
    attempt((b) => sum(b, ({ carried }) => carried)),
    InvalidScalarProgramError,
  );
});
