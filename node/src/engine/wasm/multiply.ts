/**
 * Runs contractions tile by tile: tables into memory, then for each batch and each panel of 8 columns, packing and
 * multiplying with all rows. Layouts are private: nothing outside sees a packed word.
 */

import { loadModule } from "./load.ts";
import type { Arena } from "./memory.ts";
import { TILE_BYTES, TILE_COLUMNS, tileModule } from "./tiles.ts";
import type { TileExports } from "./tiles.ts";
import type { Contraction, Side } from "./contraction.ts";

/** An operand in memory. */
export interface PlacedOperand {
  /** In bytes. */
  readonly address: number;
  /** In words. */
  readonly length: number;
}

/**
 * Writes the final totals of all elements at byte address `target`, NaN canonical. With `totalInit` the target holds the
 * totals to start from. Reserves memory for tables and panels.
 */
export type Multiplier = (
  contraction: Contraction,
  operands: readonly PlacedOperand[],
  step: number,
  target: number,
) => void;

/** A multiplier over the arena's memory; its module is compiled on first use. */
export function createMultiplier(arena: Arena, isFused: boolean): Multiplier {
  let tiles: TileExports | undefined;
  return (contraction, operands, step, target) => {
    tiles ??= loadModule(tileModule(isFused), arena.memory) as unknown as TileExports;
    multiply(arena, tiles, contraction, operands, step, target);
  };
}

function multiply(
  arena: Arena,
  tiles: TileExports,
  contraction: Contraction,
  operands: readonly PlacedOperand[],
  step: number,
  target: number,
): void {
  const { count, rows, columns, columnCount, batches } = contraction;
  const left = operands[rows.operand];
  const right = operands[columns.operand];
  const rowCount = rows.addresses.length;
  const reserveTable = (words: Int32Array): number => {
    const address = arena.reserve(words.length);
    arena.words().set(words, address / 4);
    return address;
  };
  const columnAddresses = reserveTable(columns.addresses);
  const columnRuns = reserveTable(columns.runs);
  const columnOffsets = reserveTable(columns.offsets);
  const rowOffsets = reserveTable(rows.offsets);
  const rowRuns = reserveTable(rows.runs);
  const rowPointers = arena.reserve(rowCount);
  const tile = arena.reserve(TILE_BYTES / 4);
  const panel = arena.reserve(count * TILE_COLUMNS);
  // Rows that lie in the operand as the loop reads them need no copy.
  const isDirect = rows.isInBounds && rows.runs.length === 2;
  const collected = isDirect ? 0 : arena.reserve(rowCount * count);
  const words = arena.words();
  const contiguous = contiguousPanels(columns, columnCount);

  for (let batch = 0; batch < batches.length; batch += 3) {
    const rowShift = batches[batch] + Math.imul(rows.perStep, step);
    const columnShift = batches[batch + 1] + Math.imul(columns.perStep, step);
    const output = target + 4 * batches[batch + 2];
    if (isDirect || batch === 0 || rowShift !== batches[batch - 3] + Math.imul(rows.perStep, step)) {
      for (let row = 0; row < rowCount; row++) {
        const address = (rows.addresses[row] + rowShift) | 0;
        if (isDirect) words[rowPointers / 4 + row] = left.address + 4 * (address + rows.runs[0]);
        else {
          words[rowPointers / 4 + row] = collected + 4 * row * count;
          tiles.collect(collected + 4 * row * count, left.address, left.length, address, rowRuns, rows.runs.length / 2);
        }
      }
    }
    for (let first = 0; first < columnCount; first += TILE_COLUMNS) {
      tiles.pack(
        panel,
        right.address,
        right.length,
        columnAddresses + 4 * first,
        columnShift,
        columnRuns,
        columns.runs.length / 2,
      );
      tiles.multiply(
        rowPointers,
        rowCount,
        count,
        contraction.blockLength,
        panel,
        output,
        rowOffsets,
        columnOffsets + 4 * first,
        Math.min(TILE_COLUMNS, columnCount - first),
        contiguous[first / TILE_COLUMNS],
        contraction.totalInit === null ? 0 : 1,
        tile,
      );
    }
  }
}

/** For each panel, 1 where its columns stand side by side in the output. */
function contiguousPanels({ offsets }: Side, columnCount: number): Uint8Array {
  return Uint8Array.from({ length: offsets.length / TILE_COLUMNS }, (_, panel) => {
    const first = panel * TILE_COLUMNS;
    if (first + TILE_COLUMNS > columnCount) return 0;
    for (let column = 1; column < TILE_COLUMNS; column++) {
      if (offsets[first + column] !== offsets[first] + column) return 0;
    }
    return 1;
  });
}
