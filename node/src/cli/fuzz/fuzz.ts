/**
 * The runs of `lockstep dispute fuzz`: each is a function of the seed and its own number, so that one that failed is
 * repeated alone. Kinds of models take turns in an order drawn from the seed; model, inputs, lie and ending are drawn from
 * the run's stream.
 */
import { execute, type Run, type Tamper } from "../../engine/index.ts";
import { LockstepError } from "../../float/errors.ts";
import { below, createRandom, type Random } from "../../float/directed.ts";
import { sharedHost } from "../../host/index.ts";
import { validateProgram } from "../../ir/index.ts";
import type { FuzzChain } from "./chain.ts";
import { drawLie, type FuzzLie } from "./lies.ts";
import type { FuzzModel } from "./model.ts";
import { FUZZ_KINDS } from "./models.ts";
import { attackHonest, catchLiar, ENDINGS, saltOf, type Ending } from "./play.ts";
import { FuzzFailure } from "./proofs.ts";

/** What became of one run. */
export interface FuzzRun {
  readonly run: number;
  readonly kind: string;
  readonly steps: number;
  readonly primitives: number;
  readonly place: string;
  /** The lie, as text: where, and what was changed. */
  readonly lie: string;
  readonly ending: Ending;
  readonly moves: number;
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
  const ending = ENDINGS[below(random, ENDINGS.length)];
  return { kind, random, model, lie, ending };
}

export interface DrawnRun {
  readonly kind: string;
  readonly random: Random;
  readonly model: FuzzModel;
  readonly lie: FuzzLie;
  readonly ending: Ending;
}

/** Plays one run. A dispute that ends wrongly is in the result; only what is wrong with the chain is thrown. */
export async function playRun(chain: FuzzChain, seed: number, run: number): Promise<FuzzRun> {
  const { kind, random, model, lie, ending } = drawRun(seed, run);
  validateProgram(model.program);
  let result: FuzzRun = {
    run,
    kind,
    steps: model.steps,
    primitives: model.program.segments.reduce((sum, { records }) => sum + records.length, 0),
    place: lie.place,
    lie: lie.place === "flaw" ? lie.flaw : JSON.stringify(lie.tamper),
    ending: lie.place === "flaw" ? "direct proof" : ending,
    moves: 0,
    proofKind: null,
    slashed: false,
    attacks: 0,
    honestLost: false,
    failure: null,
  };
  try {
    const honest = runModel(model);
    const lying = lie.place === "flaw" ? honest : runModel(model, lie.tamper);
    const { moves, proofKind, fraud } = await catchLiar(chain, honest, lying, lie, ending, saltOf(seed, run, "lie"));
    result = { ...result, moves, proofKind, slashed: true };
    const accuser = lie.place === "flaw" ? runModel(model, wrongWord(random, model)) : lying;
    const attacks = await attackHonest(chain, random, honest, accuser, fraud, saltOf(seed, run, "honest"));
    return { ...result, attacks };
  } catch (error) {
    if (!(error instanceof LockstepError)) throw error;
    const honestLost = result.slashed && (!(error instanceof FuzzFailure) || error.side === "honest");
    return { ...result, honestLost, failure: `${error.name}: ${error.message}` };
  }
}

function runModel({ program, inputs, steps, constant }: FuzzModel, tamper?: Tamper): Run {
  const { engine } = sharedHost();
  return execute(program, { inputs, steps, engine, constants: constant, ...(tamper === undefined ? {} : { tamper }) });
}

// An accuser of an honest claim over a program whose liar told no lie in a run of its own.
function wrongWord(random: Random, { program }: FuzzModel): Tamper {
  const primitive = below(random, program.segments[0].records.length);
  return { step: 0, primitive, element: below(random, program.segments[0].records[primitive].length), xor: 1 };
}
