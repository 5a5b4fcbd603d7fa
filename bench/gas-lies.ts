// Where a lie is dearest: every kind of primitive and of carried tensor, in the first, a middle and the last step and element,
// each proof built against a tree that has the lie in it, without a run that tells it. What a walk costs beside its proof is
// estimated, so the dearest are played for real.
import { hexToBytes, type Hex } from "viem";
import { buildElementProof, buildPaddingProof, buildSlotProof, claimViewOf, encodeProof } from "@lockstep/node/engine";
import {
  SECTION,
  chunkAt,
  itemCount,
  nodeAt,
  parentOf,
  positionKey,
  segmentAt,
  siblingsToRoot,
} from "@lockstep/node/engine";
import type { ClaimView, FraudProof, Position, PrimitiveTamper, Run, Tamper, TraceView } from "@lockstep/node/engine";
import type { Segment } from "@lockstep/node/ir";
import { CHUNK_WORDS, chunkBytes, chunkCount, chunkHash, hashPair, treeDepth } from "@lockstep/node/merkle";

/** A bit of the mantissa, so that a lie is no NaN. */
export const LIE = 1 << 20;

/** A lie with the proof that ends its dispute. */
export interface Lie {
  readonly tamper: Tamper;
  /** In words. */
  readonly place: string;
  readonly claim: ClaimView;
  readonly fraud: FraudProof;
  readonly proof: Hex;
  /** The same for lies in primitives, or in carried tensors, that are alike. */
  readonly kind: string;
}

/** A lie with what it is estimated to cost. */
export interface PricedLie extends Lie {
  readonly walk: number;
  readonly direct: number;
  /** Openings of a walk, exactly. */
  readonly openings: number;
}

/** Lies of every kind in the run, first, middle and last of each. */
export function* liesIn(run: Run): Generator<Lie> {
  const { program, steps } = run;
  const places = new Set([0, 1, Math.floor(steps / 2) - 1, steps - 1].filter((step) => step >= 0 && step < steps));
  for (const step of places) {
    const { records } = segmentAt(run, step);
    const scratch = run.tensorsAt(step).scratch;
    for (const alike of Map.groupBy(records.keys(), (primitive) => kindOf(records[primitive])).values()) {
      for (const primitive of ends(alike)) {
        const { length } = records[primitive];
        const elements = new Set([0, Math.floor(length / 2), length - 1, densestElement(scratch[primitive])]);
        if (length % CHUNK_WORDS !== 0) elements.add(length);
        for (const element of elements) yield lieAt(run, { step, primitive, element, xor: LIE });
      }
    }
    const carried = Map.groupBy(itemLengths(program).entries(), ([, length]) => length);
    for (const alike of carried.values()) {
      for (const [item] of ends(alike)) yield lieAt(run, { step, item, element: 0, xor: LIE });
    }
  }
}

function kindOf({ scalar, operands }: Segment["records"][number]): string {
  return [scalar, ...operands.map(({ kind, length }) => `${kind} ${length}`)].join();
}

/**
 * The dearest of the lies by their estimates: some by their walks, some by their direct proofs, and one of those with the most
 * openings. Half of them are the dearest of all, the others each of a kind of its own.
 */
export function dearest(lies: readonly PricedLie[], walks: number, directs: number): PricedLie[] {
  const by = (key: "walk" | "direct", count: number): PricedLie[] => {
    const sorted = lies.toSorted((one, other) => other[key] - one[key]);
    const first = sorted.slice(0, count / 2);
    const kinds = [...Map.groupBy(sorted, ({ kind }) => kind).values()].map(([most]) => most);
    return [...first, ...kinds.filter((lie) => !first.includes(lie)).slice(0, count / 2)];
  };
  const most = Math.max(...lies.map(({ openings }) => openings));
  const deepest = lies.filter(({ openings }) => openings === most).toSorted((one, other) => other.walk - one.walk);
  return [...new Set([...by("walk", walks), ...by("direct", directs), ...deepest.slice(0, 1)])];
}

/** With its estimates, given what its referee executes. */
export function priced(run: Run, lie: Lie, execution: number): PricedLie {
  const direct = revealGas(lie.proof, execution);
  const nodes = openingsOf(run, lie.tamper);
  return { ...lie, direct, walk: direct + walkGas(nodes, lie.tamper), openings: nodes.length };
}

// --- Proofs against a tree with one wrong chunk ---

/** One lie with its proof. */
export function lieAt(run: Run, tamper: Tamper): Lie {
  const inState = "item" in tamper;
  const section = inState ? SECTION.stateTensor : SECTION.scratchTensor;
  const item = inState ? tamper.item : tamper.primitive;
  const { step, element, xor } = tamper;
  const index = Math.floor(element / CHUNK_WORDS);
  const { view, traceRoot } = withLie(run, { section, height: 0, step, item, index }, element % CHUNK_WORDS, xor);
  const fraud = fraudOf(view, tamper);
  const what = inState ? `item ${item} of the state` : placeOf(run, step, item);
  return {
    tamper,
    place: `step ${step}, ${what}, element ${element}`,
    claim: { ...claimViewOf(run), traceRoot },
    fraud,
    proof: encodeProof(fraud),
    kind: inState
      ? "carried"
      : `${element < lengthOf(run, tamper) ? "" : "padding of "}${kindOf(segmentAt(run, step).records[item])}`,
  };
}

function lengthOf(run: Run, { step, primitive }: PrimitiveTamper): number {
  return segmentAt(run, step).records[primitive].length;
}

function fraudOf(view: TraceView, tamper: Tamper): FraudProof {
  const { step, element } = tamper;
  if ("item" in tamper) return { kind: 1, proof: buildSlotProof(view, step, tamper.item) };
  return element < lengthOf(view.run, tamper)
    ? { kind: 0, proof: buildElementProof(view, step, tamper.primitive, element) }
    : { kind: 2, proof: buildPaddingProof(view, SECTION.scratchTensor, step, tamper.primitive) };
}

/** The tree of the run as it would be with one wrong word in one chunk, from that chunk up to the trace root. */
function withLie(run: Run, leaf: Position, word: number, xor: number): { view: TraceView; traceRoot: Hex } {
  const chunk = chunkAt(run, leaf).slice();
  new DataView(chunk.buffer).setUint32(4 * word, new DataView(chunk.buffer).getUint32(4 * word) ^ xor);
  const wrong = new Map<string, Hex>();
  const siblings = siblingsToRoot(run, leaf);
  let node = chunkHash(chunk);
  let above: Position | null = leaf;
  for (let level = 0; above !== null; level++) {
    wrong.set(positionKey(run, above), node);
    if (level < siblings.length) {
      const other = nodeAt(run, siblings[level]);
      node = isLeftOf(above, siblings[level]) ? hashPair(node, other) : hashPair(other, node);
    }
    above = parentOf(run, above);
  }
  return {
    traceRoot: node,
    view: {
      run,
      node: (position) => wrong.get(positionKey(run, position)) ?? nodeAt(run, position),
      chunk: (position) => (positionKey(run, position) === positionKey(run, leaf) ? chunk : chunkAt(run, position)),
    },
  };
}

// A tensor's root stands among the tensors of its step, a step's two roots side by side.
function isLeftOf(node: Position, sibling: Position): boolean {
  if (node.section === sibling.section && node.item === sibling.item) return node.index < sibling.index;
  const isItem = node.section === SECTION.scratchTensor || node.section === SECTION.stateTensor;
  const tree = node.section === SECTION.scratchTensor ? SECTION.scratch : SECTION.state;
  if (isItem && sibling.section === tree) return node.item < sibling.index;
  return node.section === SECTION.scratch || node.section === SECTION.scratchTensor;
}

function placeOf(run: Run, step: number, primitive: number): string {
  const { scalar, length } = segmentAt(run, step).records[primitive];
  const loop = run.program.scalars.get(scalar)?.loop ?? null;
  const form = loop === null ? "no loop" : `${loop.count} iterations in ${loop.lanes} lanes`;
  return `primitive ${primitive} (${length} elements, ${form})`;
}

function itemLengths({ slots, outputs }: Run["program"]): number[] {
  return [...slots, ...outputs].map(({ length }) => length);
}

function ends<T>(list: readonly T[]): T[] {
  return [...new Set([list[0], list[Math.floor(list.length / 2)], list[list.length - 1]])];
}

/** In the middle of the chunk with the fewest zero bytes, the padding of the last one included. */
function densestElement(words: Uint32Array): number {
  let [fewest, first] = [Infinity, 0];
  for (let chunk = 0; chunk < chunkCount(words.length); chunk++) {
    const zeros = zerosIn(chunkBytes(words, chunk));
    if (zeros < fewest) [fewest, first] = [zeros, chunk * CHUNK_WORDS];
  }
  return first + Math.floor(Math.min(CHUNK_WORDS, words.length - first) / 2);
}

function zerosIn(bytes: Uint8Array): number {
  return bytes.filter((byte) => byte === 0).length;
}

// --- Estimates: they choose what is played and are never printed ---

// Calldata in a transaction beside the proof, and what the game does around the referee.
const REVEAL_BYTES = 400;
const REVEAL_GAS = 90_000;
const DEMAND_GAS = 48_000;
const ENTER_GAS = 8_000;

function revealGas(proof: Hex, execution: number): number {
  const bytes = hexToBytes(proof);
  const zeros = zerosIn(bytes);
  const others = bytes.length - zeros + REVEAL_BYTES;
  return 21_000 + Math.max(16 * others + 4 * zeros + execution + REVEAL_GAS, 40 * others + 10 * zeros);
}

function walkGas(nodes: readonly number[], tamper: Tamper): number {
  return nodes.reduce((sum, shown) => sum + openGas(shown) + DEMAND_GAS, "item" in tamper ? 0 : ENTER_GAS);
}

/** The nodes that each opening of the walk to a lie shows; of a chunk as many as are as long. */
function openingsOf(run: Run, tamper: Tamper): number[] {
  const inState = "item" in tamper;
  const { records } = segmentAt(run, tamper.step);
  const steps = [...opened(treeDepth(run.steps)), 2 ** Math.min(5, treeDepth(records.length))];
  if (inState) return [...steps, ...opened(treeDepth(itemCount(run, SECTION.state, tamper.step)))];
  const tensor = treeDepth(chunkCount(lengthOf(run, tamper)));
  return [...steps, ...opened(Math.max(0, treeDepth(records.length) - 5)), ...opened(tensor), 32];
}

function opened(depth: number): number[] {
  return Array.from({ length: Math.ceil(depth / 5) }, (_, level) => 2 ** Math.min(5, depth - 5 * level));
}

function openGas(nodes: number): number {
  return Math.max(26_000 + 32 * 40 * nodes, 34_000 + 900 * nodes);
}
