// Chains that DotProduct's random distributions rarely meet, each found by a mutant that they did not notice.
import assert from "node:assert/strict";
import { describe, it } from "node:test";

import { network } from "hardhat";
import { bytesToHex } from "viem";

import { fma } from "@lockstep/node/float/ops";

const COUNT = 16;

/** The words with zeros up to two words of calldata. */
const padded = (words: number[]): number[] => [...words, ...Array<number>(COUNT - words.length).fill(0)];

describe("rare chains of DotProduct", async () => {
  const { viem } = await network.create();
  const harness = await viem.deployContract("Float32Harness");

  async function checkChain(a: number[], b: number[]): Promise<void> {
    const view = new DataView(new ArrayBuffer(4 + 8 * COUNT));
    [0, ...a, ...b].forEach((word, at) => view.setUint32(4 * at, word));
    const [[result]] = await harness.read.dot([BigInt(COUNT), 0n, bytesToHex(new Uint8Array(view.buffer))]);
    let expected = 0;
    for (let i = 0; i < COUNT; i++) expected = fma(a[i], b[i], expected);
    assert.equal(Number(result), expected);
  }

  // An accumulator that leaves the fixed-point window with all 24 bits must leave it even: a zero whose exponents lie above
  // the accumulator's adds nothing, but has it rounded once more, to one bit less than it needs.
  it("test_dot_zeroTimesHugeAfterTheWindow_keepsTheLastBit", async () => {
    const tiny = 0x14000001;
    const scale = 0x3a800000;
    const huge = 0x7f000000;
    const least = 0x00000001;
    // The pair of least words takes the second word out of the window.
    const first = padded([tiny]).slice(0, 8);
    await checkChain(padded([...first, 0, least]), padded([scale, 0, 0, 0, 0, 0, 0, 0, huge, least]));
  });
});
