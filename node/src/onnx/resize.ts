/**
 * Resampling (numerics, "Lowering"): places and weights along each resized axis are tables computed at import with plain
 * arithmetic, and each axis is one primitive. Refuses scales and sizes that depend on data, and filters wider than 256
 * elements.
 */

import { toBits } from "../float/words.ts";
import type { Value as Register } from "../ir/build.ts";
import {
  attribute,
  axesOf,
  floatAttribute,
  input,
  intAttribute,
  intsAttribute,
  invalid,
  known,
  knownNumbers,
  requireSize,
  requireType,
  stringAttribute,
  unsupported,
} from "./node.ts";
import type { OperatorTable, Scope } from "./node.ts";
import { general } from "./primitives.ts";
import { emptyValue, knownIntegers, knownWords, sizeOf } from "./values.ts";
import type { Value } from "./values.ts";

/** Elements that one output element may be made of along an axis. */
const MOST_TAPS = 256;

/** Elements that one primitive adds to the sum so far. */
const TAPS_AT_ONCE = 16;

/** Length of a resized axis, and entries of its table: a few hundred megabytes while it is made. */
const MOST_PLACES = 2 ** 20;
const MOST_ENTRIES = 2 ** 22;

/** One axis to resize. */
interface AxisPlan {
  readonly axis: number;
  readonly from: number;
  readonly to: number;
  readonly scale: number;
  /** Region of interest, in fractions of the axis. */
  readonly roi: readonly [number, number];
}

/** Where an output element's elements are and what they weigh; -1 stands for the extrapolation value. */
interface Taps {
  readonly places: readonly number[];
  readonly weights: readonly number[];
}

interface Filter {
  readonly mode: string;
  readonly coordinates: string;
  readonly nearest: string;
  readonly cubic: number;
  readonly excludesOutside: boolean;
  readonly isAntialiased: boolean;
}

function floats(scope: Scope, value: Value | undefined, what: string): number[] | undefined {
  if (value === undefined) return undefined;
  const { at, shape } = known(scope, value, what);
  if (sizeOf(shape) === 0) return undefined;
  if (at.kind !== "words") throw invalid(scope, `${what} must be floats`);
  return Array.from(new Float32Array(at.words.slice().buffer));
}

function resize(scope: Scope): Value[] {
  const x = input(scope, 0);
  const isOld = scope.opset < 11;
  const rank = x.shape.length;
  const axes = axesOf(scope, intsAttribute(scope, "axes") ?? x.shape.map((_, axis) => axis), rank);
  const scales = floats(scope, scope.inputs[isOld ? 1 : 2], "the scales");
  const sizesInput = isOld ? undefined : scope.inputs[3];
  const sizes = sizesInput === undefined ? undefined : knownNumbers(scope, sizesInput, "the sizes");
  const coordinates = stringAttribute(scope, "coordinate_transformation_mode", isOld ? "asymmetric" : "half_pixel");
  const roi = coordinates === "tf_crop_and_resize" ? floats(scope, scope.inputs[1], "the region") : undefined;
  const filter: Filter = {
    mode: stringAttribute(scope, "mode", "nearest"),
    coordinates,
    nearest: stringAttribute(scope, "nearest_mode", isOld ? "floor" : "round_prefer_floor"),
    cubic: floatAttribute(scope, "cubic_coeff_a", -0.75),
    excludesOutside: intAttribute(scope, "exclude_outside", 0) !== 0,
    isAntialiased: intAttribute(scope, "antialias", 0) !== 0,
  };
  const plans = plan(scope, x, axes, scales, sizes, roi);
  return [resampled(scope, x, plans, filter, floatAttribute(scope, "extrapolation_value", 0))];
}

function plan(
  scope: Scope,
  x: Value,
  axes: readonly number[],
  scales: readonly number[] | undefined,
  sizes: readonly number[] | undefined,
  roi: readonly number[] | undefined,
): AxisPlan[] {
  const given = scales ?? sizes;
  if (given?.length !== axes.length) throw invalid(scope, "there must be one scale or size per axis", { given, axes });
  let wanted = sizes;
  let factors = scales;
  const policy = stringAttribute(scope, "keep_aspect_ratio_policy", "stretch");
  if (sizes !== undefined && policy !== "stretch") {
    const ratios = axes.map((axis, index) => sizes[index] / x.shape[axis]);
    const ratio = policy === "not_larger" ? Math.min(...ratios) : Math.max(...ratios);
    factors = axes.map(() => ratio);
    // Half goes up, as the operator's definition asks.
    wanted = axes.map((axis) => Math.floor(ratio * x.shape[axis] + 0.5));
  }
  return axes.map((axis, index) => {
    const from = x.shape[axis];
    const region: [number, number] = roi === undefined ? [0, 1] : [roi[index], roi[index + axes.length]];
    const span = roi === undefined ? from : from * (region[1] - region[0]);
    const to = wanted === undefined ? Math.floor(span * factors![index]) : wanted[index];
    return { axis, from, to, scale: factors === undefined ? to / from : factors[index], roi: region };
  });
}

function resampled(scope: Scope, x: Value, plans: readonly AxisPlan[], filter: Filter, outside: number): Value {
  return plans.reduce((value, axisPlan) => {
    const isSame = axisPlan.from === axisPlan.to && axisPlan.scale === 1 && filter.coordinates !== "tf_crop_and_resize";
    return isSame ? value : resampledAxis(scope, value, axisPlan, filter, outside);
  }, x);
}

function resampledAxis(scope: Scope, value: Value, axisPlan: AxisPlan, filter: Filter, outside: number): Value {
  const { axis, from, to } = axisPlan;
  requireSize(scope, to, MOST_PLACES);
  if (to === 0 || sizeOf(value.shape) === 0) {
    return emptyValue(
      value.elementType,
      value.shape.map((extent, other) => (other === axis ? to : extent)),
    );
  }
  const taps = Array.from({ length: to }, (_, place) => tapsAt(scope, axisPlan, filter, place));
  const width = taps.reduce((most, { places }) => Math.max(most, places.length), 0);
  if (width > MOST_TAPS) throw unsupported(scope, `a filter of ${width} elements; at most ${MOST_TAPS}`);
  requireSize(scope, to * width, MOST_ENTRIES);
  const shape = value.shape.map((extent, other) => (other === axis ? to : extent));
  const inner = sizeOf(value.shape.slice(axis + 1));
  // [to, width], short lists filled up with weight 0 at a place inside.
  const placeTable = taps.flatMap(({ places }) =>
    Array.from({ length: width }, (_, tap) => BigInt(places[tap] ?? Math.max(0, places[0]))),
  );
  const weightTable = taps.flatMap(({ weights }) => Array.from({ length: width }, (_, tap) => weights[tap] ?? 0));
  const isCopy = width === 1 && weightTable.every((weight) => weight === 1);
  if (!isCopy) requireType(scope, value, "float32");
  const places = knownIntegers("int32", [to, width], BigInt64Array.from(placeTable));
  const weights = knownWords([to, width], Uint32Array.from(weightTable, toBits));
  const tables = isCopy ? [places] : [places, weights];
  // A sum so far takes the room of one element.
  const most = width <= TAPS_AT_ONCE ? TAPS_AT_ONCE : TAPS_AT_ONCE - 1;
  let total: Value | undefined;
  for (let start = 0; start < width; start += most) {
    const before: Value | undefined = total;
    total = general(scope, {
      elementType: value.elementType,
      shape,
      extents: [sizeOf(value.shape.slice(0, axis)), to, inner],
      operands: [value, ...tables, ...(before === undefined ? [] : [before])],
      define: (b, [source, placeOf, weightOf, previous]) => {
        const [row, place, column] = b.digits;
        const wordAt = (tap: number): Register => {
          const entry = b.addI(b.mulI(place, width), tap);
          const at = b.load(placeOf, entry);
          const address = b.addI(b.mulI(b.addI(b.mulI(row, from), at), inner), column);
          if (value.elementType !== "float32") return b.load(source, address);
          return b.select(b.ltI(at, 0), b.f32(outside), b.load(source, address));
        };
        if (isCopy) return wordAt(0);
        let sum = before === undefined ? b.f32(0) : b.load(previous, b.index);
        for (let tap = start; tap < Math.min(start + most, width); tap++)
          sum = b.fma(wordAt(tap), b.load(weightOf, b.addI(b.mulI(place, width), tap)), sum);
        return sum;
      },
    });
  }
  return total!;
}

/** The coordinate in the tensor of an output element. */
function coordinateOf({ from, to, scale, roi }: AxisPlan, mode: string, place: number): number | undefined {
  const length = scale * from;
  switch (mode) {
    case "half_pixel":
      return (place + 0.5) / scale - 0.5;
    case "half_pixel_symmetric": {
      const adjustment = to / length;
      const center = from / 2;
      return center * (1 - adjustment) + (place + 0.5) / scale - 0.5;
    }
    case "pytorch_half_pixel":
      return to === 1 ? 0 : (place + 0.5) / scale - 0.5;
    case "align_corners":
      return to === 1 ? 0 : (place * (from - 1)) / (to - 1);
    case "asymmetric":
      return place / scale;
    case "tf_half_pixel_for_nn":
      return (place + 0.5) / scale;
    case "tf_crop_and_resize": {
      const [start, end] = roi;
      return to === 1
        ? 0.5 * (start + end) * (from - 1)
        : start * (from - 1) + (place * (end - start) * (from - 1)) / (to - 1);
    }
    default:
      return undefined;
  }
}

function tapsAt(scope: Scope, axisPlan: AxisPlan, filter: Filter, place: number): Taps {
  const { from, scale } = axisPlan;
  const coordinate = coordinateOf(axisPlan, filter.coordinates, place);
  if (coordinate === undefined) throw unsupported(scope, `coordinate mode ${filter.coordinates}`);
  if (filter.coordinates === "tf_crop_and_resize" && (coordinate < 0 || coordinate > from - 1)) {
    return { places: [-1], weights: [1] };
  }
  const inside = (at: number): number => Math.min(Math.max(at, 0), from - 1);
  if (filter.mode === "nearest")
    return { places: [inside(nearestPlace(scope, filter.nearest, coordinate))], weights: [1] };
  const isCubic = filter.mode === "cubic";
  if (!isCubic && filter.mode !== "linear") throw unsupported(scope, `mode ${filter.mode}`);
  // An antialiasing filter is stretched over the elements that shrink into one.
  const stretch = filter.isAntialiased && scale < 1 ? 1 / scale : 1;
  const reach = (isCubic ? 2 : 1) * stretch;
  const weigh = (distance: number): number =>
    isCubic ? cubicWeight(filter.cubic, Math.abs(distance) / stretch) : Math.max(0, 1 - Math.abs(distance) / stretch);
  const first = Math.floor(coordinate - reach) + 1;
  const last = Math.ceil(coordinate + reach) - 1;
  if (!(last - first < 4 * MOST_TAPS)) throw unsupported(scope, `a filter of more than ${MOST_TAPS} elements`);
  const places: number[] = [];
  const weights: number[] = [];
  for (let at = first; at <= Math.max(last, first); at++) {
    if (filter.excludesOutside && at !== inside(at)) continue;
    const weight = weigh(at - coordinate);
    places.push(inside(at));
    weights.push(weight);
  }
  const sum = weights.reduce((total, weight) => total + weight, 0);
  const isNormalised = filter.excludesOutside || stretch > 1;
  return { places, weights: isNormalised ? weights.map((weight) => weight / sum) : weights };
}

function cubicWeight(a: number, distance: number): number {
  const d = distance;
  if (d <= 1) return ((a + 2) * d - (a + 3)) * d * d + 1;
  return d < 2 ? ((a * d - 5 * a) * d + 8 * a) * d - 4 * a : 0;
}

function nearestPlace(scope: Scope, mode: string, coordinate: number): number {
  switch (mode) {
    case "floor":
      return Math.floor(coordinate);
    case "ceil":
      return Math.ceil(coordinate);
    case "round_prefer_floor":
      return Math.ceil(coordinate - 0.5);
    case "round_prefer_ceil":
      return Math.floor(coordinate + 0.5);
    default:
      throw unsupported(scope, `nearest mode ${mode}`);
  }
}

/** Resize of opset 7 to 9. */
function upsample(scope: Scope): Value[] {
  const x = input(scope, 0);
  const scales = scope.opset < 9 ? attribute(scope, "scales", "floats") : floats(scope, input(scope, 1), "the scales");
  const axes = x.shape.map((_, axis) => axis);
  const filter: Filter = {
    mode: stringAttribute(scope, "mode", "nearest"),
    coordinates: "asymmetric",
    nearest: "floor",
    cubic: -0.75,
    excludesOutside: false,
    isAntialiased: false,
  };
  return [resampled(scope, x, plan(scope, x, axes, scales, undefined, undefined), filter, 0)];
}

export const RESIZERS: OperatorTable = { Resize: resize, Upsample: upsample };
