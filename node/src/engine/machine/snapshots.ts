/**
 * Slots as pieces of 16 chunks, so that snapshots of a cache of which a step writes a row share what was not written in
 * between: a thousand snapshots of it take little more than one.
 */
import { CHUNK_WORDS } from "../../merkle/hash.ts";
import { HASHED } from "./operations.ts";

const PIECE_CHUNKS = 16;
const PIECE_WORDS = PIECE_CHUNKS * CHUNK_WORDS;

/**
 * Copies a slot. With notes of its chunks, pieces of the last snapshot stand for those without a change, and what is hashed
 * counts as unchanged from here on.
 */
export function piecesOfSlot(
  words: Uint32Array,
  notes: Uint8Array | null,
  last: readonly Uint32Array[] | null,
): Uint32Array[] {
  const count = Math.ceil(words.length / PIECE_WORDS);
  return Array.from({ length: count }, (_, piece) => {
    const own = notes?.subarray(piece * PIECE_CHUNKS, (piece + 1) * PIECE_CHUNKS);
    const isSame = own?.every((note) => note === 0) === true;
    if (last !== null && isSame) return last[piece];
    own?.forEach((note, chunk) => {
      if (note === HASHED) own[chunk] = 0;
    });
    return words.slice(piece * PIECE_WORDS, (piece + 1) * PIECE_WORDS);
  });
}

/** Fills a slot with its pieces. */
export function joinPieces(pieces: readonly Uint32Array[], words: Uint32Array): void {
  let at = 0;
  for (const piece of pieces) {
    words.set(piece, at);
    at += piece.length;
  }
}
