/**
 * The code that brings words into the order in which tiles read them, and totals to their places: packing columns in
 * panels, narrowing panels, copying rows together. An address outside an operand reads 0, as everywhere.
 */

import {
  addLocal,
  block,
  branch,
  branchIf,
  draftFunction,
  get,
  I32,
  i32Const,
  i32Load,
  i32Store,
  ifElse,
} from "./emit.ts";
import { increment, loop, OP, set, shuffleWords, simd, tee, V128, v128Const, v128Load, v128Store } from "./emit.ts";
import { extractLane } from "./emit.ts";
import type { Code, FunctionDraft } from "./emit.ts";
import { PANEL_COLUMNS, PART_COLUMNS } from "./tiles.ts";

const PANEL_BYTES = 4 * PANEL_COLUMNS;

/** Addresses are in bytes; tables hold words, of which each entry is said. Runs are [words from the base, length in words]. */
export interface PanelExports {
  /**
   * Packs 8 columns: target[k * 32 + column] = source word at columns[column] + shift + the k-th address of the runs, or 0
   * from `length` on. `columns` is a table of 8 word addresses.
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
  /** The same for columns whose addresses follow one another. */
  packSideBySide(
    target: number,
    source: number,
    length: number,
    columns: number,
    shift: number,
    runs: number,
    runCount: number,
  ): void;
  /**
   * Writes `count` rows of a packed panel (one or more) as a narrow one: of each 8 words, the upper halves of the first four below
   * those of the last four. Gives 0 where all lower halves are 0, so that nothing is lost.
   */
  narrow(target: number, source: number, count: number): number;
  /** Copies rows: the words of the runs from each of the `rows` (a table of word addresses) + shift, `stride` apart. */
  collect(
    target: number,
    stride: number,
    rows: number,
    rowCount: number,
    source: number,
    length: number,
    shift: number,
    runs: number,
    runCount: number,
  ): void;
  /** Moves totals from a tile of rows `stride` apart to the output, at the word offsets of two tables, or back. */
  scatter(...parameters: MoveParameters): void;
  gather(...parameters: MoveParameters): void;
}

export type MoveParameters = [
  tile: number,
  stride: number,
  rowOffsets: number,
  rowCount: number,
  columnOffsets: number,
  columnCount: number,
  output: number,
];

export function panelFunctions(): FunctionDraft[] {
  return [
    packFunction("pack"),
    packFunction("packSideBySide"),
    narrowFunction(),
    collectFunction(),
    moveFunction("scatter"),
    moveFunction("gather"),
  ];
}

/** base + index * 4: an element of a table of words. */
const indexed = (base: number, index: Code): Code => [get(base), index, i32Const(2), OP.i32Shl, OP.i32Add];

const countDown = (local: number): Code => [get(local), i32Const(-1), OP.i32Add, tee(local), branchIf(0)];

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

function packFunction(name: "pack" | "packSideBySide"): FunctionDraft {
  const draft = draftFunction(name, [I32, I32, I32, I32, I32, I32, I32]);
  const [target, source, length, columns, shift, runs, runCount] = [0, 1, 2, 3, 4, 5, 6];
  const [size, offset, column, k, address, isInside] = [0, 1, 2, 3, 4, 5].map(() => addLocal(draft, I32));
  const pointers = Array.from({ length: PART_COLUMNS }, () => addLocal(draft, I32));
  const vectors = Array.from({ length: PART_COLUMNS }, () => addLocal(draft, V128));

  const base = (index: number): Code => [get(columns), i32Load(4 * index), get(offset), OP.i32Add];
  // All words of a column are inside where its base is at most length - size.
  const apart: Code = pointers.map((pointer, index): Code => [
    [base(index), tee(address), get(length), get(size), OP.i32Sub, OP.i32GtU],
    ifElse([i32Const(0), set(isInside)]),
    [indexed(source, get(address)), set(pointer)],
  ]);
  const transposing = (count: number): Code => [
    count === 4
      ? [
          pointers.map((pointer, index): Code => [get(pointer), v128Load(), set(vectors[index])]),
          [0, 4].map((half) =>
            transposed(vectors.slice(half, half + 4)).map((word, row): Code => [
              [get(target), word, v128Store(row * PANEL_BYTES + 4 * half)],
            ]),
          ),
        ]
      : pointers.map((pointer, index): Code => [get(target), get(pointer), i32Load(), i32Store(4 * index)]),
    pointers.map((pointer) => increment(pointer, 4 * count)),
  ];
  // Side by side, a run of k has its words one column further each.
  const [pointer] = pointers;
  const together: Code = [
    [get(size), i32Const(PART_COLUMNS - 1), OP.i32Add, set(column)],
    [base(0), tee(address), get(length), get(column), OP.i32Sub, OP.i32GtU],
    [get(column), get(length), OP.i32GtU, OP.i32Or, ifElse([i32Const(0), set(isInside)])],
    [indexed(source, get(address)), set(pointer)],
  ];
  const copying = (count: number): Code => [
    Array.from({ length: count }, (_, row): Code => [
      [get(target), get(pointer), v128Load(4 * row), v128Store(row * PANEL_BYTES)],
      [get(target), get(pointer), v128Load(4 * row + 16), v128Store(row * PANEL_BYTES + 16)],
    ]),
    increment(pointer, 4 * count),
  ];
  const words = name === "pack" ? transposing : copying;
  const whileLeft = (count: number): Code =>
    block(
      loop([
        [get(k), i32Const(count), OP.i32LtU, branchIf(1)],
        words(count),
        [increment(target, count * PANEL_BYTES), increment(k, -count)],
        branch(0),
      ]),
    );
  const eachColumn = loop([
    [indexed(columns, get(column)), i32Load(), get(offset), OP.i32Add, set(address)],
    [get(size), set(k)],
    loop([
      indexed(target, get(column)),
      [get(address), get(length), OP.i32LtU],
      ifElse([indexed(source, get(address)), i32Load()], i32Const(0), I32),
      i32Store(),
      [increment(address, 1), increment(target, PANEL_BYTES)],
      countDown(k),
    ]),
    [get(target), get(size), i32Const(PANEL_BYTES), OP.i32Mul, OP.i32Sub, set(target)],
    [get(column), i32Const(1), OP.i32Add, tee(column), i32Const(PART_COLUMNS), OP.i32LtU, branchIf(0)],
  ]);
  draft.body = loop([
    [get(runs), i32Load(0), get(shift), OP.i32Add, set(offset), get(runs), i32Load(4), tee(size), set(k)],
    [get(size), get(length), OP.i32LeU, set(isInside)],
    name === "pack" ? apart : together,
    get(isInside),
    ifElse(
      [whileLeft(4), whileLeft(1)],
      [
        [i32Const(0), set(column), eachColumn],
        [get(target), get(size), i32Const(PANEL_BYTES), OP.i32Mul, OP.i32Add, set(target)],
      ],
    ),
    increment(runs, 8),
    countDown(runCount),
  ]);
  return draft;
}

function narrowFunction(): FunctionDraft {
  const draft = draftFunction("narrow", [I32, I32, I32], [I32]);
  const [target, source, count] = [0, 1, 2];
  const [low, high, lost] = [0, 1, 2].map(() => addLocal(draft, V128));
  const parts = PANEL_COLUMNS / PART_COLUMNS;
  const part = (index: number): Code => [
    [get(source), v128Load(32 * index), set(low), get(source), v128Load(32 * index + 16), set(high)],
    [get(lost), get(low), simd("or"), get(high), simd("or"), set(lost)],
    [get(target), get(low), i32Const(16), simd("i32x4ShrU")],
    [get(high), i32Const(16), simd("i32x4ShrU"), i32Const(16), simd("i32x4Shl"), simd("or"), v128Store(16 * index)],
  ];
  draft.body = [
    loop([
      Array.from({ length: parts }, (_, index) => part(index)),
      [increment(source, PANEL_BYTES), increment(target, PANEL_BYTES / 2)],
      countDown(count),
    ]),
    [get(lost), v128Const([0xffff]), simd("and"), set(lost)],
    [0, 1, 2, 3].map((lane): Code => [get(lost), extractLane(lane), lane === 0 ? [] : OP.i32Or]),
  ];
  return draft;
}

function collectFunction(): FunctionDraft {
  const draft = draftFunction("collect", new Array<number>(9).fill(I32));
  const [target, stride, rows, rowCount, source, length, shift, runs, runCount] = [0, 1, 2, 3, 4, 5, 6, 7, 8];
  const [at, run, left, base, address, size, end] = [0, 1, 2, 3, 4, 5, 6].map(() => addLocal(draft, I32));
  const pointer = addLocal(draft, I32);
  // A whole number of vectors is copied: what is too much is overwritten by the next run, or lies in the gap after the row.
  const copy = (vectors: number): Code => [
    Array.from({ length: vectors }, (_, index): Code => [
      [get(at), get(pointer), v128Load(16 * index), v128Store(16 * index)],
    ]),
    [increment(at, 16 * vectors), increment(pointer, 16 * vectors)],
  ];
  const inside: Code = [
    [indexed(source, get(address)), set(pointer), indexed(at, get(size)), set(end)],
    block(loop([[get(at), i32Const(64), OP.i32Add, get(end), OP.i32GtU, branchIf(1)], copy(4), branch(0)])),
    block(loop([[get(at), get(end), OP.i32GeU, branchIf(1)], copy(1), branch(0)])),
    [get(end), set(at)],
  ];
  const checked = loop([
    get(at),
    [get(address), get(length), OP.i32LtU],
    ifElse([indexed(source, get(address)), i32Load()], i32Const(0), I32),
    i32Store(),
    [increment(address, 1), increment(at, 4)],
    countDown(size),
  ]);
  draft.body = loop([
    [get(target), set(at), get(runs), set(run), get(runCount), set(left)],
    [get(rows), i32Load(), get(shift), OP.i32Add, set(base)],
    loop([
      [get(run), i32Load(0), get(base), OP.i32Add, set(address), get(run), i32Load(4), set(size)],
      [get(address), get(length), get(size), OP.i32Sub, OP.i32LeU],
      [get(size), get(length), OP.i32LeU, OP.i32And],
      ifElse(inside, checked),
      increment(run, 8),
      countDown(left),
    ]),
    [increment(rows, 4), get(target), get(stride), OP.i32Add, set(target)],
    countDown(rowCount),
  ]);
  return draft;
}

function moveFunction(name: "scatter" | "gather"): FunctionDraft {
  const draft = draftFunction(name, new Array<number>(7).fill(I32));
  const [tile, stride, rowOffsets, rowCount, columnOffsets, columnCount, output] = [0, 1, 2, 3, 4, 5, 6];
  const [at, column, left, base] = [0, 1, 2, 3].map(() => addLocal(draft, I32));
  const place: Code = [get(base), get(column), i32Load(), i32Const(2), OP.i32Shl, OP.i32Add];
  draft.body = loop([
    [get(tile), set(at), get(columnOffsets), set(column), get(columnCount), set(left)],
    [get(output), get(rowOffsets), i32Load(), i32Const(2), OP.i32Shl, OP.i32Add, set(base)],
    loop([
      name === "scatter" ? [place, get(at), i32Load(), i32Store()] : [get(at), place, i32Load(), i32Store()],
      [increment(at, 4), increment(column, 4)],
      countDown(left),
    ]),
    [increment(rowOffsets, 4), get(tile), get(stride), OP.i32Add, set(tile)],
    countDown(rowCount),
  ]);
  return draft;
}
