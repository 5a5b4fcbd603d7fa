/**
 * Sampling at places that a tensor gives (numerics, "Lowering"): each element computes its coordinates, folds them back at the
 * border and weighs the elements around them. Refuses cubic sampling in more than two dimensions.
 */

import type { ScalarBuilder, Value as Register } from "../ir/build.ts";
import { input, intAttribute, knownNumbers, mismatch, requireType, stringAttribute, unsupported } from "./node.ts";
import type { OperatorTable, Scope } from "./node.ts";
import { general, indexed } from "./primitives.ts";
import { sizeOf } from "./values.ts";
import type { Value } from "./values.ts";

/** theta times the homogeneous coordinates of each place. */
function affineGrid(scope: Scope): Value[] {
  const theta = input(scope, 0);
  requireType(scope, theta, "float32");
  const [n, , ...spatial] = knownNumbers(scope, input(scope, 1), "the size");
  const dimensions = spatial.length;
  const isAligned = intAttribute(scope, "align_corners", 0) !== 0;
  return [
    indexed(scope, "float32", [n, ...spatial, dimensions], [theta], (b, [matrix]) => {
      const row = b.addI(b.mulI(b.digits[0], dimensions), b.digits[dimensions + 1]);
      const base = b.mulI(row, dimensions + 1);
      // x, the fastest axis, comes first in theta.
      return spatial.toReversed().reduce<Register>(
        (sum, extent, index) => {
          const place = b.fromI32(b.digits[dimensions - index]);
          const coordinate = isAligned
            ? b.sub(b.div(b.mul(place, 2), Math.max(1, extent - 1)), 1)
            : b.sub(b.div(b.fma(place, 2, 1), extent), 1);
          return b.fma(b.load(matrix, b.addI(base, index)), coordinate, sum);
        },
        b.load(matrix, b.addI(base, dimensions)),
      );
    }),
  ];
}

type Border = "zeros" | "border" | "reflection";

/** A coordinate of [-1, 1] in elements. */
function denormalised(b: ScalarBuilder, x: Register, extent: number, isAligned: boolean): Register {
  if (isAligned) return b.mul(b.mul(b.add(x, 1), 0.5), extent - 1);
  return b.mul(b.fma(b.add(x, 1), extent, -1), 0.5);
}

/** A coordinate folded back between two ends. */
function reflected(b: ScalarBuilder, x: Register, low: number, high: number): Register {
  const range = high - low;
  if (range <= 0) return b.f32(0);
  const distance = b.abs(b.sub(x, low));
  const turns = b.floor(b.div(distance, range));
  const rest = b.fma(b.neg(turns), range, distance);
  const isEven = b.eq(b.floor(b.mul(turns, 0.5)), b.mul(turns, 0.5));
  return b.add(b.select(isEven, rest, b.sub(range, rest)), low);
}

/** An element at integer coordinates (floats), or what stands beyond the border. */
function sample(
  b: ScalarBuilder,
  operand: number,
  base: Register,
  places: readonly Register[],
  extents: readonly number[],
  border: Border,
  isAligned: boolean,
): Register {
  let isInside: Register = b.bool(true);
  let address: Register = b.i32(0);
  places.forEach((place, axis) => {
    const extent = extents[axis];
    const [low, high] = isAligned ? [0, extent - 1] : [-0.5, extent - 0.5];
    const folded = border === "reflection" ? reflected(b, place, low, high) : place;
    if (border === "zeros") isInside = b.and(isInside, b.and(b.le(0, folded), b.le(folded, extent - 1)));
    const limited = b.toI32(b.max(b.min(folded, extent - 1), 0));
    address = b.addI(b.mulI(address, extent), limited);
  });
  return b.load(operand, b.select(isInside, b.addI(base, address), b.i32(-1)));
}

function gridSample(scope: Scope): Value[] {
  const [x, grid] = [input(scope, 0), input(scope, 1)];
  requireType(scope, x, "float32");
  requireType(scope, grid, "float32");
  const [n, channels, ...extents] = x.shape;
  const dimensions = extents.length;
  const output = grid.shape.slice(1, -1);
  if (grid.shape.at(-1) !== dimensions || output.length !== dimensions || grid.shape[0] !== n) {
    throw mismatch(scope, "the grid does not fit the tensor", { x: [...x.shape], grid: [...grid.shape] });
  }
  const given = stringAttribute(scope, "mode", scope.opset < 20 ? "bilinear" : "linear");
  const mode = given === "bilinear" ? "linear" : given === "bicubic" ? "cubic" : given;
  const border = stringAttribute(scope, "padding_mode", "zeros");
  if (border !== "zeros" && border !== "border" && border !== "reflection")
    throw unsupported(scope, `padding ${border}`);
  if (mode !== "linear" && mode !== "nearest" && (mode !== "cubic" || dimensions !== 2)) {
    throw unsupported(scope, `mode ${given} in ${dimensions} dimensions`);
  }
  const isAligned = intAttribute(scope, "align_corners", 0) !== 0;
  return [
    general(scope, {
      elementType: "float32",
      shape: [n, channels, ...output],
      extents: [n, channels, sizeOf(output)],
      operands: [x, grid],
      define: (b, [source, at]) => {
        const [row, channel, place] = b.digits;
        const base = b.mulI(b.addI(b.mulI(row, channels), channel), sizeOf(extents));
        const entry = b.mulI(b.addI(b.mulI(row, sizeOf(output)), place), dimensions);
        // The grid names the fastest axis first.
        const coordinates = extents.map((extent, axis) => {
          const word = b.load(at, b.addI(entry, dimensions - 1 - axis));
          const coordinate = denormalised(b, word, extent, isAligned);
          const [low, high] = isAligned ? [0, extent - 1] : [-0.5, extent - 0.5];
          if (border === "border") {
            const start = b.select(b.lt(coordinate, low), b.f32(0), coordinate);
            return b.select(b.lt(high, coordinate), b.f32(extent - 1), start);
          }
          return border === "reflection" ? reflected(b, coordinate, low, high) : coordinate;
        });
        const read = (places: readonly Register[]): Register =>
          sample(b, source, base, places, extents, border, isAligned);
        if (mode === "nearest") return read(coordinates.map((coordinate) => b.nearest(coordinate)));
        return combineTaps(b, coordinates, mode === "cubic", read);
      },
    }),
  ];
}

/** The sum over all combinations of taps per axis of the product of their weights and the element there. */
function combineTaps(
  b: ScalarBuilder,
  coordinates: readonly Register[],
  isCubic: boolean,
  read: (places: readonly Register[]) => Register,
): Register {
  const offsets = isCubic ? [-1, 0, 1, 2] : [0, 1];
  const axes = coordinates.map((coordinate) => {
    const whole = b.floor(coordinate);
    const fraction = b.sub(coordinate, whole);
    return offsets.map((offset) => ({
      place: b.add(whole, offset),
      weight: isCubic ? cubicWeightOf(b, fraction, offset) : offset === 0 ? b.sub(1, fraction) : fraction,
    }));
  });
  const walk = (axis: number, places: readonly Register[]): Register => {
    if (axis === axes.length) return read(places);
    return axes[axis].reduce<Register>(
      (sum, { place, weight }) => b.fma(walk(axis + 1, [...places, place]), weight, sum),
      b.f32(0),
    );
  };
  return walk(0, []);
}

/** The cubic kernel of a = -0.75 at the distance of `offset` from a fraction in [0, 1). */
function cubicWeightOf(b: ScalarBuilder, fraction: Register, offset: number): Register {
  const a = -0.75;
  const d = offset <= 0 ? b.sub(fraction, offset) : b.sub(offset, fraction);
  if (offset === 0 || offset === 1) return b.fma(b.mul(b.fma(d, a + 2, -(a + 3)), d), d, 1);
  return b.fma(b.fma(b.fma(d, a, -5 * a), d, 8 * a), d, -4 * a);
}

export const GRIDS: OperatorTable = { AffineGrid: affineGrid, GridSample: gridSample };
