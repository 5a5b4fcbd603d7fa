/**
 * Tiles for a host whose compiler joins neighbouring vectors of 128 bits to wider ones (V8 with its experimental flag): 6 rows
 * by 16 columns, in functions that do nothing else, since one instruction that can't be joined spoils its whole function.
 * The sums go to memory, and another function adds them to the totals. Without such a host the tiles would be slow, but the
 * bits are the same.
 */

import {
  addLocal,
  branchIf,
  call,
  draftFunction,
  get,
  I32,
  i32Const,
  ifElse,
  increment,
  load32Splat,
  loop,
} from "./emit.ts";
import { OP, set, simd, tee, V128, v128Const, v128Load, v128Store } from "./emit.ts";
import type { Code, FunctionDraft } from "./emit.ts";
import { fmaCode } from "./fma.ts";
import type { FmaMode } from "./fma.ts";
import { canonicalVector } from "./instructions.ts";
import { PANEL_COLUMNS, panelRowBytes, PART_COLUMNS, TILE_SPARE_WORDS } from "./tiles.ts";
import type { MultiplyParameters } from "./tiles.ts";

/** What such a module has beside the other tiles, in the place of `multiply`. */
export interface WidenedExports {
  multiplyWidened(...parameters: MultiplyParameters): void;
  multiplyNarrowWidened(...parameters: MultiplyParameters): void;
}

const TILE_ROWS = 6;
const TILE_PARTS = 2;
const TILE_VECTORS = 2 * TILE_PARTS;
const TILE_ROW_BYTES = 16 * TILE_VECTORS;

/** Rows for which the words of a narrow panel are worth writing out, so that they can be multiplied by whole tiles. */
const LEAST_NARROW_ROWS = 12;

/** Indices of functions of the module that the widened ones leave work to. */
export interface PlainTiles {
  readonly multiply: number;
  readonly multiplyNarrow: number;
}

/** `multiplyWidened` and `multiplyNarrowWidened`, to stand in a module from index `first` on. */
export function widenedFunctions(fma: FmaMode, plain: PlainTiles, first: number): FunctionDraft[] {
  return [
    sumsFunction(fma),
    addFunction(),
    multiplyFunction(plain.multiply, first),
    writeOutFunction(),
    multiplyNarrowFunction(plain.multiplyNarrow, first + 2, first + 3),
  ];
}

/** The sums of one block, to a tile in memory. Parameters: the first row, bytes between rows, the panel's parts, count, tile. */
function sumsFunction(fma: FmaMode): FunctionDraft {
  const draft = draftFunction(null, [I32, I32, I32, I32, I32]);
  const [row, rowStride, panel, count, tile] = [0, 1, 2, 3, 4];
  const pointers = [row, ...Array.from({ length: TILE_ROWS - 1 }, () => addLocal(draft, I32))];
  const sums = pointers.map(() => Array.from({ length: TILE_VECTORS }, () => addLocal(draft, V128)));
  const columns = Array.from({ length: TILE_VECTORS }, () => addLocal(draft, V128));
  const word = addLocal(draft, V128);
  const end = addLocal(draft, I32);
  const rowBytes = panelRowBytes("wide");
  const step = (k: number): Code => [
    columns.map((column, index): Code => [get(panel), v128Load(k * rowBytes + 16 * index), set(column)]),
    pointers.map((pointer, index): Code => [
      [get(pointer), load32Splat(4 * k), set(word)],
      sums[index].map((sum, at): Code => [get(word), get(columns[at]), get(sum), fmaCode(fma), set(sum)]),
    ]),
  ];
  const run = (steps: number, iterations: Code): Code => [
    [get(panel), iterations, i32Const(rowBytes), OP.i32Mul, OP.i32Add, set(end)],
    [get(panel), get(end), OP.i32LtU],
    ifElse(
      loop([
        Array.from({ length: steps }, (_, k) => step(k)),
        pointers.map((pointer) => increment(pointer, 4 * steps)),
        [get(panel), i32Const(steps * rowBytes), OP.i32Add, tee(panel), get(end), OP.i32LtU, branchIf(0)],
      ]),
    ),
  ];
  const unroll = fma.kind === "fused" ? 4 : 1;
  draft.body = [
    pointers.slice(1).map((pointer, index): Code => [get(pointers[index]), get(rowStride), OP.i32Add, set(pointer)]),
    run(unroll, [get(count), i32Const(-unroll), OP.i32And]),
    unroll === 1 ? [] : run(1, [get(count), i32Const(unroll - 1), OP.i32And]),
    sums.map((vectors, index) =>
      vectors.map((sum, at): Code => [get(tile), get(sum), v128Store(index * TILE_ROW_BYTES + 16 * at)]),
    ),
  ];
  return draft;
}

/** total = isFirst ? sum : total + sum for a whole tile. Parameters: tile, output, bytes between its rows, isFirst. */
function addFunction(): FunctionDraft {
  const draft = draftFunction(null, [I32, I32, I32, I32]);
  const [tile, output, outputStride, first] = [0, 1, 2, 3];
  const total = addLocal(draft, V128);
  draft.body = Array.from({ length: TILE_ROWS }, (_, row): Code => [
    row === 0 ? [] : [get(output), get(outputStride), OP.i32Add, set(output)],
    Array.from({ length: TILE_VECTORS }, (_, at): Code => [
      [get(tile), v128Load(row * TILE_ROW_BYTES + 16 * at), set(total)],
      [get(first), OP.i32Eqz, ifElse([get(output), v128Load(16 * at), get(total), simd("f32x4Add"), set(total)])],
      [get(output), canonicalVector(get(total)), v128Store(16 * at)],
    ]),
  ]);
  return draft;
}

function multiplyFunction(multiply: number, first: number): FunctionDraft {
  const draft = draftFunction("multiplyWidened", new Array<number>(11).fill(I32));
  const [rows, rowStride, rowCount, panels, panelStride, parts, count, output, outputStride, isFirst, tile] = [
    0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10,
  ];
  const [whole, left, panel, totals, part, row, at, place] = [0, 1, 2, 3, 4, 5, 6, 7].map(() => addLocal(draft, I32));
  const partBytes = (panelRowBytes("wide") / PANEL_COLUMNS) * PART_COLUMNS;
  const tiles = loop([
    [get(at), get(rowStride), get(panel), get(part), i32Const(partBytes), OP.i32Mul, OP.i32Add],
    [get(count), get(tile), call(first)],
    [get(tile), get(place), get(outputStride), get(isFirst), call(first + 1)],
    [get(at), get(rowStride), i32Const(TILE_ROWS), OP.i32Mul, OP.i32Add, set(at)],
    [get(place), get(outputStride), i32Const(TILE_ROWS), OP.i32Mul, OP.i32Add, set(place)],
    [get(row), i32Const(TILE_ROWS), OP.i32Add, tee(row), get(whole), OP.i32LtU, branchIf(0)],
  ]);
  // Parts are counted from the first of a panel; `left` counts those of this panel and the following.
  const eachPart = loop([
    [i32Const(0), set(row), get(rows), set(at)],
    [get(totals), get(part), i32Const(4 * PART_COLUMNS), OP.i32Mul, OP.i32Add, set(place)],
    tiles,
    [get(part), i32Const(TILE_PARTS), OP.i32Add, tee(part), i32Const(PANEL_COLUMNS / PART_COLUMNS), OP.i32LtU],
    [get(part), get(left), OP.i32LtU, OP.i32And, branchIf(0)],
  ]);
  const eachPanel = loop([
    [i32Const(0), set(part), eachPart],
    [get(panel), get(panelStride), OP.i32Add, set(panel), increment(totals, 4 * PANEL_COLUMNS)],
    [get(left), get(part), OP.i32LeU, ifElse([i32Const(0), set(left)], [get(left), get(part), OP.i32Sub, set(left)])],
    [get(left), branchIf(0)],
  ]);
  const below = (from: number, stride: number): Code => [[get(from), get(whole), get(stride), OP.i32Mul, OP.i32Add]];
  draft.body = [
    [get(rowCount), get(rowCount), i32Const(TILE_ROWS), OP.i32RemU, OP.i32Sub, set(whole)],
    [get(whole), ifElse([get(parts), set(left), get(panels), set(panel), get(output), set(totals), eachPanel])],
    [get(rowCount), get(whole), OP.i32GtU],
    ifElse([
      [below(rows, rowStride), get(rowStride), get(rowCount), get(whole), OP.i32Sub, get(panels), get(panelStride)],
      [get(parts), get(count), below(output, outputStride), get(outputStride), get(isFirst), get(tile), call(multiply)],
    ]),
  ];
  return draft;
}

/** Writes `count` rows of a narrow panel as those of a wide one. Parameters: target, source, count. */
function writeOutFunction(): FunctionDraft {
  const draft = draftFunction(null, [I32, I32, I32]);
  const [target, source, count] = [0, 1, 2];
  const words = addLocal(draft, V128);
  const parts = Array.from({ length: PANEL_COLUMNS / PART_COLUMNS }, (_, part): Code => [
    [get(source), v128Load(16 * part), set(words)],
    [get(target), get(words), i32Const(16), simd("i32x4Shl"), v128Store(32 * part)],
    [get(target), get(words), v128Const([0xffff0000]), simd("and"), v128Store(32 * part + 16)],
  ]);
  draft.body = loop([
    parts,
    [increment(source, panelRowBytes("narrow")), increment(target, panelRowBytes("wide"))],
    [get(count), i32Const(-1), OP.i32Add, tee(count), branchIf(0)],
  ]);
  return draft;
}

/** Many rows meet each narrow panel written out behind the tile; few meet it as it is. */
function multiplyNarrowFunction(multiplyNarrow: number, multiplyWide: number, writeOut: number): FunctionDraft {
  const draft = draftFunction("multiplyNarrowWidened", new Array<number>(11).fill(I32));
  const all = Array.from({ length: 11 }, (_, index) => index);
  const [, , rowCount, panels, panelStride, parts, count, output, , , tile] = all;
  const [taken, wide] = [addLocal(draft, I32), addLocal(draft, I32)];
  const own = new Map([
    [panels, wide],
    [parts, taken],
  ]);
  draft.body = [
    [get(rowCount), i32Const(LEAST_NARROW_ROWS), OP.i32LtU],
    ifElse(
      [all.map(get), call(multiplyNarrow)],
      [
        [get(tile), i32Const(4 * TILE_SPARE_WORDS), OP.i32Add, set(wide)],
        loop([
          [get(parts), i32Const(4), get(parts), i32Const(4), OP.i32LtU, OP.select, set(taken)],
          [get(wide), get(panels), get(count), call(writeOut)],
          [all.map((parameter) => get(own.get(parameter) ?? parameter)), call(multiplyWide)],
          [get(panels), get(panelStride), OP.i32Add, set(panels), increment(output, 4 * PANEL_COLUMNS)],
          [get(parts), get(taken), OP.i32Sub, tee(parts), branchIf(0)],
        ]),
      ],
    ),
  ];
  return draft;
}
