/**
 * Several threads on one list of operations: every thread goes through the stages in order, takes units of the current one
 * until none is left, and waits until all are done. Which thread takes what changes no bit. Portable: a host starts the
 * threads (node/src/host/threads.ts). A thread that is gone takes no units; one that is lost in the midst of a unit is found
 * by the time it takes, and the machine is given up.
 */
import { LockstepError } from "../../float/errors.ts";
import type { OperationList } from "./code.ts";
import { createBinder } from "./executor.ts";
import type { AttachNative, BoundOperation, ExecutorParts } from "./executor.ts";
import type { Operation } from "./operations.ts";

/** What helper threads are told. */
export type ThreadMessage =
  | {
      readonly kind: "load";
      readonly machine: number;
      readonly parts: ExecutorParts;
      readonly lists: readonly OperationList[];
      /** Two words a stage: units taken, and units done. */
      readonly counters: Int32Array;
    }
  | { readonly kind: "forget"; readonly machine: number };

/** Threads beside the calling one, as a host starts them. */
export interface Threads {
  /** How many were started. */
  readonly helpers: number;
  /** Whether all of them are gone. */
  readonly isGone: boolean;
  /** {@link CONTROL_WORDS} words that all threads share. */
  readonly control: Int32Array;
  /** Leaves a message for every thread, to be found when it wakes. */
  post(message: ThreadMessage): void;
  /** What a thread said that failed, if one did. */
  failure(): string | undefined;
  /** Milliseconds without progress after which a thread counts as lost. */
  readonly patience: number;
}

export const CONTROL_WORDS = 16;
/** Counts what may be news to a sleeping thread. */
const GENERATION = 0;
/** 1 while a session is open, plus 2 for every helper in it. */
const GATE = 1;
const [MACHINE, LIST, FIRST, END, STEP] = [2, 3, 4, 5, 6];
/** Not 0 where a thread failed; it stays so. */
const FAILED = 7;
/** Helpers that have started to serve. */
const SERVING = 8;

/** Looks at shared memory this often before a thread sleeps: about 20 microseconds. */
const SPINS = 4000;

/** A list bound to one thread: one function a stage and unit. */
export interface BoundList {
  readonly stages: readonly { readonly units: number; run(step: number, unit: number): void }[];
}

/** Binds the stages of a list. */
export function bindList(list: OperationList, bind: (operation: Operation) => BoundOperation): BoundList {
  const bound = list.operations.map(bind);
  const stages = list.stages.map(({ first, end, units }) => {
    if (end === first + 1) return { units, run: bound[first] };
    const part = bound.slice(first, end);
    const run: BoundOperation = (step) => {
      for (const operation of part) operation(step, 0);
    };
    return { units, run };
  });
  return { stages };
}

/** Runs stages in this thread alone. */
export function runAlone({ stages }: BoundList, step: number, first: number, end: number): void {
  for (let index = first; index < end; index++) {
    const stage = stages[index];
    for (let unit = 0; unit < stage.units; unit++) stage.run(step, unit);
  }
}

// --- The calling thread ---

/** Waits until all helpers serve, at most so long; gives whether they do. */
export function awaitHelpers({ control, helpers }: Threads, milliseconds: number): boolean {
  const end = performance.now() + milliseconds;
  for (;;) {
    const serving = Atomics.load(control, SERVING);
    if (serving === helpers) return true;
    const left = end - performance.now();
    if (left <= 0) return false;
    Atomics.wait(control, SERVING, serving, left);
  }
}

/** Whether a thread was lost, or all of them are gone: machines then run in the calling thread alone, and new ones should have new threads. */
export function areLost({ control, isGone }: Threads): boolean {
  return isGone || Atomics.load(control, FAILED) !== 0;
}

/** A machine's share of the threads. */
export interface Team {
  /** Runs stages with all threads that are awake. Throws ThreadLostError where one is lost; the memory is then worthless. */
  run(list: number, step: number, first: number, end: number): void;
}

const forgetting = new FinalizationRegistry<() => void>((forget) => forget());
let machines = 0;

/** Tells the threads of a machine; they forget it when `owner` is gone. */
export function createTeam(
  threads: Threads,
  owner: object,
  parts: ExecutorParts,
  lists: readonly OperationList[],
  bound: readonly BoundList[],
): Team {
  const { control } = threads;
  const machine = ++machines;
  const most = Math.max(...lists.map(({ stages }) => stages.length));
  const counters = new Int32Array(new SharedArrayBuffer(8 * most));
  const wake = (): void => {
    Atomics.add(control, GENERATION, 1);
    Atomics.notify(control, GENERATION);
  };
  const tell = (message: ThreadMessage): void => {
    threads.post(message);
    wake();
  };
  tell({ kind: "load", machine, parts, lists, counters });
  forgetting.register(owner, () => tell({ kind: "forget", machine }));

  let lost: unknown;
  const lose = (): never => {
    throw new ThreadLostError(threads.patience, threads.failure());
  };
  return {
    run(list, step, first, end) {
      if (lost !== undefined) throw lost;
      if (areLost(threads)) {
        runAlone(bound[list], step, first, end);
        return;
      }
      counters.fill(0, 2 * first, 2 * end);
      [control[MACHINE], control[LIST], control[FIRST], control[END], control[STEP]] = [
        machine,
        list,
        first,
        end,
        step,
      ];
      Atomics.store(control, GATE, 1);
      wake();
      try {
        work(bound[list], counters, control, step, first, end, threads.patience, lose);
      } catch (error) {
        lost = error;
        Atomics.store(control, FAILED, 1);
        throw error;
      }
      // All units are done: a thread that does not leave any more has none of them in hand.
      Atomics.and(control, GATE, ~1);
      for (let spins = 0; Atomics.load(control, GATE) !== 0; spins++) {
        if (spins < SPINS) continue;
        const joined = Atomics.load(control, GATE);
        if (joined === 0) break;
        if (!awaitChange(control, GATE, joined, threads.patience)) {
          Atomics.store(control, FAILED, 1);
          return;
        }
      }
    },
  };
}

/** Takes part in every stage. `lose` throws. */
function work(
  { stages }: BoundList,
  counters: Int32Array,
  control: Int32Array,
  step: number,
  first: number,
  end: number,
  patience: number,
  lose: () => never,
): void {
  for (let index = first; index < end; index++) {
    const { units, run } = stages[index];
    const [taken, done] = [2 * index, 2 * index + 1];
    for (;;) {
      const unit = Atomics.add(counters, taken, 1);
      if (unit >= units) break;
      run(step, unit);
      if (Atomics.add(counters, done, 1) === units - 1) Atomics.notify(counters, done);
    }
    let spins = 0;
    for (;;) {
      const count = Atomics.load(counters, done);
      if (count === units) break;
      if (Atomics.load(control, FAILED) !== 0) lose();
      if (++spins < SPINS) continue;
      if (!awaitChange(counters, done, count, patience)) lose();
    }
  }
}

/**
 * Waits until a word is another, at most so long; gives whether it is. In two halves: a process that is stopped for long finds
 * the first one over when it goes on, before its other threads could do anything.
 */
function awaitChange(words: Int32Array, index: number, value: number, milliseconds: number): boolean {
  for (let half = 0; half < 2; half++) {
    Atomics.wait(words, index, value, milliseconds / 2);
    if (Atomics.load(words, index) !== value) return true;
  }
  return false;
}

// --- Helper threads ---

/** What a host gives to a helper thread. */
export interface ThreadServices {
  /** Binds native code to a memory, where there is any. */
  readonly attach: AttachNative | null;
  /**
   * Frees what nothing refers to: a memory lives until every thread has done so, and a thread that allocates next to nothing
   * would never do it by itself.
   */
  readonly collect: () => void;
  /** Tells the calling thread what failed. */
  readonly report: (failure: string) => void;
}

/**
 * Serves as helper thread number `thread` (1 and up) for good. `receive` gives the next message left for this thread, or
 * undefined.
 */
export function serveThread(
  control: Int32Array,
  thread: number,
  receive: () => ThreadMessage | undefined,
  { attach, collect, report }: ThreadServices,
): never {
  const known = new Map<number, { lists: BoundList[]; counters: Int32Array }>();
  Atomics.add(control, SERVING, 1);
  Atomics.notify(control, SERVING);
  let seen = -1;
  for (;;) {
    for (let spins = 0; Atomics.load(control, GENERATION) === seen && spins < SPINS; spins++);
    Atomics.wait(control, GENERATION, seen);
    seen = Atomics.load(control, GENERATION);
    let forgets = false;
    for (let message = receive(); message !== undefined; message = receive()) {
      if (message.kind === "forget") forgets = known.delete(message.machine) || forgets;
      else known.set(message.machine, load(message, thread, attach));
    }
    if (forgets) collect();
    if (!join(control)) continue;
    const machine = known.get(control[MACHINE]);
    if (machine !== undefined) serve(machine.lists[control[LIST]], machine.counters, control, report);
    if (Atomics.sub(control, GATE, 2) === 2) Atomics.notify(control, GATE);
  }
}

function load(
  { parts, lists, counters }: Extract<ThreadMessage, { kind: "load" }>,
  thread: number,
  attach: AttachNative | null,
): { lists: BoundList[]; counters: Int32Array } {
  const binder = createBinder(parts, thread, attach);
  const bound = new Map<Operation, BoundOperation>();
  const bind = (operation: Operation): BoundOperation => {
    const found = bound.get(operation) ?? binder(operation);
    bound.set(operation, found);
    return found;
  };
  return { lists: lists.map((list) => bindList(list, bind)), counters };
}

function join(control: Int32Array): boolean {
  for (;;) {
    const gate = Atomics.load(control, GATE);
    if ((gate & 1) === 0) return false;
    if (Atomics.compareExchange(control, GATE, gate, gate + 2) === gate) return true;
  }
}

/** What ends a helper's part in a session that failed. */
const LEFT = Symbol("left");

function serve(list: BoundList, counters: Int32Array, control: Int32Array, report: ThreadServices["report"]): void {
  const leave = (): never => {
    throw LEFT;
  };
  try {
    work(list, counters, control, control[STEP], control[FIRST], control[END], HELPER_PATIENCE, leave);
  } catch (error) {
    if (error === LEFT) return;
    report(String(error));
    // The unit is not done, so the caller has to know at once.
    Atomics.store(control, FAILED, 1);
    counters.forEach((_, index) => Atomics.notify(counters, index));
  }
}

/** A helper that waits this long leaves a session; the caller goes on without it. */
const HELPER_PATIENCE = 60_000;

/** A helper thread failed or stood still in the midst of its work; what the machine's memory holds is worthless. */
export class ThreadLostError extends LockstepError {
  constructor(milliseconds: number, failure?: string) {
    const what = failure === undefined ? `did nothing for ${milliseconds} ms` : `failed: ${failure}`;
    const cause = failure === undefined ? {} : { cause: failure };
    super("ThreadLostError", `a helper thread ${what}`, { milliseconds, failure: failure ?? null }, cause);
  }
}
