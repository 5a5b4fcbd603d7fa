/**
 * How the primitives of a program read its constants, from which follows how each is kept: packed in panels where it is the
 * columns of contractions, or as it is; never both. A reader that computes little reads a packed matrix where it lies.
 */
import type { Hash, PrimitiveRecord } from "../../ir/program.ts";
import type { ScalarProgram } from "../../ir/scalar.ts";
import { isPackable, panelLayout, planMultiplication } from "../wasm/multiply.ts";
import type { Multiplication } from "../wasm/multiply.ts";
import type { CompiledPrimitive } from "./compile.ts";
import { coversMatrix, readsWithoutPatterns } from "./panel-reads.ts";

/** A constant that primitives read. */
export interface ConstantUse {
  readonly root: Hash;
  readonly length: number;
  /** How it is packed, by layout; without any it is kept as it is. */
  readonly panels: ReadonlyMap<string, Multiplication>;
}

/** Of how many words of a packed constant one may be looked up in a step. */
const LOOKUP_SHARE = 8;

interface Uses {
  length: number;
  readonly panels: Map<string, Multiplication>;
  /** Whether one layout is that of a whole matrix. */
  isMatrix: boolean;
  /** Words that primitives look up in a step; Infinity where they can't read panels. */
  lookups: number;
}

/** A primitive and how it runs. */
export interface ConstantReader {
  readonly record: PrimitiveRecord;
  readonly scalar: ScalarProgram;
  readonly compiled: CompiledPrimitive;
  /** Whether it may look words up in panels. */
  readonly canLookUp: boolean;
}

/** How each constant is kept. */
export function constantUses(readers: readonly ConstantReader[]): Map<Hash, ConstantUse> {
  const all = new Map<Hash, Uses>();
  for (const reader of readers) {
    reader.record.operands.forEach((operand, index) => {
      if (operand.kind !== "constant") return;
      const uses = all.get(operand.root) ?? { length: 0, panels: new Map(), isMatrix: false, lookups: 0 };
      uses.length = Math.max(uses.length, operand.length);
      all.set(operand.root, uses);
      noteUse(uses, reader, index);
    });
  }
  return new Map(
    [...all].map(([root, { length, panels, isMatrix, lookups }]) => {
      const canLookUp = panels.size === 1 && isMatrix && lookups * LOOKUP_SHARE <= length;
      return [root, { root, length, panels: lookups === 0 || canLookUp ? panels : new Map() }];
    }),
  );
}

function noteUse(uses: Uses, { record, scalar, compiled, canLookUp }: ConstantReader, index: number): void {
  const operand = record.operands[index];
  const isAlone = record.operands.every(
    (other, at) => at === index || other.kind !== "constant" || !isSame(operand, other),
  );
  if (compiled.kind === "tiles") {
    const { contraction } = compiled;
    if (contraction.columns.operand !== index || !contraction.ownsColumns || !isPackable(contraction) || !isAlone) {
      uses.lookups = Infinity;
      return;
    }
    const layout = panelLayout(contraction);
    uses.isMatrix ||= coversMatrix(contraction, operand.length);
    if (!uses.panels.has(layout)) uses.panels.set(layout, planMultiplication(contraction, { isPacked: true }));
    return;
  }
  const { type } = operand;
  const canRead = canLookUp && type === "f32" && isAlone && readsWithoutPatterns(scalar, index);
  uses.lookups += canRead ? record.length * (scalar.loop?.count ?? 1) : Infinity;
}

function isSame(one: PrimitiveRecord["operands"][number], other: PrimitiveRecord["operands"][number]): boolean {
  return one.kind === "constant" && other.kind === "constant" && one.root === other.root;
}
