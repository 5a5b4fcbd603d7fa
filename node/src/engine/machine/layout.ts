/** Places in a machine's memory: ranges one after the other, and room that is used again when what it held is dead. */
import { SPARE_BYTES } from "../wasm/access.ts";

/** Every place starts at a multiple of this. */
const ALIGNMENT = 64;

/** The bytes that a tensor takes, with the spare ones after it. */
export function tensorBytes(length: number): number {
  return aligned(4 * length + SPARE_BYTES);
}

export function aligned(bytes: number): number {
  return Math.ceil(bytes / ALIGNMENT) * ALIGNMENT;
}

/** Room from an address on, given out in whole multiples of 64 bytes. */
export interface Room {
  /** Behind everything ever taken. */
  readonly end: number;
  take(bytes: number): number;
  /** What was taken may be taken again. */
  give(address: number, bytes: number): void;
}

/** Nothing taken yet. */
export function createRoom(start: number): Room {
  let end = aligned(start);
  // Ascending, none next to another.
  const free: { address: number; bytes: number }[] = [];
  return {
    get end() {
      return end;
    },
    take(size) {
      const bytes = aligned(size);
      let best = -1;
      free.forEach((hole, index) => {
        if (hole.bytes >= bytes && (best < 0 || hole.bytes < free[best].bytes)) best = index;
      });
      if (best < 0) {
        const last = free.at(-1);
        // What is free at the end is where new room begins.
        const address = last !== undefined && last.address + last.bytes === end ? last.address : end;
        if (address !== end) free.pop();
        end = address + bytes;
        return address;
      }
      const hole = free[best];
      const { address } = hole;
      hole.address += bytes;
      hole.bytes -= bytes;
      if (hole.bytes === 0) free.splice(best, 1);
      return address;
    },
    give(address, size) {
      const bytes = aligned(size);
      let index = free.findIndex((hole) => hole.address > address);
      if (index < 0) index = free.length;
      free.splice(index, 0, { address, bytes });
      for (const at of [index + 1, index]) {
        const [before, after] = [free[at - 1], free[at]];
        if (before === undefined || after === undefined || before.address + before.bytes !== after.address) continue;
        before.bytes += after.bytes;
        free.splice(at, 1);
      }
    },
  };
}
