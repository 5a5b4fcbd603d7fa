/**
 * One table stated with several lengths that share a root (zeros at the end do not show in it), as columns of products that
 * have all of it or a part, as what is looked up in and past it, and as the first value of a slot.
 */
import { below, createRandom, pick, pickMade } from "../../../float/directed.ts";
import type { Random } from "../../../float/directed.ts";
import type { ScalarBuilder, Value } from "../../../ir/build.ts";
import { UNCHANGED } from "../../../ir/program.ts";
import type { ConstantOperand, IndexedOperand } from "../../../ir/program.ts";
import { randomWords } from "../../../ir/random.ts";
import { CHUNK_WORDS } from "../../../merkle/hash.ts";
import { chunkCount } from "../../../merkle/tensor.ts";
import type { Fixture } from "../../fixtures.ts";
import { addConstant, addInput, addPrimitive, addSlot, createDraft, endSegment, fixtureOf } from "./draft.ts";
import type { Draft } from "./draft.ts";

interface Table {
  readonly columns: number;
  readonly count: number;
  /** The table itself, then longer and shorter ones of its root. */
  readonly stated: readonly ConstantOperand[];
}

/** One or two products and up to three look-ups; all is a function of the seed. */
export function sharedConstants(seed: number): Fixture {
  const draft = createDraft(createRandom(seed));
  const { random } = draft;
  const table = addTable(draft);
  const made: IndexedOperand[] = [];
  for (let count = 1 + below(random, 2); count > 0; count--) made.push(addProduct(draft, table));
  const rows = addInput(draft, "i32", randomWords(random, "i32", 64));
  for (let count = 1 + below(random, 3); count > 0; count--) made.push(addLookUp(draft, table, rows));
  const slotBindings: number[] = [];
  // A table that a slot starts with is kept as it is, which leaves less to go wrong.
  if (below(random, 4) === 0) {
    const slot = addSlot(draft, pick(random, table.stated));
    const next = addPrimitive(draft, {
      output: "f32",
      extents: [slot.length],
      operands: [slot, pick(random, table.stated)],
      define: (b) => b.add(b.load(0, b.index), b.load(1, b.remU(b.index, 3))),
    });
    made.push(next);
    slotBindings.push(below(random, 4) === 0 ? UNCHANGED : next.index);
  }
  const outputBindings = made.map(({ index }) => index);
  return fixtureOf(draft, [endSegment(draft, { steps: 0, slotBindings, outputBindings })]);
}

function addTable(draft: Draft): Table {
  const { random } = draft;
  const [columns, count] = [pick(random, [33, 40, 64, 70, 31, 5, 100]), pick(random, [8, 9, 15, 40, 100])];
  const mask = below(random, 2) === 0 ? 0xffff0000 : 0xffffffff;
  const words = randomWords(random, "f32", columns * count).map((word) => word & mask);
  if (below(random, 3) > 0) words.fill(0, words.length - pick(random, [1, 3, count, 2 * count]));
  const chunks = chunkCount(words.length);
  const longer = new Uint32Array(Math.min(chunks * CHUNK_WORDS, words.length + pick(random, [0, 1, count, count, 64])));
  longer.set(words);
  const used = words.findLastIndex((word) => word !== 0) + 1;
  const shorter = words.slice(0, Math.max(used, (chunks - 1) * CHUNK_WORDS + 1));
  return { columns, count, stated: [words, longer, shorter].map((own) => addConstant(draft, "f32", own)) };
}

/** Products mostly state the table itself, look-ups mostly the longer one. */
function oneOf(random: Random, stated: Table["stated"], usual: number): ConstantOperand {
  return below(random, 3) > 0 ? stated[usual] : pick(random, stated);
}

/** Rows times all columns of the table or some of them, from its start or beside it. */
function addProduct(draft: Draft, { columns, count, stated }: Table): IndexedOperand {
  const { random } = draft;
  const rows = 1 + below(random, 7);
  const taken = below(random, 3) > 0 ? columns : 4 + below(random, columns);
  const offset = below(random, 5) > 0 ? 0 : pick(random, [1, count, -1]);
  const left = addInput(draft, "f32", randomWords(random, "f32", rows * count));
  const define = (b: ScalarBuilder): Value => {
    const [row, column] = b.digits.map((digit) => b.mulI(digit, count));
    const [total] = b.loop({
      count,
      carried: [{ type: "f32", init: 0 }],
      body: ({ carried }) => {
        const word = b.load(1, b.addI(column, offset), [[count, 1]]);
        return [b.fma(b.load(0, row, [[count, 1]]), word, carried[0])];
      },
      combine: ([sum], [block]) => [b.add(sum, block)],
    });
    return total;
  };
  return addPrimitive(draft, {
    output: "f32",
    extents: [rows, taken],
    operands: [left, oneOf(random, stated, 0)],
    define,
  });
}

/** Words of the table side by side, scattered, or at places that an operand tells; some lie past its end. */
function addLookUp(draft: Draft, { columns, count, stated }: Table, rows: IndexedOperand): IndexedOperand {
  const { random } = draft;
  const length = 1 + below(random, Math.max(1, Math.floor((columns * count) / 40)));
  const [words, longer, shorter] = stated.map((table) => table.length);
  const at = pick(random, [0, words - length, words - 1, words, shorter - 1, longer - length, -1]);
  const define = (b: ScalarBuilder): Value =>
    pickMade(random, [
      () => b.load(0, b.addI(b.digits[0], at)),
      () => b.gather(0, b.addI(b.mulI(b.load(1, b.digits[0]), count), b.step)),
      () => b.gather(0, b.load(1, b.digits[0])),
      () => b.fromBits(b.addI(b.bitsOf(b.load(0, b.addI(b.mulI(b.digits[0], 7), at))), b.load(1, 0))),
      () => b.gather(0, b.remU(b.load(1, b.digits[0]), longer + 5)),
    ]);
  return addPrimitive(draft, { output: "f32", extents: [length], operands: [oneOf(random, stated, 1), rows], define });
}
