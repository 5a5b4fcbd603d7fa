/**
 * The cases of the tests that backends pass before they are used on a host: small programs that reach each part of them
 * (elementwise code, loops in 1 and 32 lanes, tiles and rows of dot products, every kind of load), over words whose results
 * are numbers. A host with wrong WebAssembly, or an fma that rounds twice, would make an honest solver slashable.
 */
import { below, createRandom, DIRECTED_CLASSES, drawOperands, wordOf, type Random } from "../float/directed.ts";
import { buildScalar, type PatternDigits, type ScalarBuilder, type ScalarProgram } from "../ir/index.ts";

/** A program with the words it runs on. */
export interface TestCase {
  readonly name: string;
  readonly scalar: ScalarProgram;
  readonly operands: readonly Uint32Array[];
}

/** The cases, the same every time. */
export function selfTestCases(): TestCase[] {
  const random = createRandom(1);
  const matrices = [
    // Tiles of 6 rows by 8 columns with rests on both sides, in blocks of 256 and a rest of the loop's unrolling.
    { name: "tiles", rows: 13, columns: 19, count: 259, continued: false },
    { name: "continued tiles", rows: 6, columns: 8, count: 30, continued: true },
    // Four panels of one row at once, and a rest.
    { name: "one row", rows: 1, columns: 43, count: 259, continued: false },
    { name: "one continued row", rows: 1, columns: 32, count: 30, continued: true },
  ];
  return [
    elementwise(random),
    integers(random),
    ...([1, 32] as const).flatMap((lanes) => [reduction(random, lanes), looseLoads(random, lanes)]),
    ...matrices.map((shape) => matrix(random, shape)),
    directedTiles(random),
    directedRow(random),
  ];
}

// Every float instruction, on one directed triple an element. An error in any of them changes the mixed word.
function elementwise(random: Random): TestCase {
  const names = Object.keys(DIRECTED_CLASSES);
  const triples = Array.from({ length: 1500 }, (_, index) => drawOperands(random, names[index % names.length], 3));
  const columns = [0, 1, 2].map((column) => Uint32Array.from(triples, (triple) => triple[column]));
  const operands = ["f32", "f32", "f32"] as const;
  const scalar = buildScalar({ operands, output: "i32", extents: [triples.length] }, (b) => {
    const [x, y, z] = columns.map((_, operand) => b.load(operand, b.index));
    const floats = [b.fma(x, y, z), b.add(x, z), b.sub(y, z), b.mul(x, y), b.div(x, y), b.sqrt(b.abs(y)), b.neg(z)];
    const rounded = [b.max(x, z), b.min(x, z), b.floor(x), b.nearest(z), b.select(b.lt(x, y), x, z)];
    const words = [...floats, ...rounded].map((value) => b.bitsOf(value));
    const masks = [b.le(x, z), b.eq(x, y)].map((mask) => b.boolToI32(mask));
    return mixed(b, [...words, ...masks, b.toI32(x)]);
  });
  return { name: "elementwise", scalar, operands: columns };
}

function mixed(b: ScalarBuilder, words: readonly ReturnType<ScalarBuilder["i32"]>[]): ReturnType<ScalarBuilder["i32"]> {
  return words.reduce((sum, word) => b.addI(b.mulI(sum, 31), word));
}

// Every integer instruction, with the step.
function integers(random: Random): TestCase {
  const columns = [0, 1].map(() => Uint32Array.from({ length: 300 }, () => random() >>> below(random, 32)));
  const scalar = buildScalar({ operands: ["i32", "i32"], output: "i32", extents: [20, 15] }, (b) => {
    const [x, y] = [b.load(0, b.index), b.load(1, b.index)];
    const products = [b.addI(x, y), b.subI(x, y), b.mulI(x, b.step), b.mulhiU(x, y), b.divU(x, 7), b.remU(y, 641)];
    const bits = [b.and(x, y), b.or(x, y), b.xor(x, y), b.shl(x, 5), b.shrS(y, 3), b.shrU(y, 9)];
    const masks = [b.ltI(x, y), b.leI(x, y), b.eqI(x, y)].map((mask) => b.boolToI32(mask));
    return mixed(b, [...products, ...bits, ...masks, b.bitsOf(b.fromI32(x)), b.bitsOf(b.fromBits(y))]);
  });
  return { name: "integers", scalar, operands: columns };
}

const ROWS = 9;
const COUNT = 290;

// Sums of products over rows whose addresses no tile takes: the squared digit is not affine.
function reduction(random: Random, lanes: 1 | 32): TestCase {
  const operands = [likeWords(random, ROWS * ROWS * COUNT), likeWords(random, COUNT), likeWords(random, ROWS)];
  const scalar = buildScalar({ operands: ["f32", "f32", "f32"], output: "f32", extents: [ROWS] }, (b) => {
    const [row] = b.digits;
    const base = b.mulI(b.mulI(row, row), COUNT);
    const pattern: PatternDigits = [[COUNT, 1]];
    const [total] = b.loop({
      count: COUNT,
      lanes,
      carried: [{ type: "f32", init: 0, from: b.load(2, row) }],
      body: ({ carried }) => [b.fma(b.load(0, base, pattern), b.load(1, 0, pattern), carried[0])],
      combine: ([sum], [block]) => [b.add(sum, block)],
    });
    return b.div(total, b.sqrt(b.abs(b.load(1, row))));
  });
  return { name: `reduction in ${lanes} lanes`, scalar, operands };
}

// Loads of every kind, in a loop: repeated words, words apart and backwards, a pattern of three digits, by index, past the end.
function looseLoads(random: Random, lanes: 1 | 32): TestCase {
  const indices = Uint32Array.from({ length: 40 }, (_, at) => (at % 9 === 0 ? random() : below(random, 90)));
  const operands = [likeWords(random, 100), indices];
  const scalar = buildScalar({ operands: ["f32", "i32"], output: "f32", extents: [3, 11] }, (b) => {
    const [row, column] = b.digits;
    const window: PatternDigits = [
      [2, 40],
      [3, 8],
      [6, 1],
    ];
    const [sum, largest] = b.loop({
      count: 36,
      lanes,
      carried: [
        { type: "f32", init: 0 },
        { type: "f32", init: 0 },
      ],
      body: ({ k, carried }) => {
        const spread = b.fma(b.load(0, column), b.load(0, row, [[36, 3]]), b.load(0, b.addI(row, 60), [[36, -2]]));
        const word = b.gather(0, b.load(1, row, [[36, 1]]));
        return [
          b.add(carried[0], b.add(spread, b.load(0, column, window))),
          b.max(carried[1], b.add(word, b.fromI32(b.addI(k, b.step)))),
        ];
      },
      combine: ([total, most], [block, found]) => [b.add(total, block), b.max(most, found)],
    });
    return b.sub(sum, largest);
  });
  return { name: `loads in ${lanes} lanes`, scalar, operands };
}

interface MatrixShape {
  readonly name: string;
  readonly rows: number;
  readonly columns: number;
  readonly count: number;
  readonly continued: boolean;
}

function matrix(random: Random, shape: MatrixShape): TestCase {
  const { rows, columns, count } = shape;
  const operands = [rows * count, columns * count, rows * columns].map((length) => likeWords(random, length));
  return { name: shape.name, scalar: product(shape), operands };
}

// Rows times columns, both of words side by side.
function product({ rows, columns, count, continued }: MatrixShape): ScalarProgram {
  return buildScalar({ operands: ["f32", "f32", "f32"], output: "f32", extents: [rows, columns] }, (b) => {
    const [left, right] = b.digits.map((digit) => b.mulI(digit, count));
    const pattern: PatternDigits = [[count, 1]];
    const [total] = b.loop({
      count,
      carried: [{ type: "f32", init: 0, ...(continued ? { from: b.load(2, b.index) } : {}) }],
      body: ({ carried }) => [b.fma(b.load(0, left, pattern), b.load(1, right, pattern), carried[0])],
      combine: ([sum], [block]) => [b.add(sum, block)],
    });
    return total;
  });
}

// The classes whose result a second rounding changes; all their words are finite.
const TIGHT = ["halfway", "subnormalHalfway", "cancellation", "tiny"];

// c * 1 + a * b for one triple of a class on each place of the diagonal.
function directedTiles(random: Random): TestCase {
  const side = 60;
  const triples = Array.from({ length: side }, (_, index) => drawOperands(random, TIGHT[index % TIGHT.length], 3));
  const operands = [
    Uint32Array.from(triples.flatMap(([a, , c]) => [c, a])),
    Uint32Array.from(triples.flatMap(([, b]) => [0x3f800000, b])),
    new Uint32Array(side * side),
  ];
  const shape = { name: "directed tiles", rows: side, columns: side, count: 2, continued: false };
  return { name: shape.name, scalar: product(shape), operands };
}

// The same in one row, whose left side is one for all: c * 1 + (1 + 2^-23) * b, where the product lies 2^-70 below the middle
// between two floats. A first rounding in binary64 reaches the middle.
function directedRow(random: Random): TestCase {
  const columns = 96;
  const operands = [
    Uint32Array.of(0x3f800000, 0x3f800001),
    Uint32Array.from({ length: 2 * columns }, (_, at) =>
      at % 2 === 0 ? wordOf(0, 127, random()) : wordOf(0, 102, 0x7ffffe),
    ),
    new Uint32Array(columns),
  ];
  const shape = { name: "directed row", rows: 1, columns, count: 2, continued: false };
  return { name: shape.name, scalar: product(shape), operands };
}

// Values between 2^-3 and 2^5, of either sign: their sums are finite and depend on every term and on its place.
function likeWords(random: Random, length: number): Uint32Array {
  return Uint32Array.from({ length }, () => wordOf(random(), 124 + below(random, 8), random()));
}
