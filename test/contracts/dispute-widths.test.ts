// The widest claim there can be: 2^20 steps, tensors of 2^31 - 1 words. Its last step, last chunk and last constant are demanded,
// descended to and opened, and the game stands at the places that were meant: no field of a challenge's word is cut off.
import assert from "node:assert/strict";
import { describe, it } from "node:test";

import { bytesToHex, concat, keccak256, toHex, type Hex } from "viem";

import { evidenceOf } from "@lockstep/node/engine";
import { buildScalar } from "@lockstep/node/ir/build";
import { encodeProgram, scalarHash } from "@lockstep/node/ir/encode";
import type { Program } from "@lockstep/node/ir/program";

import { createArena, registrationOfProgram } from "./support/players/arena.ts";
import { ZERO } from "./support/trace.ts";
import { BOND, CHALLENGE, CLAIM, FEE, outputsHashOf, revealByOf, sealOf } from "./support/world.ts";

const LENGTH = 2 ** 31 - 1;
const CHUNKS = 2 ** 23;
const STEPS = 2 ** 20;
const hash = (name: string): Hex => keccak256(toHex(name));
const pair = (left: Hex, right: Hex): Hex => keccak256(concat([left, right]));
const siblings = (name: string, count: number): Hex[] => Array.from({ length: count }, (_, i) => hash(`${name} ${i}`));

/** The 32 leaves that an opening shows, the last of which is given, and the siblings of that one. */
function lastLeaves(leaf: Hex, name: string): { leaves: Hex[]; path: Hex[] } {
  const leaves = [...siblings(name, 31), leaf];
  const path: Hex[] = [];
  let level = leaves;
  while (level.length > 1) {
    path.push(level[level.length - 2]);
    level = Array.from({ length: level.length / 2 }, (_, i) => pair(level[2 * i], level[2 * i + 1]));
  }
  return { leaves, path };
}

/** Every node from a last leaf up to the root, the leaf first. */
function up(leaf: Hex, path: readonly Hex[]): Hex[] {
  const nodes = [leaf];
  for (const sibling of path) nodes.push(pair(sibling, nodes[nodes.length - 1]));
  return nodes;
}

describe("a claim as wide as they come", async () => {
  const arena = await createArena();
  const { game, claims, programs, accounts } = arena;
  const { claimant, challenger } = accounts;

  const chunk = bytesToHex(new Uint8Array(1024).fill(7));
  const constantLeaves = lastLeaves(keccak256(chunk), "leaf of the constant");
  const constantPath = [...constantLeaves.path, ...siblings("constant", 18)];
  const constantNodes = up(keccak256(chunk), constantPath);
  const constantRoot = constantNodes[23];
  const type = "f32" as const;
  const copy = buildScalar({ operands: ["f32"], output: "f32", extents: [LENGTH] }, (b) => b.load(0, b.index));
  const program: Program = {
    inputs: [],
    slots: [],
    outputs: [{ type, length: LENGTH }],
    segments: [
      {
        records: [
          {
            scalar: scalarHash(copy),
            type,
            length: LENGTH,
            operands: [{ kind: "constant", type, length: LENGTH, root: constantRoot }],
          },
        ],
        steps: 0,
        slotBindings: [],
        outputBindings: [0],
      },
    ],
    scalars: new Map([[scalarHash(copy), copy]]),
  };
  const { summary, recordOf } = evidenceOf(program);
  const { record, siblings: recordSiblings } = recordOf(0, 0);

  // One primitive, one output: scratch root, state root and tensor root are one.
  const tensorLeaves = lastLeaves(keccak256(chunk), "leaf of the tensor");
  const tensorPath = [...tensorLeaves.path, ...siblings("tensor", 18)];
  const tensorNodes = up(keccak256(chunk), tensorPath);
  const tensorRoot = tensorNodes[23];
  const stepNode = pair(tensorRoot, tensorRoot);
  const stepPath = siblings("step", 20);
  const stepNodes = up(stepNode, stepPath);
  const traceRoot = stepNodes[20];
  const terms = {
    programRoot: keccak256(encodeProgram(program).summary),
    inputsRoot: ZERO,
    steps: STEPS,
    traceMode: 0,
    operator: claimant,
    taskId: ZERO,
    moveFeeWei: FEE,
  };
  const outputRoots = [tensorRoot];
  const claim = {
    claimant,
    terms,
    bondWei: BOND,
    traceRoot,
    outputsHash: outputsHashOf(outputRoots),
    salt: hash("salt"),
  };
  const claimId = await claims.read.idOf([claim]);
  await programs.write.register(registrationOfProgram(program));
  await claims.write.commit([terms, sealOf(claim)], { account: claimant, value: BOND });
  const shown = { summary, scratchRoot: tensorRoot, stateRoot: tensorRoot, stepSiblings: stepPath, outputSiblings: [] };
  await claims.write.reveal([claim, await revealByOf(arena, claimId), outputRoots, shown], { account: claimant });
  assert.equal(await claims.read.statusOf([claimId]), CLAIM.revealed);
  const value = await game.read.depositOf([FEE]);

  const nothing = { summary, record: "0x", recordSiblings: [], interfaceTable: "0x" } as const;
  const withRecord = { summary, record, recordSiblings, interfaceTable: "0x" } as const;
  const standing = async (nonce: bigint) =>
    game.read.challengeOf([await game.read.challengeIdOf([claimId, challenger, nonce])]);

  for (const [nonce, section, step, path, nodes, { leaves }, above] of [
    [1n, 6, 0, constantPath, constantNodes, constantLeaves, []],
    [2n, 3, STEPS - 1, tensorPath, tensorNodes, tensorLeaves, [tensorRoot, ...stepPath]],
  ] as const) {
    it(`shows the last chunk of section ${section}, absolutely and by descending`, async () => {
      const index = CHUNKS - 1;
      const first = {
        node: nodes[5],
        position: { section, height: 5, step, item: 0, index: index >>> 5 },
        path: [...path.slice(5), ...above],
        shown: withRecord,
      };
      await game.write.challenge([claim, nonce, first], { account: challenger, value });
      const wrong = { ...first, position: { ...first.position, index: (index >>> 5) + 1 } };
      const outside = game.write.challenge([claim, nonce + 10n, wrong], { account: challenger, value });
      await assert.rejects(outside, /PositionOutsideTree/);
      let at = await standing(nonce);
      assert.deepEqual([at.position, at.leafCount], [first.position, CHUNKS]);
      const others = game.write.open([claimId, challenger, nonce, leaves.toReversed()], { account: claimant });
      await assert.rejects(others, /OpeningMismatch/);
      await game.write.open([claimId, challenger, nonce, leaves], { account: claimant });
      const last = {
        ...first,
        node: nodes[0],
        position: { ...first.position, height: 0, index },
        path: [...path, ...above],
      };
      for (const other of [index - 1, index + 1, index - 2 ** 22]) {
        const descent = game.write.descend([claimId, nonce, nodes[0], other, path.slice(0, 5)], {
          account: challenger,
        });
        await assert.rejects(descent, /NodeNotBelow|OpenedNodeMismatch/);
      }
      await game.write.descend([claimId, nonce, nodes[0], index, path.slice(0, 5)], { account: challenger });
      at = await standing(nonce);
      assert.deepEqual([at.position, at.leafCount, at.node], [last.position, CHUNKS, nodes[0]]);

      await game.write.challenge([claim, nonce + 20n, last], { account: challenger, value });
      await game.write.openChunk([claimId, challenger, nonce + 20n, chunk], { account: claimant });
      at = await standing(nonce + 20n);
      assert.deepEqual([at.position, at.leafCount, at.status], [last.position, CHUNKS, CHALLENGE.challengerTurn]);
    });
  }

  it("shows the last step, and enters its one primitive at once", async () => {
    const position = { section: 0, height: 0, step: 0, item: 0, index: STEPS - 1 };
    const first = { node: stepNode, position, path: stepPath, shown: nothing };
    await game.write.challenge([claim, 5n, first], { account: challenger, value });
    await game.write.openStep([claim, challenger, 5n, tensorRoot, [tensorRoot]], { account: claimant });
    let at = await standing(5n);
    assert.deepEqual([at.position, at.leafCount], [{ section: 1, height: 0, step: STEPS - 1, item: 0, index: 0 }, 1]);
    const body = await claims.read.bodyOf([claim]);
    await game.write.enter([body, 5n, tensorRoot, 0, [], withRecord], { account: challenger });
    at = await standing(5n);
    const top = { section: 3, height: 23, step: STEPS - 1, item: 0, index: 0 };
    assert.deepEqual([at.position, at.leafCount], [top, CHUNKS]);
    for (const index of [STEPS, 2 ** 24 + STEPS - 1, 2 ** 32 - 1]) {
      const outside = { ...first, position: { ...position, index } };
      const refused = game.write.challenge([claim, 6n, outside], { account: challenger, value });
      await assert.rejects(refused, /PositionOutsideTree/);
    }
  });

  it("has no place for a step, an item or an index that would be cut off", async () => {
    for (const change of [
      { step: STEPS },
      { step: 2 ** 24 + STEPS - 1 },
      { item: 1 },
      { item: 2 ** 16 },
      { index: CHUNKS },
      { index: 2 ** 24 + CHUNKS - 1 },
      { height: 24, index: 0 },
      { height: 255, index: 0 },
    ]) {
      const position = { section: 3, height: 0, step: STEPS - 1, item: 0, index: CHUNKS - 1, ...change };
      const first = {
        node: tensorNodes[0],
        position,
        path: [...tensorPath, tensorRoot, ...stepPath],
        shown: withRecord,
      };
      await assert.rejects(
        game.write.challenge([claim, 7n, first], { account: challenger, value }),
        /PositionOutsideTree|PathLengthMismatch|TraceRootMismatch|LeafOutsideTree/,
      );
    }
  });
});
