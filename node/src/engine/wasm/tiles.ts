/**
 * The code of dot products in bulk: a module, the same for all programs, that multiplies tiles of 6 rows by 8 columns. The
 * lanes of a vector are 8 columns, so each output keeps its own chain of fma in ascending order of k, in blocks that are
 * added to the total: the order of the definition, whatever the tile. Columns are packed side by side first.
 */

import {
  addLocal,
  assembleModule,
  block,
  branch,
  branchIf,
  call,
  draftFunction,
  get,
  I32,
  i32Const,
  i32Load,
  i32Store,
  ifElse,
  increment,
  load32Splat,
  loop,
  OP,
  set,
  shuffleWords,
  simd,
  tee,
  V128,
  v128Const,
  v128Load,
  v128Store,
} from "./emit.ts";
import type { Code, FunctionDraft } from "./emit.ts";
import { emulatedFma, fmaCode } from "./fma.ts";
import type { FmaMode } from "./fma.ts";
import { canonicalVector } from "./instructions.ts";

/** Columns of a panel. */
export const TILE_COLUMNS = 8;
/** Rows of a tile: with 8 columns, 12 accumulators, 2 of the panel and 1 of the row fill the 16 registers of x64. */
const TILE_ROWS = 6;
/** Panels that one row meets at once: fewer would leave the chains of fma waiting for each other. */
export const ROW_PANELS = 4;
const PANEL_BYTES = 4 * TILE_COLUMNS;
/** Bytes of a tile in memory. */
export const TILE_BYTES = TILE_ROWS * PANEL_BYTES;

/** The exports of the module. Addresses are in bytes but for those of tables of words, whose entries are said. */
export interface TileExports {
  /**
   * Packs 8 columns: target[k * 8 + column] = source word at columns[column] + shift + the k-th address of the runs, or 0
   * from `length` on. `columns` is a table of 8 word addresses, `runs` one of [words from the base, length in words].
   */
  pack(
    target: number,
    source: number,
    length: number,
    columns: number,
    shift: number,
    runs: number,
    runCount: number,
  ): void;
  /** Writes a row the same way: target[k] for the one base `address`. */
  collect(target: number, source: number, length: number, address: number, runs: number, runCount: number): void;
  /**
   * Multiplies all rows by one panel. `rows` is a table of byte addresses of rows of `count` words, `rowOffsets` and
   * `columnOffsets` tables of where they stand in the output, in words. Of the panel `columns` are stored. With `continued`
   * the totals start from what the output holds.
   */
  multiply(
    rows: number,
    rowCount: number,
    count: number,
    blockLength: number,
    panel: number,
    output: number,
    rowOffsets: number,
    columnOffsets: number,
    columns: number,
    isContiguous: number,
    continued: number,
    tile: number,
  ): void;
  /**
   * Multiplies one row by {@link ROW_PANELS} panels that lie `count * 32` bytes apart and whose columns stand side by side
   * in the output, from byte address `output` on.
   */
  multiplyRow(row: number, count: number, blockLength: number, panels: number, output: number, continued: number): void;
}

/** The module's bytes. */
export function tileModule(isFused: boolean): Uint8Array {
  const helpers = isFused ? [] : [emulatedFma()];
  const fma: FmaMode = isFused ? { kind: "fused" } : { kind: "emulated", functionIndex: 0 };
  const kernels = Array.from({ length: TILE_ROWS }, (_, index) => tileKernel(index + 1, fma));
  return assembleModule([
    ...helpers,
    ...kernels,
    packFunction(),
    collectFunction(),
    multiplyFunction(helpers.length),
    multiplyRowFunction(fma),
  ]);
}

/** left + right * scale in bytes: an element of a table of words. */
const indexed = (base: number, index: Code): Code => [get(base), index, i32Const(2), OP.i32Shl, OP.i32Add];

/**
 * One block of one tile: tile = first ? dot : tile + dot. Parameters: table of row addresses, bytes into the rows, panel,
 * tile, iterations, first.
 */
function tileKernel(rows: number, fma: FmaMode): FunctionDraft {
  const draft = draftFunction(null, [I32, I32, I32, I32, I32, I32]);
  const [table, offset, panel, tile, count, first] = [0, 1, 2, 3, 4, 5];
  const pointers = Array.from({ length: rows }, () => addLocal(draft, I32));
  const accumulators = Array.from({ length: 2 * rows }, () => addLocal(draft, V128));
  const [left, right, row] = [addLocal(draft, V128), addLocal(draft, V128), addLocal(draft, V128)];
  const end = addLocal(draft, I32);
  const step = (k: number): Code => [
    [get(panel), v128Load(k * PANEL_BYTES), set(left), get(panel), v128Load(k * PANEL_BYTES + 16), set(right)],
    pointers.map((pointer, index): Code => [
      [get(pointer), load32Splat(4 * k), set(row)],
      [left, right].map((column, half): Code => {
        const accumulator = accumulators[2 * index + half];
        return [get(row), get(column), get(accumulator), fmaCode(fma), set(accumulator)];
      }),
    ]),
  ];
  const run = (steps: number, limit: Code): Code => [
    [limit, set(end)],
    [get(panel), get(end), OP.i32LtU],
    ifElse(
      loop([
        Array.from({ length: steps }, (_, k) => step(k)),
        pointers.map((pointer) => increment(pointer, 4 * steps)),
        [get(panel), i32Const(steps * PANEL_BYTES), OP.i32Add, tee(panel), get(end), OP.i32LtU, branchIf(0)],
      ]),
    ),
  ];
  const bytes = (iterations: Code): Code => [get(panel), iterations, i32Const(PANEL_BYTES), OP.i32Mul, OP.i32Add];
  const unroll = fma.kind === "fused" ? 4 : 1;
  draft.body = [
    pointers.map((pointer, index): Code => [get(table), i32Load(4 * index), get(offset), OP.i32Add, set(pointer)]),
    run(unroll, bytes([get(count), i32Const(-unroll), OP.i32And])),
    unroll === 1 ? [] : run(1, bytes([get(count), i32Const(unroll - 1), OP.i32And])),
    get(first),
    ifElse(
      [],
      accumulators.map((local, index): Code => [
        [get(tile), v128Load(16 * index), get(local), simd("f32x4Add"), set(local)],
      ]),
    ),
    accumulators.map((local, index): Code => [get(tile), canonicalVector(get(local)), v128Store(16 * index)]),
  ];
  return draft;
}

/** The transpose of four vectors, which stand for four columns of four words. */
function transposed(columns: readonly number[]): Code[] {
  const pair = (a: number, b: number, words: readonly number[]): Code => [get(a), get(b), shuffleWords(words)];
  const [a, b, c, d] = columns;
  const low = [
    [0, 4, 1, 5],
    [2, 6, 3, 7],
  ];
  return [0, 1, 2, 3].map((k): Code => {
    const half = low[k >> 1];
    return [pair(a, b, half), pair(c, d, half), shuffleWords(k % 2 === 0 ? [0, 1, 4, 5] : [2, 3, 6, 7])];
  });
}

function packFunction(): FunctionDraft {
  const draft = draftFunction("pack", [I32, I32, I32, I32, I32, I32, I32]);
  const [target, source, length, columns, shift, runs, runCount] = [0, 1, 2, 3, 4, 5, 6];
  const [size, offset, column, k, address, isInside] = [0, 1, 2, 3, 4, 5].map(() => addLocal(draft, I32));
  const pointers = Array.from({ length: TILE_COLUMNS }, () => addLocal(draft, I32));
  const vectors = Array.from({ length: TILE_COLUMNS }, () => addLocal(draft, V128));

  const base = (index: number): Code => [get(columns), i32Load(4 * index), get(offset), OP.i32Add];
  // All words of a column are inside where its base is at most length - size.
  const checks = pointers.map((pointer, index): Code => [
    [base(index), tee(address), get(length), get(size), OP.i32Sub, OP.i32GtU],
    ifElse([i32Const(0), set(isInside)]),
    [indexed(source, get(address)), set(pointer)],
  ]);
  const words = (count: number): Code =>
    count === 4
      ? [
          pointers.map((pointer, index): Code => [get(pointer), v128Load(), set(vectors[index])]),
          [0, 4].map((half) =>
            transposed(vectors.slice(half, half + 4)).map((word, row): Code => [
              get(target),
              word,
              v128Store(row * PANEL_BYTES + 4 * half),
            ]),
          ),
        ]
      : pointers.map((pointer, index): Code => [get(target), get(pointer), i32Load(), i32Store(4 * index)]);
  const whileLeft = (count: number): Code =>
    block(
      loop([
        [get(k), i32Const(count), OP.i32LtU, branchIf(1)],
        words(count),
        pointers.map((pointer) => increment(pointer, 4 * count)),
        [increment(target, count * PANEL_BYTES), increment(k, -count)],
        branch(0),
      ]),
    );
  const eachColumn = loop([
    [get(columns), get(column), i32Const(2), OP.i32Shl, OP.i32Add, i32Load(), get(offset), OP.i32Add, set(address)],
    [get(size), set(k)],
    loop([
      indexed(target, get(column)),
      [get(address), get(length), OP.i32LtU],
      ifElse([indexed(source, get(address)), i32Load()], i32Const(0), I32),
      i32Store(),
      [increment(address, 1), increment(target, PANEL_BYTES)],
      [get(k), i32Const(-1), OP.i32Add, tee(k), branchIf(0)],
    ]),
    [get(target), get(size), i32Const(PANEL_BYTES), OP.i32Mul, OP.i32Sub, set(target)],
    [get(column), i32Const(1), OP.i32Add, tee(column), i32Const(TILE_COLUMNS), OP.i32LtU, branchIf(0)],
  ]);
  draft.body = loop([
    [get(runs), i32Load(0), get(shift), OP.i32Add, set(offset), get(runs), i32Load(4), tee(size), set(k)],
    [get(size), get(length), OP.i32LeU, set(isInside)],
    checks,
    get(isInside),
    ifElse(
      [whileLeft(4), whileLeft(1)],
      [
        [i32Const(0), set(column), eachColumn],
        [get(target), get(size), i32Const(PANEL_BYTES), OP.i32Mul, OP.i32Add, set(target)],
      ],
    ),
    increment(runs, 8),
    [get(runCount), i32Const(-1), OP.i32Add, tee(runCount), branchIf(0)],
  ]);
  return draft;
}

function collectFunction(): FunctionDraft {
  const draft = draftFunction("collect", [I32, I32, I32, I32, I32, I32]);
  const [target, source, length, base, runs, runCount] = [0, 1, 2, 3, 4, 5];
  const [k, address] = [addLocal(draft, I32), addLocal(draft, I32)];
  draft.body = loop([
    [get(runs), i32Load(0), get(base), OP.i32Add, set(address), get(runs), i32Load(4), set(k)],
    loop([
      get(target),
      [get(address), get(length), OP.i32LtU],
      ifElse([indexed(source, get(address)), i32Load()], i32Const(0), I32),
      i32Store(),
      [increment(address, 1), increment(target, 4)],
      [get(k), i32Const(-1), OP.i32Add, tee(k), branchIf(0)],
    ]),
    increment(runs, 8),
    [get(runCount), i32Const(-1), OP.i32Add, tee(runCount), branchIf(0)],
  ]);
  return draft;
}

function multiplyFunction(firstKernel: number): FunctionDraft {
  const draft = draftFunction("multiply", new Array<number>(12).fill(I32));
  const [rows, rowCount, count, blockLength, panel, output] = [0, 1, 2, 3, 4, 5];
  const [rowOffsets, columnOffsets, columns, isContiguous, continued, tile] = [6, 7, 8, 9, 10, 11];
  const [taken, k, row, column, at, inTile] = [0, 1, 2, 3, 4, 5].map(() => addLocal(draft, I32));

  const kernels = Array.from({ length: TILE_ROWS }, (_, index) => index + 1).map((size): Code => {
    const parameters: Code = [
      [get(rows), get(k), i32Const(2), OP.i32Shl, get(panel), get(k), i32Const(PANEL_BYTES), OP.i32Mul, OP.i32Add],
      [get(tile), get(at)],
      [get(k), OP.i32Eqz, get(continued), OP.i32Eqz, OP.i32And],
    ];
    return [get(taken), i32Const(size), OP.i32Eq, ifElse([parameters, call(firstKernel + size - 1)])];
  });
  const rest: Code = [get(count), get(k), OP.i32Sub];
  const blocks = loop([
    // `at` holds the iterations of this block.
    [rest, tee(at), get(blockLength), OP.i32GtU, ifElse([get(blockLength), set(at)])],
    kernels,
    [get(k), get(blockLength), OP.i32Add, tee(k), get(count), OP.i32LtU, branchIf(0)],
  ]);

  // For each row and column of the tile: `at` is the row's address in the output, `inTile` in the tile.
  const place: Code = [get(at), indexed(columnOffsets, get(column)), i32Load(), i32Const(2), OP.i32Shl, OP.i32Add];
  const cell: Code = [get(inTile), get(column), i32Const(2), OP.i32Shl, OP.i32Add];
  const eachColumn = (body: Code): Code => [
    [i32Const(0), set(column)],
    loop([body, [get(column), i32Const(1), OP.i32Add, tee(column), get(columns), OP.i32LtU, branchIf(0)]]),
  ];
  const eachRow = (body: Code): Code => [
    [i32Const(0), set(row), get(tile), set(inTile)],
    loop([
      [get(output), indexed(rowOffsets, get(row)), i32Load(), i32Const(2), OP.i32Shl, OP.i32Add, set(at)],
      body,
      increment(inTile, PANEL_BYTES),
      [get(row), i32Const(1), OP.i32Add, tee(row), get(taken), OP.i32LtU, branchIf(0)],
    ]),
  ];
  const start: Code = [get(at), get(columnOffsets), i32Load(), i32Const(2), OP.i32Shl, OP.i32Add, set(at)];
  const moved = (from: number, to: number): Code => [
    [get(to), get(from), v128Load(0), v128Store(0)],
    [get(to), get(from), v128Load(16), v128Store(16)],
  ];
  const wide = (from: number, to: number): Code => [start, moved(from, to)];
  const readTile = eachRow([
    get(isContiguous),
    ifElse(wide(at, inTile), eachColumn([cell, place, i32Load(), i32Store()])),
  ]);
  const writeTile = eachRow([
    get(isContiguous),
    ifElse(wide(inTile, at), eachColumn([place, cell, i32Load(), i32Store()])),
  ]);
  draft.body = loop([
    [get(rowCount), tee(taken), i32Const(TILE_ROWS), OP.i32GtU, ifElse([i32Const(TILE_ROWS), set(taken)])],
    [get(continued), ifElse(readTile)],
    [i32Const(0), set(k), blocks],
    writeTile,
    [increment(rows, 4 * TILE_ROWS), increment(rowOffsets, 4 * TILE_ROWS)],
    [get(rowCount), get(taken), OP.i32Sub, tee(rowCount), branchIf(0)],
  ]);
  return draft;
}

function multiplyRowFunction(fma: FmaMode): FunctionDraft {
  const draft = draftFunction("multiplyRow", [I32, I32, I32, I32, I32, I32]);
  const [row, count, blockLength, panels, output, continued] = [0, 1, 2, 3, 4, 5];
  const [end, left] = [addLocal(draft, I32), addLocal(draft, I32)];
  const pointers = Array.from({ length: ROW_PANELS }, () => addLocal(draft, I32));
  const accumulators = Array.from({ length: 2 * ROW_PANELS }, () => addLocal(draft, V128));
  const word = addLocal(draft, V128);
  const step: Code = [
    [get(row), load32Splat(), set(word)],
    accumulators.map((accumulator, index): Code => [
      [get(word), get(pointers[index >> 1]), v128Load(16 * (index % 2)), get(accumulator), fmaCode(fma)],
      set(accumulator),
    ]),
    pointers.map((pointer) => increment(pointer, PANEL_BYTES)),
    [get(row), i32Const(4), OP.i32Add, tee(row), get(end), OP.i32LtU, branchIf(0)],
  ];
  draft.body = [
    pointers.map((pointer, index): Code => [
      [get(panels), get(count), i32Const(index * PANEL_BYTES), OP.i32Mul, OP.i32Add, set(pointer)],
    ]),
    [get(count), set(left)],
    loop([
      accumulators.map((accumulator): Code => [v128Const([0]), set(accumulator)]),
      [get(left), get(blockLength), get(left), get(blockLength), OP.i32LtU, OP.select, set(end)],
      [get(left), get(end), OP.i32Sub, set(left)],
      [get(row), get(end), i32Const(2), OP.i32Shl, OP.i32Add, set(end)],
      loop(step),
      get(continued),
      ifElse(
        accumulators.map((accumulator, index): Code => [
          [get(output), v128Load(16 * index), get(accumulator), simd("f32x4Add"), set(accumulator)],
        ]),
      ),
      accumulators.map((accumulator, index): Code => [
        [get(output), canonicalVector(get(accumulator)), v128Store(16 * index)],
      ]),
      // From the second block on there is a total.
      [i32Const(1), set(continued)],
      [get(left), branchIf(0)],
    ]),
  ];
  return draft;
}
