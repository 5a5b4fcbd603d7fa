/**
 * Random graphs of raw scalar programs for tests of merging: loads under guards, places that wrap or run backwards, digits in
 * any order, gathers, loops with patterns, and operands that stand twice. They need not be what an operator is lowered to.
 */
import { below, createRandom, pick, pickMade } from "../float/directed.ts";
import type { Random } from "../float/directed.ts";
import { canonical } from "../float/words.ts";
import { buildScalar } from "../ir/build.ts";
import type { PatternDigits, ScalarBuilder, Value as Register } from "../ir/build.ts";
import { evaluatePrimitive, wordsOperand } from "../ir/interpret.ts";
import { randomWords } from "../ir/random.ts";
import { validateScalar } from "../ir/validate.ts";
import { fused } from "./fusion.ts";
import type { FusionNode } from "./fusion.ts";
import { sizeOf, WORD_TYPE } from "./values.ts";
import type { Value } from "./values.ts";

export interface RawGraph {
  readonly nodes: readonly FusionNode[];
  readonly inputs: readonly Uint32Array[];
  /** The nodes whose words are kept. */
  readonly roots: readonly number[];
}

const LENGTHS = [24, 24, 36, 12, 48];

/** Three to nine nodes over three inputs; all is a function of the seed. */
export function rawGraph(seed: number): RawGraph {
  const random = createRandom(seed);
  const inputs = Array.from({ length: 3 }, () => randomWords(random, "f32", pick(random, LENGTHS)).map(canonical));
  const nodes: FusionNode[] = [];
  const values = inputs.map(({ length }, index): Value => tensor([length], { kind: "input", index }));
  for (let count = 3 + below(random, 7); count > 0; count--) {
    const node = randomNode(random, values, `primitive ${nodes.length}`);
    const at = { kind: "primitive", index: nodes.push(node) - 1 } as const;
    values.push(tensor(below(random, 2) === 0 ? node.shape : node.scalar.extents, at));
  }
  const other = below(random, 2) === 0 ? [below(random, nodes.length)] : [];
  return { nodes, inputs, roots: [...new Set([nodes.length - 1, ...other])] };
}

/** What each node gives on the interpreter. */
export function wordsOfNodes(
  nodes: readonly (FusionNode | null)[],
  inputs: readonly Uint32Array[],
): (Uint32Array | null)[] {
  const made: (Uint32Array | null)[] = [];
  for (const node of nodes) {
    if (node === null) {
      made.push(null);
      continue;
    }
    const operands = node.operands.map(({ at, elementType }) => {
      const words = at.kind === "primitive" ? made[at.index] : at.kind === "input" ? inputs[at.index] : null;
      if (words === null) throw new Error("an operand that is no more");
      return wordsOperand(WORD_TYPE[elementType], words);
    });
    made.push(evaluatePrimitive(node.scalar, 0, operands, sizeOf(node.shape)));
  }
  return made;
}

/** Merges the raw graph of a seed and throws where a program is not valid or a kept word changed; the nodes that are gone. */
export function checkRawGraph(seed: number): number {
  const { nodes, inputs, roots } = rawGraph(seed);
  const merged = fused(nodes, roots);
  const kept = merged.nodes.filter((node) => node !== null);
  for (const { scalar } of kept) validateScalar(scalar);
  const [expected, found] = [wordsOfNodes(nodes, inputs), wordsOfNodes(merged.nodes, inputs)];
  for (const root of roots) {
    const [words, own] = [expected[root]!, found[merged.holder(root)]];
    const element = words.findIndex((word, index) => word !== own?.[index]);
    if (element < 0 && own?.length === words.length) continue;
    const values = `${own?.[element]}, not ${words[element]}`;
    throw new Error(`seed ${seed}: element ${element} of primitive ${root} is ${values}`);
  }
  return nodes.length - kept.length;
}

function tensor(shape: readonly number[], at: Value["at"]): Value {
  return { elementType: "float32", shape, sources: new Set(), at };
}

function randomNode(random: Random, values: readonly Value[], name: string): FusionNode {
  const first = pick(random, below(random, 4) > 0 ? values.slice(-3) : values);
  const second = below(random, 2) === 0 ? first : pick(random, values);
  // Lowering names a tensor once; merging has to hold where it stands twice as well.
  const operands = first === second && below(random, 2) === 0 ? [first] : [first, second];
  const length = pick(random, [...Array.from({ length: 3 }, () => sizeOf(first.shape)), pick(random, LENGTHS), 6]);
  const extents = factored(random, length);
  const scalar = buildScalar({ operands: operands.map(() => "f32" as const), output: "f32", extents }, (b) =>
    randomWord(random, b, { extents, length: sizeOf(first.shape), second: operands.length - 1 }),
  );
  return {
    scalar,
    operands: operands.slice(0, scalar.operandTypes.length),
    elementType: "float32",
    shape: [length],
    note: { operator: "Random", opset: 17, name, shape: [length] },
  };
}

/** Extents of which the product is the length. */
function factored(random: Random, length: number): number[] {
  const divisor = (of: number): number =>
    pick(
      random,
      Array.from({ length: of }, (_, index) => index + 1).filter((candidate) => of % candidate === 0),
    );
  const one = divisor(length);
  const other = divisor(length / one);
  return pick(random, [[length], [one, length / one], [one, other, length / one / other], [1, length], [length, 1]]);
}

/** What a word is made of. */
interface Places {
  readonly extents: readonly number[];
  /** Words of operand 0. */
  readonly length: number;
  /** The operand that other words come from. */
  readonly second: number;
}

function randomWord(random: Random, b: ScalarBuilder, { extents, length, second }: Places): Register {
  const strides = randomStrides(random, extents);
  const least = strides.reduce((sum, stride, axis) => sum + Math.min(0, stride * (extents[axis] - 1)), 0);
  const offset = pick(random, [0, 0, 0, 0, 1, -2, 5]) - least;
  const place = (start: number): Register =>
    b.digits.reduce((sum, digit, axis) => b.addI(sum, b.mulI(digit, strides[axis])), b.i32(start));
  const under = (condition: Register, start = offset): Register =>
    b.load(0, b.select(condition, place(start), b.i32(-1)));
  const guarded = (): Register => under(randomGuard(random, b, [...b.digits, place(offset)], length));
  const plain = (): Register => b.load(0, place(offset));
  const other = (): Register => b.load(second, b.remU(b.index, 5));
  return pickMade(random, [
    plain,
    plain,
    () => b.neg(plain()),
    guarded,
    () => b.add(guarded(), guarded()),
    () => b.sub(guarded(), b.mul(plain(), 4)),
    () => b.add(under(b.and(b.leI(0, place(offset)), b.ltI(place(offset), length))), b.load(second, b.index)),
    () => b.fma(plain(), 2, b.load(second, place(0))),
    () => b.select(b.ltI(b.digits[0], 1), guarded(), plain()),
    () => b.add(sumAlong(random, b, place(0)), other()),
    () => b.gather(0, b.addI(b.toI32(other()), b.index)),
  ]);
}

/** In the order of the digits or another, backwards, or any. */
function randomStrides(random: Random, extents: readonly number[]): number[] {
  const along = (order: readonly number[]): number[] => {
    const strides = extents.map(() => 0);
    let stride = 1;
    for (const axis of order) {
      strides[axis] = stride;
      stride *= extents[axis];
    }
    return strides;
  };
  const inOrder = [...extents.keys()].toReversed();
  return pickMade(random, [
    () => along(inOrder),
    () => along(inOrder.toSorted(() => below(random, 3) - 1)),
    () => along(inOrder).map((stride) => -stride),
    () => extents.map(() => pick(random, [0, 1, 2, 6, -1])),
  ]);
}

function randomGuard(random: Random, b: ScalarBuilder, of: readonly Register[], length: number): Register {
  const place = pick(random, of);
  const [low, high] = [below(random, 3), pick(random, [2, 3, 5, 10, length - 1])];
  return pickMade(random, [
    () => b.leI(low, place),
    () => b.leI(place, high),
    () => b.and(b.leI(low, place), b.leI(place, high)),
    () => b.ltI(place, high),
    () => b.and(b.ltI(place, length), b.leI(0, place)),
  ]);
}

function sumAlong(random: Random, b: ScalarBuilder, base: Register): Register {
  const pattern = pick<PatternDigits>(random, [
    [[6, 1]],
    [
      [2, 3],
      [3, 1],
    ],
    [[6, 2]],
    [
      [3, pick(random, [6, -6, 4])],
      [2, 1],
    ],
  ]);
  const [total] = b.loop({
    count: pick(random, [2, 3, 4, 6]),
    carried: [{ type: "f32", init: 0 }],
    body: ({ carried }) => [b.add(carried[0], b.load(0, base, pattern))],
    combine: ([sum], [block]) => [b.add(sum, block)],
  });
  return total;
}
