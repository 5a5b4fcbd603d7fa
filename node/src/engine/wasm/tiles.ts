/**
 * The code of dot products in bulk: tiles of rows times columns of packed panels. The lanes of a vector are columns, so
 * each output keeps its own chain of fma in ascending order of k, in blocks that are added to the total: the order of the
 * definition, whatever the tile. The modules are the same for all programs.
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
import { OP, set, simd, tee, V128, v128Load, v128Store } from "./emit.ts";
import type { Code, FunctionDraft } from "./emit.ts";
import { fmaCode } from "./fma.ts";
import type { FmaMode } from "./fma.ts";
import { canonicalVector } from "./instructions.ts";

/** Columns of a panel, which lies in memory as [k][32]: one row of it is two lines of a cache. */
export const PANEL_COLUMNS = 32;
/** Columns of a part of a panel: the least that a tile computes. */
export const PART_COLUMNS = 8;
/** Bands of so many rows are whole tiles in every tier. */
export const ROW_STEP = 12;
/** Words that a function may use while it multiplies. */
export const TILE_SPARE_WORDS = 96;
/** Rows of a tile: with 8 columns, 12 accumulators, 2 of the panel and 1 of the row fill the 15 registers V8 has on x64. */
const TILE_ROWS = 6;

/** How a panel holds its words: as they are, or as upper halves of f32 whose lower halves are 0, two a word. */
export type PanelForm = "wide" | "narrow";

/** Bytes of one k of a panel. */
export const panelRowBytes = (form: PanelForm): number => (form === "wide" ? 4 : 2) * PANEL_COLUMNS;

/** What multiplies. Addresses and strides are in bytes. Totals that are NaN are stored as the canonical NaN. */
export interface TileExports {
  /**
   * One block of `rowCount` rows by `parts` parts of panels: each total is the dot product over `count` where `isFirst`,
   * else it is added to the total that the output holds. Row r is at rows + r * rowStride, contiguous; panels are
   * `panelStride` apart, their totals side by side at output + r * outputStride. A part of the last panel beyond `parts`
   * may be written too. At `spare` are TILE_SPARE_WORDS for the function itself,
   * and for narrow panels those of a block of a wide one after them.
   */
  multiply(...parameters: MultiplyParameters): void;
  /** The same on narrow panels. */
  multiplyNarrow(...parameters: MultiplyParameters): void;
  /** All blocks of one row by whole panels. With `isContinued` the totals start from what the output holds. */
  multiplyRow(...parameters: MultiplyRowParameters): void;
  multiplyRowNarrow(...parameters: MultiplyRowParameters): void;
}

export type MultiplyParameters = [
  rows: number,
  rowStride: number,
  rowCount: number,
  panels: number,
  panelStride: number,
  parts: number,
  count: number,
  output: number,
  outputStride: number,
  isFirst: number,
  spare: number,
];

export type MultiplyRowParameters = [
  row: number,
  count: number,
  blockLength: number,
  panels: number,
  panelStride: number,
  panelCount: number,
  output: number,
  isContinued: number,
];

/** The functions of {@link TileExports} for one form of panels, to stand in a module from index `first` on. */
export function tileFunctions(fma: FmaMode, form: PanelForm, first: number): FunctionDraft[] {
  const kernels = Array.from({ length: TILE_ROWS }, (_, index) => tileKernel(index + 1, fma, form));
  return [...kernels, multiplyFunction(form, first), multiplyRowFunction(form, first)];
}

/** Parts of a panel that a tile of so many rows takes: enough for 8 chains of fma, which the unit's latency asks for. */
const partsOf = (rows: number): number => (rows === 1 ? 4 : rows === 2 ? 2 : 1);

/**
 * One block of one tile: total = isFirst ? dot : total + dot. Parameters: the first row, bytes between rows, the panel's
 * part, iterations, output, bytes between its rows, isFirst.
 */
function tileKernel(rows: number, fma: FmaMode, form: PanelForm): FunctionDraft {
  const draft = draftFunction(null, [I32, I32, I32, I32, I32, I32, I32]);
  const [row, rowStride, panel, count, output, outputStride, first] = [0, 1, 2, 3, 4, 5, 6];
  const parts = partsOf(rows);
  const pointers = [row, ...Array.from({ length: rows - 1 }, () => addLocal(draft, I32))];
  const accumulators = Array.from({ length: rows }, () =>
    Array.from({ length: 2 * parts }, () => addLocal(draft, V128)),
  );
  const end = addLocal(draft, I32);
  const mask = form === "narrow" && rows < TILE_ROWS ? addLocal(draft, V128) : null;
  const step = stepOf(draft, form, fma, { panel, pointers, accumulators, mask });
  const rowBytes = panelRowBytes(form);
  const run = (steps: number, limit: Code): Code => [
    [limit, set(end)],
    [get(panel), get(end), OP.i32LtU],
    ifElse(
      loop([
        Array.from({ length: steps }, (_, k) => step(k)),
        pointers.map((pointer) => increment(pointer, 4 * steps)),
        [get(panel), i32Const(steps * rowBytes), OP.i32Add, tee(panel), get(end), OP.i32LtU, branchIf(0)],
      ]),
    ),
  ];
  const after = (iterations: Code): Code => [get(panel), iterations, i32Const(rowBytes), OP.i32Mul, OP.i32Add];
  const unroll = fma.kind === "fused" ? 4 : 1;
  draft.body = [
    mask === null ? [] : [i32Const(-65536), simd("i32x4Splat"), set(mask)],
    pointers.slice(1).map((pointer, index): Code => [get(pointers[index]), get(rowStride), OP.i32Add, set(pointer)]),
    run(unroll, after([get(count), i32Const(-unroll), OP.i32And])),
    unroll === 1 ? [] : run(1, after([get(count), i32Const(unroll - 1), OP.i32And])),
    accumulators.map((chains, index): Code => [
      index === 0 ? [] : [get(output), get(outputStride), OP.i32Add, set(output)],
      get(first),
      ifElse(
        [],
        chains.map((local, at): Code => [[get(output), v128Load(16 * at), get(local), simd("f32x4Add"), set(local)]]),
      ),
      chains.map((local, at): Code => [get(output), canonicalVector(get(local)), v128Store(16 * at)]),
    ]),
  ];
  return draft;
}

interface TileLocals {
  readonly panel: number;
  readonly pointers: readonly number[];
  /** For each row, one per vector of columns. */
  readonly accumulators: readonly (readonly number[])[];
  /** Ones in the upper halves of words, where there is a register for it. */
  readonly mask: number | null;
}

/** The code of iteration k of an unrolled loop. */
function stepOf(draft: FunctionDraft, form: PanelForm, fma: FmaMode, locals: TileLocals): (k: number) => Code {
  const { panel, pointers, accumulators, mask } = locals;
  const [left, right] = [addLocal(draft, V128), addLocal(draft, V128)];
  const parts = accumulators[0].length / 2;
  // Few rows keep their words; many read each where it is used, for want of registers.
  const keepsWords = pointers.length <= 2;
  const words = pointers.map((_, index) => (keepsWords || index === 0 ? addLocal(draft, V128) : -1));
  const wordOf = (row: number): number => (keepsWords ? words[row] : words[0]);
  const readWord = (row: number, k: number): Code => [get(pointers[row]), load32Splat(4 * k), set(wordOf(row))];
  // Two shifts where a mask would need one register more than there are.
  const upper: Code =
    mask === null ? [i32Const(16), simd("i32x4ShrU"), i32Const(16), simd("i32x4Shl")] : [get(mask), simd("and")];
  const columns = (part: number, k: number): Code => {
    if (form === "wide") {
      const at = k * panelRowBytes("wide") + 4 * PART_COLUMNS * part;
      return [get(panel), v128Load(at), set(left), get(panel), v128Load(at + 16), set(right)];
    }
    const at = k * panelRowBytes("narrow") + 2 * PART_COLUMNS * part;
    return [
      [get(panel), v128Load(at), tee(right), i32Const(16), simd("i32x4Shl"), set(left)],
      [get(right), upper, set(right)],
    ];
  };
  const madd = (row: number, column: number, accumulator: number): Code => [
    [get(wordOf(row)), get(column), get(accumulator), fmaCode(fma)],
    set(accumulator),
  ];
  return (k) => [
    keepsWords ? pointers.map((_, row) => readWord(row, k)) : [],
    Array.from({ length: parts }, (_, part): Code => [
      columns(part, k),
      pointers.map((_, row): Code => [
        keepsWords ? [] : readWord(row, k),
        madd(row, left, accumulators[row][2 * part]),
        madd(row, right, accumulators[row][2 * part + 1]),
      ]),
    ]),
  ];
}

/** from + index * size in bytes. */
const offsetBy = (from: number, index: Code, size: Code): Code => [get(from), index, size, OP.i32Mul, OP.i32Add];

function multiplyFunction(form: PanelForm, firstKernel: number): FunctionDraft {
  const draft = draftFunction(form === "wide" ? "multiply" : "multiplyNarrow", new Array<number>(11).fill(I32));
  const [rows, rowStride, rowCount, panels, panelStride, parts, count, output, outputStride, first] = [
    0, 1, 2, 3, 4, 5, 6, 7, 8, 9,
  ];
  const [rest, whole, taken, part, row, at, place, alone] = [0, 1, 2, 3, 4, 5, 6, 7].map(() => addLocal(draft, I32));
  const partBytes = (panelRowBytes(form) / PANEL_COLUMNS) * PART_COLUMNS;
  const kernel = (size: number): Code => [
    [get(at), get(rowStride), offsetBy(panels, get(part), i32Const(partBytes)), get(count)],
    [get(place), get(outputStride), get(first), call(firstKernel + size - 1)],
  ];
  const eachPart = (size: number, body: Code): Code => [
    [i32Const(0), set(part)],
    loop([body, [get(part), i32Const(partsOf(size)), OP.i32Add, tee(part), get(taken), OP.i32LtU, branchIf(0)]]),
  ];
  const placeOf = (index: Code): Code => [
    [offsetBy(rows, index, get(rowStride)), set(at)],
    [offsetBy(output, index, get(outputStride)), offsetPart, OP.i32Add, set(place)],
  ];
  const offsetPart: Code = [get(part), i32Const(4 * PART_COLUMNS), OP.i32Mul];
  draft.body = [
    [get(rowCount), i32Const(TILE_ROWS), OP.i32RemU, set(rest)],
    [get(rowCount), get(rest), OP.i32Sub, tee(whole), OP.i32Eqz, set(alone)],
    [get(rest), get(alone), OP.i32Sub, tee(rest), i32Const(3), OP.i32Eq],
    ifElse([increment(alone, 1), i32Const(2), set(rest)]),
    loop([
      [get(parts), i32Const(4), get(parts), i32Const(4), OP.i32LtU, OP.select, set(taken)],
      get(whole),
      ifElse(
        eachPart(TILE_ROWS, [
          [i32Const(0), set(row)],
          loop([
            [placeOf(get(row)), kernel(TILE_ROWS)],
            [get(row), i32Const(TILE_ROWS), OP.i32Add, tee(row), get(whole), OP.i32LtU, branchIf(0)],
          ]),
        ]),
      ),
      // A first row by the whole panel fetches it line after line; the other rows find it in the cache.
      [1, 2].map((row): Code => [
        [get(alone), i32Const(row), OP.i32GeU],
        ifElse([[i32Const(0), set(part)], placeOf([get(whole), i32Const(row - 1), OP.i32Add]), kernel(1)]),
      ]),
      [1, 2, 4, 5].map((size): Code => [
        [get(rest), i32Const(size), OP.i32Eq],
        ifElse(eachPart(size, [placeOf([get(whole), get(alone), OP.i32Add]), kernel(size)])),
      ]),
      [get(panels), get(panelStride), OP.i32Add, set(panels), increment(output, 4 * PANEL_COLUMNS)],
      [get(parts), get(taken), OP.i32Sub, tee(parts), branchIf(0)],
    ]),
  ];
  return draft;
}

function multiplyRowFunction(form: PanelForm, firstKernel: number): FunctionDraft {
  const draft = draftFunction(form === "wide" ? "multiplyRow" : "multiplyRowNarrow", new Array<number>(8).fill(I32));
  const [row, count, blockLength, panels, panelStride, panelCount, output, continued] = [0, 1, 2, 3, 4, 5, 6, 7];
  const [at, panel, left, size, first] = [0, 1, 2, 3, 4].map(() => addLocal(draft, I32));
  draft.body = loop([
    [get(row), set(at), get(panels), set(panel), get(count), set(left), get(continued), OP.i32Eqz, set(first)],
    loop([
      [get(left), get(blockLength), get(left), get(blockLength), OP.i32LtU, OP.select, set(size)],
      [get(at), i32Const(0), get(panel), get(size), get(output), i32Const(0), get(first), call(firstKernel)],
      [i32Const(0), set(first), get(at), get(size), i32Const(2), OP.i32Shl, OP.i32Add, set(at)],
      [offsetBy(panel, get(size), i32Const(panelRowBytes(form))), set(panel)],
      [get(left), get(size), OP.i32Sub, tee(left), branchIf(0)],
    ]),
    [get(panels), get(panelStride), OP.i32Add, set(panels), increment(output, 4 * PANEL_COLUMNS)],
    [get(panelCount), i32Const(-1), OP.i32Add, tee(panelCount), branchIf(0)],
  ]);
  return draft;
}
