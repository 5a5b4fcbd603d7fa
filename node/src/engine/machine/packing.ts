/**
 * Packs the words of a constant as the columns of a contraction, a few panels at a time where their words lie together: a
 * large table is never held in memory both as it was and packed.
 */
import type { BoundMultiplier, Multiplication } from "../wasm/multiply.ts";
import { aligned, tensorBytes } from "./layout.ts";

/** Words of one piece, unless one panel spans more. */
const PIECE_WORDS = 1 << 21;
const PANEL_COLUMNS = 32;
const ADDRESSES = 2 ** 32;

/** Consecutive panels and the words that they read. */
interface Piece {
  readonly first: number;
  end: number;
  low: number;
  high: number;
}

export interface PackingPlace {
  /** Byte address of the panels. */
  readonly panels: number;
  readonly isNarrow: boolean;
  /** Byte address behind everything in use, where words and tables lie meanwhile. */
  readonly free: number;
  /** Makes the memory reach so many bytes. */
  readonly reserve: (bytes: number) => void;
}

/** Packs all panels. `words` must be narrowable where the panels are narrow. */
export function packConstant(
  memory: WebAssembly.Memory,
  packer: BoundMultiplier,
  plan: Multiplication,
  words: Uint32Array,
  { panels, isNarrow, free, reserve }: PackingPlace,
): void {
  const pieces = piecesOf(plan, words.length);
  const source = free + tensorBytes(plan.tables.length);
  const scratch = source + tensorBytes(Math.max(...pieces.map(({ low, high }) => high - low)));
  reserve(scratch + aligned(4 * plan.scratchWords));
  const all = new Uint32Array(memory.buffer);
  all.set(plan.tables, free / 4);
  for (const { first, end, low, high } of pieces) {
    all.set(words.subarray(low, high), source / 4);
    // The words before the piece would begin here: addresses wrap at 32 bits, as the code's sums do.
    const columns = { address: (source - 4 * low) | 0, length: words.length };
    const placement = { tables: free, rows: columns, columns, panels, isNarrow, target: 0 };
    if (!packer.packColumns(plan, placement, first, end, scratch)) {
      throw new RangeError("narrow panels lose bits of words that were found to fit");
    }
  }
}

function piecesOf({ cut, tables, packUnits }: Multiplication, length: number): Piece[] {
  const addresses = tables.subarray(cut.tables.columnAddresses, cut.tables.columnAddresses + packUnits * PANEL_COLUMNS);
  const runs = tables.subarray(cut.tables.columnRuns, cut.tables.columnRuns + 2 * cut.columnRuns);
  const pieces: Piece[] = [];
  for (let panel = 0; panel < packUnits; panel++) {
    let [low, high] = [length, 0];
    const cover = (start: number, end: number): void => {
      if (start >= length) return;
      [low, high] = [Math.min(low, start), Math.max(high, Math.min(end, length))];
    };
    for (let column = panel * PANEL_COLUMNS; column < (panel + 1) * PANEL_COLUMNS; column++) {
      for (let run = 0; run < runs.length; run += 2) {
        const start = (addresses[column] + runs[run]) >>> 0;
        const end = start + runs[run + 1];
        cover(start, end);
        // A run that passes the last address goes on at the first.
        if (end > ADDRESSES) cover(0, end - ADDRESSES);
      }
    }
    if (high === 0) low = 0;
    const last = pieces.at(-1);
    if (last !== undefined && Math.max(last.high, high) - Math.min(last.low, low) <= PIECE_WORDS) {
      [last.end, last.low, last.high] = [panel + 1, Math.min(last.low, low), Math.max(last.high, high)];
    } else pieces.push({ first: panel, end: panel + 1, low, high });
  }
  // Columns that stand side by side in the table all span the whole of it.
  const staged = pieces.reduce((sum, { low, high }) => sum + high - low, 0);
  return staged > 2 * length ? [{ first: 0, end: packUnits, low: 0, high: length }] : pieces;
}
