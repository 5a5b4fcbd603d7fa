// The leaves that a deployment makes its referee of elements judge before anything depends on it (contracts/Calibration.sol):
// the fast path of a dot product, its costliest words, and a loop of exponentials with a power behind it. Each is a whole fraud
// proof about one wrong word. Deterministic: the contract holds their hashes.
import { encodeElementProof } from "@lockstep/node/engine/dispute/abi";
import { checkProof } from "@lockstep/node/engine/dispute/check";
import { evidenceOf } from "@lockstep/node/engine/dispute/evidence";
import type { ClaimView, Fault } from "@lockstep/node/engine/dispute/types";
import { findFraud } from "@lockstep/node/engine/dispute/walk";
import { runFixture, type Fixture } from "@lockstep/node/engine/fixtures";
import { inputsRootOf } from "@lockstep/node/engine/inputs";
import { traceRootOf } from "@lockstep/node/engine/trace";
import { wordOf } from "@lockstep/node/float/directed";
import { toBits } from "@lockstep/node/float/words";
import { gasBound } from "@lockstep/node/ir/bounds";
import { buildScalar } from "@lockstep/node/ir/build";
import type { ScalarBuilder, Value } from "@lockstep/node/ir/build";
import { scalarHash } from "@lockstep/node/ir/encode";
import type { OperandRef, PrimitiveRecord, Program } from "@lockstep/node/ir/program";
import type { ScalarProgram } from "@lockstep/node/ir/scalar";
import { tensorRoot } from "@lockstep/node/merkle";
import type { Hash } from "@lockstep/node/merkle/hash";
import { exp, pow } from "@lockstep/node/onnx/math";
import { encodeAbiParameters, keccak256, type Hex } from "viem";

/** Fused steps of the dot products. */
const STEPS = 1_024;
const EXPONENTIALS = 64;

/** A fraud proof, what it must find, and the static gas estimate of the scalar program it runs. */
export interface CalibrationLeaf {
  readonly name: string;
  readonly claim: ClaimView;
  readonly proof: Hex;
  readonly fault: Fault;
  readonly estimate: number;
}

interface Draft {
  readonly name: string;
  readonly operands: readonly Uint32Array[];
  readonly define: (b: ScalarBuilder) => Value;
}

/** All of them, in the order in which the contract takes them. */
export function calibrationLeaves(): CalibrationLeaf[] {
  const fixture = fixtureOf(DRAFTS);
  const honest = runFixture(fixture, 1);
  return DRAFTS.map(({ name }, primitive) => {
    const lying = runFixture(fixture, 1, { tamper: { step: 0, primitive, element: 0, xor: 1 } });
    const { program } = lying;
    const claim: ClaimView = {
      programRoot: evidenceOf(program).programRoot,
      inputsRoot: inputsRootOf(lying.inputs),
      traceRoot: traceRootOf(lying),
      steps: 1,
      deferred: false,
      postedStep: 0,
      postedRoot: `0x${"00".repeat(32)}`,
    };
    const fraud = findFraud(honest, lying);
    if (fraud === null || fraud.kind !== 0) throw new TypeError(`leaf ${name} has no wrong word`);
    const scalar = program.scalars.get(program.segments[0].records[primitive].scalar);
    if (scalar === undefined) throw new TypeError(`leaf ${name} has no scalar program`);
    const fault = checkProof(claim, fraud);
    return { name, claim, proof: encodeElementProof(fraud.proof), fault, estimate: gasBound(scalar) };
  });
}

/** What the contract hashes of a leaf: abi.encode of the claim and the proof. */
export function leafHash({ claim, proof }: CalibrationLeaf): Hex {
  const fields = ["bytes32", "bytes32", "bytes32", "uint32", "bool", "uint32", "bytes32"] as const;
  const { programRoot, inputsRoot, traceRoot, steps, deferred, postedStep, postedRoot } = claim;
  return keccak256(
    encodeAbiParameters(
      [...fields.map((type) => ({ type })), { type: "bytes32" }],
      [programRoot, inputsRoot, traceRoot, steps, deferred, postedStep, postedRoot, keccak256(proof)],
    ),
  );
}

const words = (word: (index: number) => number): Uint32Array => Uint32Array.from({ length: STEPS }, (_, i) => word(i));
/** A fraction that differs from step to step. */
const fraction = (index: number): number => Math.imul(index + 1, 0x9e3779b1) >>> 9;

const dot = (b: ScalarBuilder): Value =>
  b.loop({
    count: STEPS,
    carried: [{ type: "f32", init: 0 }],
    body: ({ carried }) => [b.fma(b.load(0, 0, [[STEPS, 1]]), b.load(1, 0, [[STEPS, 1]]), carried[0])],
    combine: ([sum], [block]) => [b.add(sum, block)],
  })[0];

const DRAFTS: readonly Draft[] = [
  {
    name: "ordinary dot product",
    operands: [
      words((i) => wordOf(i % 3 === 0 ? 1 : 0, 125 + (i % 5), fraction(i))),
      words((i) => wordOf(i % 7 === 0 ? 1 : 0, 121 + (i % 4), fraction(i + STEPS))),
    ],
    define: dot,
  },
  {
    // Products below half the least subnormal: every step is rounded to a zero whose sign must be kept.
    name: "dot product of vanishing terms",
    operands: [
      words((i) => wordOf(1, 1 + (i % 3), fraction(i))),
      words((i) => wordOf(i % 9 === 0 ? 1 : 0, 60 + (i % 40), fraction(i + STEPS))),
    ],
    define: dot,
  },
  {
    name: "power of a sum of exponentials",
    operands: [
      Uint32Array.from({ length: EXPONENTIALS }, (_, i) => toBits(-90 + 0.37 * i * ((i % 4) + 1))),
      Uint32Array.of(toBits(-0.3)),
    ],
    define: (b) => {
      const [sum] = b.loop({
        count: EXPONENTIALS,
        lanes: 32,
        carried: [{ type: "f32", init: 0 }],
        body: ({ carried }) => [b.add(carried[0], exp(b, b.load(0, 0, [[EXPONENTIALS, 1]])))],
        combine: ([total], [block]) => [b.add(total, block)],
      });
      return pow(b, sum, b.load(1, b.i32(0)));
    },
  },
];

/** One primitive for each draft; its operands are constants. */
function fixtureOf(drafts: readonly Draft[]): Fixture {
  const scalars = new Map<Hash, ScalarProgram>();
  const constants = new Map<Hash, Uint32Array>();
  const records = drafts.map(({ operands, define }): PrimitiveRecord => {
    const types = operands.map(() => "f32" as const);
    const scalar = buildScalar({ operands: types, output: "f32", extents: [1] }, define);
    const hash = scalarHash(scalar);
    scalars.set(hash, scalar);
    const refs = operands.map((tensor): OperandRef => {
      const root = tensorRoot(tensor);
      constants.set(root, tensor);
      return { kind: "constant", type: "f32", length: tensor.length, root };
    });
    return { scalar: hash, type: "f32", length: 1, operands: refs };
  });
  const program: Program = {
    inputs: [],
    slots: [],
    outputs: [{ type: "f32", length: 1 }],
    segments: [{ records, steps: 0, slotBindings: [], outputBindings: [records.length - 1] }],
    scalars,
  };
  return {
    program,
    inputs: [],
    constants: (root) => {
      const found = constants.get(root);
      if (found === undefined) throw new TypeError(`no leaf has the constant ${root}`);
      return found;
    },
  };
}
