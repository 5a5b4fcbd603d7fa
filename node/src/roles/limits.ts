/**
 * What a run costs, from the program alone: a node refuses work that it could not finish in time or hold in memory before
 * it begins, since tasks and claims come from strangers.
 */
import { snapshotBytesOf } from "../engine/index.ts";
import { LockstepError } from "../float/errors.ts";
import { combineRuns, type Hash, type Program, type ScalarProgram } from "../ir/index.ts";
import { chunkCount } from "../merkle/index.ts";

/** The most that a node takes on in one run. */
export interface RunLimits {
  /** Scalar instructions, all elements and steps together. */
  instructions: number;
  /** Bytes of the tensors of one step, the inputs, the constants, the roots of all steps and the snapshots. */
  bytes: number;
}

/** A minute or a few of one core, and a memory that any machine has. */
export const DEFAULT_LIMITS: RunLimits = { instructions: 2e11, bytes: 4e9 };

const HASH_BYTES = 32;

/** The cost of a run. */
export function costOf(program: Program, steps: number): RunLimits {
  const tensorBytes = (lengths: readonly { length: number }[]) =>
    lengths.reduce((sum, { length }) => sum + 4 * length, 0);
  const perSegment = program.segments.map(({ records }) => ({
    instructions: records.reduce((sum, record) => {
      const scalar = program.scalars.get(record.scalar);
      return sum + record.length * (scalar === undefined ? 1 : instructionsOf(scalar));
    }, 0),
    bytes: tensorBytes(records),
    roots: HASH_BYTES * (records.length + program.slots.length + program.outputs.length + 2),
  }));
  let instructions = 0;
  let bytes =
    tensorBytes(program.inputs) + 4 * weightsOf(program) + Math.max(...perSegment.map((segment) => segment.bytes));
  let step = 0;
  program.segments.forEach((segment, index) => {
    const last = index === program.segments.length - 1;
    const count = Math.max(0, Math.min(last ? steps - step : segment.steps, steps - step));
    instructions += count * (perSegment[index]?.instructions ?? 0);
    bytes += count * (perSegment[index]?.roots ?? 0);
    step += count;
  });
  bytes += snapshotBytesOf(tensorBytes(program.slots), steps);
  return { instructions, bytes };
}

/** Throws RunTooLargeError for a program whose constants alone are beyond the limits. */
export function checkWeights(program: Program, limits: RunLimits = DEFAULT_LIMITS): void {
  const bytes = 4 * weightsOf(program);
  if (bytes > limits.bytes) throw new RunTooLargeError("bytes", bytes, limits.bytes);
}

/** Words of a program's constants, each once. */
export function weightsOf(program: Program): number {
  return constantLengths(program).reduce((sum, { length }) => sum + length, 0);
}

/** A constant as a program states it. */
export interface StatedConstant {
  root: Hash;
  /** Words: the most that is stated of this number of chunks, where zeros at the end differ. */
  length: number;
}

/**
 * Each constant once, however many primitives read it. A root stands in it again for every other number of chunks that a
 * stranger's program states: no words have both, so one of the two can't be had.
 */
export function constantLengths({ slots, segments }: Program): StatedConstant[] {
  const stated = new Map<string, StatedConstant>();
  const state = (root: Hash, length: number) => {
    const key = `${root}:${chunkCount(length)}`;
    if ((stated.get(key)?.length ?? 0) < length) stated.set(key, { root, length });
  };
  for (const { initial, length } of slots) if (initial.kind === "constant") state(initial.root, length);
  for (const operand of segments.flatMap(({ records }) => records).flatMap(({ operands }) => operands)) {
    if (operand.kind === "constant") state(operand.root, operand.length);
  }
  return [...stated.values()];
}

/** Throws RunTooLargeError for a run beyond the limits. */
export function checkCost(program: Program, steps: number, limits: RunLimits): void {
  const cost = costOf(program, steps);
  if (cost.instructions > limits.instructions)
    throw new RunTooLargeError("instructions", cost.instructions, limits.instructions);
  if (cost.bytes > limits.bytes) throw new RunTooLargeError("bytes", cost.bytes, limits.bytes);
}

// Of one element. The element itself, each iteration and each run of combine count as one more: they take time even where
// they hold no instruction.
function instructionsOf({ prologue, loop, epilogue }: ScalarProgram): number {
  const once = 1 + prologue.length + epilogue.length;
  if (loop === null) return once;
  return once + loop.count * (loop.body.length + 1) + combineRuns(loop) * (loop.combine.length + 1);
}

/** A run costs more than this node takes on. */
export class RunTooLargeError extends LockstepError {
  constructor(what: string, cost: number, limit: number) {
    super(
      "RunTooLargeError",
      `The run needs ${cost.toExponential(1)} ${what}, this node takes on ${limit.toExponential(1)}`,
      {
        what,
        cost,
        limit,
      },
    );
  }
}
