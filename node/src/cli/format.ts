/** How results are shown to people: columns, words as hex and value, amounts. */
import { formatEther } from "viem";
import { fromBits } from "../float/index.ts";

/** Rows in columns as wide as their widest cell. */
export function table(header: readonly string[], rows: readonly (readonly string[])[]): string {
  const widths = header.map((title, column) =>
    Math.max(title.length, ...rows.map((row) => (row[column] ?? "").length)),
  );
  const line = (cells: readonly string[]) => cells.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join("  ");
  return [line(header), line(widths.map((width) => "-".repeat(width))), ...rows.map(line)]
    .map((text) => text.trimEnd())
    .join("\n");
}

/** A 32-bit word as 0x and eight digits. */
export function wordHex(word: number): string {
  return `0x${(word >>> 0).toString(16).padStart(8, "0")}`;
}

/** A word's value in decimal, as its type reads it; float32 in the fewest digits that name it. */
export function wordValue(word: number, type: "f32" | "i32" | "bool"): string {
  if (type === "bool") return word === 0 ? "false" : "true";
  if (type === "i32") return String(word | 0);
  const value = fromBits(word);
  if (!Number.isFinite(value)) return String(value);
  for (let digits = 1; digits <= 9; digits++) {
    const short = Number(value.toPrecision(digits));
    if (Math.fround(short) === value) return Object.is(value, -0) ? "-0" : String(short);
  }
  return String(value);
}

/** Wei as ETH. */
export function ether(wei: bigint | string): string {
  return `${formatEther(BigInt(wei))} ETH`;
}

/** The first digits of a hash or address. */
export function short(hash: string): string {
  return hash.length > 14 ? `${hash.slice(0, 10)}…` : hash;
}
