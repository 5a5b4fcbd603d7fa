/**
 * The runs of `lockstep dispute fuzz`: each is a function of the seed and its own number, so that one that failed is
 * repeated alone. Kinds of models take turns in an order drawn from the seed; model, inputs, lie, trace mode and
 * ending are drawn from the run's stream.
 */
import { execute, traceRootOf, inputsRootOf, type Run, type Tamper, type TraceMode } from "../../engine/index.ts";
import { LockstepError } from "../../float/errors.ts";
import { below, createRandom, type Random } from "../../float/directed.ts";
import { sharedHost } from "../../host/index.ts";
import { segmentOfStep, UNCHANGED, validateProgram } from "../../ir/index.ts";
import { attackHonest } from "./attacks.ts";
import type { FuzzChain } from "./chain.ts";
import { FuzzFailure } from "./claims.ts";
import { drawLie, drawOutput, type FuzzLie, type InputLie, type TamperLie } from "./lies.ts";
import type { FuzzModel } from "./model.ts";
import { FUZZ_KINDS } from "./models.ts";
import { catchLiar, ENDINGS, saltOf, type Ending } from "./play.ts";
import { primitiveKindOf, type PrimitiveKind } from "./primitive-kinds.ts";

/** What became of one run. */
export interface FuzzRun {
  readonly run: number;
  readonly kind: string;
  readonly trace: "full" | "deferred";
  readonly steps: number;
  readonly primitives: number;
  readonly place: string;
  /** Of the primitive that the lie was told in, or that is bound to the slot or output; null where there is none. */
  readonly primitive: PrimitiveKind | null;
  /** The lie, as text: where, and what was changed. */
  readonly lie: string;
  readonly ending: Ending;
  /** Answers that the liar gave. */
  readonly rounds: number;
  /** What both sides spent on the dispute, from the challenge or the commitment to the slash. */
  readonly gas: number;
  readonly proofKind: number | null;
  readonly slashed: boolean;
  /** Attacks on the honest claim, all of which it survived unless `failure` says otherwise. */
  readonly attacks: number;
  readonly honestLost: boolean;
  readonly failure: string | null;
}

/** The kind of each run: all kinds in turn, in an order drawn from the seed. */
export function kindOfRun(seed: number, run: number): string {
  const random = createRandom(seed);
  const kinds = Object.keys(FUZZ_KINDS);
  for (let left = kinds.length - 1; left > 0; left--) {
    const other = below(random, left + 1);
    [kinds[left], kinds[other]] = [kinds[other], kinds[left]];
  }
  return kinds[run % kinds.length];
}

/** Everything that a run is drawn to be. */
export function drawRun(seed: number, run: number): DrawnRun {
  const kind = kindOfRun(seed, run);
  const random = createRandom(Math.imul(seed, 0x9e3779b1) ^ Math.imul(run + 1, 0x85ebca6b));
  const model = FUZZ_KINDS[kind](random);
  const lie = drawLie(random, model.program, model.steps);
  const trace = below(random, 3) === 0 ? "deferred" : "full";
  const endings = ENDINGS.filter((ending) => ending !== "withheld inputs" || model.program.inputs.length > 0);
  const ending = lie.place === "flaw" ? "direct proof" : endings[below(random, endings.length)];
  const [nonce, patience] = [BigInt(1 + below(random, 1000)), below(random, 4)];
  return { kind, random, model, lie, trace, ending, nonce, patience };
}

export interface DrawnRun {
  readonly kind: string;
  readonly random: Random;
  readonly model: FuzzModel;
  readonly lie: FuzzLie;
  readonly trace: "full" | "deferred";
  readonly ending: Ending;
  readonly nonce: bigint;
  /** Answers before a liar that falls silent does so. */
  readonly patience: number;
}

/** Plays one run. A dispute that ends wrongly is in the result; only what is wrong with the chain is thrown. */
export async function playRun(chain: FuzzChain, seed: number, run: number): Promise<FuzzRun> {
  const { kind, random, model, lie: drawn, trace, ending, nonce, patience } = drawRun(seed, run);
  validateProgram(model.program);
  const honest = runModel(model, trace);
  const { lie, lying } = tell(random, model, trace, honest, drawn);
  let result: FuzzRun = {
    run,
    kind,
    trace,
    steps: model.steps,
    primitives: model.program.segments.reduce((sum, { records }) => sum + records.length, 0),
    place: lie.place,
    primitive: kindOfLie(model, lie),
    lie: described(lie),
    ending,
    rounds: 0,
    gas: 0,
    proofKind: null,
    slashed: false,
    attacks: 0,
    honestLost: false,
    failure: null,
  };
  try {
    const salt = saltOf(seed, run, "lie");
    const inputsRoot = inputsRootOf(honest.inputs);
    const said = { run: lying, salt, inputsRoot, ...(lie.place === "flaw" ? { parts: lie.parts } : {}) };
    const caught = await catchLiar(chain, { honest, lying, lie, ending, said, nonce, patience });
    const { rounds, gas, proofKind, fraud } = caught;
    result = { ...result, rounds, gas, proofKind, slashed: true };
    const accuser = lie.place === "flaw" ? tellWord(random, model, trace, honest) : lying;
    const attacks = await attackHonest(chain, random, honest, accuser, fraud, saltOf(seed, run, "honest"));
    return { ...result, attacks };
  } catch (error) {
    if (!(error instanceof LockstepError)) throw error;
    const honestLost = result.slashed && (!(error instanceof FuzzFailure) || error.side === "honest");
    return { ...result, honestLost, failure: `${error.name}: ${error.message}` };
  }
}

/** The run with the lie in it; with another lie where the one drawn changes nothing that is committed to. */
function tell(
  random: Random,
  model: FuzzModel,
  trace: TraceMode,
  honest: Run,
  lie: FuzzLie,
): { lie: FuzzLie; lying: Run } {
  if (lie.place === "flaw") return { lie, lying: honest };
  const lying = lie.place === "input" ? runOther(model, trace, lie) : runModel(model, trace, lie.tamper);
  if (traceRootOf(lying) !== traceRootOf(honest)) return { lie, lying };
  const other = drawOutput(random, model.program, model.steps);
  return { lie: other, lying: runModel(model, trace, other.tamper) };
}

function runOther(model: FuzzModel, trace: TraceMode, { input, element, xor }: InputLie): Run {
  const words = model.inputs[input].slice();
  words[element] ^= xor;
  return runModel({ ...model, inputs: model.inputs.with(input, words) }, trace);
}

function runModel({ program, inputs, steps, constant }: FuzzModel, trace: TraceMode, tamper?: Tamper): Run {
  const { engine } = sharedHost();
  const told = tamper === undefined ? {} : { tamper };
  return execute(program, { inputs, steps, engine, constants: constant, trace, ...told });
}

function kindOfLie(model: FuzzModel, lie: FuzzLie): PrimitiveKind | null {
  if (lie.place === "flaw" || lie.place === "input") return null;
  const primitive = primitiveOf(model, lie);
  if (primitive === UNCHANGED) return null;
  const { program } = model;
  const { scalar } = program.segments[segmentOfStep(program, lie.tamper.step)].records[primitive];
  return primitiveKindOf(program.scalars.get(scalar)!);
}

function primitiveOf({ program }: FuzzModel, { tamper }: TamperLie): number {
  if ("primitive" in tamper) return tamper.primitive;
  const { slotBindings, outputBindings } = program.segments[segmentOfStep(program, tamper.step)];
  return [...slotBindings, ...outputBindings][tamper.item];
}

function described(lie: FuzzLie): string {
  if (lie.place === "flaw") return lie.flaw;
  const { place, ...told } = lie;
  return JSON.stringify(place === "input" ? told : lie.tamper);
}

// An accuser of an honest claim over a program whose liar told no lie in a run of its own.
function tellWord(random: Random, model: FuzzModel, trace: TraceMode, honest: Run): Run {
  const { records } = model.program.segments[0];
  const primitive = below(random, records.length);
  const tamper = { step: 0, primitive, element: below(random, records[primitive].length), xor: 1 };
  return tell(random, model, trace, honest, { place: "element", tamper }).lying;
}
