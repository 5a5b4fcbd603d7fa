// The referee of elements over real runs: every lie about a primitive's output is proven with the proof that the node builds,
// an honest element is refused, and every part of a proof that is changed is refused with its error or changes nothing.
import assert from "node:assert/strict";
import { describe, it } from "node:test";

import { network } from "hardhat";
import { bytesToHex, concatHex, hexToBytes } from "viem";
import type { Hex } from "viem";

import { encodeElementProof } from "@lockstep/node/engine/dispute/abi";
import { checkProof } from "@lockstep/node/engine/dispute/check";
import { buildElementProof } from "@lockstep/node/engine/dispute/proofs";
import type { ClaimView, ElementProof, Fault } from "@lockstep/node/engine/dispute/types";
import { claimViewOf, viewOfRun } from "@lockstep/node/engine/dispute/view";
import { findFraud } from "@lockstep/node/engine/dispute/walk";
import type { Tamper } from "@lockstep/node/engine/tamper";
import { chain, recurrent, runFixture, singleWord } from "@lockstep/node/engine/fixtures";
import type { Fixture } from "@lockstep/node/engine/fixtures";
import { createRandom } from "@lockstep/node/float/directed";
import { buildScalar } from "@lockstep/node/ir/build";
import { scalarHash } from "@lockstep/node/ir/encode";
import { keccak } from "@lockstep/node/merkle/hash";

const ZERO: Hex = `0x${"00".repeat(32)}`;
const PART = { program: 0, trace: 1, records: 2, scratch: 3, state: 4, inputs: 5, tensor: 6, interface: 7, scalar: 9 };

interface Proven {
  readonly claim: ClaimView;
  readonly proof: ElementProof;
  readonly fault: Fault;
}

function proofOf(fixture: Fixture, steps: number, tamper: Tamper): Proven {
  const lying = runFixture(fixture, steps, { tamper });
  const claim = claimViewOf(lying);
  const fraud = findFraud(runFixture(fixture, steps), lying);
  assert.ok(fraud !== null && fraud.kind === 0);
  return { claim, proof: fraud.proof, fault: checkProof(claim, fraud) };
}

const RECURRENT = recurrent(600, 2);
const STEPS = 4;

// Between them: inputs, constants, slots after step 0 and before (from an input and from a constant), gathers, dot products.
const LIES: Tamper[] = [
  { step: 0, primitive: 0, element: 3, xor: 2 },
  { step: 0, primitive: 1, element: 2, xor: 0x80000000 },
  { step: 1, primitive: 0, element: 257, xor: 2 },
  { step: 2, primitive: 1, element: 0, xor: 1 },
  { step: 2, primitive: 2, element: 599, xor: 2 },
  { step: 2, primitive: 2, element: 3, xor: 2 },
  { step: 3, primitive: 3, element: 1, xor: 2 },
  { step: 3, primitive: 4, element: 400, xor: 2 },
];

/** Every copy of a value with one leaf changed. */
function* mutations(value: unknown): Generator {
  if (typeof value === "number") {
    yield value + 1;
    if (value > 0) yield value - 1;
  } else if (typeof value === "string") {
    if (value.length === 2) yield "0x00";
    for (const at of value.length === 2 ? [] : [2, value.length - 1]) {
      yield value.slice(0, at) + (Number.parseInt(value[at], 16) ^ 1).toString(16) + value.slice(at + 1);
    }
    if (value.length > 4 && value.length !== ZERO.length) yield value.slice(0, -2);
  } else if (Array.isArray(value)) {
    if (value.length > 0) yield value.slice(1);
    yield [...value, value[0] ?? ZERO];
    for (let at = 0; at < value.length; at++) for (const changed of mutations(value[at])) yield value.with(at, changed);
  } else {
    for (const [key, field] of Object.entries(value as object)) {
      for (const changed of mutations(field)) yield { ...(value as object), [key]: changed };
    }
  }
}

describe("Referee", async () => {
  const { viem } = await network.create();
  const referee = await viem.deployContract("Referee");
  const publicClient = await viem.getPublicClient();
  type ErrorName = Extract<(typeof referee.abi)[number], { type: "error" }>["name"];

  const prove = (claim: ClaimView, proof: ElementProof): Promise<Fault> =>
    referee.read.prove([0, claim, encodeElementProof(proof)]);

  const refuses = (claim: ClaimView, proof: ElementProof, error: ErrorName, args: unknown[]): Promise<void> =>
    viem.assertions.revertWithCustomErrorWithArgs(prove(claim, proof), referee, error, args as never);

  const anything = (): boolean => true;

  it("test_code_size_isBelowTheLimit", async (t) => {
    const code = await publicClient.getCode({ address: referee.address });
    assert.ok(code !== undefined);
    t.diagnostic(`${code.length / 2 - 1} bytes`);
    assert.ok(code.length / 2 - 1 < 24_576);
  });

  for (const lie of LIES) {
    it(`test_prove_lie${JSON.stringify(lie).replaceAll('"', "")}_isProvenAndNothingElse`, async (t) => {
      const { claim, proof, fault } = proofOf(RECURRENT, STEPS, lie);
      assert.deepEqual(await prove(claim, proof), fault);
      assert.equal((fault.claimed ^ fault.computed) >>> 0, lie.xor);

      let refused = 0;
      let total = 0;
      for (const changed of mutations(proof)) {
        total++;
        try {
          // What the operands do not need is not looked at: then the fault must stay the same.
          assert.deepEqual(await prove(claim, changed as ElementProof), fault);
        } catch (error) {
          assert.ok(error instanceof Error && error.name !== "AssertionError", String(error));
          refused++;
        }
      }
      t.diagnostic(`${refused} of ${total} mutations refused`);
      assert.ok(refused > total / 2);
    });
  }

  it("test_prove_otherFixtures_areProven", async () => {
    for (const [fixture, steps, tamper] of [
      [singleWord(), 1, { step: 0, primitive: 0, element: 0, xor: 1 }],
      [singleWord(), 5, { step: 3, primitive: 0, element: 0, xor: 1 }],
      [chain(40, 3000), 2, { step: 0, primitive: 0, element: 2999, xor: 7 }],
      [chain(40, 3000), 2, { step: 1, primitive: 39, element: 1024, xor: 7 }],
      [chain(1, 1), 1, { step: 0, primitive: 0, element: 0, xor: 7 }],
    ] as const) {
      const { claim, proof, fault } = proofOf(fixture, steps, tamper);
      assert.deepEqual(await prove(claim, proof), fault);
    }
  });

  it("test_prove_honestElement_revertsElementMatches", async () => {
    const { claim, proof } = proofOf(RECURRENT, STEPS, { step: 1, primitive: 0, element: 257, xor: 2 });
    // The neighbour stands in the same chunk, reads the same operand chunk, and is right.
    await refuses(claim, { ...proof, element: 258 }, "ElementMatches", [258, anything]);
    const honest = claimViewOf(runFixture(RECURRENT, STEPS));
    await refuses(honest, proof, "HashMismatch", [PART.trace, honest.traceRoot, anything]);
  });

  it("test_prove_otherKinds_revert", async () => {
    const { claim, proof } = proofOf(singleWord(), 1, { step: 0, primitive: 0, element: 0, xor: 1 });
    for (const kind of [1, 2, 3, 255]) {
      await viem.assertions.revertWithCustomErrorWithArgs(
        referee.read.prove([kind, claim, encodeElementProof(proof)]),
        referee,
        "FraudKindUnknown",
        [kind],
      );
    }
  });

  it("test_prove_bytesThatEncodeNoProof_revert", async () => {
    const { claim, proof } = proofOf(singleWord(), 1, { step: 0, primitive: 0, element: 0, xor: 1 });
    const bytes = encodeElementProof(proof);
    const call = (encoded: Hex) => referee.read.prove([0, claim, encoded]);
    const error = "ProofEncodingInvalid";
    await viem.assertions.revertWithCustomErrorWithArgs(call("0x"), referee, error, [0n]);
    const shifted = concatHex([`0x${"40".padStart(64, "0")}`, `0x${bytes.slice(66)}`]);
    await viem.assertions.revertWithCustomErrorWithArgs(call(shifted), referee, error, [64n]);
    for (const length of [64, 300, 1000, bytes.length / 2 - 33]) {
      await assert.rejects(call(bytes.slice(0, 2 + 2 * length) as Hex));
    }
  });

  describe("malformed parts", () => {
    const { claim, proof } = proofOf(RECURRENT, STEPS, { step: 2, primitive: 1, element: 0, xor: 1 });
    const [weights, layer] = proof.operands;
    const flip = (hash: Hex): Hex =>
      `${hash.slice(0, -1)}${(Number.parseInt(hash.slice(-1), 16) ^ 1).toString(16)}` as Hex;
    const withOperand = (index: number, change: Partial<ElementProof["operands"][number]>): ElementProof => {
      return { ...proof, operands: proof.operands.with(index, { ...proof.operands[index], ...change }) };
    };
    const withRange = (change: Partial<ElementProof["output"]>): ElementProof =>
      withOperand(1, { ranges: [{ ...layer.ranges[0], ...change }] });

    const cases: [string, ElementProof, ErrorName, unknown[]][] = [
      [
        "summary",
        { ...proof, record: { ...proof.record, summary: "0x00" } },
        "HashMismatch",
        [PART.program, claim.programRoot, anything],
      ],
      ["stepOutside", { ...proof, step: { ...proof.step, step: STEPS } }, "StepOutsideClaim", [4n, 4n]],
      [
        "stepOther",
        { ...proof, step: { ...proof.step, step: 3 } },
        "HashMismatch",
        [PART.trace, claim.traceRoot, anything],
      ],
      [
        "stepSiblings",
        { ...proof, step: { ...proof.step, siblings: proof.step.siblings.slice(1) } },
        "SiblingCountMismatch",
        [2n, 1n],
      ],
      [
        "recordOther",
        { ...proof, record: { ...proof.record, primitive: 2 } },
        "HashMismatch",
        [PART.records, anything, anything],
      ],
      ["recordOutside", { ...proof, record: { ...proof.record, primitive: 5 } }, "LeafOutsideTree", [5n, 5n]],
      ["recordHighBits", { ...proof, record: { ...proof.record, primitive: 9 } }, "LeafOutsideTree", [9n, 5n]],
      [
        "recordBytes",
        { ...proof, record: { ...proof.record, record: "0x" } },
        "HashMismatch",
        [PART.records, anything, anything],
      ],
      ["scalar", { ...proof, scalar: "0x01" }, "HashMismatch", [PART.scalar, anything, keccak(Uint8Array.of(1))]],
      [
        "outputRoot",
        { ...proof, outputRoot: flip(proof.outputRoot) },
        "HashMismatch",
        [PART.scratch, anything, anything],
      ],
      ["outputRootZero", { ...proof, outputRoot: ZERO }, "ZeroLeaf", [1n]],
      [
        "outputWords",
        { ...proof, output: { ...proof.output, chunks: `${proof.output.chunks.slice(0, -1)}1` as Hex } },
        "HashMismatch",
        [PART.tensor, proof.outputRoot, anything],
      ],
      ["outputFirst", { ...proof, output: { ...proof.output, first: 1 } }, "OutputChunkMismatch", [0n, 1n, 1024n]],
      [
        "outputTwoChunks",
        { ...proof, output: { ...proof.output, chunks: concatHex([proof.output.chunks, proof.output.chunks]) } },
        "OutputChunkMismatch",
        [0n, 0n, 2048n],
      ],
      ["element", { ...proof, element: 3 }, "ElementOutsideTensor", [3n, 3n]],
      ["operandCount", { ...proof, operands: [weights] }, "OperandCountMismatch", [2n, 1n]],
      [
        "operandRoot",
        withOperand(1, { root: flip(layer.root) }),
        "HashMismatch",
        [PART.scratch, proof.step.scratchRoot, anything],
      ],
      ["operandSiblings", withOperand(1, { siblings: [] }), "SiblingCountMismatch", [3n, 0n]],
      ["constantWords", withOperand(0, { ranges: [layer.ranges[0]] }), "SiblingCountMismatch", [anything, anything]],
      ["notShown", withOperand(1, { ranges: [] }), "ChunkNotShown", [1n, 0n]],
      [
        "rangePartOfAChunk",
        withRange({ chunks: layer.ranges[0].chunks.slice(0, -8) as Hex }),
        "ChunkBytesInvalid",
        [3068n],
      ],
      ["rangeEmpty", withRange({ chunks: "0x" }), "ChunkBytesInvalid", [0n]],
      ["rangeOutside", withRange({ first: 1 }), "LeafOutsideTree", [4n, 3n]],
      ["rangeSiblings", withRange({ siblings: [...layer.ranges[0].siblings, ZERO] }), "SiblingCountMismatch", [1n, 2n]],
      [
        "rangeSibling",
        withRange({ siblings: [flip(layer.ranges[0].siblings[0])] }),
        "HashMismatch",
        [PART.tensor, layer.root, anything],
      ],
    ];
    for (const [name, changed, error, args] of cases) {
      it(`test_prove_${name}_reverts${error}`, async () => {
        await refuses(claim, changed, error, args);
      });
    }

    it("test_prove_anyBitOfOperandOrOutputChunks_revertsHashMismatch", async () => {
      const flipBit = (bytes: Hex, bit: number): Hex => {
        const copy = hexToBytes(bytes);
        copy[bit >> 3] ^= 1 << (bit & 7);
        return bytesToHex(copy);
      };
      for (let bit = 0; bit < 3 * 8192; bit += 997) {
        await refuses(claim, withRange({ chunks: flipBit(layer.ranges[0].chunks, bit) }), "HashMismatch", [
          PART.tensor,
          layer.root,
          anything,
        ]);
      }
    });
  });

  it("test_prove_slotOperands_needTheirStepOrTable", async () => {
    const later = proofOf(RECURRENT, STEPS, { step: 1, primitive: 0, element: 257, xor: 2 });
    const wrongStep = { ...later.proof, previous: { ...later.proof.previous, step: 1 } };
    await refuses(later.claim, wrongStep, "StepMismatch", [0n, 1n]);
    const wrongState = { ...later.proof, previous: { ...later.proof.previous, stateRoot: ZERO } };
    await refuses(later.claim, wrongState, "HashMismatch", [PART.trace, later.claim.traceRoot, anything]);

    const first = proofOf(RECURRENT, STEPS, { step: 0, primitive: 0, element: 3, xor: 2 });
    await refuses(first.claim, { ...first.proof, interfaceTable: "0x" }, "HashMismatch", [
      PART.interface,
      anything,
      anything,
    ]);
    const [slot] = first.proof.operands;
    const otherRoot = {
      ...first.proof,
      operands: first.proof.operands.with(0, { ...slot, root: later.proof.outputRoot }),
    };
    await refuses(first.claim, otherRoot, "HashMismatch", [PART.inputs, first.claim.inputsRoot, anything]);
  });

  it("test_prove_denseLeaf_gasIsReported", async (t) => {
    for (const width of [64, 768, 1024, 4096]) {
      const fixture = denseDot(width);
      const lying = runFixture(fixture, 1, { tamper: { step: 0, primitive: 0, element: 0, xor: 1 } });
      const encoded = encodeElementProof(buildElementProof(viewOfRun(lying), 0, 0, 0));
      const { abi, address } = referee;
      const args = [0, claimViewOf(lying), encoded] as const;
      const gas = await publicClient.estimateContractGas({ abi, address, functionName: "prove", args });
      t.diagnostic(`dense random leaf of ${width} steps: ${gas} gas with the transaction, ${encoded.length / 2} bytes`);
      assert.ok(gas < 100_000n + 400n * BigInt(width));
    }
  });
});

/** One dot product of two inputs whose words have hardly a zero byte. */
function denseDot(width: number): Fixture {
  const random = createRandom(0xde45e);
  const tensor = { type: "f32", length: width } as const;
  const program = buildScalar({ operands: ["f32", "f32"], output: "f32", extents: [1] }, (b) => {
    return b.loop({
      count: width,
      carried: [{ type: "f32", init: 0 }],
      body: ({ carried }) => [b.fma(b.load(0, 0, [[width, 1]]), b.load(1, 0, [[width, 1]]), carried[0])],
      combine: (totals, blocks) => [b.add(totals[0], blocks[0])],
    })[0];
  });
  const scalar = scalarHash(program);
  const operands = [0, 1].map((index) => ({ kind: "input" as const, ...tensor, index }));
  return {
    program: {
      inputs: [tensor, tensor],
      slots: [],
      outputs: [{ type: "f32", length: 1 }],
      segments: [
        { records: [{ scalar, type: "f32", length: 1, operands }], steps: 0, slotBindings: [], outputBindings: [0] },
      ],
      scalars: new Map([[scalar, program]]),
    },
    inputs: [0, 1].map(() => Uint32Array.from({ length: width }, () => 0x3f000000 + (random() & 0x80ffffff))),
    constants: (root) => assert.fail(`no constant ${root}`),
  };
}
