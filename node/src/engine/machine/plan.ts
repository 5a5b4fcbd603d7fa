/**
 * Lays out a program in one memory: every tensor has a fixed address, room is used again once nothing reads what it held,
 * and constants that nothing but the columns of contractions reads are kept packed alone. Refuses what does not fit.
 */
import type { PrimitiveRecord, Program, Segment } from "../../ir/program.ts";
import { outputLength } from "../../ir/scalar.ts";
import type { ScalarProgram } from "../../ir/scalar.ts";
import { HASH_ROOM_BYTES } from "../../merkle/hash-jobs.ts";
import { HASH_BYTES } from "../../merkle/hash.ts";
import type { Hash } from "../../merkle/hash.ts";
import { chunkCount } from "../../merkle/tensor.ts";
import { SCRATCH_BYTES } from "../wasm/loop.ts";
import { panelLayout, planMultiplication } from "../wasm/multiply.ts";
import type { Multiplication } from "../wasm/multiply.ts";
import type { CompiledKernel, CompiledPrimitive, Compiler } from "./compile.ts";
import { constantUses } from "./constant-uses.ts";
import type { ConstantUse } from "./constant-uses.ts";
import type { ScratchPlaces } from "./executor.ts";
import { aligned, createRoom, tensorBytes } from "./layout.ts";
import type { Room } from "./layout.ts";
import { scalarOf } from "./runner-engine.ts";
import { placeTree } from "./trees.ts";
import type { PlacedTree } from "./trees.ts";
import type { TraceMode } from "./types.ts";
import { slotUpdates } from "./updates.ts";
import type { KeptRows, SlotUpdate } from "./updates.ts";

export interface PlanOptions {
  readonly trace: TraceMode;
  readonly threads: number;
  readonly compiler: Compiler;
  /** Nothing lies below. */
  readonly firstAddress: number;
}

export interface PlacedSlot {
  readonly address: number;
  readonly length: number;
  /** Byte address of a word that makes the next update write every row. */
  readonly whole: number;
  /** The tree kept from step to step, and the byte address of one byte a chunk; null where trees are made anew. */
  readonly tree: (PlacedTree & { readonly dirty: number }) | null;
}

/** A primitive laid out. */
export interface PlacedPrimitive {
  readonly scalar: ScalarProgram;
  readonly compiled: CompiledPrimitive;
  readonly address: number;
  readonly length: number;
  /** Of a contraction. */
  readonly multiplication: PlacedMultiplication | null;
  /** Where the totals lie between tiles and epilogue: where the output does, unless the epilogue reads what it overwrites. */
  readonly totals: number;
  /** Of a slot of which it may write a few rows. */
  readonly rows: PlacedRows | null;
  /** Of what is committed to. */
  readonly tree: PlacedTree | null;
}

export interface PlacedMultiplication {
  readonly plan: Multiplication;
  readonly tables: number;
  /** Of packed constant columns. */
  readonly layout: string | null;
}

export interface PlacedRows {
  readonly slot: number;
  readonly kept: KeptRows;
  readonly program: ScalarProgram;
  readonly condition: CompiledKernel;
  /** Where the masks lie. */
  readonly masks: number;
  /** Digits that the kernel's lanes walk: those from here on. */
  readonly laneDigit: number;
}

export interface SegmentPlan {
  readonly segment: Segment;
  readonly primitives: readonly PlacedPrimitive[];
  readonly updates: readonly SlotUpdate[];
  /** Primitives that something reads, or that the state needs. */
  readonly live: readonly boolean[];
  /** After which primitives hashing takes place, ascending; ends with the last. */
  readonly hashAfter: readonly number[];
  /** Flat roots of the primitives. */
  readonly roots: number;
}

export interface MachinePlan {
  readonly scratch: ScratchPlaces;
  /** Byte address of each input; 0 where no primitive reads it. */
  readonly inputs: readonly number[];
  readonly slots: readonly PlacedSlot[];
  readonly constants: ReadonlyMap<Hash, ConstantUse>;
  readonly segments: readonly SegmentPlan[];
  /** Flat roots of the slots, then of the outputs. */
  readonly stateRoots: number;
  /** Room for what is built later: tables of jobs, then constants. */
  readonly room: Room;
}

/** Addresses below are not used, so that 0 can stand for none. */
export const FIRST_ADDRESS = 1024;
/** Chunks that are hashed together. */
const HASH_CHUNKS = 384;

/** Plans everything but the constants' places, which depend on their words. */
export function planMachine(program: Program, options: PlanOptions): MachinePlan {
  const { trace, threads } = options;
  const commits = trace !== "none";
  const room = createRoom(options.firstAddress);
  const drafts = program.segments.map((segment) => draftSegment(program, segment, options));
  const constants = constantUses(
    drafts.flatMap(({ segment, compiled, rows }) =>
      segment.records.map((record, index) => {
        const scalar = scalarOf(program, record.scalar);
        return { record, scalar, compiled: compiled[index], canLookUp: rows[index] === null };
      }),
    ),
  );
  const inputs = program.inputs.map(({ length }, input) =>
    isInputRead(program, input) ? room.take(tensorBytes(length)) : 0,
  );
  const slots = program.slots.map(({ length }, slot): PlacedSlot => {
    const address = room.take(tensorBytes(length));
    const hasTree = commits && drafts.some(({ rows }) => rows.some((found) => found?.slot === slot));
    const tree = hasTree ? { ...placeTree(room, address, length, null), dirty: room.take(chunkCount(length)) } : null;
    return { address, length, whole: room.take(4), tree };
  });
  const stateRoots = room.take(HASH_BYTES * (slots.length + program.outputs.length));
  const activations = drafts.map((draft) => placeActivations(draft));
  const base = room.take(Math.max(...activations.map(({ bytes }) => bytes)));
  let multiplierWords = 0;
  const segments = drafts.map((draft, index): SegmentPlan => {
    const { segment, compiled, updates, isCommitted } = draft;
    const roots = commits ? room.take(HASH_BYTES * (segment.records.length + 1)) : 0;
    const primitives = segment.records.map((record, primitive): PlacedPrimitive => {
      const owned = ownedSlot(updates, primitive);
      const address = owned === null ? base + activations[index].outputs[primitive] : slots[owned].address;
      const multiplication = placeMultiplication(room, record, compiled[primitive], constants);
      multiplierWords = Math.max(multiplierWords, multiplication?.plan.scratchWords ?? 0);
      const rows = draft.rows[primitive];
      const root = roots + HASH_BYTES * primitive;
      const slotTree = slots[owned ?? segment.slotBindings.indexOf(primitive)]?.tree ?? null;
      return {
        scalar: scalarOf(program, record.scalar),
        compiled: compiled[primitive],
        address,
        length: record.length,
        multiplication,
        totals: readsOwnSlot(updates, primitive) ? base + activations[index].totals[primitive] : address,
        rows: rows === null ? null : { ...rows, masks: room.take(tensorBytes(outputLength(rows.program))) },
        tree: !isCommitted[primitive]
          ? null
          : slotTree === null
            ? placeTree(room, address, record.length, root)
            : { ...slotTree, address },
      };
    });
    return { segment, primitives, updates, live: draft.live, hashAfter: draft.hashAfter, roots };
  });
  const scratch = placeScratch(room, threads, multiplierWords);
  return { scratch, inputs, slots, constants, segments, stateRoots, room };
}

// --- A segment before it is placed ---

interface SegmentDraft {
  readonly segment: Segment;
  readonly compiled: readonly CompiledPrimitive[];
  readonly updates: readonly SlotUpdate[];
  readonly rows: readonly (Omit<PlacedRows, "masks"> | null)[];
  readonly isCommitted: readonly boolean[];
  readonly live: readonly boolean[];
  readonly hashAfter: readonly number[];
}

function draftSegment(program: Program, segment: Segment, { trace, compiler }: PlanOptions): SegmentDraft {
  const { records } = segment;
  const lengthsOf = ({ operands }: PrimitiveRecord): number[] => operands.map(({ length }) => length);
  const compiled = records.map((record) => compiler.primitive(scalarOf(program, record.scalar), lengthsOf(record)));
  const updates = slotUpdates(program, segment);
  const bound = new Set([...segment.slotBindings, ...segment.outputBindings]);
  const isCommitted = records.map((_, primitive) => trace === "full" || (trace === "deferred" && bound.has(primitive)));
  const rows = records.map((record, primitive) => {
    const slot = ownedSlot(updates, primitive);
    const found = compiled[primitive];
    const update = slot === null ? null : updates[slot];
    if (slot === null || update?.kind !== "inPlace" || update.access.kind !== "keeping" || found.kind !== "kernel")
      return null;
    return rowsOf(
      slot,
      update.access.rows,
      scalarOf(program, record.scalar),
      lengthsOf(record),
      found.kernel,
      compiler,
    );
  });
  return {
    segment,
    compiled,
    updates,
    rows,
    isCommitted,
    live: livePrimitives(segment, bound),
    hashAfter: hashPoints(records, isCommitted),
  };
}

function ownedSlot(updates: readonly SlotUpdate[], primitive: number): number | null {
  const slot = updates.findIndex((update) => update.kind === "inPlace" && update.primitive === primitive);
  return slot < 0 ? null : slot;
}

/** Whether a primitive reads the slot that it writes in place. */
function readsOwnSlot(updates: readonly SlotUpdate[], primitive: number): boolean {
  return updates.some((update) => {
    return update.kind === "inPlace" && update.primitive === primitive && update.access.kind !== "blind";
  });
}

function rowsOf(
  slot: number,
  kept: KeptRows | null,
  program: ScalarProgram,
  lengths: readonly number[],
  kernel: CompiledKernel,
  compiler: Compiler,
): Omit<PlacedRows, "masks"> | null {
  const { extents } = program;
  if (kept === null || extents[extents.length - 1] < 4) return null;
  // The lanes walk the last digits, as many as make up a row.
  let laneDigit = extents.length;
  for (let size = 1; size < kernel.rowLength; size *= extents[--laneDigit]);
  const last = kept.digits.at(-1) ?? -1;
  if (last >= laneDigit || kernel.rows === 1) return null;
  const masked = extents.map((extent, digit) => (kept.digits.includes(digit) ? extent : 1));
  const condition: ScalarProgram = { ...program, extents: masked, outputType: "bool", result: kept.condition };
  return { slot, kept, program: condition, condition: compiler.register(condition, lengths), laneDigit };
}

function livePrimitives({ records }: Segment, bound: ReadonlySet<number>): boolean[] {
  const live = records.map((_, primitive) => bound.has(primitive));
  for (let primitive = records.length - 1; primitive >= 0; primitive--) {
    if (!live[primitive]) continue;
    for (const operand of records[primitive].operands) if (operand.kind === "primitive") live[operand.index] = true;
  }
  return live;
}

/** Few chunks at a time leave lanes and threads idle; many have left the caches when they are hashed. */
function hashPoints(records: readonly PrimitiveRecord[], isCommitted: readonly boolean[]): number[] {
  const points: number[] = [];
  let chunks = 0;
  records.forEach(({ length }, primitive) => {
    if (isCommitted[primitive]) chunks += chunkCount(length);
    if (chunks < HASH_CHUNKS) return;
    points.push(primitive);
    chunks = 0;
  });
  if (points.at(-1) !== records.length - 1) points.push(records.length - 1);
  return points;
}

// --- Places ---

interface Activations {
  /** From the start of the activations' room, by primitive; meaningless where a slot is written in place. */
  readonly outputs: readonly number[];
  readonly totals: readonly number[];
  readonly bytes: number;
}

function placeActivations({ segment, compiled, updates, isCommitted, hashAfter }: SegmentDraft): Activations {
  const { records } = segment;
  const bound = new Set([...segment.slotBindings, ...segment.outputBindings]);
  const last = records.map((_, primitive) => primitive);
  records.forEach(({ operands }, primitive) => {
    for (const operand of operands) if (operand.kind === "primitive") last[operand.index] = primitive;
  });
  let point = 0;
  const dying: number[][] = records.map(() => []);
  records.forEach((_, primitive) => {
    while (hashAfter[point] < primitive) point++;
    if (bound.has(primitive) || ownedSlot(updates, primitive) !== null) return;
    dying[Math.max(last[primitive], isCommitted[primitive] ? hashAfter[point] : 0)].push(primitive);
  });
  const room = createRoom(0);
  const outputs: number[] = [];
  const totals: number[] = [];
  records.forEach(({ length }, primitive) => {
    const bytes = tensorBytes(length);
    const found = compiled[primitive];
    outputs.push(ownedSlot(updates, primitive) === null ? room.take(bytes) : 0);
    // The epilogue reads totals where it writes, unless that is where old words of a slot still lie.
    const needsTotals = found.kind === "tiles" && found.after !== null && readsOwnSlot(updates, primitive);
    totals.push(needsTotals ? room.take(bytes) : outputs[primitive]);
    if (needsTotals) room.give(totals[primitive], bytes);
    for (const dead of dying[primitive]) room.give(outputs[dead], tensorBytes(records[dead].length));
  });
  return { outputs, totals, bytes: room.end };
}

function placeMultiplication(
  room: Room,
  record: PrimitiveRecord,
  compiled: CompiledPrimitive,
  constants: ReadonlyMap<Hash, ConstantUse>,
): PlacedPrimitive["multiplication"] {
  if (compiled.kind === "kernel") return null;
  const { contraction } = compiled;
  const columns = record.operands[contraction.columns.operand];
  const layout = panelLayout(contraction);
  const isPacked = columns.kind === "constant" && constants.get(columns.root)?.panels.has(layout) === true;
  const plan = planMultiplication(contraction, { isPacked });
  return { plan, tables: room.take(4 * plan.tables.length), layout: isPacked ? layout : null };
}

function placeScratch(room: Room, threads: number, multiplierWords: number): ScratchPlaces {
  const multiplier = aligned(SCRATCH_BYTES);
  const hashing = multiplier + tensorBytes(multiplierWords);
  const stride = aligned(hashing + HASH_ROOM_BYTES);
  return { address: room.take(threads * stride), stride, kernels: 0, multiplier, hashing };
}

// --- Constants and inputs ---

function isInputRead({ segments }: Program, input: number): boolean {
  return segments.some(({ records }) =>
    records.some(({ operands }) => operands.some((operand) => operand.kind === "input" && operand.index === input)),
  );
}
