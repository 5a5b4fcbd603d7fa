/**
 * Turns a plan into operations: for each primitive kernels and tiles, after them the hashing of what is committed to, and at
 * the end of a step roots and copies. How many units an operation has follows from an estimate of its time.
 */
import { CHUNK_JOB_WORDS, HASH_GROUP, PAIR_JOB_WORDS } from "../../merkle/hash-jobs.ts";
import { HASH_BYTES } from "../../merkle/hash.ts";
import type { Hash } from "../../merkle/hash.ts";
import { chunkCount } from "../../merkle/tensor.ts";
import { UNCHANGED } from "../../ir/program.ts";
import type { OperandRef } from "../../ir/program.ts";
import { outputLength } from "../../ir/scalar.ts";
import type { CompiledKernel, Compiler } from "./compile.ts";
import type { Room } from "./layout.ts";
import { CHANGED, HASHED, stagesOf } from "./operations.ts";
import type { JobTable, KernelCall, Operation, RowsOperation, Stage } from "./operations.ts";
import type { MachinePlan, PlacedPrimitive, PlacedRows, SegmentPlan } from "./plan.ts";
import { readingPanels } from "./panel-reads.ts";
import { chunkJobs, pairJobs, rootAddress } from "./trees.ts";
import type { PlacedTree } from "./trees.ts";

/** Where a constant lies: as it is, or packed by layout. */
export interface PlacedConstant {
  readonly address: number;
  readonly length: number;
  readonly panels: ReadonlyMap<string, PlacedPanels>;
}

export interface PlacedPanels {
  readonly address: number;
  readonly words: number;
  readonly isNarrow: boolean;
  /** Words of a column. */
  readonly count: number;
  /** Words of all columns. */
  readonly length: number;
}

export interface CodeOptions {
  readonly threads: number;
  readonly isFused: boolean;
  readonly compiler: Compiler;
  /** Nanoseconds of work below which an operation is not worth handing out. */
  readonly grain: number;
}

/** Words that operations read and nothing writes, to be put in memory before they run. */
export interface Upload {
  readonly address: number;
  readonly words: ArrayLike<number> & Iterable<number>;
}

export interface OperationList {
  readonly operations: readonly Operation[];
  readonly stages: readonly Stage[];
}

export interface SegmentCode {
  /** What computes each primitive. */
  readonly primitives: readonly (readonly Operation[])[];
  /** What ends a step: copies to slots. */
  readonly copies: readonly Operation[];
  /** A step that commits; null in a run that does not. */
  readonly committing: OperationList | null;
  /** A step that does not. */
  readonly plain: OperationList;
  /** Slots with trees of which a step writes every chunk, and what is noted of them after one that commits. */
  readonly rewritten: readonly { readonly slot: number; readonly note: number }[];
}

export interface MachineCode {
  readonly kernels: readonly WebAssembly.Module[];
  readonly uploads: readonly Upload[];
  readonly segments: readonly SegmentCode[];
}

/** Builds all operations; tables take room from the plan's. */
export function buildCode(
  plan: MachinePlan,
  constants: ReadonlyMap<Hash, PlacedConstant>,
  options: CodeOptions,
): MachineCode {
  const kernels: WebAssembly.Module[] = [];
  const uploads: Upload[] = [];
  const builder: Builder = { plan, constants, options, kernels, uploads, indices: new Map() };
  const segments = plan.segments.map((segment) => buildSegment(builder, segment));
  return { kernels, uploads, segments };
}

interface Builder {
  readonly plan: MachinePlan;
  readonly constants: ReadonlyMap<Hash, PlacedConstant>;
  readonly options: CodeOptions;
  readonly kernels: WebAssembly.Module[];
  readonly uploads: Upload[];
  readonly indices: Map<WebAssembly.Module, number>;
}

function buildSegment(builder: Builder, plan: SegmentPlan): SegmentCode {
  const { segment, primitives, updates, live } = plan;
  const { slots } = builder.plan;
  const computing = primitives.map((primitive, index) => primitiveOperations(builder, plan, primitive, index));
  const copies = updates.flatMap((update, slot): Operation[] => {
    if (update.kind !== "copied") return [];
    const { address, length } = primitives[update.primitive];
    return [{ kind: "copy", from: address, to: slots[slot].address, bytes: 4 * length, units: 1 }];
  });
  const plain = [...computing.flatMap((operations, index) => (live[index] ? operations : [])), ...copies];
  const rewritten = segment.slotBindings.flatMap((bound, slot) => {
    const tree = slots[slot].tree;
    if (tree === null || bound === UNCHANGED || primitives[bound].rows?.slot === slot) return [];
    return [{ slot, note: primitives[bound].tree?.levels === tree.levels ? HASHED : CHANGED }];
  });
  const isCommitting = primitives.some(({ tree }) => tree !== null);
  return {
    primitives: computing,
    copies,
    committing: isCommitting ? listOf([...hashedOperations(builder, plan, computing), ...copies]) : null,
    plain: listOf(plain),
    rewritten,
  };
}

function listOf(operations: readonly Operation[]): OperationList {
  return { operations, stages: stagesOf(operations) };
}

// --- Primitives ---

/** Nanoseconds of an instruction on four elements, and of one with an emulated fma among them, about. */
const INSTRUCTION = { fused: 0.4, emulated: 4 };
/** Work that pays for waking a thread. */
export const DEFAULT_GRAIN = 16_000;
/** Units of an operation for each thread, so that a slow one does not hold up the rest. */
const THREAD_UNITS = 6;
/** Instructions of a call: the host compiles a function better after a few calls but never in the midst of one. */
const CALL_WORK = 1 << 17;

function unitsFor({ threads, grain }: CodeOptions, nanoseconds: number, most: number): number {
  if (threads === 1 || nanoseconds < grain) return 1;
  const wanted = Math.min(threads * THREAD_UNITS, Math.floor(nanoseconds / (grain / 4)));
  return Math.max(1, Math.min(wanted, most));
}

function primitiveOperations(
  builder: Builder,
  { segment }: SegmentPlan,
  placed: PlacedPrimitive,
  index: number,
): Operation[] {
  const { operands } = segment.records[index];
  const { compiled, address, multiplication, rows } = placed;
  const places = operands.map((operand) => placeOf(builder, segment, operand, index));
  const tensors = places.flatMap((place, operand) => [place, operands[operand].length]);
  if (compiled.kind === "kernel") {
    const { kernel, given } = lookedUp(builder, placed, compiled.kernel, operands, tensors);
    const call = callOf(builder, kernel, address, 0, given);
    return [rows === null ? kernelOperation(builder, call) : rowsOperation(builder, rows, call)];
  }
  if (multiplication === null) throw new RangeError("tiles without a multiplication");
  const { before, after, contraction } = compiled;
  const { plan, tables, layout } = multiplication;
  const totals = after === null ? address : placed.totals;
  const operations: Operation[] = [];
  if (before !== null) operations.push(kernelOperation(builder, callOf(builder, before, totals, 0, tensors)));
  const columns = operands[plan.columnOperand];
  const packed =
    layout === null || columns.kind !== "constant"
      ? null
      : (builder.constants.get(columns.root)?.panels.get(layout) ?? null);
  const rowCount = contraction.rows.addresses.length;
  const products = (contraction.batches.length / 3) * rowCount * contraction.columnCount * contraction.count;
  const nanoseconds = rowCount === 1 ? products / 3 : products / 25;
  operations.push({
    kind: "multiply",
    plan,
    placement: {
      tables,
      rows: { address: places[plan.rowOperand], length: operands[plan.rowOperand].length },
      columns: { address: places[plan.columnOperand], length: columns.length },
      panels: packed?.address ?? null,
      isNarrow: packed?.isNarrow === true,
      target: totals,
    },
    units: unitsFor(builder.options, nanoseconds * (builder.options.isFused ? 1 : 20), plan.units),
  });
  builder.uploads.push({ address: tables, words: plan.tables });
  if (after !== null) operations.push(kernelOperation(builder, callOf(builder, after, address, totals, tensors)));
  return operations;
}

/** The kernel that reads packed constants where they lie, and its operands; of others the kernel as it is. */
function lookedUp(
  { constants, options }: Builder,
  { scalar }: PlacedPrimitive,
  kernel: CompiledKernel,
  operands: readonly OperandRef[],
  tensors: readonly number[],
): { kernel: CompiledKernel; given: readonly number[] } {
  const given = [...tensors];
  let program = scalar;
  operands.forEach((operand, index) => {
    if (operand.kind !== "constant") return;
    // Tensors of one root differ in zeros at their end, so what lies past the panels' own columns is 0 for every reader.
    for (const { address, words, ...shape } of constants.get(operand.root)?.panels.values() ?? []) {
      program = readingPanels(program, index, shape);
      given.splice(2 * index, 2, address, words);
    }
  });
  if (program === scalar) return { kernel, given };
  const lengths = operands.map((_, index) => given[2 * index + 1]);
  const compiled = options.compiler.primitive(program, lengths);
  if (compiled.kind !== "kernel") throw new RangeError("a lookup became a contraction");
  return { kernel: compiled.kernel, given };
}

function placeOf(
  { plan, constants }: Builder,
  segment: SegmentPlan["segment"],
  operand: OperandRef,
  reader: number,
): number {
  switch (operand.kind) {
    case "primitive": {
      const found = plan.segments.find((other) => other.segment === segment);
      if (found === undefined || operand.index >= reader) throw new RangeError("an operand that comes later");
      return found.primitives[operand.index].address;
    }
    case "slot":
      return plan.slots[operand.index].address;
    case "input":
      return plan.inputs[operand.index];
    case "constant":
      return constants.get(operand.root)?.address ?? 0;
  }
}

function callOf(
  { kernels, indices }: Builder,
  { module, rows, rowLength, groupWork }: CompiledKernel,
  output: number,
  totals: number,
  tensors: readonly number[],
): KernelCall {
  const index = indices.get(module) ?? kernels.push(module) - 1;
  indices.set(module, index);
  return { module: index, output, totals, tensors, rows, rowLength, groupWork, callWork: CALL_WORK };
}

function kernelOperation({ options }: Builder, call: KernelCall): Operation {
  const groups = call.rows * Math.ceil(call.rowLength / 4);
  const work = groups * call.groupWork;
  const nanoseconds = work * (options.isFused ? INSTRUCTION.fused : INSTRUCTION.emulated);
  const units = unitsFor(options, nanoseconds, groups);
  const callWork = units === 1 ? CALL_WORK : Math.min(CALL_WORK, Math.ceil(work / units / 2));
  return { kind: "kernel", call: { ...call, callWork }, units };
}

function rowsOperation(builder: Builder, rows: PlacedRows, call: KernelCall): RowsOperation {
  const { slot, kept, condition, masks, laneDigit, program } = rows;
  const placed = builder.plan.slots[slot];
  const extents = builder.plan.segments
    .flatMap(({ primitives }) => primitives)
    .find((primitive) => primitive.rows === rows)!.scalar.extents;
  // Digits that walk rows, slowest first, with the rows that each is apart.
  let stride = 1;
  const walking = [...extents.keys()]
    .slice(0, laneDigit)
    .toReversed()
    .map((digit) => {
      const found = { digit, extent: extents[digit], stride };
      stride *= extents[digit];
      return found;
    })
    .toReversed();
  const lastMasked = kept.digits.at(-1) ?? -1;
  const masked = walking.filter(({ digit }) => kept.digits.includes(digit));
  const slower = walking.filter(({ digit }) => !kept.digits.includes(digit) && digit < lastMasked);
  const faster = walking.filter(({ digit }) => digit > lastMasked);
  const maskCall = callOf(builder, condition, masks, masks, call.tensors);
  const firstRows = rowsFrom(masked);
  if (firstRows.length !== outputLength(program)) throw new RangeError("a mask for each combination of digits");
  return {
    kind: "rows",
    slot,
    condition: maskCall,
    writesWhere: kept.writesWhere,
    call,
    firstRows,
    offsets: rowsFrom(slower),
    runRows: faster.reduce((product, { extent }) => product * extent, 1),
    whole: placed.whole,
    dirty: placed.tree?.dirty ?? 0,
    units: 1,
  };
}

function rowsFrom(digits: readonly { readonly extent: number; readonly stride: number }[]): Int32Array {
  let rows = Int32Array.of(0);
  for (const { extent, stride } of digits) {
    rows = Int32Array.from({ length: rows.length * extent }, (_, index) => {
      return rows[Math.floor(index / extent)] + (index % extent) * stride;
    });
  }
  return rows;
}

// --- Hashing ---

const CHUNK_NANOSECONDS = 1_200;
const PAIR_NANOSECONDS = 400;

function hashedOperations(
  builder: Builder,
  { primitives, roots, segment, live, hashAfter }: SegmentPlan,
  computing: readonly (readonly Operation[])[],
): Operation[] {
  const { slots, stateRoots, room } = builder.plan;
  const operations: Operation[] = [];
  const whole: PlacedTree[] = [];
  const dirty = primitives.flatMap(({ rows, tree }) => {
    const slot = rows === null ? null : slots[rows.slot];
    return slot === null || slot.tree === null || tree === null ? [] : [{ ...slot.tree, address: slot.address }];
  });
  let first = 0;
  for (const point of hashAfter) {
    const hashed: PlacedTree[] = [];
    for (let index = first; index <= point; index++) {
      const { rows, tree } = primitives[index];
      // What the state does not need is not computed where nothing commits to it.
      if (tree !== null || live[index]) operations.push(...computing[index]);
      if (tree !== null && rows === null) hashed.push(tree);
    }
    operations.push(...tableOperation(builder, "chunks", hashed.map(chunkJobs), CHUNK_JOB_WORDS));
    whole.push(...hashed);
    first = point + 1;
  }
  const jobs = dirty.length === 0 ? null : jobsOperation(room, dirty);
  if (jobs !== null) {
    const units = builder.options.threads === 1 ? 1 : THREAD_UNITS * builder.options.threads;
    operations.push(jobs, countedOperation("chunks", jobs.chunks, units));
  }
  const depth = Math.max(0, ...[...whole, ...dirty].map(({ levels }) => levels.length - 1));
  for (let level = 1; level <= depth; level++) {
    operations.push(...tableOperation(builder, "pairs", [pairJobs(whole, level)], PAIR_JOB_WORDS));
    const counted = jobs?.levels[level - 1];
    if (counted !== undefined) operations.push(countedOperation("pairs", counted, 1));
  }
  const places: number[] = [];
  primitives.forEach(({ tree }, index) => {
    const own = roots + HASH_BYTES * index;
    if (tree !== null && rootAddress(tree) !== own) places.push(rootAddress(tree), own);
  });
  [...segment.slotBindings, ...segment.outputBindings].forEach((bound, item) => {
    if (bound !== UNCHANGED) places.push(roots + HASH_BYTES * bound, stateRoots + HASH_BYTES * item);
  });
  operations.push({ kind: "roots", places, units: 1 });
  return operations;
}

function tableOperation(
  { plan, options, uploads }: Builder,
  kind: "chunks" | "pairs",
  tables: readonly Uint32Array[],
  jobWords: number,
): Operation[] {
  const length = tables.reduce((sum, table) => sum + table.length, 0);
  if (length === 0) return [];
  const words = new Uint32Array(length);
  let at = 0;
  for (const table of tables) {
    words.set(table, at);
    at += table.length;
  }
  const table = plan.room.take(4 * length);
  uploads.push({ address: table, words });
  const count = length / jobWords;
  const nanoseconds = count * (kind === "chunks" ? CHUNK_NANOSECONDS : PAIR_NANOSECONDS);
  const units = unitsFor(options, nanoseconds, Math.ceil(count / HASH_GROUP));
  return [{ kind, table, count, isCounted: true, units }];
}

function countedOperation(kind: "chunks" | "pairs", { table, count }: JobTable, units: number): Operation {
  return { kind, table, count, isCounted: false, units };
}

function jobsOperation(
  room: Room,
  trees: readonly (PlacedTree & { readonly dirty: number })[],
): Extract<Operation, { kind: "jobs" }> {
  const depth = Math.max(...trees.map(({ levels }) => levels.length - 1));
  const tableOf = (level: number, jobWords: number): JobTable => {
    const most = trees
      .filter(({ levels }) => level < levels.length)
      .reduce((sum, { length }) => sum + Math.ceil(chunkCount(length) / 2 ** level), 0);
    return { table: room.take(4 * jobWords * most), count: room.take(4) };
  };
  const levels = Array.from({ length: depth }, (_, index) => tableOf(index + 1, PAIR_JOB_WORDS));
  return { kind: "jobs", trees, chunks: tableOf(0, CHUNK_JOB_WORDS), levels, units: 1 };
}
