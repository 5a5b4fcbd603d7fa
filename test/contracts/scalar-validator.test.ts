// The contract's rules for scalar programs against decodeScalar and validateScalar: the same verdict and the same static bounds
// on random valid programs and on mutants of them. Where they differed, an honest claimant could be slashed.
import assert from "node:assert/strict";
import { describe, it } from "node:test";

import { network } from "hardhat";
import { bytesToHex } from "viem";

import { below, createRandom } from "@lockstep/node/float/directed";
import type { Random } from "@lockstep/node/float/directed";
import { LockstepError } from "@lockstep/node/float/errors";
import { chunkBound, gasBound } from "@lockstep/node/ir/bounds";
import { decodeScalar } from "@lockstep/node/ir/decode";
import { encodeScalar } from "@lockstep/node/ir/encode";
import { randomScalar } from "@lockstep/node/ir/random";
import { SCALAR_LIMITS } from "@lockstep/node/ir/scalar";
import type { PatternDigit, ScalarProgram } from "@lockstep/node/ir/scalar";
import { validateScalar } from "@lockstep/node/ir/validate";

const SEED = 0x7a11d;
const BATCH = 50;
const CHUNK_BOUND = 32n;
const GAS_BOUND = 33n;

/** The rule that the bytes break, or null. */
function verdict(bytes: Uint8Array): string | null {
  try {
    validateScalar(decodeScalar(bytes));
    return null;
  } catch (error) {
    if (!(error instanceof LockstepError)) throw error;
    return "rule" in error ? String(error.rule) : error.name;
  }
}

/** One to three changes, most of them in the fields of a well-formed program, so that many mutants stay valid. */
function mutate(random: Random, program: ScalarProgram): Uint8Array {
  const bytes = encodeScalar(program);
  const view = new DataView(bytes.buffer);
  const registers = 20 + below(random, 40);
  for (let changes = 1 + below(random, 3); changes > 0; changes--) {
    switch (below(random, 6)) {
      case 0:
        bytes[below(random, bytes.length)] ^= 1 << below(random, 8);
        break;
      case 1:
        bytes[below(random, 32)] = below(random, 6);
        break;
      case 2:
        if (bytes.length >= 40)
          view.setUint16(32 + 2 * below(random, (bytes.length - 32) / 2), below(random, registers));
        break;
      case 3:
        bytes[32 + 8 * below(random, Math.max(1, (bytes.length - 32) / 8))] = 1 + below(random, 39);
        break;
      case 4:
        view.setUint16(20, below(random, 5000));
        break;
      case 5:
        view.setUint16(26, below(random, registers));
        break;
    }
  }
  return below(random, 40) === 0 ? bytes.slice(0, below(random, bytes.length + 1)) : bytes;
}

/** The same program with other patterns and another count, to move the static bounds about. */
function stretch(random: Random, program: ScalarProgram): ScalarProgram {
  if (program.loop === null) return program;
  const digit = (): PatternDigit => ({
    extent: 1 + below(random, [2, 20, 300, 5000, 2 ** 24, 2 ** 32 - 1][below(random, 6)]),
    stride: (below(random, [2, 3, 300, 2 ** 20, 2 ** 31][below(random, 5)]) * (random() & 1 ? 1 : -1)) | 0,
  });
  const patterns = program.patterns.map(() => [digit(), digit(), digit()] as const);
  const start = 256 * below(random, [1, 4, 65000][below(random, 3)]);
  const count = 1 + below(random, [40, 300, 4096][below(random, 3)]);
  const single = count > 256 && (random() & 1) === 1;
  return { ...program, patterns, loop: { ...program.loop, start, count, single } };
}

describe("ScalarValidator", async () => {
  const { viem } = await network.create();
  const harness = await viem.deployContract("ScalarValidatorHarness");

  interface Inspection {
    readonly reason: bigint;
    readonly chunks: bigint;
    readonly gasBound: bigint;
  }

  async function inspect(programs: readonly Uint8Array[]): Promise<Inspection[]> {
    const inspections: Inspection[] = [];
    for (let first = 0; first < programs.length; first += BATCH) {
      const batch = programs.slice(first, first + BATCH).map((bytes) => bytesToHex(bytes));
      inspections.push(...(await harness.read.inspect([batch])));
    }
    return inspections;
  }

  function assertSame(bytes: Uint8Array, { reason, chunks, gasBound: gas }: Inspection): string {
    const rule = verdict(bytes);
    if ((rule === null) !== (reason === 0n))
      assert.fail(`${rule ?? "valid"}, but reason ${reason}: ${bytesToHex(bytes)}`);
    if (rule === "chunk-bound" || rule === "gas-bound") {
      assert.equal(reason, rule === "chunk-bound" ? CHUNK_BOUND : GAS_BOUND);
    }
    if (rule === null || reason === CHUNK_BOUND || reason === GAS_BOUND) {
      const program = decodeScalar(bytes);
      assert.equal(Number(chunks), chunkBound(program));
      assert.equal(Number(gas), gasBound(program));
    }
    return rule ?? "valid";
  }

  it("test_inspect_randomValidPrograms_areValidWithTheSameBounds", async (t) => {
    const random = createRandom(SEED);
    const programs = Array.from({ length: 500 }, () => encodeScalar(randomScalar(random)));
    const inspections = await inspect(programs);
    programs.forEach((bytes, index) => assert.equal(assertSame(bytes, inspections[index]), "valid"));
    t.diagnostic(`seed 0x${SEED.toString(16)}, ${programs.length} programs`);
  });

  it("test_inspect_mutants_haveTheSameVerdict", async (t) => {
    const random = createRandom(SEED + 1);
    const programs = Array.from({ length: 4000 }, () => mutate(random, randomScalar(random)));
    const inspections = await inspect(programs);
    const seen = new Map<string, number>();
    programs.forEach((bytes, index) => {
      const rule = assertSame(bytes, inspections[index]);
      seen.set(rule, (seen.get(rule) ?? 0) + 1);
    });
    t.diagnostic(`seed 0x${(SEED + 1).toString(16)}: ${JSON.stringify(Object.fromEntries(seen))}`);
    assert.ok(seen.size > 20 && (seen.get("valid") ?? 0) > 300);
  });

  it("test_inspect_stretchedLoops_haveTheSameBounds", async (t) => {
    const random = createRandom(SEED + 2);
    const programs = Array.from({ length: 1500 }, () => encodeScalar(stretch(random, randomScalar(random))));
    const inspections = await inspect(programs);
    const seen = new Map<string, number>();
    programs.forEach((bytes, index) => {
      const rule = assertSame(bytes, inspections[index]);
      seen.set(rule, (seen.get(rule) ?? 0) + 1);
    });
    t.diagnostic(`seed 0x${(SEED + 2).toString(16)}: ${JSON.stringify(Object.fromEntries(seen))}`);
    for (const rule of ["valid", "chunk-bound", "gas-bound"]) assert.ok((seen.get(rule) ?? 0) > 30, rule);
  });

  it("test_inspect_anyBytes_neverReverts", async () => {
    const random = createRandom(SEED + 3);
    const programs = Array.from({ length: 400 }, () =>
      Uint8Array.from({ length: below(random, 200) }, (_, index) => (index === 0 ? 1 : below(random, 4))),
    );
    programs.push(new Uint8Array(), new Uint8Array(SCALAR_LIMITS.encodedBytes + 1).fill(1));
    const inspections = await inspect(programs);
    programs.forEach((bytes, index) => assertSame(bytes, inspections[index]));
  });

  it("test_inspect_largestPrograms_gasIsReported", async (t) => {
    const program = largest();
    validateScalar(program);
    const bytes = encodeScalar(program);
    assert.ok(bytes.length <= SCALAR_LIMITS.encodedBytes);
    assertSame(bytes, (await inspect([bytes]))[0]);
    const gas = await harness.read.gasOf([bytesToHex(bytes)]);
    t.diagnostic(`${bytes.length} bytes: ${gas} gas`);
    assert.ok(gas < 4_000_000n);
  });
});

/** Every table and section as long as the caps allow. */
function largest(): ScalarProgram {
  const constants = Array.from({ length: 256 }, (_, word) => ({ type: "i32" as const, word }));
  const extents = Array.from({ length: 8 }, () => 2);
  const step = constants.length;
  const section = (count: number) =>
    Array.from({ length: count }, () => ({ op: "addI" as const, imm: 0, a: step, b: 1, c: 0 }));
  const prologueEnd = step + 9 + 256;
  return {
    outputType: "i32",
    operandTypes: [],
    extents,
    constants,
    patterns: [],
    prologue: section(256),
    loop: {
      start: 0,
      count: 2,
      single: false,
      lanes: 1,
      continued: false,
      carried: Array.from({ length: 8 }, (_, index) => ({
        init: index,
        bodyOut: prologueEnd + 1 + index,
        combineOut: prologueEnd + 9 + 256 + index,
        totalInit: 0,
      })),
      body: section(256),
      combine: section(256),
    },
    epilogue: section(256),
    result: step,
  };
}
