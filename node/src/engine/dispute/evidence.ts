/**
 * The bytes of a program as proofs and demands show them: summary, tables, records with their paths, scalar programs
 * (spec, "Program"). Encoded once per program.
 */
import { bytesToHex } from "viem/utils";
import { MissingScalarError } from "../../ir/decode.ts";
import { encodeProgram, encodeScalar, programRoot } from "../../ir/encode.ts";
import { segmentOfStep } from "../../ir/program.ts";
import type { Program } from "../../ir/program.ts";
import { ZERO_HASH, keccak } from "../../merkle/hash.ts";
import type { Hash } from "../../merkle/hash.ts";
import { buildTree, proofOf } from "../../merkle/tree.ts";
import type { Tree } from "../../merkle/tree.ts";
import type { Hex, RecordShown, StepShown } from "./types.ts";

/** Everything of a program that can be shown. */
export interface Evidence {
  readonly programRoot: Hash;
  readonly summary: Hex;
  readonly interfaceTable: Hex;
  /** The bindings of the segment that runs in a step. */
  bindings(step: number): Hex;
  record(step: number, primitive: number): RecordShown;
  recordOf(segment: number, primitive: number): RecordShown;
  scalar(hash: Hash): Hex;
}

export const NO_BYTES: Hex = "0x";
export const NO_STEP: StepShown = { step: 0, scratchRoot: ZERO_HASH, stateRoot: ZERO_HASH, siblings: [] };
export const NO_RECORD: RecordShown = { summary: NO_BYTES, primitive: 0, record: NO_BYTES, siblings: [] };

const known = new WeakMap<Program, Evidence>();

/** The evidence of a program; the program must not change afterwards. */
export function evidenceOf(program: Program): Evidence {
  const evidence = known.get(program) ?? createEvidence(program);
  known.set(program, evidence);
  return evidence;
}

function createEvidence(program: Program): Evidence {
  const encoded = encodeProgram(program);
  const summary = bytesToHex(encoded.summary);
  const trees: (Tree | undefined)[] = [];
  const treeOf = (segment: number): Tree => (trees[segment] ??= buildTree(encoded.records[segment].map(keccak)));
  const recordOf = (segment: number, primitive: number): RecordShown => {
    const siblings = proofOf(treeOf(segment), primitive);
    return { summary, primitive, record: bytesToHex(encoded.records[segment][primitive]), siblings };
  };
  return {
    programRoot: programRoot(encoded),
    summary,
    interfaceTable: bytesToHex(encoded.interfaceTable),
    bindings: (step) => bytesToHex(encoded.bindings[segmentOfStep(program, step)]),
    record: (step, primitive) => recordOf(segmentOfStep(program, step), primitive),
    recordOf,
    scalar(hash) {
      const scalar = program.scalars.get(hash);
      if (scalar === undefined) throw new MissingScalarError(hash);
      return bytesToHex(encodeScalar(scalar));
    },
  };
}
