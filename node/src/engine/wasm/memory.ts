/**
 * The one memory of a runner: tensors are placed one after the other for a run and forgotten after it. It grows as runs
 * need it, up to the 4 GiB that 32-bit addresses reach, and never shrinks.
 */

import { LockstepError } from "../../float/errors.ts";
import { SPARE_BYTES } from "./access.ts";

export const PAGE_BYTES = 65536;
/** What 32-bit addresses reach. */
export const MAX_PAGES = 65536;

/** Where tensors lie. Byte addresses are multiples of 64. */
export interface Arena {
  readonly memory: WebAssembly.Memory;
  /** The whole memory as words; another array after every growth. */
  words(): Uint32Array;
  /** Room for `length` words and the spare bytes after them; gives the byte address. */
  reserve(length: number): number;
  /** Forgets everything reserved. */
  reset(): void;
}

/** A primitive or a program needs more memory than a module can address, than it may have, or than the host grants. */
export class EngineMemoryError extends LockstepError {
  constructor(bytes: number, most: number = MAX_PAGES * PAGE_BYTES, cause?: unknown) {
    super("EngineMemoryError", `${bytes} bytes of memory are needed of at most ${most}`, { bytes, most }, { cause });
  }
}

/** An empty memory that grows up to `maxPages` pages of 64 KiB. */
export function createArena(maxPages = MAX_PAGES): Arena {
  const memory = new WebAssembly.Memory({ initial: 1, maximum: maxPages });
  let end = 0;
  let view = new Uint32Array(memory.buffer);
  return {
    memory,
    words() {
      if (view.buffer !== memory.buffer) view = new Uint32Array(memory.buffer);
      return view;
    },
    reserve(length) {
      const address = end;
      end = address + Math.ceil((4 * length + SPARE_BYTES) / 64) * 64;
      const missing = Math.ceil(end / PAGE_BYTES) - memory.buffer.byteLength / PAGE_BYTES;
      if (missing > 0) grow(memory, missing, end, maxPages);
      return address;
    },
    reset() {
      end = 0;
    },
  };
}

// Growing by half each time keeps the number of copies small, but the last step may only be as large as needed.
function grow(memory: WebAssembly.Memory, missing: number, bytes: number, maxPages: number): void {
  const pages = memory.buffer.byteLength / PAGE_BYTES;
  if (pages + missing > maxPages) throw new EngineMemoryError(bytes, maxPages * PAGE_BYTES);
  try {
    memory.grow(Math.min(Math.max(missing, Math.floor(pages / 2)), maxPages - pages));
  } catch {
    try {
      memory.grow(missing);
    } catch (error) {
      throw new EngineMemoryError(bytes, maxPages * PAGE_BYTES, error);
    }
  }
}
