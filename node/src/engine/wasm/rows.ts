/**
 * The code of one row by columns that are read once and so are not worth packing: the scores and contexts of attention over
 * one new token. Columns lie side by side in the operand, or each is contiguous and evenly apart from the next; then four by
 * four words are transposed in registers. Sums are chains of fma in the order of k, as in tiles.
 */

import {
  addLocal,
  branchIf,
  draftFunction,
  get,
  I32,
  i32Const,
  i32Load,
  ifElse,
  increment,
  load32Lane,
} from "./emit.ts";
import { load32Splat, loop, OP, set, shuffleWords, simd, tee, V128, v128Const, v128Load, v128Store } from "./emit.ts";
import type { Code, FunctionDraft } from "./emit.ts";
import { fmaCode } from "./fma.ts";
import type { FmaMode } from "./fma.ts";
import { canonicalVector } from "./instructions.ts";
import { PANEL_COLUMNS, PART_COLUMNS } from "./tiles.ts";

/** One block of a row by 32 columns: total = isFirst ? dot : total + dot. Addresses in bytes; all words are inside. */
export interface RowExports {
  /** Columns of contiguous words, the first at `columns`, `stride` apart. */
  rowByColumns(row: number, columns: number, stride: number, count: number, output: number, isFirst: number): void;
  /**
   * Columns whose words for one k lie side by side, 8 by 8: at source + 4 * (table[8 i] + the k-th address of the runs), where
   * the table holds 32 word addresses.
   */
  rowByParts(
    row: number,
    source: number,
    table: number,
    runs: number,
    runCount: number,
    output: number,
    isFirst: number,
  ): void;
}

export function rowFunctions(fma: FmaMode): FunctionDraft[] {
  return [byColumnsFunction(fma), byPartsFunction(fma)];
}

const VECTORS = PANEL_COLUMNS / 4;
const PARTS = PANEL_COLUMNS / PART_COLUMNS;

function finish(sums: readonly number[], output: number, isFirst: number): Code {
  return [
    get(isFirst),
    ifElse(
      [],
      sums.map((sum, at): Code => [[get(output), v128Load(16 * at), get(sum), simd("f32x4Add"), set(sum)]]),
    ),
    sums.map((sum, at): Code => [get(output), canonicalVector(get(sum)), v128Store(16 * at)]),
  ];
}

function byColumnsFunction(fma: FmaMode): FunctionDraft {
  const draft = draftFunction("rowByColumns", [I32, I32, I32, I32, I32, I32]);
  const [row, columns, stride, count, output, isFirst] = [0, 1, 2, 3, 4, 5];
  const [at, end, word, column, half] = [0, 1, 2, 3, 4].map(() => addLocal(draft, I32));
  // Half of the columns at a time, so that registers hold the row's words too.
  const sums = Array.from({ length: VECTORS / 2 }, () => addLocal(draft, V128));
  const words = Array.from({ length: 4 }, () => addLocal(draft, V128));
  const rowWords = Array.from({ length: 4 }, () => addLocal(draft, V128));
  const [even, odd] = [addLocal(draft, V128), addLocal(draft, V128)];
  const madd = (k: number, code: Code, sum: number): Code => [get(rowWords[k]), code, get(sum), fmaCode(fma), set(sum)];
  const next: Code = [get(at), get(stride), OP.i32Add, set(at)];
  const pairs = (lanes: readonly number[]): Code => [
    [get(words[0]), get(words[1]), shuffleWords(lanes), set(even)],
    [get(words[2]), get(words[3]), shuffleWords(lanes), set(odd)],
  ];
  const four: Code = [
    rowWords.map((vector, k): Code => [get(word), load32Splat(4 * k), set(vector)]),
    sums.map((sum): Code => [
      words.map((vector): Code => [get(at), v128Load(), set(vector), next]),
      [0, 2].map((k): Code => [
        pairs(k === 0 ? [0, 4, 1, 5] : [2, 6, 3, 7]),
        madd(k, [get(even), get(odd), shuffleWords([0, 1, 4, 5])], sum),
        madd(k + 1, [get(even), get(odd), shuffleWords([2, 3, 6, 7])], sum),
      ]),
    ]),
  ];
  const one: Code = [
    [get(word), load32Splat(), set(rowWords[0])],
    sums.map((sum): Code => [
      [0, 1, 2, 3].map((lane): Code => [
        lane === 0 ? [get(at), load32Splat()] : [get(at), get(even), load32Lane(lane)],
        set(even),
        next,
      ]),
      madd(0, get(even), sum),
    ]),
  ];
  const run = (steps: number, body: Code, limit: Code): Code => [
    [get(word), limit, i32Const(2), OP.i32Shl, OP.i32Add, set(end)],
    [get(word), get(end), OP.i32LtU],
    ifElse(
      loop([
        [get(column), set(at), body],
        increment(column, 4 * steps),
        [get(word), i32Const(4 * steps), OP.i32Add, tee(word), get(end), OP.i32LtU, branchIf(0)],
      ]),
    ),
  ];
  draft.body = [
    [i32Const(2), set(half)],
    loop([
      sums.map((sum): Code => [v128Const([0]), set(sum)]),
      [get(row), set(word), get(columns), set(column)],
      run(4, four, [get(count), i32Const(-4), OP.i32And]),
      run(1, one, [get(count), i32Const(3), OP.i32And]),
      finish(sums, output, isFirst),
      [get(columns), get(stride), i32Const(PANEL_COLUMNS / 2), OP.i32Mul, OP.i32Add, set(columns)],
      increment(output, 2 * PANEL_COLUMNS),
      [get(half), i32Const(-1), OP.i32Add, tee(half), branchIf(0)],
    ]),
  ];
  return draft;
}

function byPartsFunction(fma: FmaMode): FunctionDraft {
  const draft = draftFunction("rowByParts", [I32, I32, I32, I32, I32, I32, I32]);
  const [row, source, table, runs, runCount, output, isFirst] = [0, 1, 2, 3, 4, 5, 6];
  const [offset, left] = [addLocal(draft, I32), addLocal(draft, I32)];
  const bases = Array.from({ length: PARTS }, () => addLocal(draft, I32));
  const pointers = bases.map(() => addLocal(draft, I32));
  const sums = Array.from({ length: VECTORS }, () => addLocal(draft, V128));
  const word = addLocal(draft, V128);
  draft.body = [
    bases.map((base, part): Code => [
      [get(source), get(table), i32Load(4 * PART_COLUMNS * part), i32Const(2), OP.i32Shl, OP.i32Add, set(base)],
    ]),
    loop([
      [get(runs), i32Load(0), i32Const(2), OP.i32Shl, set(offset), get(runs), i32Load(4), set(left)],
      pointers.map((pointer, part): Code => [get(bases[part]), get(offset), OP.i32Add, set(pointer)]),
      loop([
        [get(row), load32Splat(), set(word)],
        sums.map((sum, at): Code => [
          [get(word), get(pointers[at >> 1]), v128Load(16 * (at & 1)), get(sum), fmaCode(fma), set(sum)],
        ]),
        pointers.map((pointer) => increment(pointer, 4)),
        increment(row, 4),
        [get(left), i32Const(-1), OP.i32Add, tee(left), branchIf(0)],
      ]),
      increment(runs, 8),
      [get(runCount), i32Const(-1), OP.i32Add, tee(runCount), branchIf(0)],
    ]),
    finish(sums, output, isFirst),
  ];
  return draft;
}
