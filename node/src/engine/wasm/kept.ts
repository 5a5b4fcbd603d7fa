/**
 * Words that never change, kept in a runner's memory from run to run: as they are, or packed in panels for tiles. Whoever
 * names such words vouches for them. What is full stays full until most of it belongs to words that are gone; then all is
 * forgotten at once.
 */

import type { Contraction } from "./contraction.ts";
import type { Arena } from "./memory.ts";
import { isPackable, panelWords } from "./multiply.ts";

/** Shorter tensors are copied faster than they are looked up. */
const LEAST_WORDS = 1024;

/** Room that was found or made. Its words are to be written where `isNew`. */
export interface KeptRoom {
  readonly address: number;
  readonly isNew: boolean;
}

export interface KeptWords {
  /** These words never change. */
  add(words: Uint32Array): void;
  /** Room for a copy of the words, or null where they may change. Only straight after a reset of the arena. */
  room(words: Uint32Array): KeptRoom | null;
  /** Room for the words packed as the columns of the contraction, or null where they can't be. Likewise. */
  panelRoom(words: Uint32Array, contraction: Contraction): KeptRoom | null;
  /** Makes room where most of what is kept belongs to words that are gone. Only before a run. */
  tidy(): void;
  /** Frees everything kept; whether there was anything. */
  clear(): boolean;
}

/** Nothing kept yet; at most `mostBytes` at a time. */
export function createKeptWords(arena: Arena, mostBytes: number): KeptWords {
  const constants = new WeakSet<Uint32Array>();
  const layouts = new WeakMap<Contraction, string>();
  let rooms = new WeakMap<Uint32Array, Map<string, number>>();
  let isFull = false;
  let lostBytes = 0;
  const registry = new FinalizationRegistry<number>((bytes) => (lostBytes += bytes));

  const clear = (): boolean => {
    const hadAny = arena.keptBytes() > 0;
    rooms = new WeakMap();
    [isFull, lostBytes] = [false, 0];
    arena.clear();
    return hadAny;
  };
  const find = (words: Uint32Array, layout: string, length: number): KeptRoom | null => {
    if (!constants.has(words)) return null;
    const known = rooms.get(words)?.get(layout);
    if (known !== undefined) return { address: known, isNew: false };
    if (arena.keptBytes() + 4 * length > mostBytes) {
      isFull = true;
      return null;
    }
    const address = arena.keep(length);
    registry.register(words, 4 * length);
    const layoutsOfWords = rooms.get(words) ?? new Map<string, number>();
    rooms.set(words, layoutsOfWords.set(layout, address));
    return { address, isNew: true };
  };
  return {
    add(words) {
      if (words.length >= LEAST_WORDS) constants.add(words);
    },
    room: (words) => find(words, "", words.length),
    panelRoom(words, contraction) {
      if (!isPackable(contraction)) return null;
      const layout = layouts.get(contraction) ?? layoutOf(contraction);
      layouts.set(contraction, layout);
      return find(words, layout, panelWords(contraction));
    },
    tidy() {
      if (isFull && 2 * lostBytes > mostBytes) clear();
    },
    clear,
  };
}

/** What the panels of a contraction's columns depend on, beside the words. Addresses mostly ascend evenly. */
function layoutOf({ columns }: Contraction): string {
  const { addresses, runs } = columns;
  const steps: number[] = [addresses[0]];
  for (let column = 1; column < addresses.length; column++) {
    const step = addresses[column] - addresses[column - 1];
    if (steps.length > 1 && steps[steps.length - 2] === step) steps[steps.length - 1]++;
    else steps.push(step, 1);
  }
  return `${runs.join()}:${steps.join()}`;
}
