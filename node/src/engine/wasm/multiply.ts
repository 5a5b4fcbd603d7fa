/**
 * Runs contractions tile by tile: tables into memory, then for each batch and each panel of 8 columns, packing and
 * multiplying with all rows. Layouts are private: nothing outside sees a packed word.
 */

import type { Contraction, Side } from "./contraction.ts";
import { loadModule } from "./load.ts";
import type { Arena } from "./memory.ts";
import { ROW_PANELS, TILE_BYTES, TILE_COLUMNS, tileModule } from "./tiles.ts";
import type { TileExports } from "./tiles.ts";

/** An operand in memory. */
export interface PlacedOperand {
  /** In bytes. */
  readonly address: number;
  /** In words. */
  readonly length: number;
}

/** Where a contraction runs. */
export interface Multiplication {
  readonly contraction: Contraction;
  readonly operands: readonly PlacedOperand[];
  readonly step: number;
  /** Byte address of the totals; where the contraction has a `totalInit`, it holds those to start from. */
  readonly target: number;
  /** Byte address of all panels, packed before; null to pack them on the way. */
  readonly panels: number | null;
}

export interface Multiplier {
  /** Writes the final totals of all elements, NaN canonical. Reserves memory for tables and panels. */
  multiply(multiplication: Multiplication): void;
  /** Packs all panels of the columns to byte address `target`; the contraction must be `isPackable`. */
  packColumns(contraction: Contraction, columns: PlacedOperand, target: number): void;
}

/** Whether the columns' panels depend on their words alone, so that words that never change are packed once. */
export function isPackable({ columns, batches }: Contraction): boolean {
  return batches.length === 3 && columns.perStep === 0;
}

/** Words of all panels of the columns. */
export function panelWords({ columns, count }: Contraction): number {
  return columns.addresses.length * count;
}

/** A multiplier over the arena's memory; its module is compiled on first use. */
export function createMultiplier(arena: Arena, isFused: boolean): Multiplier {
  let tiles: TileExports | undefined;
  const loaded = (): TileExports => {
    tiles ??= loadModule(tileModule(isFused), arena.memory) as unknown as TileExports;
    return tiles;
  };
  return {
    multiply: (multiplication) => multiply(arena, loaded(), multiplication),
    packColumns(contraction, columns, target) {
      const pack = createPacker(arena, loaded(), contraction, columns);
      pack(0, contraction.columns.addresses.length, 0, target);
    },
  };
}

type Packer = (first: number, end: number, shift: number, target: number) => void;

/** Packs the panels of columns `first` to `end` (exclusive), with `shift` added to their addresses. */
function createPacker(
  arena: Arena,
  tiles: TileExports,
  { columns, count }: Contraction,
  source: PlacedOperand,
): Packer {
  const addresses = reserveTable(arena, columns.addresses);
  const runs = reserveTable(arena, columns.runs);
  return (first, end, shift, target) => {
    for (let column = first; column < end; column += TILE_COLUMNS) {
      const panel = target + 4 * count * (column - first);
      const from = addresses + 4 * column;
      tiles.pack(panel, source.address, source.length, from, shift, runs, columns.runs.length / 2);
    }
  };
}

function reserveTable(arena: Arena, words: Int32Array): number {
  const address = arena.reserve(words.length);
  arena.words().set(words, address / 4);
  return address;
}

/** Columns that are packed at once. */
const GROUP = ROW_PANELS * TILE_COLUMNS;

function multiply(arena: Arena, tiles: TileExports, draft: Multiplication): void {
  const { contraction, operands, step, target, panels } = draft;
  const { count, blockLength, rows, columns, columnCount, batches } = contraction;
  const rowCount = rows.addresses.length;
  const rowOffsets = reserveTable(arena, rows.offsets);
  const columnOffsets = reserveTable(arena, columns.offsets);
  const pack = createPacker(arena, tiles, contraction, operands[columns.operand]);
  const point = createPointer(arena, tiles, contraction, operands[rows.operand]);
  const rowPointers = arena.reserve(rowCount);
  const tile = arena.reserve(TILE_BYTES / 4);
  const group = arena.reserve(count * GROUP);
  const continued = contraction.totalInit === null ? 0 : 1;

  for (let batch = 0; batch < batches.length; batch += 3) {
    point(batches[batch] + Math.imul(rows.perStep, step), rowPointers);
    const columnShift = batches[batch + 1] + Math.imul(columns.perStep, step);
    const output = target + 4 * batches[batch + 2];
    for (let first = 0; first < columnCount; first += GROUP) {
      const end = Math.min(first + GROUP, columnCount);
      if (panels === null) pack(first, end, columnShift, group);
      const packed = panels === null ? group : panels + 4 * count * first;
      if (rowCount === 1 && isContiguous(columns, first, GROUP, columnCount)) {
        const row = arena.words()[rowPointers / 4];
        const place = output + 4 * (rows.offsets[0] + columns.offsets[first]);
        tiles.multiplyRow(row, count, blockLength, packed, place, continued);
        continue;
      }
      for (let column = first; column < end; column += TILE_COLUMNS) {
        tiles.multiply(
          rowPointers,
          rowCount,
          count,
          blockLength,
          packed + 4 * count * (column - first),
          output,
          rowOffsets,
          columnOffsets + 4 * column,
          Math.min(TILE_COLUMNS, columnCount - column),
          isContiguous(columns, column, TILE_COLUMNS, columnCount) ? 1 : 0,
          continued,
          tile,
        );
      }
    }
  }
}

/** Writes the table of the rows' byte addresses for a batch. */
function createPointer(
  arena: Arena,
  tiles: TileExports,
  { rows, count }: Contraction,
  source: PlacedOperand,
): (shift: number, pointers: number) => void {
  const rowCount = rows.addresses.length;
  // Rows that lie in the operand as the loop reads them need no copy.
  const isDirect = rows.isInBounds && rows.runs.length === 2;
  const runs = isDirect ? 0 : reserveTable(arena, rows.runs);
  const copies = isDirect ? 0 : arena.reserve(rowCount * count);
  let copied: number | null = null;
  return (shift, pointers) => {
    const table = arena.words().subarray(pointers / 4, pointers / 4 + rowCount);
    if (isDirect) {
      rows.addresses.forEach((address, row) => (table[row] = source.address + 4 * (address + shift + rows.runs[0])));
      return;
    }
    rows.addresses.forEach((address, row) => {
      const copy = copies + 4 * row * count;
      table[row] = copy;
      if (shift !== copied) {
        tiles.collect(copy, source.address, source.length, (address + shift) | 0, runs, rows.runs.length / 2);
      }
    });
    copied = shift;
  };
}

/** Whether so many columns from `first` on exist and stand side by side in the output. */
function isContiguous({ offsets }: Side, first: number, size: number, columnCount: number): boolean {
  if (first + size > columnCount) return false;
  for (let column = 1; column < size; column++) if (offsets[first + column] !== offsets[first] + column) return false;
  return true;
}
