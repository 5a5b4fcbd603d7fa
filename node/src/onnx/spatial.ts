/**
 * Operators that place or sample patches of images (numerics, "Lowering"): where the geometry is known at import it becomes
 * tables of places and weights, and each primitive adds a few of them to a total. Refuses regions that depend on data.
 */

import { fromBits, toBits } from "../float/words.ts";
import type { ScalarBuilder, Value as Register } from "../ir/build.ts";
import { elementwise } from "./broadcast.ts";
import { cast } from "./cast.ts";
import {
  floatAttribute,
  input,
  intAttribute,
  intsAttribute,
  invalid,
  known,
  knownNumbers,
  mismatch,
  requireSize,
  requireType,
  standingFor,
  stringAttribute,
  unsupported,
} from "./node.ts";
import type { OperatorTable, Scope } from "./node.ts";
import { general } from "./primitives.ts";
import { SCATTERS } from "./scatter.ts";
import { filled } from "./shape.ts";
import { floatValue, knownIntegers, knownWords, reshaped, sizeOf, stridesOf } from "./values.ts";
import type { Value } from "./values.ts";

/** Table entries that one primitive reads; each is a place, a weight and a word. */
const TAPS = 12;

/** Entries of a table made at import. */
const MOST_ENTRIES = 2 ** 24;

/** One output element's places in the source, relative to its own part of it; -1 gives 0. */
interface TapTable {
  /** [positions, taps] */
  readonly places: readonly number[];
  readonly weights: readonly number[] | undefined;
  readonly taps: number;
}

type Join = (b: ScalarBuilder, total: Register, item: Register) => Register;

/**
 * Joins the weighted words of each output element [outer, positions]. `base(b, digits, tap)` is where the places of an element
 * count from.
 */
function tapped(
  scope: Scope,
  source: Value,
  extents: readonly [outer: number, positions: number],
  table: TapTable,
  base: (b: ScalarBuilder, digits: readonly Register[], tap: number) => Register,
  join: Join,
  first: number,
): Value {
  const [outer, positions] = extents;
  const { places, weights, taps } = table;
  const at = knownIntegers("int32", [positions, taps], BigInt64Array.from(places, BigInt));
  const by = weights === undefined ? undefined : knownWords([positions, taps], Uint32Array.from(weights, toBits));
  let total: Value | undefined;
  for (let start = 0; start < taps; start += TAPS) {
    const end = Math.min(taps, start + TAPS);
    const before: Value | undefined = total;
    total = general(scope, {
      elementType: "float32",
      shape: [outer, positions],
      operands: [source, at, ...(by === undefined ? [] : [by]), ...(before === undefined ? [] : [before])],
      define: (b, operand) => {
        const [, placeOf, ...rest] = operand;
        const weightOf = by === undefined ? undefined : rest[0];
        const previous = before === undefined ? undefined : rest.at(-1);
        let sum = previous === undefined ? b.f32(first) : b.load(previous, b.index);
        for (let tap = start; tap < end; tap++) {
          const entry = b.addI(b.mulI(b.digits[1], taps), tap);
          const place = b.load(placeOf, entry);
          const address = b.addI(base(b, b.digits, tap), place);
          const word = b.load(operand[0], b.select(b.ltI(place, 0), b.i32(-1), address));
          sum = join(b, sum, weightOf === undefined ? word : b.mul(word, b.load(weightOf, entry)));
        }
        return sum;
      },
    });
  }
  return total!;
}

const add: Join = (b, total, item) => b.add(total, item);

/** Columns of patches [n, channels * patch, patches] added up where the patches lie in the image. */
function col2Im(scope: Scope): Value[] {
  const columns = input(scope, 0);
  requireType(scope, columns, "float32");
  const image = knownNumbers(scope, input(scope, 1), "the shape of the image");
  const block = knownNumbers(scope, input(scope, 2), "the shape of a patch");
  const rank = image.length;
  const list = (name: string, absent: number, length: number): number[] =>
    intsAttribute(scope, name) ?? new Array<number>(length).fill(absent);
  const [dilations, strides, pads] = [list("dilations", 1, rank), list("strides", 1, rank), list("pads", 0, 2 * rank)];
  const counts = image.map((extent, axis) => {
    const room = extent + pads[axis] + pads[axis + rank] - dilations[axis] * (block[axis] - 1) - 1;
    return Math.floor(room / strides[axis]) + 1;
  });
  const [n, width, patches] = columns.shape;
  const [size, area] = [sizeOf(block), sizeOf(image)];
  const channels = width / size;
  if (!Number.isInteger(channels) || patches !== sizeOf(counts)) {
    throw mismatch(scope, "the columns do not fit the image and its patches", { columns: columns.shape, image, block });
  }
  requireSize(scope, area * size, MOST_ENTRIES);
  const [own, inner, across] = [stridesOf(image), stridesOf(block), stridesOf(counts)];
  const places = Array.from({ length: area * size }, (_, index) => {
    const [pixel, tap] = [Math.floor(index / size), index % size];
    let patch = 0;
    for (let axis = 0; axis < rank; axis++) {
      const offset = (Math.floor(tap / inner[axis]) % block[axis]) * dilations[axis];
      const distance = (Math.floor(pixel / own[axis]) % image[axis]) + pads[axis] - offset;
      const count = distance / strides[axis];
      if (!Number.isInteger(count) || count < 0 || count >= counts[axis]) return -1;
      patch += count * across[axis];
    }
    return patch;
  });
  const table = { places, weights: undefined, taps: size };
  const start = (b: ScalarBuilder, [plane]: readonly Register[], tap: number): Register =>
    b.mulI(b.addI(b.mulI(plane, size), tap), patches);
  return [reshaped(tapped(scope, columns, [n * channels, area], table, start, add, 0), [n, channels, ...image])];
}

/** The values of a pooled tensor at the places they came from, 0 elsewhere. */
function maxUnpool(scope: Scope): Value[] {
  const [x, indices] = [input(scope, 0), input(scope, 1)];
  requireType(scope, x, "float32");
  const kernel = intsAttribute(scope, "kernel_shape");
  if (kernel === undefined) throw invalid(scope, "kernel_shape is missing");
  const rank = kernel.length;
  const strides = intsAttribute(scope, "strides") ?? kernel.map(() => 1);
  const pads = intsAttribute(scope, "pads") ?? new Array<number>(2 * rank).fill(0);
  const [n, c, ...spatial] = x.shape;
  const unpooled = spatial.map(
    (extent, axis) => (extent - 1) * strides[axis] - pads[axis] - pads[axis + rank] + kernel[axis],
  );
  const given = scope.inputs[2];
  const shape = given === undefined ? [n, c, ...unpooled] : knownNumbers(scope, given, "the shape");
  // Indices count over the tensor that was pooled, which a larger output holds in its corner.
  const [area, plane] = [sizeOf(spatial), sizeOf(unpooled)];
  const places = elementwise(
    scope,
    [reshaped(indices, [n * c, area]), knownIntegers("int64", [n * c, 1], starts(n * c, plane))],
    "int64",
    (b, index, start) => b.subI(index, start),
    (index, start) => index - start,
  );
  const zeros = filled(scope, [n * c, plane], floatValue(0));
  const attributes = { axis: { type: "int", value: 1n } } as const;
  const scattered = SCATTERS["ScatterElements"](
    standingFor(scope, [zeros, places, reshaped(x, [n * c, area])], attributes),
  )[0];
  const placed = reshaped(scattered, [n, c, ...unpooled]);
  if (shape.join() === placed.shape.join()) return [placed];
  return [cornered(scope, placed, shape)];
}

const starts = (count: number, step: number): BigInt64Array =>
  BigInt64Array.from({ length: count }, (_, index) => BigInt(index * step));

/** A larger tensor of zeros with the value in its first corner. */
function cornered(scope: Scope, value: Value, shape: readonly number[]): Value {
  if (shape.length !== value.shape.length || shape.some((extent, axis) => extent < value.shape[axis])) {
    throw mismatch(scope, "the shape is smaller than the unpooled tensor", { shape: [...shape], least: value.shape });
  }
  const strides = stridesOf(value.shape);
  return general(scope, {
    elementType: value.elementType,
    shape,
    operands: [value],
    define: (b, [from]) => {
      const isInside = b.digits.reduce<Register>(
        (all, digit, axis) => b.and(all, b.ltI(digit, value.shape[axis])),
        b.bool(true),
      );
      const place = b.digits.reduce<Register>(
        (sum, digit, axis) => b.addI(b.mulI(digit, strides[axis]), sum),
        b.i32(0),
      );
      return b.load(from, b.select(isInside, place, b.i32(-1)));
    },
  });
}

/** Averages (or maxima) of samples in the cells of a grid over each region. Regions are known: their samples are tables. */
function roiAlign(scope: Scope): Value[] {
  const x = input(scope, 0);
  requireType(scope, x, "float32");
  const rois = floatsOf(scope, input(scope, 1), "the regions");
  const batches = knownNumbers(scope, cast(scope, input(scope, 2), "int64"), "the batch indices");
  const [n, channels, height, width] = x.shape;
  const mode = stringAttribute(scope, "mode", "avg");
  if (mode !== "avg" && mode !== "max") throw unsupported(scope, `mode ${mode}`);
  const coordinates = scope.opset < 16 ? "output_half_pixel" : "half_pixel";
  const isShifted = stringAttribute(scope, "coordinate_transformation_mode", coordinates) === "half_pixel";
  const [rows, columns] = [intAttribute(scope, "output_height", 1), intAttribute(scope, "output_width", 1)];
  const ratio = intAttribute(scope, "sampling_ratio", 0);
  const scale = floatAttribute(scope, "spatial_scale", 1);
  if (rows < 1 || columns < 1) throw invalid(scope, "the output has no cells", { rows, columns });
  if (rois.length !== 4 * batches.length || batches.some((batch) => batch < 0 || batch >= n))
    throw mismatch(scope, "the regions do not fit the batch", { n, regions: rois.length / 4, batches });
  const shift = isShifted ? 0.5 : 0;
  const regions = batches.map((batch, index) => {
    const [x1, y1, x2, y2] = rois.slice(index * 4, index * 4 + 4).map((edge) => edge * scale - shift);
    const least = isShifted ? 0 : 1;
    const [h, w] = [Math.max(y2 - y1, least), Math.max(x2 - x1, least)];
    const grid = (length: number, cells: number): number => (ratio > 0 ? ratio : Math.ceil(length / cells));
    return { batch, x1, y1, cellH: h / rows, cellW: w / columns, gh: grid(h, rows), gw: grid(w, columns) };
  });
  const samples = regions.reduce((most, { gh, gw }) => Math.max(most, gh * gw), 1);
  const taps = samples * 4;
  const positions = regions.length * rows * columns;
  requireSize(scope, positions * taps, MOST_ENTRIES);
  const places = new Array<number>(positions * taps).fill(-1);
  const weights = new Array<number>(positions * taps).fill(0);
  regions.forEach(({ batch, x1, y1, cellH, cellW, gh, gw }, region) => {
    for (let cell = 0; cell < rows * columns; cell++) {
      const [row, column] = [Math.floor(cell / columns), cell % columns];
      for (let sample = 0; sample < gh * gw; sample++) {
        const y = y1 + row * cellH + ((Math.floor(sample / gw) + 0.5) * cellH) / gh;
        const across = x1 + column * cellW + (((sample % gw) + 0.5) * cellW) / gw;
        const divisor = mode === "avg" ? gh * gw : 1;
        corners(y, across, height, width).forEach(({ place, weight }, corner) => {
          const entry = (region * rows * columns + cell) * taps + sample * 4 + corner;
          places[entry] = batch * channels * height * width + place;
          weights[entry] = weight / divisor;
        });
      }
    }
  });
  const isMax = mode === "max";
  const filled = isMax ? ownCorner(places, weights, taps) : { places, weights };
  const join: Join = isMax ? (b, total, item) => b.max(total, item) : add;
  const start = (b: ScalarBuilder, [channel]: readonly Register[]): Register => b.mulI(channel, height * width);
  const table = { ...filled, taps };
  const result = tapped(scope, x, [channels, positions], table, start, join, isMax ? -Infinity : 0);
  // [channels, regions, cells] to [regions, channels, cells].
  const cells = rows * columns;
  const turned = general(scope, {
    elementType: "float32",
    shape: [regions.length, channels, cells],
    operands: [result],
    define: (b, [from]) => {
      const [region, channel, cell] = b.digits;
      return b.load(from, b.addI(b.mulI(b.addI(b.mulI(channel, regions.length), region), cells), cell));
    },
  });
  return [reshaped(turned, [regions.length, channels, rows, columns])];
}

/** Entries that no sample has repeat the first sample's, which changes no maximum. */
function ownCorner(
  places: readonly number[],
  weights: readonly number[],
  taps: number,
): { places: number[]; weights: number[] } {
  const from = (index: number): number => (places[index] < 0 ? index - (index % taps) : index);
  return {
    places: places.map((_, index) => places[from(index)]),
    weights: weights.map((_, index) => weights[from(index)]),
  };
}

/** The four elements around a point and their weights; all 0 beyond the border. */
function corners(y: number, x: number, height: number, width: number): { place: number; weight: number }[] {
  const isOutside = y < -1 || y > height || x < -1 || x > width;
  const side = (at: number, extent: number): [number, number, number] => {
    const from = Math.max(at, 0);
    const low = Math.min(Math.floor(from), extent - 1);
    return [low, Math.min(low + 1, extent - 1), low === extent - 1 ? 0 : from - low];
  };
  const [top, bottom, fy] = side(y, height);
  const [left, right, fx] = side(x, width);
  const weight = (value: number): number => (isOutside ? 0 : value);
  return [
    { place: top * width + left, weight: weight((1 - fy) * (1 - fx)) },
    { place: top * width + right, weight: weight((1 - fy) * fx) },
    { place: bottom * width + left, weight: weight(fy * (1 - fx)) },
    { place: bottom * width + right, weight: weight(fy * fx) },
  ];
}

function floatsOf(scope: Scope, value: Value, what: string): number[] {
  requireType(scope, value, "float32");
  const { at } = known(scope, value, what);
  if (at.kind !== "words") throw invalid(scope, `${what} must be floats`);
  return Array.from(at.words, fromBits);
}

export const SPATIAL: OperatorTable = { Col2Im: col2Im, MaxUnpool: maxUnpool, RoiAlign: roiAlign };
