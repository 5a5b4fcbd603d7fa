/**
 * Products of rows and panels over all their blocks, by whatever multiplies: functions of the module, block by block, since the
 * host compiles a function better after a few calls but never in the midst of one; or native code, all at once, since a call
 * out of JavaScript takes a twentieth of a block's time.
 */

import { panelRowBytes, PART_COLUMNS, PANEL_COLUMNS } from "./tiles.ts";
import type { MultiplyParameters, PanelForm, TileExports } from "./tiles.ts";

/** What multiplies over all blocks. Addresses and strides are in bytes. */
export interface BlockTiles {
  /**
   * Rows by parts of panels: each total is the sum of the dot products over `blockLength` of `count`, the last over what is
   * left, in ascending order; with `isContinued` it starts from what the output holds. The rest is as in {@link TileExports}.
   */
  multiplyBlocks(...parameters: MultiplyBlocksParameters): void;
  /** The same on narrow panels. */
  multiplyBlocksNarrow(...parameters: MultiplyBlocksParameters): void;
}

export type MultiplyBlocksParameters = [
  rows: number,
  rowStride: number,
  rowCount: number,
  panels: number,
  panelStride: number,
  parts: number,
  count: number,
  blockLength: number,
  output: number,
  outputStride: number,
  isContinued: number,
  spare: number,
];

/** What multiplies one row. */
export type RowTiles = Pick<TileExports, "multiplyRow" | "multiplyRowNarrow">;

/** Functions outside WebAssembly that stand in for those of the module, over the same shared memory; they use no spare words. */
export interface NativeTiles extends BlockTiles {
  /** Takes notice of growth of the memory; called before every run. */
  refresh(): void;
}

type MultiplyBlock = (...parameters: MultiplyParameters) => void;

/** From functions that multiply one block. */
export function blocksOfCompiled({
  multiply,
  multiplyNarrow,
}: Record<"multiply" | "multiplyNarrow", MultiplyBlock>): BlockTiles {
  return {
    multiplyBlocks: blockByBlock(multiply, "wide"),
    multiplyBlocksNarrow: blockByBlock(multiplyNarrow, "narrow"),
  };
}

function blockByBlock(multiply: MultiplyBlock, form: PanelForm): BlockTiles["multiplyBlocks"] {
  const rowBytes = panelRowBytes(form);
  return (
    rows,
    rowStride,
    rowCount,
    panels,
    panelStride,
    parts,
    count,
    blockLength,
    output,
    outputStride,
    isContinued,
    spare,
  ) => {
    for (let k = 0; k < count; k += blockLength) {
      const size = Math.min(blockLength, count - k);
      const isFirst = k === 0 ? 1 - isContinued : 0;
      const [row, panel] = [rows + 4 * k, panels + k * rowBytes];
      multiply(row, rowStride, rowCount, panel, panelStride, parts, size, output, outputStride, isFirst, spare);
    }
  };
}

/** Rows of native code, where they are nothing of their own. */
export function rowsOfNative({ multiplyBlocks, multiplyBlocksNarrow }: BlockTiles): RowTiles {
  return { multiplyRow: oneRow(multiplyBlocks), multiplyRowNarrow: oneRow(multiplyBlocksNarrow) };
}

const PANEL_PARTS = PANEL_COLUMNS / PART_COLUMNS;

function oneRow(multiplyBlocks: BlockTiles["multiplyBlocks"]): RowTiles["multiplyRow"] {
  return (row, count, blockLength, panels, panelStride, panelCount, output, isContinued) =>
    multiplyBlocks(
      row,
      0,
      1,
      panels,
      panelStride,
      PANEL_PARTS * panelCount,
      count,
      blockLength,
      output,
      0,
      isContinued,
      0,
    );
}
