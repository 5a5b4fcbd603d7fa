/**
 * What threads execute: lists of operations over fixed addresses, as plain data that is sent to every thread once. An
 * operation is cut into units, which may run in any order on any thread; a stage is done before the next one starts.
 */
import type { Multiplication, MultiplicationPlacement } from "../wasm/multiply.ts";

/** What is noted of a chunk that was written: it is neither hashed nor in a snapshot. */
export const CHANGED = 3;
/** What is noted of one that is hashed. */
export const HASHED = 2;

/** A kernel over its whole iteration space. */
export interface KernelCall {
  /** Index among the modules. */
  readonly module: number;
  /** Byte addresses; of totals 0 where the kernel reads none. */
  readonly output: number;
  readonly totals: number;
  /** Address and length of each operand, flat. */
  readonly tensors: readonly number[];
  readonly rows: number;
  readonly rowLength: number;
  /** Work of one group of four elements, and of one call at most, in instructions. */
  readonly groupWork: number;
  readonly callWork: number;
}

export interface KernelOperation {
  readonly kind: "kernel";
  readonly call: KernelCall;
  readonly units: number;
}

export interface MultiplyOperation {
  readonly kind: "multiply";
  readonly plan: Multiplication;
  readonly placement: MultiplicationPlacement;
  /** Units are groups of the plan's. */
  readonly units: number;
}

/** Computes a condition row by row, and then the rows for which it holds. */
export interface RowsOperation {
  readonly kind: "rows";
  readonly slot: number;
  /** Gives a mask for each combination of the digits that the condition depends on. */
  readonly condition: KernelCall;
  readonly writesWhere: boolean;
  readonly call: KernelCall;
  /** The first row of the kernel for each mask. */
  readonly firstRows: Int32Array;
  /** What is added to it for each combination of slower digits that the condition does not depend on. */
  readonly offsets: Int32Array;
  /** Rows from there on that belong to the mask. */
  readonly runRows: number;
  /** Byte address of a word: where it is not 0 all rows are written, and it becomes 0. */
  readonly whole: number;
  /** Of a slot with a tree: byte address of one byte a chunk, {@link CHANGED} where a word was written; else 0. */
  readonly dirty: number;
  readonly units: 1;
}

export interface CopyOperation {
  readonly kind: "copy";
  readonly from: number;
  readonly to: number;
  readonly bytes: number;
  readonly units: 1;
}

/** Hashes jobs of a table (merkle/hash-jobs.ts). */
export interface HashOperation {
  readonly kind: "chunks" | "pairs";
  readonly table: number;
  /** The number of jobs, or the byte address at which it stands. */
  readonly count: number;
  readonly isCounted: boolean;
  readonly units: number;
}

/** A tree in memory whose leaves change now and then. */
export interface DirtyTree {
  readonly address: number;
  readonly length: number;
  /** Byte address of one byte a chunk: {@link CHANGED} where it is to be hashed again. */
  readonly dirty: number;
  /** Byte addresses of the levels' nodes, leaves first. */
  readonly levels: readonly number[];
}

/** Writes the jobs that bring trees up to date: a table and a count for the chunks, and for each level above. */
export interface JobsOperation {
  readonly kind: "jobs";
  readonly trees: readonly DirtyTree[];
  readonly chunks: JobTable;
  /** From level 1 on. */
  readonly levels: readonly JobTable[];
  readonly units: 1;
}

export interface JobTable {
  readonly table: number;
  readonly count: number;
}

/** Copies hashes: byte addresses from and to, flat pairs. */
export interface RootsOperation {
  readonly kind: "roots";
  readonly places: readonly number[];
  readonly units: 1;
}

export type Operation =
  KernelOperation | MultiplyOperation | RowsOperation | CopyOperation | HashOperation | JobsOperation | RootsOperation;

/** Operations in their order, and the stages: all of one unit one after the other, or one of many units. */
export interface Stage {
  readonly first: number;
  readonly end: number;
  readonly units: number;
}

/** The operations between whose first and end no thread needs to wait are one stage. */
export function stagesOf(operations: readonly Operation[]): Stage[] {
  const stages: { first: number; end: number; units: number }[] = [];
  operations.forEach(({ units }, index) => {
    const last = stages.at(-1);
    if (units === 1 && last?.units === 1) last.end = index + 1;
    else stages.push({ first: index, end: index + 1, units });
  });
  return stages;
}
