/**
 * The WebAssembly code of keccak-f[1600] over several states at once: states in the two halves of v128 locals beside one in
 * i64 locals, interleaved step by step, so that the vector and the integer units of a core work at the same time (spec,
 * "Trees"). Everything is emitted here from the definition of the permutation; nothing is shipped as a binary.
 */

/** Bytes of code. */
export type Code = number[];

export const I32 = 0x7f;
export const I64 = 0x7e;
export const V128 = 0x7b;

/** 64-bit lanes of a state, and those that take the message. */
export const LANES = 25;
export const RATE_LANES = 17;
/** Bytes of the round constants, 24 little-endian u64, that the code reads. */
export const CONSTANTS_BYTES = 24 * 8;

const ROUNDS = 24;
/** Rounds in one turn of the loop: each turn moves the whole state between registers and stack. */
const ROUNDS_A_TURN = 4;

const leb = (value: number): Code => (value < 128 ? [value] : [(value & 127) | 128, ...leb(value >>> 7)]);
// Signed: one more byte where the sign bit of the last would be set.
const sleb = (value: bigint): Code =>
  value >= -64n && value < 64n ? [Number(value & 127n)] : [Number(value & 127n) | 128, ...sleb(value >> 7n)];

export const unsigned = leb;
export const get = (local: number): Code => [0x20, ...leb(local)];
export const set = (local: number): Code => [0x21, ...leb(local)];
export const tee = (local: number): Code => [0x22, ...leb(local)];
export const i32Const = (value: number): Code => [0x41, ...sleb(BigInt(value | 0))];
const i64Const = (value: bigint): Code => [0x42, ...sleb(BigInt.asIntN(64, value))];
const simd = (opcode: number): Code => [0xfd, ...leb(opcode)];
const v128Const = (half: bigint): Code => {
  const bytes = Array.from({ length: 8 }, (_, byte) => Number((half >> BigInt(8 * byte)) & 255n));
  return [...simd(0x0c), ...bytes, ...bytes];
};

/** The 24 round constants from their definition, a linear feedback register, as they lie in the memory. */
export function roundConstants(): BigUint64Array {
  let register = 1;
  return BigUint64Array.from({ length: ROUNDS }, () => {
    let constant = 0n;
    for (let bit = 0; bit < 7; bit++) {
      if (register & 1) constant |= 1n << BigInt(2 ** bit - 1);
      register = (register << 1) ^ (register & 0x80 ? 0x171 : 0);
    }
    return constant;
  });
}

// Rotation of each lane (x + 5 y), from the same definition.
function rotations(): number[] {
  const offsets = new Array<number>(LANES).fill(0);
  let [x, y] = [1, 0];
  for (let step = 0; step < ROUNDS; step++) {
    offsets[x + 5 * y] = (((step + 1) * (step + 2)) / 2) % 64;
    [x, y] = [y, (2 * x + 3 * y) % 5];
  }
  return offsets;
}

const OFFSETS = rotations();
/** Where rho and pi take lane `index`. */
const movedTo = (index: number): number => Math.floor(index / 5) + 5 * ((2 * index + 3 * Math.floor(index / 5)) % 5);

/** Locals of a state: LANES lanes, then LANES moved ones, five columns, one difference, one scratch. */
export const STATE_LOCALS = 2 * LANES + 7;

/** One or two states in the locals from `first`. */
export interface States {
  readonly type: typeof I64 | typeof V128;
  readonly messages: 1 | 2;
  /** All lanes zero. */
  clear(): Code;
  /**
   * Takes `count` lanes of the messages at the addresses in the locals `from`, with `offset` added, then the words of the
   * padding in `last` if it is not null: 1 at that lane, the top bit at the end of the rate. With `swaps` the bytes of every
   * 32-bit word are turned round.
   */
  absorb(from: readonly number[], count: number, last: number | null, swaps: boolean): Code;
  /** The statements of one round, whose constant is at the address in a local with an offset. */
  round(constants: number, offset: number): Code[];
  /** Writes the first four lanes to the addresses in the locals `to`. */
  store(to: readonly number[]): Code;
}

const SWAP_BYTES = [3, 2, 1, 0, 7, 6, 5, 4, 11, 10, 9, 8, 15, 14, 13, 12];
const LOW_HALVES = [0, 1, 2, 3, 4, 5, 6, 7, 16, 17, 18, 19, 20, 21, 22, 23];
const HIGH_HALVES = LOW_HALVES.map((byte) => byte + 8);
const TOP_BIT = 1n << 63n;
const loadVector = (address: number, offset: number): Code => [...get(address), ...simd(0x00), 0, ...leb(offset)];
const loadHalf = (address: number, offset: number): Code => [...get(address), ...simd(0x5d), 0, ...leb(offset)];
const shuffle = (bytes: readonly number[]): Code => [...simd(0x0d), ...bytes];

/** The statements of a round over lanes that `operations` knows how to combine. */
interface Operations {
  readonly first: number;
  readonly xor: Code;
  rotate(value: Code, by: number): Code;
  /** b0 ^ (~b1 & b2) for the lane `target` of the next state. */
  choose(target: number, b: readonly [number, number, number]): Code;
  constant(constants: number, offset: number): Code;
}

function roundOf(operations: Operations, constants: number, offset: number): Code[] {
  const { first, xor, rotate, choose } = operations;
  const lane = (index: number): number => first + index;
  const moved = (index: number): number => first + LANES + index;
  const column = (x: number): number => first + 2 * LANES + (x % 5);
  const difference = first + 2 * LANES + 5;
  const statements: Code[] = [];
  for (let x = 0; x < 5; x++) {
    const rest = [1, 2, 3, 4].flatMap((y) => [...get(lane(x + 5 * y)), ...xor]);
    statements.push([...get(lane(x)), ...rest, ...set(column(x))]);
  }
  for (let x = 0; x < 5; x++) {
    statements.push([...get(column(x + 4)), ...rotate(get(column(x + 1)), 1), ...xor, ...set(difference)]);
    for (let index = x; index < LANES; index += 5) {
      const mixed = [...get(lane(index)), ...get(difference), ...xor];
      statements.push([...rotate(mixed, OFFSETS[index]), ...set(moved(movedTo(index)))]);
    }
  }
  for (let index = 0; index < LANES; index++) {
    const row = index - (index % 5);
    const at = (step: number): number => moved(row + ((index + step) % 5));
    const chosen = choose(index, [at(0), at(1), at(2)]);
    const mixed = index === 0 ? [...chosen, ...operations.constant(constants, offset), ...xor] : chosen;
    statements.push([...mixed, ...set(lane(index))]);
  }
  return statements;
}

/** Two states, in the halves of v128 locals. */
export function doubleStates(first: number): States {
  const xor = simd(0x51);
  const scratch = first + 2 * LANES + 6;
  const other = first + LANES;
  const mix = (index: number, value: Code): Code => [...get(first + index), ...value, ...xor, ...set(first + index)];
  return {
    type: V128,
    messages: 2,
    clear: () => Array.from({ length: LANES }, (_, index) => [...v128Const(0n), ...set(first + index)]).flat(),
    absorb(from, count, last, swaps) {
      const swapped = (value: Code): Code =>
        swaps ? [...value, ...tee(scratch), ...get(scratch), ...shuffle(SWAP_BYTES)] : value;
      const code: Code = [];
      for (let index = 0; index + 1 < count; index += 2) {
        code.push(
          ...loadVector(from[0], 8 * index),
          ...set(other),
          ...loadVector(from[1], 8 * index),
          ...set(other + 1),
        );
        const halves = (which: readonly number[]): Code => [...get(other), ...get(other + 1), ...shuffle(which)];
        code.push(...mix(index, swapped(halves(LOW_HALVES))), ...mix(index + 1, swapped(halves(HIGH_HALVES))));
      }
      if (count % 2 === 1) {
        const offset = 8 * (count - 1);
        code.push(...loadHalf(from[0], offset), ...set(other), ...loadHalf(from[1], offset), ...set(other + 1));
        code.push(...mix(count - 1, swapped([...get(other), ...get(other + 1), ...shuffle(LOW_HALVES)])));
      }
      if (last === null) return code;
      return [...code, ...mix(last, v128Const(1n)), ...mix(RATE_LANES - 1, v128Const(TOP_BIT))];
    },
    round: (constants, offset) =>
      roundOf(
        {
          first,
          xor,
          rotate(value, by) {
            if (by === 0) return value;
            const left = [...value, ...tee(scratch), ...i32Const(by), ...simd(0xcb)];
            return [...left, ...get(scratch), ...i32Const(64 - by), ...simd(0xcd), ...simd(0x50)];
          },
          choose: (_, [b0, b1, b2]) => [...get(b0), ...get(b2), ...get(b1), ...simd(0x4f), ...xor],
          constant: (address, at) => [...get(address), ...simd(0x0a), 0, ...leb(at)],
        },
        constants,
        offset,
      ),
    store: (to) =>
      [0, 1, 2, 3].flatMap((index) =>
        to.flatMap((address, half) => [
          ...get(address),
          ...get(first + index),
          ...[...simd(0x5b), 0, ...leb(8 * index), half],
        ]),
      ),
  };
}

/**
 * Lanes that a state in i64 locals holds complemented. WebAssembly has no and-not of integers; with these, chosen by the
 * authors of keccak, a round needs few complements instead of 25, and the masks are the same after every round.
 */
const COMPLEMENTED = [1, 2, 8, 12, 17, 20];

/** Which lanes are complemented after theta, rho and pi, by their new places. */
function movedComplements(): boolean[] {
  const isOdd = (x: number): boolean => COMPLEMENTED.filter((index) => index % 5 === x % 5).length % 2 === 1;
  const masks = new Array<boolean>(LANES).fill(false);
  for (let index = 0; index < LANES; index++) {
    const isDifference = isOdd(index + 4) !== isOdd(index + 1);
    masks[movedTo(index)] = COMPLEMENTED.includes(index) !== isDifference;
  }
  return masks;
}

/** One state, in i64 locals. `vector` is a v128 local for byte swaps. */
export function singleState(first: number, vector: number): States {
  const [xor, and, or] = [[0x85], [0x83], [0x84]];
  const masks = movedComplements();
  const not = (value: Code): Code => [...value, ...i64Const(-1n), ...xor];
  const mix = (index: number, value: Code): Code => [...get(first + index), ...value, ...xor, ...set(first + index)];
  return {
    type: I64,
    messages: 1,
    clear: () =>
      Array.from({ length: LANES }, (_, index) => {
        return [...i64Const(COMPLEMENTED.includes(index) ? -1n : 0n), ...set(first + index)];
      }).flat(),
    absorb([from], count, last, swaps) {
      const code: Code = [];
      for (let index = 0; index < count; index += 2) {
        const isLast = index + 1 === count;
        if (swaps) {
          const loaded = isLast ? loadHalf(from, 8 * index) : loadVector(from, 8 * index);
          code.push(...loaded, ...tee(vector), ...get(vector), ...shuffle(SWAP_BYTES), ...set(vector));
        }
        for (const half of isLast ? [0] : [0, 1]) {
          const plain = [...get(from), 0x29, 0, ...leb(8 * (index + half))];
          code.push(...mix(index + half, swaps ? [...get(vector), ...simd(0x1d), half] : plain));
        }
      }
      if (last === null) return code;
      return [...code, ...mix(last, i64Const(1n)), ...mix(RATE_LANES - 1, i64Const(TOP_BIT))];
    },
    round: (constants, offset) =>
      roundOf(
        {
          first,
          xor,
          rotate: (value, by) => (by === 0 ? value : [...value, ...i64Const(BigInt(by)), 0x89]),
          choose(target, b) {
            const row = target - (target % 5);
            const [m0, m1, m2] = [0, 1, 2].map((step) => masks[row + ((target + step) % 5)]);
            // What stands for ~b1 & b2 is complemented where the masks of the ends differ.
            const isComplement = m0 !== COMPLEMENTED.includes(target);
            const [b0, b1, b2] = b.map(get);
            const [isNot1, isNot2] = isComplement ? [m1, !m2] : [!m1, m2];
            // Two complements are one of the whole.
            if (isNot1 && isNot2) return not([...b0, ...b1, ...b2, ...(isComplement ? and : or), ...xor]);
            const ends = [...(isNot1 ? not(b1) : b1), ...(isNot2 ? not(b2) : b2)];
            return [...b0, ...ends, ...(isComplement ? or : and), ...xor];
          },
          constant: (address, at) => [...get(address), 0x29, 0, ...leb(at)],
        },
        constants,
        offset,
      ),
    store: ([to]) =>
      [0, 1, 2, 3].flatMap((index) => {
        const value = COMPLEMENTED.includes(index) ? not(get(first + index)) : get(first + index);
        return [...get(to), ...value, 0x37, 0, ...leb(8 * index)];
      }),
  };
}

/** The permutation of all states; `turn` is an i32 local of its own, `constants` one with the address of the constants. */
export function permute(states: readonly States[], constants: number, turn: number): Code {
  const rounds = Array.from({ length: ROUNDS_A_TURN }, (_, round) => {
    const each = states.map((state) => state.round(turn, 8 * round));
    return each[0].flatMap((_statement, index) => each.flatMap((statements) => statements[index]));
  }).flat();
  const step = 8 * ROUNDS_A_TURN;
  const advance = [...get(turn), ...i32Const(step), 0x6a, ...tee(turn)];
  const end = [...get(constants), ...i32Const(CONSTANTS_BYTES), 0x6a];
  return [...get(constants), ...set(turn), ...loop([...rounds, ...advance, ...end, 0x47, 0x0d, 0])];
}

const VOID = 0x40;
/** A loop; a branch to 0 within it goes back to its start. */
export const loop = (body: Code): Code => [0x03, VOID, ...body, 0x0b];
/** A block; a branch to 0 within it leaves it. */
export const block = (body: Code): Code => [0x02, VOID, ...body, 0x0b];
/** Runs `then` where the condition is not zero, else `otherwise`. */
export const branch = (condition: Code, then: Code, otherwise: Code = []): Code => [
  ...condition,
  0x04,
  VOID,
  ...then,
  ...(otherwise.length > 0 ? [0x05, ...otherwise] : []),
  0x0b,
];
