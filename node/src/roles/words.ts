/** Words as bytes on the network and in calldata: big-endian, tensor after tensor. */
import type { Program } from "../ir/index.ts";

/** Reads big-endian words. */
export function wordsOf(bytes: Uint8Array): Uint32Array {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const words = new Uint32Array(bytes.length / 4);
  for (let index = 0; index < words.length; index++) words[index] = view.getUint32(4 * index);
  return words;
}

/** Tensors as they are posted: big-endian words, one tensor after the other. */
export function joinInputs(inputs: readonly Uint32Array[]): Uint8Array {
  const bytes = new Uint8Array(inputs.reduce((sum, words) => sum + 4 * words.length, 0));
  const view = new DataView(bytes.buffer);
  let offset = 0;
  for (const words of inputs) {
    for (const word of words) {
      view.setUint32(offset, word);
      offset += 4;
    }
  }
  return bytes;
}

/** Cuts posted bytes by a program's interface; undefined if they don't fit it. */
export function splitInputs(program: Program, bytes: Uint8Array): Uint32Array[] | undefined {
  const total = program.inputs.reduce((sum, input) => sum + 4 * input.length, 0);
  if (bytes.length !== total) return undefined;
  let offset = 0;
  return program.inputs.map(({ length }) => {
    const words = wordsOf(bytes.subarray(offset, offset + 4 * length));
    offset += 4 * length;
    return words;
  });
}
