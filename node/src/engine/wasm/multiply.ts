/**
 * Runs the units of a multiplication in one thread: copies rows together where the loop's words are scattered, packs columns
 * where nobody did before, multiplies block by block, puts totals in their places. No two units write the same word, and no
 * bit depends on who runs which.
 */

import { blocksOfCompiled, rowsOfNative } from "./blocks.ts";
import type { BlockTiles, NativeTiles, RowTiles } from "./blocks.ts";
import type { Contraction } from "./contraction.ts";
import type { Arena } from "./memory.ts";
import { compileMultiplier } from "./multiplier-module.ts";
import type { MultiplierModules } from "./multiplier-module.ts";
import { planMultiplication, UNPACKED } from "./multiplication.ts";
import type { Cut, Multiplication } from "./multiplication.ts";
import type { PanelExports } from "./panels.ts";
import type { RowExports } from "./rows.ts";
import { PANEL_COLUMNS, PART_COLUMNS, panelRowBytes } from "./tiles.ts";
import type { TileExports } from "./tiles.ts";
import type { WidenedExports } from "./widened.ts";

export type { NativeTiles } from "./blocks.ts";
export { isPackable, panelLayout, planMultiplication } from "./multiplication.ts";
export type { Multiplication, MultiplicationOptions } from "./multiplication.ts";
export { compileMultiplier, multiplierModule } from "./multiplier-module.ts";
export type { ModuleOptions, MultiplierModules } from "./multiplier-module.ts";

/** An operand in memory, with the spare bytes after it that every tensor has. */
export interface PlacedOperand {
  /** In bytes. */
  readonly address: number;
  /** In words. */
  readonly length: number;
}

/** Where a multiplication runs. Byte addresses. */
export interface MultiplicationPlacement {
  /** The plan's tables, at a multiple of 64. */
  readonly tables: number;
  readonly rows: PlacedOperand;
  /** Not read by a run where the panels are packed. */
  readonly columns: PlacedOperand;
  /** All packed panels, where the plan is for such; else null. */
  readonly panels: number | null;
  /** Whether those panels are narrow. */
  readonly isNarrow: boolean;
  /** The totals, one an element; where the contraction has a `totalInit` they hold those to start from. */
  readonly target: number;
}

/** The multiplier of one thread. Ranges of units exclude their end; different threads may run different units at once. */
export interface BoundMultiplier {
  /**
   * Packs panels (one a unit) to `placement.panels`, from `placement.columns`. Gives false where narrow panels would lose
   * bits; they are useless then.
   */
  packColumns(
    plan: Multiplication,
    placement: MultiplicationPlacement,
    firstUnit: number,
    endUnit: number,
    scratch: number,
  ): boolean;
  /** Writes the final totals of the units' elements, NaN canonical. `scratch` is this thread's own. */
  run(
    plan: Multiplication,
    placement: MultiplicationPlacement,
    step: number,
    firstUnit: number,
    endUnit: number,
    scratch: number,
  ): void;
}

/** Whether narrow panels hold these words without loss: all are zero in their lower halves. */
export function isNarrowable(words: Uint32Array): boolean {
  for (let index = 0; index < words.length; index++) if ((words[index] & 0xffff) !== 0) return false;
  return true;
}

/** A multiplier over a memory, which may grow. With `native`, its functions multiply; the module packs and copies. */
export function bindMultiplier(
  memory: WebAssembly.Memory,
  modules: MultiplierModules,
  native: NativeTiles | null = null,
): BoundMultiplier {
  const { exports } = new WebAssembly.Instance(modules.tiles, { host: { memory } });
  const compiled = exports as unknown as TileExports & RowExports & PanelExports & WidenedExports;
  const code: Exports = { ...compiled, ...tilesOf(compiled, modules.isWidened, native) };
  return {
    packColumns: (plan, placement, first, end, scratch) => packUnits(code, plan, placement, first, end, scratch),
    run(plan, placement, step, first, end, scratch) {
      native?.refresh();
      if (plan.cut.rowCount === 1) return runRow(code, plan, placement, step, first, end, scratch);
      const most = native === null ? 1 : unitsOfCall(plan);
      for (let unit = first; unit < end;) unit = runUnits(code, plan, placement, step, unit, end, most, scratch);
    },
  };
}

function tilesOf(
  compiled: TileExports & WidenedExports,
  isWidened: boolean,
  native: NativeTiles | null,
): BlockTiles & RowTiles {
  if (native !== null) {
    const { multiplyBlocks, multiplyBlocksNarrow } = native;
    return { multiplyBlocks, multiplyBlocksNarrow, ...rowsOfNative(native) };
  }
  const { multiplyWidened: multiply, multiplyNarrowWidened: multiplyNarrow, multiplyRow, multiplyRowNarrow } = compiled;
  return { ...blocksOfCompiled(isWidened ? { multiply, multiplyNarrow } : compiled), multiplyRow, multiplyRowNarrow };
}

type Exports = BlockTiles & RowTiles & RowExports & PanelExports;

function packUnits(
  code: Exports,
  { cut }: Multiplication,
  placement: MultiplicationPlacement,
  first: number,
  end: number,
  scratch: number,
): boolean {
  const { panels, isNarrow } = placement;
  if (panels === null) throw new RangeError("packing needs room for panels");
  const panelBytes = cut.count * panelRowBytes(isNarrow ? "narrow" : "wide");
  for (let panel = first; panel < end; panel++) {
    const target = panels + panel * panelBytes;
    packParts(code, cut, placement, panel, PANEL_PARTS, 0, isNarrow ? scratch : target);
    if (isNarrow && code.narrow(target, scratch, cut.count) !== 0) return false;
  }
  return true;
}

const PANEL_PARTS = PANEL_COLUMNS / PART_COLUMNS;

/** Packs the first parts of a panel. Columns beyond the last are packed as the last. */
function packParts(
  code: Exports,
  cut: Cut,
  { tables, columns }: MultiplicationPlacement,
  panel: number,
  parts: number,
  shift: number,
  target: number,
): void {
  const runs = tables + 4 * cut.tables.columnRuns;
  for (let part = 0; part < parts; part++) {
    const index = panel * PANEL_PARTS + part;
    const addresses = tables + 4 * (cut.tables.columnAddresses + index * PART_COLUMNS);
    const pack = cut.areSideBySide[index] === 1 ? code.packSideBySide : code.pack;
    pack(target + 4 * part * PART_COLUMNS, columns.address, columns.length, addresses, shift, runs, cut.columnRuns);
  }
}

/** What a batch adds to addresses, in words. */
interface BatchShifts {
  readonly rows: number;
  readonly columns: number;
  readonly output: number;
}

function shiftsOf({ batches, rowsPerStep, columnsPerStep }: Cut, batch: number, step: number): BatchShifts {
  return {
    rows: (batches[3 * batch] + Math.imul(rowsPerStep, step)) | 0,
    columns: (batches[3 * batch + 1] + Math.imul(columnsPerStep, step)) | 0,
    output: batches[3 * batch + 2],
  };
}

/** The panels that a unit multiplies with: packed before, or by itself. */
interface Panels {
  readonly address: number;
  readonly bytes: number;
  readonly isNarrow: boolean;
}

function panelsOf(
  code: Exports,
  cut: Cut,
  placement: MultiplicationPlacement,
  first: number,
  end: number,
  shift: number,
  scratch: number,
): Panels {
  if (cut.isPacked) {
    const { panels, isNarrow } = placement;
    if (panels === null) throw new RangeError("the plan is for panels that were packed before");
    const bytes = cut.count * panelRowBytes(isNarrow ? "narrow" : "wide");
    return { address: panels + first * bytes, bytes, isNarrow };
  }
  const address = scratch + 4 * cut.scratch.panels;
  const bytes = cut.count * panelRowBytes("wide");
  for (let panel = first; panel < end; panel++) {
    if (cut.unpacked[panel] !== UNPACKED.no) continue;
    // What lies in the parts that no column needs is multiplied at most, and never stored where it counts.
    const parts = Math.min(PANEL_PARTS, Math.ceil(cut.columnCount / PART_COLUMNS) - panel * PANEL_PARTS);
    packParts(code, cut, placement, panel, parts, shift, address + (panel - first) * bytes);
  }
  return { address, bytes, isNarrow: false };
}

/** The byte address of the first direct row, which lies inside its operand. */
function directRow(cut: Cut, { rows }: MultiplicationPlacement, shift: number): number {
  return rows.address + 4 * ((cut.firstRow + shift) | 0);
}

/** Units of one row: groups of panels that follow one another are one call. */
function runRow(
  code: Exports,
  { cut, units }: Multiplication,
  placement: MultiplicationPlacement,
  step: number,
  firstUnit: number,
  endUnit: number,
  scratch: number,
): void {
  const { tables } = placement;
  const groups = units / (cut.batches.length / 3);
  for (let unit = firstUnit; unit < endUnit;) {
    const batch = Math.floor(unit / groups);
    const shifts = shiftsOf(cut, batch, step);
    const row = cut.isDirect ? directRow(cut, placement, shifts.rows) : scratch + 4 * cut.scratch.rows;
    if (!cut.isDirect) {
      const { address, length } = placement.rows;
      const [addresses, runs] = [tables + 4 * cut.tables.rowAddresses, tables + 4 * cut.tables.rowRuns];
      code.collect(row, 0, addresses, 1, address, length, shifts.rows, runs, cut.blockRuns[1]);
    }
    const batchEnd = Math.min(endUnit, (batch + 1) * groups);
    while (unit < batchEnd) {
      // Panels that were packed before need no room, so that all groups are one.
      const next = cut.isPacked ? batchEnd : unit + 1;
      const first = (unit - batch * groups) * cut.groupPanels;
      const end = Math.min(cut.panelCount, (next - batch * groups) * cut.groupPanels);
      const panels = panelsOf(code, cut, placement, first, end, shifts.columns, scratch);
      multiplyGroup(code, cut, placement, panels, { row, first, end, shifts, scratch });
      unit = next;
    }
  }
}

interface RowGroup {
  readonly row: number;
  readonly first: number;
  readonly end: number;
  readonly shifts: BatchShifts;
  readonly scratch: number;
}

function multiplyGroup(
  code: Exports,
  cut: Cut,
  placement: MultiplicationPlacement,
  panels: Panels,
  { row, first, end, shifts, scratch }: RowGroup,
): void {
  const { tables, target } = placement;
  const multiply = panels.isNarrow ? code.multiplyRowNarrow : code.multiplyRow;
  const { count, blockLength } = cut;
  const isContinued = cut.isContinued ? 1 : 0;
  const tile = scratch + 4 * cut.scratch.totals;
  for (let panel = first; panel < end;) {
    const isUnpacked = cut.unpacked[panel] !== UNPACKED.no;
    const size = isUnpacked ? Math.min(1, plainPanels(cut, panel, end)) : plainPanels(cut, panel, end);
    const packed = panels.address + (panel - first) * panels.bytes;
    const columns = Math.min(PANEL_COLUMNS, cut.columnCount - panel * PANEL_COLUMNS);
    const offsets = tables + 4 * (cut.tables.columnOffsets + panel * PANEL_COLUMNS);
    const rowOffsets = tables + 4 * cut.tables.rowOffsets;
    const place = target + 4 * shifts.output;
    const output = size > 0 ? place + 4 * (cut.firstOffset + cut.panelOffsets[panel]) : tile;
    if (cut.isContinued && size === 0) code.gather(tile, 0, rowOffsets, 1, offsets, columns, place);
    if (isUnpacked) multiplyUnpacked(code, cut, placement, { row, panel, shift: shifts.columns, output });
    else multiply(row, count, blockLength, packed, panels.bytes, Math.max(1, size), output, isContinued);
    if (size === 0) code.scatter(tile, 0, rowOffsets, 1, offsets, columns, place);
    panel += Math.max(1, size);
  }
}

interface UnpackedPanel {
  readonly row: number;
  readonly panel: number;
  readonly shift: number;
  readonly output: number;
}

/** One row by a panel whose columns stay where they are. */
function multiplyUnpacked(
  code: Exports,
  cut: Cut,
  { tables, columns }: MultiplicationPlacement,
  { row, panel, shift, output }: UnpackedPanel,
): void {
  const addresses = cut.tables.columnAddresses + panel * PANEL_COLUMNS;
  const source = columns.address + 4 * shift;
  const first = columns.address + 4 * ((cut.firstColumn + panel * PANEL_COLUMNS * cut.columnStride + shift) | 0);
  for (let [k, index] = [0, 0]; k < cut.count; k += cut.blockLength, index++) {
    const isFirst = k === 0 && !cut.isContinued ? 1 : 0;
    if (cut.unpacked[panel] === UNPACKED.byColumns) {
      const size = Math.min(cut.blockLength, cut.count - k);
      code.rowByColumns(row + 4 * k, first + 4 * k, 4 * cut.columnStride, size, output, isFirst);
      continue;
    }
    const from = cut.columnBlockRuns[index];
    const runs = tables + 4 * (cut.tables.columnRuns + 2 * from);
    const runCount = cut.columnBlockRuns[index + 1] - from;
    code.rowByParts(row + 4 * k, source, tables + 4 * addresses, runs, runCount, output, isFirst);
  }
}

/** How many panels from `panel` on are all packed or all not, and have their totals side by side in the output. */
function plainPanels({ panelOffsets, unpacked }: Cut, panel: number, end: number): number {
  const offset = panelOffsets[panel];
  if (offset < 0) return 0;
  const isNext = (next: number): boolean =>
    unpacked[next] === unpacked[panel] && panelOffsets[next] === offset + (next - panel) * PANEL_COLUMNS;
  let size = 1;
  while (panel + size < end && isNext(panel + size)) size++;
  return size;
}

/** Words of the totals of a call at most, which are to stay in the second-level cache from block to block. */
const CALL_TOTALS = 1 << 16;

/** How many units that follow one another may be one call: what needs no room of its own for panels. */
function unitsOfCall({ cut }: Multiplication): number {
  if (!cut.isPacked || cut.outputStride === 0) return 1;
  return Math.max(1, Math.floor(CALL_TOTALS / (cut.bandRows * cut.groupPanels * PANEL_COLUMNS)));
}

/** Runs units of the same rows from one on, as many as may be one; gives the next. */
function runUnits(
  code: Exports,
  { cut, units }: Multiplication,
  placement: MultiplicationPlacement,
  step: number,
  unit: number,
  endUnit: number,
  most: number,
  scratch: number,
): number {
  const groups = Math.ceil(cut.panelCount / cut.groupPanels);
  const perBatch = units / (cut.batches.length / 3);
  const batch = Math.floor(unit / perBatch);
  const inBatch = unit - batch * perBatch;
  const firstRow = Math.floor(inBatch / groups) * cut.unitRows;
  const group = inBatch % groups;
  const first = group * cut.groupPanels;
  const wanted = Math.min(most, groups - group, endUnit - unit) * cut.groupPanels;
  const plain = wanted === cut.groupPanels ? 0 : plainPanels(cut, first, Math.min(cut.panelCount, first + wanted));
  const taken = Math.max(1, Math.floor(plain / cut.groupPanels));
  const end = Math.min(cut.panelCount, first + taken * cut.groupPanels);
  const shifts = shiftsOf(cut, batch, step);
  const panels = panelsOf(code, cut, placement, first, end, shifts.columns, scratch);
  const endRow = Math.min(cut.rowCount, firstRow + cut.unitRows);
  for (let row = firstRow; row < endRow; row += cut.bandRows) {
    const rowCount = Math.min(cut.bandRows, endRow - row);
    multiplyBand(code, cut, placement, panels, { row, rowCount, first, end, shifts, scratch });
  }
  return unit + taken;
}

interface Band {
  readonly row: number;
  readonly rowCount: number;
  readonly first: number;
  readonly end: number;
  readonly shifts: BatchShifts;
  readonly scratch: number;
}

/** All blocks of a band of rows by a group of panels. */
function multiplyBand(code: Exports, cut: Cut, placement: MultiplicationPlacement, panels: Panels, band: Band): void {
  const { row, rowCount, first, end, shifts, scratch } = band;
  const { tables, target, rows } = placement;
  const tile = scratch + 4 * cut.scratch.totals;
  const tileStride = 4 * PANEL_COLUMNS * (end - first);
  const rowOffsets = tables + 4 * (cut.tables.rowOffsets + row);
  const columnOffsets = tables + 4 * (cut.tables.columnOffsets + first * PANEL_COLUMNS);
  const columns = Math.min((end - first) * PANEL_COLUMNS, cut.columnCount - first * PANEL_COLUMNS);
  const parts = Math.ceil(columns / PART_COLUMNS);
  const place = target + 4 * shifts.output;
  // Totals go straight to the output where the whole group stands there as in a tile.
  const isPlain = cut.outputStride !== 0 && plainPanels(cut, first, end) === end - first;
  const output = isPlain ? place + 4 * (cut.firstOffset + row * cut.outputStride + cut.panelOffsets[first]) : tile;
  const outputStride = isPlain ? 4 * cut.outputStride : tileStride;
  if (cut.isContinued && !isPlain) {
    code.gather(tile, tileStride, rowOffsets, rowCount, columnOffsets, columns, place);
  }
  const multiply = panels.isNarrow ? code.multiplyBlocksNarrow : code.multiplyBlocks;
  const spare = scratch + 4 * cut.scratch.spare;
  const isContinued = cut.isContinued ? 1 : 0;
  const { count, blockLength } = cut;
  const { address, bytes } = panels;
  if (cut.isDirect) {
    const from = directRow(cut, placement, shifts.rows) + 4 * row * cut.rowStride;
    const stride = 4 * cut.rowStride;
    multiply(
      from,
      stride,
      rowCount,
      address,
      bytes,
      parts,
      count,
      blockLength,
      output,
      outputStride,
      isContinued,
      spare,
    );
  } else {
    const rowBytes = panelRowBytes(panels.isNarrow ? "narrow" : "wide");
    const copies = scratch + 4 * cut.scratch.rows;
    const stride = 4 * cut.copyStride;
    for (let [k, index] = [0, 0]; k < count; k += blockLength, index++) {
      const size = Math.min(blockLength, count - k);
      const addresses = tables + 4 * (cut.tables.rowAddresses + row);
      const runs = tables + 4 * (cut.tables.rowRuns + 2 * cut.blockRuns[index]);
      const runCount = cut.blockRuns[index + 1] - cut.blockRuns[index];
      code.collect(copies, stride, addresses, rowCount, rows.address, rows.length, shifts.rows, runs, runCount);
      const packed = address + k * rowBytes;
      const isLater = k === 0 ? isContinued : 1;
      multiply(copies, stride, rowCount, packed, bytes, parts, size, size, output, outputStride, isLater, spare);
    }
  }
  if (!isPlain) code.scatter(tile, tileStride, rowOffsets, rowCount, columnOffsets, columns, place);
}

/** Where a contraction runs, in an arena. */
export interface ArenaMultiplication {
  readonly contraction: Contraction;
  readonly operands: readonly PlacedOperand[];
  readonly step: number;
  /** Byte address of the totals; where the contraction has a `totalInit`, it holds those to start from. */
  readonly target: number;
}

export interface Multiplier {
  /** Writes the final totals of all elements, NaN canonical. Reserves memory for tables and panels. */
  multiply(multiplication: ArenaMultiplication): void;
}

/** A multiplier over the arena's memory; its module is compiled on first use. */
export function createMultiplier(arena: Arena, isFused: boolean): Multiplier {
  let bound: BoundMultiplier | undefined;
  const loaded = (): BoundMultiplier => {
    bound ??= bindMultiplier(arena.memory, compileMultiplier({ isFused, isShared: false }));
    return bound;
  };
  const plans = new WeakMap<Contraction, Multiplication>();
  return {
    multiply({ contraction, operands, step, target }) {
      const plan = plans.get(contraction) ?? planMultiplication(contraction, { isPacked: false });
      plans.set(contraction, plan);
      const tables = arena.reserve(plan.tables.length);
      const scratch = arena.reserve(plan.scratchWords);
      arena.words().set(plan.tables, tables / 4);
      const [rows, columns] = [operands[plan.rowOperand], operands[plan.columnOperand]];
      const placement = { tables, rows, columns, panels: null, isNarrow: false, target };
      loaded().run(plan, placement, step, 0, plan.units, scratch);
    },
  };
}
