// Claims to play with: small programs that run on the real referees, run honestly or with a single lie, full or deferred. Each
// case knows all its sites, the proofs that end it, and where an honest challenger goes next.
import { bytesToHex, type Hex } from "viem";

import {
  buildElementProof,
  buildPaddingProof,
  buildSlotProof,
  encodeProof,
  findFlaw,
  inputsRootOf,
  outputRootsOf,
  outputsShownOf,
  segmentAt,
  traceRootOf,
  viewOfRun,
  type FraudProof,
  type OutputsShown,
  type Run,
  type Tamper,
} from "@lockstep/node/engine";
import { chain, recurrent, runFixture, singleWord, type Fixture } from "@lockstep/node/engine/fixtures";
import { encodeProgram, encodeScalar, programRoot } from "@lockstep/node/ir/encode";
import type { Program } from "@lockstep/node/ir/program";

import { ZERO } from "../support/trace.ts";
import { SECTION, heldBy, isDemandable, isTensor, keyOf, sitesOf, type Site } from "./sites.ts";

/** A fraud proof as the game takes it. */
export interface Proof {
  kind: number;
  bytes: Hex;
  /** The posted root that it needs, in a deferred claim; null if none. */
  needs: { step: number; root: Hex } | null;
}

/** What register takes. */
export type Registration = [Hex, Hex, Hex[], Hex[][], Hex[], string[]];

export interface Case {
  name: string;
  wrong: boolean;
  deferred: boolean;
  steps: number;
  programRoot: Hex;
  inputsRoot: Hex;
  traceRoot: Hex;
  outputRoots: Hex[];
  outputsShown: OutputsShown;
  registration: Registration;
  sites: Map<string, Site>;
  /** Those that a demand may name. */
  demandable: Site[];
  root: Site;
  /** The nodes of an honest run, by the keys of sites; null if the program is invalid. */
  truth: Map<string, Site> | null;
  /** Null if the claim is right. */
  proof: Proof | null;
}

const PROGRAMS: { name: string; fixture: Fixture; steps: number }[] = [
  { name: "word", fixture: singleWord(), steps: 1 },
  { name: "chain", fixture: chain(3, 300), steps: 3 },
  { name: "recurrent", fixture: recurrent(260, 2), steps: 2 },
  // Trees deeper than one opening.
  { name: "many", fixture: chain(34, 3), steps: 1 },
  { name: "long", fixture: chain(1, 256 * 39 + 5), steps: 1 },
];

/** The fixtures with the places of lies that differ in how they are walked to and proven. */
const LIES: Record<string, Tamper[]> = {
  word: [
    { step: 0, primitive: 0, element: 0, xor: 1 },
    { step: 0, primitive: 0, element: 255, xor: 7 },
    { step: 0, item: 0, element: 0, xor: 4 },
  ],
  chain: [
    { step: 0, primitive: 0, element: 3, xor: 1 },
    { step: 1, primitive: 2, element: 299, xor: 1 },
    { step: 2, primitive: 1, element: 256, xor: 1 },
    { step: 2, primitive: 2, element: 300, xor: 1 },
    { step: 1, item: 0, element: 0, xor: 1 },
    { step: 2, item: 1, element: 299, xor: 1 },
  ],
  recurrent: [
    { step: 0, primitive: 1, element: 2, xor: 1 },
    { step: 1, primitive: 2, element: 259, xor: 2 },
    { step: 1, primitive: 4, element: 300, xor: 2 },
    { step: 0, item: 1, element: 0, xor: 2 },
    { step: 1, item: 2, element: 0, xor: 2 },
    { step: 1, item: 3, element: 257, xor: 2 },
  ],
  many: [{ step: 0, primitive: 33, element: 2, xor: 1 }],
  long: [{ step: 0, primitive: 0, element: 256 * 39 + 4, xor: 1 }],
};

let known: Case[] | undefined;

/** Every case: right, wrong by each lie, and of an invalid program; full and deferred. */
export function allCases(): Case[] {
  if (known !== undefined) return known;
  known = [];
  for (const { name, fixture, steps } of PROGRAMS) {
    for (const trace of ["full", "deferred"] as const) {
      const truth = sitesOf(runFixture(fixture, steps, { trace }));
      known.push(caseOf(`${name} ${trace}`, runFixture(fixture, steps, { trace }), truth, null));
      for (const tamper of LIES[name]) {
        const label = `${name} ${trace} ${JSON.stringify(tamper).replaceAll('"', "")}`;
        known.push(lyingCase(label, fixture, steps, trace, tamper, truth));
      }
    }
  }
  known.push(invalidCase());
  return known;
}

/** A case with one lie. */
export function lyingCase(
  name: string,
  fixture: Fixture,
  steps: number,
  trace: "full" | "deferred",
  tamper: Tamper,
  truth: Map<string, Site>,
): Case {
  const run = runFixture(fixture, steps, { trace, tamper });
  return caseOf(name, run, truth, proofOfLie(run, tamper));
}

/** A case of a run; `truth` are the sites of the honest one. */
export function caseOf(name: string, run: Run, truth: Map<string, Site> | null, proof: Proof | null): Case {
  const sites = sitesOf(run);
  const depth = run.stepTree.depth;
  const root = sites.get(keyOf({ section: SECTION.steps, height: depth, step: 0, item: 0, index: 0 }));
  if (root === undefined) throw new RangeError("a trace has a root");
  return {
    name,
    wrong: proof !== null,
    deferred: run.trace === "deferred",
    steps: run.steps,
    programRoot: programRoot(encodeProgram(run.program)),
    inputsRoot: inputsRootOf(run.inputs),
    traceRoot: traceRootOf(run),
    outputRoots: outputRootsOf(run),
    outputsShown: outputsShownOf(run),
    registration: registrationOf(run.program),
    sites,
    demandable: [...sites.values()].filter(isDemandable),
    root,
    truth,
    proof,
  };
}

function proofOfLie(run: Run, tamper: Tamper): Proof {
  const view = viewOfRun(run);
  const { step, element } = tamper;
  let fraud: FraudProof;
  if ("item" in tamper) {
    fraud = { kind: 1, proof: buildSlotProof(view, step, tamper.item) };
  } else {
    const { primitive } = tamper;
    const { length } = segmentAt(run, step).records[primitive];
    fraud =
      element < length
        ? { kind: 0, proof: buildElementProof(view, step, primitive, element) }
        : { kind: 2, proof: buildPaddingProof(view, 3, step, primitive) };
  }
  const root = fraud.proof.step.scratchRoot;
  const needs = run.trace === "deferred" && root !== ZERO ? { step, root } : null;
  return { kind: fraud.kind, bytes: encodeProof(fraud), needs };
}

/** A program whose second record takes an operand of another length than its first gives. */
function invalidCase(): Case {
  const fixture = chain(3, 300);
  const { program } = fixture;
  const [segment] = program.segments;
  const records = segment.records.map((record, i) =>
    i === 1 ? { ...record, operands: [{ ...record.operands[0], length: 299 }] } : record,
  );
  const flawed: Program = { ...program, segments: [{ ...segment, records }] };
  const flaw = findFlaw(encodeProgram(flawed));
  if (flaw === null) throw new RangeError("the program has a flaw");
  const run: Run = { ...runFixture(fixture, 2), program: flawed };
  const proof: Proof = { kind: 3, bytes: encodeProof({ kind: 3, proof: flaw }), needs: null };
  return caseOf("invalid program", run, null, proof);
}

function registrationOf(program: Program): Registration {
  const { summary, interfaceTable, bindings, records } = encodeProgram(program);
  const scalars = [...program.scalars].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, scalar]) => encodeScalar(scalar));
  return [
    bytesToHex(summary),
    bytesToHex(interfaceTable),
    bindings.map((bytes) => bytesToHex(bytes)),
    records.map((ofSegment) => ofSegment.map((bytes) => bytesToHex(bytes))),
    scalars.map((bytes) => bytesToHex(bytes)),
    [],
  ];
}

/** What an honest challenger does after a site was answered: where it goes, or that it can prove. */
export type Next = { kind: "prove" } | { kind: "go"; to: Site };

/**
 * The reference strategy, from a site whose answer is known: the first child that differs from the truth, until nothing is
 * left below. What is in the state tree is bound by a root, so that a root that differs is already a proof.
 */
export function nextOf({ sites, truth }: Pick<Case, "sites" | "truth">, site: Site): Next {
  if (truth === null || site.answer.kind === "chunk") return { kind: "prove" };
  const differs = (key: string): boolean => sites.get(key)?.node !== truth.get(key)?.node;
  const { section, height, step, item, index } = site.place;
  if (site.answer.kind === "step") return nextOf({ sites, truth }, site.answer.below);
  // A step that was opened stands at its scratch root; where that is right, the state is wrong.
  if (section === SECTION.scratch && !differs(site.key)) {
    const top = [...sites.values()].find(
      ({ place }) => place.section === SECTION.state && place.step === step && isRoot(place, sites),
    );
    return top === undefined ? { kind: "prove" } : { kind: "go", to: top };
  }
  const below = Math.max(0, height - 5);
  const places = Array.from({ length: 2 ** (height - below) }, (_, child) => ({
    section,
    height: below,
    step,
    item,
    index: index * 2 ** (height - below) + child,
  }));
  for (const place of places) {
    const target = below > 0 || isTensor(section) ? sites.get(keyOf(place)) : heldBy(sites, place);
    if (target === undefined || !differs(target.key)) continue;
    return target.place.section === SECTION.stateTensor ? { kind: "prove" } : { kind: "go", to: target };
  }
  throw new RangeError(`${site.key} differs and none of its children does`);
}

const isRoot = ({ height, index, ...rest }: Site["place"], sites: Map<string, Site>): boolean =>
  index === 0 && !sites.has(keyOf({ ...rest, height: height + 1, index: 0 }));
