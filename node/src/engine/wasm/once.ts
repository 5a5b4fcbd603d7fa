/**
 * Runs one multiplication over words: places everything in a memory, packs, runs all units. What the self-test of a host and
 * the tests of every tier have in common.
 */

import type { Contraction } from "./contraction.ts";
import { EngineMemoryError } from "./memory.ts";
import { planMultiplication } from "./multiply.ts";
import type { BoundMultiplier, Multiplication } from "./multiply.ts";
import { SPARE_BYTES } from "./access.ts";

export interface OnceOptions {
  readonly contraction: Contraction;
  readonly operands: readonly Uint32Array[];
  /** What the outputs hold before; also their number. */
  readonly totals: Uint32Array;
  readonly panels: "none" | "wide" | "narrow";
  readonly step?: number;
  /** The order of units; ascending unless given. */
  readonly order?: (units: number) => readonly number[];
}

/** The totals, or null where narrow panels would lose bits. Throws EngineMemoryError where the memory is too small. */
export function multiplyOnce(
  memory: WebAssembly.Memory,
  multiplier: BoundMultiplier,
  { contraction, operands, totals, panels, step = 0, order }: OnceOptions,
): Uint32Array | null {
  const plan = planMultiplication(contraction, { isPacked: panels !== "none" });
  const words = new Uint32Array(memory.buffer);
  const reserve = reserver(words.length);
  const placed = operands.map((operand) => ({ address: reserve(operand.length), length: operand.length }));
  placed.forEach(({ address }, index) => words.set(operands[index], address / 4));
  const tables = reserve(plan.tables.length);
  words.set(plan.tables, tables / 4);
  const target = reserve(totals.length);
  words.set(totals, target / 4);
  const scratch = reserve(plan.scratchWords);
  const isNarrow = panels === "narrow";
  const packed = panels === "none" ? null : reserve(isNarrow ? plan.narrowWords : plan.packedWords);
  const [rows, columns] = [placed[plan.rowOperand], placed[plan.columnOperand]];
  const placement = { tables, rows, columns, panels: packed, isNarrow, target };
  if (packed !== null && !multiplier.packColumns(plan, placement, 0, plan.packUnits, scratch)) return null;
  for (const [first, end] of ranges(plan, order)) multiplier.run(plan, placement, step, first, end, scratch);
  return words.slice(target / 4, target / 4 + totals.length);
}

function ranges({ units }: Multiplication, order: OnceOptions["order"]): (readonly [number, number])[] {
  return order === undefined ? [[0, units]] : order(units).map((unit) => [unit, unit + 1]);
}

/** Gives byte addresses of room for words, one after the other. */
function reserver(length: number): (words: number) => number {
  let end = 0;
  return (words) => {
    const address = end;
    end += Math.ceil((4 * words + SPARE_BYTES) / 64) * 64;
    if (end > 4 * length) throw new EngineMemoryError(end);
    return address;
  };
}
