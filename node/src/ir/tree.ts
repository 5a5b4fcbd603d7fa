/**
 * The one tree rule (spec, "Trees") as far as a program's identity needs it: the root over a list of leaves. Proofs and
 * partial trees are the merkle layer's.
 */

import { keccak_256 } from "@noble/hashes/sha3.js";

/**
 * The root over 32-byte leaves, padded with empty subtrees to the next power of two. A node that covers no leaf is 32 zero
 * bytes and nothing is hashed for it; one leaf is its own root.
 */
export function rootOf(leaves: readonly Uint8Array[]): Uint8Array {
  if (leaves.length === 0) return new Uint8Array(32);
  let level = leaves;
  while (level.length > 1) {
    const parents: Uint8Array[] = [];
    const pair = new Uint8Array(64);
    for (let index = 0; index < level.length; index += 2) {
      pair.set(level[index]);
      if (index + 1 < level.length) pair.set(level[index + 1], 32);
      else pair.fill(0, 32);
      parents.push(keccak_256(pair));
    }
    level = parents;
  }
  return level[0];
}
