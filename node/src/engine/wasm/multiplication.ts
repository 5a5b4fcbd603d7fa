/**
 * How a contraction runs in pieces: what one unit of work computes, what memory it needs, and the tables it reads. All of
 * it is plain data that depends on the contraction alone, so that every thread can have a copy. Units write different
 * words, in any order and on any thread; the bits do not depend on how the work is cut.
 */

import type { Contraction, Side } from "./contraction.ts";
import { PANEL_COLUMNS, PART_COLUMNS, ROW_STEP, TILE_SPARE_WORDS } from "./tiles.ts";

export interface MultiplicationOptions {
  /** Whether all panels of the columns are packed before the runs; the contraction must be `isPackable`. */
  readonly isPacked: boolean;
}

/** A contraction cut into units. Structured-clonable. */
export interface Multiplication {
  /** Operands that the rows and the columns are. */
  readonly rowOperand: number;
  readonly columnOperand: number;
  /** Words to place once, at a multiple of 64 bytes; nothing writes them. */
  readonly tables: Int32Array;
  /** Words that a thread needs for itself during a unit, at a multiple of 64 bytes. */
  readonly scratchWords: number;
  /** Words of all packed panels, as they are and narrow; 0 where the columns can't be packed before. */
  readonly packedWords: number;
  readonly narrowWords: number;
  /** Units of packing and of running. */
  readonly packUnits: number;
  readonly units: number;
  /** For `multiply.ts` alone. */
  readonly cut: Cut;
}

/** How rows and columns are cut. Addresses and offsets of tables are in words from the first table. */
export interface Cut {
  readonly count: number;
  readonly blockLength: number;
  readonly rowCount: number;
  readonly columnCount: number;
  readonly panelCount: number;
  readonly isPacked: boolean;
  readonly isContinued: boolean;
  /** Rows of a unit, and of a band within it, whose block of a row's words stays in the second-level cache. */
  readonly unitRows: number;
  readonly bandRows: number;
  /** Panels of a unit. */
  readonly groupPanels: number;
  /** Flat triples like those of the contraction. */
  readonly batches: Int32Array;
  readonly rowsPerStep: number;
  readonly columnsPerStep: number;
  /** Whether tiles read rows where they lie in the operand; else a band's rows are copied together, block by block. */
  readonly isDirect: boolean;
  /** Words between direct rows, and the address of the first. */
  readonly rowStride: number;
  readonly firstRow: number;
  /** Words between copied rows, with a gap that keeps them off one set of a cache. */
  readonly copyStride: number;
  /** Words between rows in the output; 0 where they stand unevenly. */
  readonly outputStride: number;
  readonly firstOffset: number;
  /** For each panel the word offset of its columns in the output, or -1 where they are not 32 side by side. */
  readonly panelOffsets: Int32Array;
  /** Where each block's runs of a row begin in their table, in runs; one more for the end. */
  readonly blockRuns: Int32Array;
  /** The same for the runs of a column. */
  readonly columnBlockRuns: Int32Array;
  readonly columnRuns: number;
  /** For each panel how one row meets its columns where they are, unpacked. */
  readonly unpacked: Uint8Array;
  /** Word address of the first column's first word, and words between columns that are evenly apart. */
  readonly firstColumn: number;
  readonly columnStride: number;
  /** For each 8 columns whether they lie side by side in the operand too. */
  readonly areSideBySide: Uint8Array;
  readonly tables: TablePlaces;
  readonly scratch: ScratchPlaces;
}

/** How a row meets columns: packed first, each contiguous, or side by side in parts. */
export const UNPACKED = { no: 0, byColumns: 1, byParts: 2 } as const;

export interface TablePlaces {
  readonly rowAddresses: number;
  readonly rowOffsets: number;
  readonly rowRuns: number;
  readonly columnAddresses: number;
  readonly columnOffsets: number;
  readonly columnRuns: number;
}

/** Words from the start of a thread's scratch. */
export interface ScratchPlaces {
  readonly rows: number;
  readonly panels: number;
  readonly totals: number;
  readonly spare: number;
}

/** Whether the columns' panels depend on their words alone, so that words that never change are packed once. */
export function isPackable({ columns, batches }: Contraction): boolean {
  return batches.length === 3 && columns.perStep === 0;
}

/** Words of all panels of the columns. */
function panelWords({ columns, count }: Contraction): number {
  return columns.addresses.length * count;
}

/** What packed panels depend on, beside the words: contractions of equal layouts can share panels of the same words. */
export function panelLayout({ columns }: Contraction): string {
  const { addresses, runs } = columns;
  const steps: number[] = [addresses[0]];
  for (let column = 1; column < addresses.length; column++) {
    const step = addresses[column] - addresses[column - 1];
    if (steps.length > 1 && steps[steps.length - 2] === step) steps[steps.length - 1]++;
    else steps.push(step, 1);
  }
  return `${runs.join()}:${steps.join()}`;
}

/** Cuts a contraction. Throws RangeError where panels are asked for that can't be packed before. */
export function planMultiplication(contraction: Contraction, { isPacked }: MultiplicationOptions): Multiplication {
  const isPackableOnce = isPackable(contraction);
  if (isPacked && !isPackableOnce) throw new RangeError("the columns of this contraction change from batch to batch");
  const { rows, columns, count, batches } = contraction;
  const panelCount = columns.addresses.length / PANEL_COLUMNS;
  const sizes = cutSizes(contraction, isPacked);
  const { unitRows, bandRows, groupPanels } = sizes;
  const panelOffsets = offsetsOfPanels(contraction);
  const outputStride = evenStride(rows.offsets) ?? 0;
  // Tiles reach the output straight where all of them stand there side by side.
  const blocks = splitRuns(rows.runs, rows.addresses.length === 1 ? count : contraction.blockLength);
  const columnBlocks = splitRuns(columns.runs, contraction.blockLength);
  const { tables, places } = layTables([
    rows.addresses,
    rows.offsets,
    blocks.runs,
    columns.addresses,
    columns.offsets,
    columnBlocks.runs,
  ]);
  const copyStride = rows.addresses.length === 1 ? count : aligned(contraction.blockLength) + 16;
  const isUneven =
    outputStride === 0 ||
    panelOffsets[0] < 0 ||
    panelOffsets.some((offset, panel) => offset !== panelOffsets[0] + panel * PANEL_COLUMNS);
  const scratch = [
    sizes.isDirect ? 0 : bandRows * copyStride + 16,
    isPacked ? 0 : groupPanels * PANEL_COLUMNS * count,
    isUneven ? bandRows * groupPanels * PANEL_COLUMNS : 0,
  ].map(aligned);
  // Packing narrow panels makes one as it is first.
  const packing = isPackableOnce ? PANEL_COLUMNS * count : 0;
  const spare = TILE_SPARE_WORDS + (isPacked ? PANEL_COLUMNS * contraction.blockLength : 0);
  const packedWords = isPackableOnce ? panelWords(contraction) : 0;
  const groups = Math.ceil(panelCount / groupPanels);
  const unitBands = Math.ceil(rows.addresses.length / unitRows);
  return {
    rowOperand: rows.operand,
    columnOperand: columns.operand,
    tables,
    scratchWords: Math.max(packing, scratch[0] + scratch[1] + scratch[2] + spare),
    packedWords,
    narrowWords: packedWords / 2,
    packUnits: isPackableOnce ? panelCount : 0,
    units: (batches.length / 3) * unitBands * groups,
    cut: {
      count,
      blockLength: contraction.blockLength,
      rowCount: rows.addresses.length,
      columnCount: contraction.columnCount,
      panelCount,
      isPacked,
      isContinued: contraction.totalInit !== null,
      unitRows,
      bandRows,
      groupPanels,
      batches,
      rowsPerStep: rows.perStep,
      columnsPerStep: columns.perStep,
      isDirect: sizes.isDirect,
      rowStride: evenStride(rows.addresses) ?? 0,
      firstRow: rows.addresses[0] + rows.runs[0],
      copyStride,
      outputStride,
      firstOffset: rows.offsets[0],
      panelOffsets,
      blockRuns: blocks.starts,
      columnBlockRuns: columnBlocks.starts,
      columnRuns: columnBlocks.runs.length / 2,
      unpacked: unpackedPanels(contraction, isPacked),
      firstColumn: columns.addresses[0] + columns.runs[0],
      columnStride: columns.addresses[1] - columns.addresses[0],
      areSideBySide: neighbours(columns.addresses),
      tables: {
        rowAddresses: places[0],
        rowOffsets: places[1],
        rowRuns: places[2],
        columnAddresses: places[3],
        columnOffsets: places[4],
        columnRuns: places[5],
      },
      scratch: {
        rows: 0,
        panels: scratch[0],
        totals: scratch[0] + scratch[1],
        spare: scratch[0] + scratch[1] + scratch[2],
      },
    },
  };
}

/** Rows whose blocks of 256 words take 144 KiB: with a panel's block they leave most of a cache of 1 MiB free. */
const BAND_ROWS = 144;
/** Words of a band's copied block at most, for blocks that are longer. */
const BAND_WORDS = 1 << 16;
/** Multiply-adds below which a unit costs more to hand out than it gains. */
const LEAST_WORK = 1 << 20;
/** The same for one row, whose speed is that of memory. */
const LEAST_ROW_WORK = 1 << 18;
/** Words that a unit packs for itself at most, unless one panel has more. */
const GROUP_WORDS = 1 << 17;
/** Columns' panels that pay for copying rows once more. */
const COPY_PANELS = 4;

interface CutSizes {
  readonly isDirect: boolean;
  readonly unitRows: number;
  readonly bandRows: number;
  readonly groupPanels: number;
}

function cutSizes({ rows, columns, count, blockLength }: Contraction, isPacked: boolean): CutSizes {
  const rowCount = rows.addresses.length;
  const panelCount = columns.addresses.length / PANEL_COLUMNS;
  const isDirect = areRowsDirect(rows);
  const mostRows = Math.max(ROW_STEP, Math.min(BAND_ROWS, BAND_WORDS / blockLength));
  const bands = Math.ceil(rowCount / mostRows);
  const bandRows = Math.min(rowCount, Math.ceil(rowCount / bands / ROW_STEP) * ROW_STEP);
  // What a unit packs for itself is worth packing for all rows.
  const unitRows = isPacked ? bandRows : rowCount;
  const work = rowCount === 1 ? LEAST_ROW_WORK : LEAST_WORK;
  const wanted = Math.max(Math.ceil(work / (unitRows * PANEL_COLUMNS * count)), isDirect ? 1 : COPY_PANELS);
  const most = isPacked ? panelCount : Math.max(1, Math.floor(GROUP_WORDS / (PANEL_COLUMNS * count)));
  const groups = Math.ceil(panelCount / Math.min(wanted, most, panelCount));
  return { isDirect, unitRows, bandRows, groupPanels: Math.ceil(panelCount / groups) };
}

/** Whether tiles can read rows where they are: one run each, evenly apart, and not so that all fall on one set of a cache. */
function areRowsDirect({ isInBounds, runs, addresses }: Side): boolean {
  const stride = evenStride(addresses);
  if (!isInBounds || runs.length !== 2 || stride === null) return false;
  return addresses.length <= 4 || stride % 1024 !== 0;
}

/** The difference between neighbours, or null where it is not the same for all. Of one value it is 0. */
function evenStride(values: Int32Array): number | null {
  const stride = values.length > 1 ? values[1] - values[0] : 0;
  for (let index = 2; index < values.length; index++) {
    if (values[index] - values[index - 1] !== stride) return null;
  }
  return stride;
}

function offsetsOfPanels({ columns: { offsets }, columnCount }: Contraction): Int32Array {
  return Int32Array.from({ length: offsets.length / PANEL_COLUMNS }, (_, panel) => {
    const first = panel * PANEL_COLUMNS;
    const isWhole = first + PANEL_COLUMNS <= columnCount;
    return isWhole && evenStride(offsets.subarray(first, first + PANEL_COLUMNS)) === 1 ? offsets[first] : -1;
  });
}

/** For each 8 columns, whether their addresses follow one another. */
function neighbours(addresses: Int32Array): Uint8Array {
  return Uint8Array.from({ length: addresses.length / PART_COLUMNS }, (_, part) =>
    evenStride(addresses.subarray(PART_COLUMNS * part, PART_COLUMNS * (part + 1))) === 1 ? 1 : 0,
  );
}

/** Whole panels whose columns one row reads straight from the operand: every one of its words is used once. */
function unpackedPanels({ rows, columns, columnCount }: Contraction, isPacked: boolean): Uint8Array {
  const { addresses, runs, isInBounds } = columns;
  const panels = new Uint8Array(addresses.length / PANEL_COLUMNS);
  if (isPacked || rows.addresses.length > 1 || !isInBounds) return panels;
  const sides = neighbours(addresses);
  return panels.map((_, panel) => {
    const first = panel * PANEL_COLUMNS;
    if (first + PANEL_COLUMNS > columnCount) return UNPACKED.no;
    const parts = PANEL_COLUMNS / PART_COLUMNS;
    if (sides.subarray(panel * parts, (panel + 1) * parts).every((isSide) => isSide === 1)) return UNPACKED.byParts;
    const stride = evenStride(addresses.subarray(first, first + PANEL_COLUMNS));
    return runs.length === 2 &&
      stride === addresses[1] - addresses[0] &&
      addresses[first] === addresses[0] + first * stride
      ? UNPACKED.byColumns
      : UNPACKED.no;
  });
}

interface SplitRuns {
  readonly runs: Int32Array;
  readonly starts: Int32Array;
}

/** Cuts runs where blocks end. */
function splitRuns(runs: Int32Array, blockLength: number): SplitRuns {
  const split: number[] = [];
  const starts = [0];
  let left = blockLength;
  for (let at = 0; at < runs.length; at += 2) {
    for (let [offset, length] = [runs[at], runs[at + 1]]; length > 0;) {
      if (left === 0) {
        starts.push(split.length / 2);
        left = blockLength;
      }
      const taken = Math.min(length, left);
      split.push(offset, taken);
      offset += taken;
      length -= taken;
      left -= taken;
    }
  }
  return { runs: Int32Array.from(split), starts: Int32Array.from([...starts, split.length / 2]) };
}

const aligned = (words: number): number => Math.ceil(words / 16) * 16;

/** The tables one after the other, each at a multiple of 64 bytes. */
function layTables(tables: readonly Int32Array[]): { tables: Int32Array; places: number[] } {
  const places: number[] = [];
  let length = 0;
  for (const table of tables) {
    places.push(length);
    length += aligned(table.length);
  }
  const all = new Int32Array(length);
  tables.forEach((table, index) => all.set(table, places[index]));
  return { tables: all, places };
}
