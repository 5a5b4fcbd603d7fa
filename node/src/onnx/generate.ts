/**
 * A causal decoder with caches as a program that makes tokens (numerics, "Lowering"): step 0 reads the prompts, every further
 * step one token; caches are slots, and scores cover 256, 512, 1,024 ... positions in segments of their own. Refuses graphs
 * whose positions are not given, and attentions that ./generate-attention.ts refuses.
 *
 *   prompt int64 [batch, prompt]    tokens, each row at the end of its axis
 *   lengths int64 [batch]           tokens of each row, 1 .. prompt
 *   seed int32 [2]                  only where tokens are drawn
 *   -> tokens int64 [batch, steps]  zero where no step has been; a row goes on with its end token
 *
 * A run is complete when every row has its end token, or after `tokens` steps.
 */

import { LockstepError } from "../float/errors.ts";
import { programRoot } from "../ir/encode.ts";
import { PROGRAM_LIMITS } from "../ir/program.ts";
import { createBudget, heldData, IMPORT_LIMITS } from "./budget.ts";
import type { ImportBudget, ImportLimits } from "./budget.ts";
import { cachedAttention, positionOf, TILE } from "./cache.ts";
import type { Cache, Phase } from "./cache.ts";
import { UnknownDimensionError, UnsupportedTensorError } from "./errors.ts";
import { inlineFunctions } from "./functions.ts";
import { attentionSites } from "./generate-attention.ts";
import type { AttentionSite } from "./generate-attention.ts";
import { joinedAttentions } from "./generate-concat.ts";
import { mostPositions } from "./generate-positions.ts";
import { createGraph, finishProgram } from "./graph.ts";
import type { Graph, GraphInterface, SegmentDraft } from "./graph.ts";
import { known, lowerNodes } from "./import.ts";
import type { ImportedModel, ImportedTensor } from "./import.ts";
import type { Lower, Scope } from "./node.ts";
import { general, view } from "./primitives.ts";
import { sampleToken } from "./sampling.ts";
import type { SamplingOptions } from "./sampling.ts";
import type { OnnxTensor } from "./element-types.ts";
import type { OnnxModel, OnnxNode, OnnxValue } from "./types.ts";
import { knownIntegers, lazyWords, reshaped, sizeOf, stridesOf, WORD_TYPE } from "./values.ts";
import type { ElementType, KnownValue, Value } from "./values.ts";

/** How the tokens of a step are chosen: the most likely, or drawn with these numbers in the program (see ./sampling.ts). */
export type GeneratorSampling =
  | { readonly mode: "greedy" }
  | {
      readonly mode: "gumbel";
      readonly temperature?: number;
      readonly minP?: number;
      readonly topK?: number;
      readonly topP?: number;
    };

export interface GeneratorOptions {
  /** Rows; 1 unless given. */
  readonly batch?: number;
  /** Positions of the prompt. */
  readonly prompt: number;
  /** The most tokens a row can get: the most steps that a run can have. */
  readonly tokens: number;
  /** Greedy unless given. */
  readonly sampling?: GeneratorSampling;
  /** After one of these a row repeats it. */
  readonly endTokens?: readonly number[];
  /** Whether the logits of the last position, float32 [batch, vocabulary], are an output too. */
  readonly logits?: boolean;
  /** Names of the graph's inputs and output, where they are not the usual ones. */
  readonly names?: Partial<GeneratorNames>;
  /** Other inputs of the graph, fixed. */
  readonly bind?: Readonly<Record<string, OnnxTensor>>;
  /** What the import may do, all segments together; IMPORT_LIMITS unless given. */
  readonly limits?: ImportLimits;
}

export interface GeneratorNames {
  /** int64 [batch, sequence]. */
  readonly ids: string;
  /** Ones where there is a token; absent in some graphs. */
  readonly mask: string;
  /** int64 [batch, sequence]; absent where the attentions turn positions themselves. */
  readonly positions: string;
  /** float32 [batch, sequence, vocabulary], or [batch, 1, vocabulary] where they are those of the last position. */
  readonly logits: string;
}

const USUAL: GeneratorNames = {
  ids: "input_ids",
  mask: "attention_mask",
  positions: "position_ids",
  logits: "logits",
};

/** The graph is no decoder of the kind this makes programs of, or an option does not fit it. */
export class GeneratorError extends LockstepError {
  constructor(rule: string, values: Record<string, unknown> = {}) {
    super("GeneratorError", rule, values);
  }
}

/** The program that makes tokens with a decoder. Throws the errors of the import, GeneratorError and SamplingOptionError. */
export function importGenerator(source: OnnxModel, options: GeneratorOptions): ImportedModel {
  const { limits = IMPORT_LIMITS } = options;
  const plan = planOf(inlineFunctions(source, limits.nodes), options);
  const { model } = plan;
  const shared: GraphInterface = { inputs: [], slots: [] };
  const budget = createBudget(limits, heldData(model));
  const first = createGraph(shared, budget);
  const inputs: ImportedTensor[] = [];
  const addInput = (name: string, elementType: ElementType, shape: readonly number[]): Value => {
    inputs.push({ name, elementType, shape });
    return first.addInput({ name, shape, length: sizeOf(shape), type: WORD_TYPE[elementType] }, elementType);
  };
  const { batch, prompt, tokens } = plan;
  const interfaceValues: InterfaceValues = {
    prompt: addInput("prompt", "int64", [batch, prompt]),
    lengths: addInput("lengths", "int64", [batch]),
    seed: plan.sampling.mode === "greedy" ? undefined : addInput("seed", "int32", [2]),
    tokens: addTokens(first, batch, tokens),
    caches: [],
    zeros: new Map(),
    initializers: new Map([...model.graph.initializers].map(([name, tensor]) => [name, known(name, tensor)])),
  };
  const drafts = segmentsOf(plan).map((segment, index) =>
    draftSegment(plan, interfaceValues, segment, index === 0 ? first : createGraph(shared, budget)),
  );
  const { program, constants } = finishProgram(shared, drafts);
  return {
    program,
    programRoot: programRoot(program),
    constants,
    inputs,
    outputs: drafts[0].outputs.map(({ name, value }) => ({ name, elementType: value.elementType, shape: value.shape })),
  };
}

interface Plan {
  readonly model: OnnxModel;
  readonly sites: readonly AttentionSite[];
  readonly names: GeneratorNames;
  readonly batch: number;
  readonly prompt: number;
  readonly tokens: number;
  /** Positions that the slots hold. */
  readonly total: number;
  readonly buckets: readonly number[];
  readonly sampling: GeneratorSampling;
  readonly endTokens: readonly number[];
  readonly logits: boolean;
  readonly bind: Readonly<Record<string, OnnxTensor>>;
}

interface InterfaceValues {
  readonly prompt: Value;
  readonly lengths: Value;
  readonly seed: Value | undefined;
  /** The slot of the tokens made so far. */
  readonly tokens: Value;
  /** The slots of each site, made when the first segment meets it. */
  readonly caches: Cache[];
  /** What caches start with, by length: hashed once. */
  readonly zeros: Zeros;
  readonly initializers: ReadonlyMap<string, Value>;
}

type Zeros = Map<number, KnownValue>;
type AttentionParts = ReturnType<AttentionSite["form"]["parts"]>;

const LEAST_BUCKET = 256;
/** Words of one cache: 1 GiB. A few bytes of a stranger's options can ask for more. */
const MOST_CACHE_WORDS = 2 ** 28;

function planOf(source: OnnxModel, options: GeneratorOptions): Plan {
  const {
    batch = 1,
    prompt,
    tokens,
    sampling = { mode: "greedy" },
    endTokens = [],
    logits = false,
    bind = {},
  } = options;
  for (const [name, count] of Object.entries({ batch, prompt, tokens })) {
    if (!Number.isSafeInteger(count) || count < 1)
      throw new GeneratorError(`${name} is no positive integer`, { [name]: count });
  }
  const names = { ...USUAL, ...options.names };
  const joined = joinedAttentions(source.graph, [names.logits], source.opsets.get("") ?? 0);
  const model = { ...source, graph: joined.graph };
  const sites = [...attentionSites(model.graph), ...joined.sites];
  if (sites.length === 0) throw new GeneratorError("the graph has no attention whose caches are its inputs");
  const given = new Set(model.graph.inputs.map(({ name }) => name));
  if (!given.has(names.ids)) throw new GeneratorError(`the graph has no input ${JSON.stringify(names.ids)}`);
  const turnsItself = sites.every(({ node }) => node.attributes.get("do_rotary")?.value === 1n);
  if (!given.has(names.positions) && !turnsItself) {
    // Positions counted from the length of the caches would stand still: the slots do not grow.
    throw new GeneratorError(`the graph has no input ${JSON.stringify(names.positions)} to give the positions by`);
  }
  const used = Math.max(prompt, prompt + tokens - 1);
  const most = mostPositions(model.graph, names.positions);
  if (used > most) throw new GeneratorError("the model has fewer positions", { prompt, tokens, positions: most });
  const total = TILE * Math.ceil(used / TILE);
  if (batch * total > MOST_CACHE_WORDS)
    throw new GeneratorError("the caches are too long", { batch, total, most: MOST_CACHE_WORDS });
  const buckets: number[] = [];
  for (let bucket = LEAST_BUCKET; bucket < total; bucket *= 2) if (bucket > prompt) buckets.push(bucket);
  // One segment reads the prompt.
  const kept = [...buckets, total].slice(1 - PROGRAM_LIMITS.segments);
  return { model, sites, names, batch, prompt, tokens, total, buckets: kept, sampling, endTokens, logits, bind };
}

interface SegmentPlan {
  readonly kind: Phase["kind"];
  readonly bucket: number;
  readonly steps: number;
}

/** The segments: one step for the prompt, then as many as each bucket has positions; the last takes the rest. */
function segmentsOf({ prompt, tokens, buckets, total }: Plan): SegmentPlan[] {
  if (tokens === 1) return [{ kind: "prompt", bucket: total, steps: 0 }];
  const further = buckets.map((bucket, index): SegmentPlan => {
    const isLast = index === buckets.length - 1;
    return { kind: "token", bucket, steps: isLast ? 0 : bucket - (index === 0 ? prompt : buckets[index - 1]) };
  });
  return [{ kind: "prompt", bucket: total, steps: 1 }, ...further];
}

function addTokens(graph: Graph, batch: number, tokens: number): Value {
  const shape = [batch, tokens];
  return graph.addState({ name: "tokens", shape, length: sizeOf(shape), type: "i32" }, zerosOf("int64", shape));
}

/** Zeros that exist while they are read. */
function zerosOf(elementType: ElementType, shape: readonly number[]): KnownValue {
  return { ...lazyWords(shape, () => new Uint32Array(sizeOf(shape))), elementType };
}

/** A place in the program that is no node of the model. */
function ownScope(graph: Graph, name: string): Scope {
  const identity = { operator: "Generate", domain: "", opset: 0, node: name };
  const node: OnnxNode = { name, opType: "Generate", domain: "", inputs: [], outputs: [name], attributes: new Map() };
  return { identity, node, opset: 0, inputs: [], graph, subgraph: () => [] };
}

function draftSegment(plan: Plan, shared: InterfaceValues, segment: SegmentPlan, graph: Graph): SegmentDraft {
  const { model, sites, names, batch, prompt, total } = plan;
  const { kind, bucket } = segment;
  const scope = ownScope(graph, "positions");
  const pads = general(scope, {
    elementType: "int64",
    shape: [batch],
    operands: [shared.lengths],
    define: (b, [lengths]) => b.subI(b.i32(prompt), b.load(lengths, b.digits[0])),
  });
  const phase: Phase = { kind, prompt, total, bucket, pads };
  const length = kind === "prompt" ? prompt : 1;
  const positions = general(scope, {
    elementType: "int64",
    shape: [batch, length],
    operands: [pads],
    define: (b, [pad]) => {
      const place = kind === "prompt" ? b.digits[1] : positionOf(b, phase);
      return b.maxI(b.subI(place, b.load(pad, b.digits[0])), 0);
    },
  });
  const ids = kind === "prompt" ? shared.prompt : lastTokens(ownScope(graph, "input"), plan, shared.tokens);
  const values = new Map(shared.initializers);
  const seen = kind === "prompt" ? prompt : bucket;
  for (const declared of model.graph.inputs) {
    if (values.has(declared.name)) continue;
    values.set(declared.name, inputValue(plan, declared, { ids, positions, length, seen }, graph.budget));
  }
  const next: Cache[] = [];
  const overrides = new Map(
    sites.map((site, index): [OnnxNode, Lower] => [
      site.node,
      (at) => {
        const parts = site.form.parts(at, phase, positions);
        shared.caches[index] ??= addCache(graph, index, plan, shared.zeros, parts);
        const attention = cachedAttention(at, phase, { ...parts, cache: shared.caches[index] });
        next[index] = attention.next;
        const present = [parts.k, parts.v].map((part) => unreadable([batch, part.heads, seen, part.size], "a cache"));
        return [site.form.output(at, attention.context), ...present];
      },
    ]),
  );
  lowerNodes({ model, graph, overrides }, model.graph, values);
  const logits = lastLogits(ownScope(graph, "logits"), plan, values.get(names.logits), length);
  const tokens = nextTokens(ownScope(graph, "tokens"), plan, shared, kind, logits);
  const outputs = [{ name: "tokens", value: tokens }, ...(plan.logits ? [{ name: "logits", value: logits }] : [])];
  const states = [tokens, ...next.flatMap(({ key, tiles, window }) => [key, tiles, window])];
  return { graph, steps: segment.steps, outputs, states };
}

/** The token that each row got in the step before, int64 [batch, 1]. */
function lastTokens(scope: Scope, { batch, tokens }: Plan, slot: Value): Value {
  return general(scope, {
    elementType: "int64",
    shape: [batch, 1],
    operands: [slot],
    define: (b, [from]) => b.load(from, b.addI(b.mulI(b.digits[0], tokens), b.addI(b.step, -1))),
  });
}

interface Given {
  readonly ids: Value;
  readonly positions: Value;
  /** Positions of this step, and those that its scores cover. */
  readonly length: number;
  readonly seen: number;
}

function inputValue(
  { names, batch, sites, bind }: Plan,
  declared: OnnxValue,
  given: Given,
  budget: ImportBudget,
): Value {
  const { name, shape = [] } = declared;
  if (Object.hasOwn(bind, name)) return known(name, bind[name]);
  if (name === names.ids) return given.ids;
  if (name === names.positions) return given.positions;
  if (name === names.mask) {
    // Padding is masked by the attentions themselves; all else is there.
    const extents = [batch, given.seen];
    budget.spendElements(sizeOf(extents), name);
    return knownIntegers("int64", extents, new BigInt64Array(sizeOf(extents)).fill(1n));
  }
  if (!sites.some(({ pastKey, pastValue }) => pastKey === name || pastValue === name))
    throw new UnsupportedTensorError(name, "an input that a generator does not give; bind it");
  const [, heads, , size] = shape;
  if (shape.length !== 4 || typeof heads !== "number" || typeof size !== "number")
    throw new UnknownDimensionError(name, typeof heads === "number" ? 3 : 1, null);
  return unreadable([batch, heads, given.seen - given.length, size], name);
}

/** A tensor whose shape may be used but whose data is in slots. */
function unreadable(shape: readonly number[], name: string): Value {
  const refuse = (): never => {
    throw new UnsupportedTensorError(name, "something else than its attention reads a cache");
  };
  return {
    elementType: "float32",
    shape,
    sources: new Set([name]),
    at: {
      kind: "words",
      get words(): Uint32Array {
        return refuse();
      },
    },
  };
}

/** The slots of a site, which start with zeros. */
function addCache(graph: Graph, site: number, { batch, total }: Plan, zeros: Zeros, { k, v }: AttentionParts): Cache {
  const add = (part: string, shape: readonly number[]): Value => {
    const length = sizeOf(shape);
    if (!(length <= MOST_CACHE_WORDS))
      throw new GeneratorError("the caches are too long", { shape, most: MOST_CACHE_WORDS });
    const slot = { name: `cache.${site}.${part}`, shape, length, type: "f32" } as const;
    const known = zeros.get(length) ?? zerosOf("float32", [length]);
    zeros.set(length, known);
    return graph.addState(slot, { ...known, shape });
  };
  return {
    key: add("key", [batch, total, k.heads * k.size]),
    tiles: add("tiles", [batch, total / TILE, v.heads * v.size, TILE]),
    window: add("window", [batch, v.heads, TILE, v.size]),
  };
}

/** The logits of the last position, [batch, vocabulary]. */
function lastLogits(scope: Scope, { names, batch }: Plan, logits: Value | undefined, length: number): Value {
  // Some graphs give those of the last position alone.
  const given = logits?.shape.length === 3 && logits.shape[0] === batch ? logits.shape[1] : 0;
  if (logits === undefined || (given !== length && given !== 1)) {
    const shape = logits?.shape ?? null;
    throw new GeneratorError(`${JSON.stringify(names.logits)} is not [batch, sequence, vocabulary]`, { shape });
  }
  const strides = stridesOf(logits.shape);
  const vocabulary = logits.shape[2];
  return view(scope, logits, [batch, vocabulary], [strides[0], 1], (given - 1) * strides[1]);
}

/** The tokens so far with those of this step, int64 [batch, tokens]. */
function nextTokens(
  scope: Scope,
  { batch, tokens, sampling, endTokens }: Plan,
  { seed, tokens: slot }: InterfaceValues,
  kind: Phase["kind"],
  logits: Value,
): Value {
  const options: SamplingOptions =
    sampling.mode === "greedy" || seed === undefined ? { mode: "greedy" } : { ...sampling, seed };
  const chosen = sampleToken(scope, reshaped(logits, [batch, sizeOf(logits.shape) / batch]), options);
  const isFirst = kind === "prompt" || endTokens.length === 0;
  const kept = isFirst ? chosen : afterEnd(scope, { batch, tokens, endTokens }, slot, chosen);
  return general(scope, {
    elementType: "int64",
    shape: [batch, tokens],
    operands: [kept, slot],
    define: (b, [from, old]) => {
      const [row, place] = b.digits;
      return b.select(b.eqI(place, b.step), b.load(from, row), b.load(old, b.index));
    },
  });
}

/** The chosen token of each row, or the one before where that was an end token: int64 [batch]. */
function afterEnd(
  scope: Scope,
  { batch, tokens, endTokens }: Pick<Plan, "batch" | "tokens" | "endTokens">,
  slot: Value,
  chosen: Value,
): Value {
  return general(scope, {
    elementType: "int64",
    shape: [batch],
    operands: [chosen, slot],
    define: (b, [from, old]) => {
      const [row] = b.digits;
      const before = b.load(old, b.addI(b.mulI(row, tokens), b.addI(b.step, -1)));
      const hasEnded = endTokens.map((end) => b.eqI(before, end)).reduce((any, ends) => b.or(any, ends));
      return b.select(hasEnded, before, b.load(from, row));
    },
  });
}
