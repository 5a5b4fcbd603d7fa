/**
 * The snapshots that a run keeps of its state, to execute steps again (spec, "Program"): one every few steps, and fewer as
 * their bytes add up, so that no program makes a run outgrow the memory. Refuses nothing: a run with too large a state keeps
 * none, and is executed from its start.
 */
import type { Machine, Snapshot } from "./machine/types.ts";

/** Steps between two snapshots, as long as all of them fit. */
export const SNAPSHOT_STEPS = 32;
/** The most bytes that snapshots take, but for the last two. */
export const MAX_SNAPSHOT_BYTES = 2 ** 30;

export interface KeptSnapshots {
  /** Takes one after so many steps, where one is due. */
  take(stepsDone: number, machine: Machine): void;
  /** The latest before a step, and how many steps had been done when it was taken; null for the initial state. */
  before(step: number): { readonly snapshot: Snapshot | null; readonly taken: number };
  /** Lets go of what only further snapshots would need. */
  close(): void;
}

/** Keeps a snapshot every so many steps (Infinity: none), then every 2, 4, 8 ... times as many where they pass `budget` bytes. */
export function createSnapshots(steps: number, budget: number): KeptSnapshots {
  let every = steps;
  // Before steps 0, every, 2 every ...
  let states: (Snapshot | null)[] = [null];
  // A machine tells what changed since the last one it made, whether that is kept or not.
  let last: Snapshot | null = null;
  let bytes = 0;
  return {
    take(stepsDone, machine) {
      if (stepsDone % every !== 0) return;
      const made = machine.snapshot(last);
      bytes += bytesOf([made], last);
      last = made;
      states.push(made);
      while (bytes > budget && states.length > 1) {
        states = states.filter((_, index) => index % 2 === 0);
        every *= 2;
        bytes = bytesOf(states, null);
      }
    },
    before(step) {
      const index = every === Infinity ? 0 : Math.floor(step / every);
      return { snapshot: states[index], taken: index === 0 ? 0 : index * every };
    },
    close() {
      last = null;
    },
  };
}

/** The most bytes that snapshots of slots of so many bytes take in a run of so many steps. */
export function snapshotBytesOf(slotBytes: number, steps: number): number {
  const count = Math.floor(steps / SNAPSHOT_STEPS);
  return Math.min(count * slotBytes, MAX_SNAPSHOT_BYTES + 2 * slotBytes);
}

/** The bytes of all pieces, each once, without those of `known`. */
function bytesOf(snapshots: readonly (Snapshot | null)[], known: Snapshot | null): number {
  const seen = new Set<Uint32Array>(known?.slots.flat());
  let bytes = 0;
  for (const piece of snapshots.flatMap((snapshot) => snapshot?.slots.flat() ?? [])) {
    if (seen.has(piece)) continue;
    seen.add(piece);
    bytes += piece.byteLength;
  }
  return bytes;
}
