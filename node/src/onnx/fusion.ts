/**
 * Fewer and larger primitives (spec, "Lowering"): copies are read through, elementwise primitives are merged into what makes
 * or takes their words, and tensors are laid out in the order in which they are made. A pass over a whole graph in its order,
 * so that the same graph always gives the same program; no word that is kept changes.
 */

import { buildScalar } from "../ir/build.ts";
import type { PrimitiveNote } from "../ir/program.ts";
import { outputLength } from "../ir/scalar.ts";
import type { ScalarProgram } from "../ir/scalar.ts";
import { cutsOf, digitsOf, formsOf, stridesOfExtents } from "./fusion-address.ts";
import { attempt, copyOf, inlined } from "./fusion-inline.ts";
import { affine, joinedDigits, readsOf, replay } from "./fusion-replay.ts";
import { sizeOf, WORD_TYPE } from "./values.ts";
import type { ElementType, Value } from "./values.ts";

/** A primitive of a graph; operands that are primitives stand earlier in it. */
export interface FusionNode {
  readonly scalar: ScalarProgram;
  readonly operands: readonly Value[];
  readonly elementType: ElementType;
  readonly shape: readonly number[];
  readonly note: PrimitiveNote;
}

export interface Fused {
  /** By old index; null where a primitive is no longer needed. */
  readonly nodes: readonly (FusionNode | null)[];
  /** What holds the words of a kept primitive: itself, or the primitive that it copied. */
  readonly holder: (index: number) => number;
}

/** Merges what can be merged. `kept` are the primitives whose words are outputs or next values, as they stand. */
export function fused(given: readonly (FusionNode | null)[], roots: Iterable<number>): Fused {
  const state = createState(given, roots);
  for (let index = 0; index < given.length; index++) {
    if (state.nodes[index] === null) continue;
    resolveAliases(state, index);
    let natural: Layout | null = null;
    for (let goesOn = true; goesOn;) {
      natural ??= naturalLayout(state, index);
      goesOn = readThrough(state, index) || mergeProducer(state, index);
    }
    if (natural !== null) layOut(state, index, natural);
    dropCopy(state, index);
  }
  return { nodes: state.nodes, holder: (index) => holderOf(state, index) };
}

interface State {
  readonly nodes: (FusionNode | null)[];
  readonly kept: Set<number>;
  /** By index the primitives that read it. */
  readonly readers: Set<number>[];
  /** Copies that are no more, and what they copied. */
  readonly aliases: Map<number, Value>;
}

function createState(given: readonly (FusionNode | null)[], roots: Iterable<number>): State {
  const state: State = {
    nodes: [...given],
    kept: new Set(roots),
    readers: given.map(() => new Set()),
    aliases: new Map(),
  };
  given.forEach((node, index) => {
    node?.operands.forEach((value) => indexOf(value, (from) => state.readers[from].add(index)));
  });
  return state;
}

function indexOf({ at }: Value, visit: (index: number) => void): void {
  if (at.kind === "primitive") visit(at.index);
}

function holderOf(state: State, index: number): number {
  const at = state.aliases.get(index)?.at;
  return at?.kind === "primitive" ? holderOf(state, at.index) : index;
}

/** Puts a node in the place of another and forgets what is read no more. */
function replace(state: State, index: number, node: FusionNode | null): void {
  const { nodes, readers, kept } = state;
  const before = nodes[index]!.operands;
  nodes[index] = node;
  const after = new Set<number>();
  node?.operands.forEach((value) => indexOf(value, (from) => after.add(from)));
  for (const from of after) readers[from].add(index);
  for (const value of before) {
    indexOf(value, (from) => {
      if (after.has(from)) return;
      readers[from].delete(index);
      if (readers[from].size === 0 && !kept.has(from) && nodes[from] !== null) replace(state, from, null);
    });
  }
}

function resolveAliases(state: State, index: number): void {
  const node = state.nodes[index]!;
  const operands = node.operands.map((value) => {
    const source = value.at.kind === "primitive" ? state.aliases.get(value.at.index) : undefined;
    return source === undefined ? value : { ...source, shape: value.shape };
  });
  if (operands.some((value, place) => value !== node.operands[place])) replace(state, index, { ...node, operands });
}

/** Reads a copy's source instead of the copy. */
function readThrough(state: State, index: number): boolean {
  const node = state.nodes[index]!;
  return node.operands.some(({ at }, position) => {
    const producer = at.kind === "primitive" ? state.nodes[at.index]! : null;
    if (producer === null || copyOf(producer) === null) return false;
    return written(state, index, inlined(node, position, producer));
  });
}

/** Computes what only this primitive reads. */
function mergeProducer(state: State, index: number): boolean {
  const node = state.nodes[index]!;
  const candidates = node.operands.flatMap(({ at }, position) => {
    if (at.kind !== "primitive" || state.kept.has(at.index) || state.readers[at.index].size > 1) return [];
    const producer = state.nodes[at.index]!;
    // Read more often than it has elements, it would be computed more often too.
    const count = node.scalar.loop?.count ?? 1;
    const patterned = readsOf(node.scalar, position).some(({ b }) => b !== 0);
    const uses = outputLength(node.scalar) * (patterned ? count : 1);
    if (uses > outputLength(producer.scalar) * 1.3) return [];
    return [{ position, producer, at: at.index, loops: producer.scalar.loop !== null }];
  });
  // Elementwise producers first: a program has one loop, and the latest is the likeliest to take it.
  candidates.sort((x, y) => Number(x.loops) - Number(y.loops) || y.at - x.at);
  return candidates.some(({ position, producer }) => written(state, index, inlined(node, position, producer)));
}

function written(state: State, index: number, merged: Pick<FusionNode, "scalar" | "operands"> | null): boolean {
  if (merged === null) return false;
  replace(state, index, { ...state.nodes[index]!, ...merged });
  return true;
}

/** An order of a tensor's elements: the extents, slowest first, and how far neighbours along each lie apart in it as it is. */
interface Layout {
  readonly extents: readonly number[];
  readonly strides: readonly number[];
}

/** The order in which a primitive's main source was made, where it is another than the primitive's own. */
function naturalLayout(state: State, index: number): Layout | null {
  const node = state.nodes[index]!;
  const { scalar, operands } = node;
  if (state.kept.has(index) || scalar.loop !== null) return null;
  const forms = formsOf(scalar);
  const own = stridesOfExtents(scalar.extents);
  // What a loop made is moved least gladly, and of such the latest.
  const rankOf = ({ at }: Value): number => {
    if (at.kind !== "primitive") return -1;
    return at.index + (state.nodes[at.index]!.scalar.loop === null ? 0 : state.nodes.length);
  };
  const order = operands.map((value, position) => ({ value, position, rank: rankOf(value) }));
  order.sort((x, y) => y.rank - x.rank || x.position - y.position);
  for (const { position, value } of order) {
    const { at, shape } = value;
    if (at.kind === "words" || at.kind === "integers" || sizeOf(shape) !== outputLength(scalar)) continue;
    for (const { op, a } of readsOf(scalar, position)) {
      const form = op === "load" ? (forms.of[a] ?? null) : null;
      if (form?.constant !== 0) continue;
      const digits = scalar.extents.map((extent, digit) => ({
        extent,
        stride: form.coefficients[digit],
        own: own[digit],
      }));
      const moving = digits.filter(({ extent }) => extent > 1);
      const sorted = moving.toSorted((x, y) => y.stride - x.stride);
      const isPermutation = sorted.every(({ stride }, place) => {
        return stride === sorted.slice(place + 1).reduce((words, { extent }) => words * extent, 1);
      });
      if (!isPermutation) continue;
      if (sorted.every((digit, place) => digit === moving[place])) return null;
      return { extents: sorted.map(({ extent }) => extent), strides: sorted.map((digit) => digit.own) };
    }
  }
  return null;
}

/** Lays a tensor out in another order, if all its readers can take it so. */
function layOut(state: State, index: number, { extents, strides }: Layout): void {
  const node = state.nodes[index]!;
  const moved = permuted(node.scalar, extents, strides);
  if (moved === null) return;
  const length = outputLength(node.scalar);
  const inner = stridesOfExtents(extents);
  // What the tensor was, as a copy of what it becomes.
  const order = strides.map((stride, place) => ({ stride, extent: extents[place], inner: inner[place] }));
  order.sort((x, y) => y.stride - x.stride);
  const value: Value = {
    elementType: node.elementType,
    shape: [length],
    at: { kind: "primitive", index },
    sources: new Set(),
  };
  const copy = copying(
    node,
    order.map(({ extent }) => extent),
    order.map((digit) => digit.inner),
  );
  const readers = [...state.readers[index]].map((reader) => ({ reader, node: state.nodes[reader]! }));
  const rewritten = readers.map(({ reader, node: old }) => {
    const positions = [...old.operands.keys()].filter((place) => {
      const { at } = old.operands[place];
      return at.kind === "primitive" && at.index === index;
    });
    const merged = positions.length > 1 ? null : inlined(old, positions[0], { scalar: copy, operands: [value] });
    return { reader, merged };
  });
  if (!rewritten.every(({ merged }) => merged !== null)) return;
  replace(state, index, { ...node, scalar: moved });
  rewritten.forEach(({ reader, merged }) => written(state, reader, merged));
}

/** A program that copies its operand in the order of the given digits. */
function copying({ elementType }: FusionNode, extents: readonly number[], strides: readonly number[]): ScalarProgram {
  const type = WORD_TYPE[elementType];
  return buildScalar({ operands: [type], output: type, extents }, (b) =>
    b.load(
      0,
      affine(
        b,
        0,
        b.digits.map((digit, place) => [digit, strides[place]] as const),
      ),
    ),
  );
}

/** The program with its elements in the order of digits that move `strides` words in the old one. */
function permuted(
  program: ScalarProgram,
  extents: readonly number[],
  strides: readonly number[],
): ScalarProgram | null {
  const own = stridesOfExtents(program.extents);
  const cut = extents.map((extent, digit) => cutsOf({ extent, stride: strides[digit] }, own));
  const walks = cut.flatMap((sizes, digit) => {
    const inner = stridesOfExtents(sizes);
    return sizes.map((extent, place) => ({ extent, stride: strides[digit] * inner[place] }));
  });
  const digits = walks.length > 8 ? null : digitsOf(program.extents, 0, walks);
  if (digits === null) return null;
  const signature = {
    operands: program.operandTypes,
    output: program.outputType,
    extents: walks.map(({ extent }) => extent),
  };
  return attempt(() =>
    joinedDigits(
      buildScalar(signature, (b) =>
        replay(b, {
          program,
          digits: digits.map(({ constant, multiples }) =>
            affine(
              b,
              constant,
              b.digits.map((digit, walk) => [digit, multiples[walk]] as const),
            ),
          ),
          operands: program.operandTypes.map((_, operand) => operand),
        }),
      ),
    ),
  );
}

/** Lets readers take the source of a copy that changes nothing. */
function dropCopy(state: State, index: number): void {
  const node = state.nodes[index]!;
  const copy = copyOf(node);
  if (copy === null) return;
  const source = node.operands[copy.operand];
  const strides = stridesOfExtents(node.scalar.extents);
  const { constant, coefficients } = copy.form;
  const isSame =
    constant === 0 &&
    node.scalar.extents.every((extent, digit) => extent === 1 || coefficients[digit] === strides[digit]);
  if (!isSame || sizeOf(source.shape) !== sizeOf(node.shape)) return;
  if (state.kept.has(index)) {
    if (source.at.kind !== "primitive") return;
    state.kept.add(source.at.index);
    state.kept.delete(index);
  }
  state.aliases.set(index, source);
  const readers = [...state.readers[index]];
  readers.forEach((reader) => resolveAliases(state, reader));
  if (state.nodes[index] !== null && state.readers[index].size === 0) replace(state, index, null);
}
