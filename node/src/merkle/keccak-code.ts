/**
 * The WebAssembly code of keccak-f[1600] over three states at once: two in the halves of vectors and one in integers,
 * interleaved step by step, so that the vector and the integer units of a core work at the same time (spec, "Trees"). Everything
 * is emitted from the definition of the permutation; nothing is shipped as a binary.
 */

/** Bytes of code, nested as they were put together. */
export type Code = number | readonly Code[];

export const I32 = 0x7f;
export const I64 = 0x7e;
export const V128 = 0x7b;

/** 64-bit lanes of a state, and those that take the message. */
const LANES = 25;
export const RATE_LANES = 17;
const ROUNDS = 24;

/** Rounds in one turn of the loop: even, so that each turn ends in the buffer it started from; more do not stay in caches. */
const ROUNDS_A_TURN = 4;

/** Bytes of the round constants, 24 little-endian u64, and of two buffers of vectors. */
export const CONSTANTS_BYTES = 8 * ROUNDS;
export const VECTORS_BYTES = 2 * 16 * LANES;

export const unsigned = (value: number): number[] =>
  value < 128 ? [value] : [(value & 127) | 128, ...unsigned(value >>> 7)];
// Signed: one more byte where the sign bit of the last would be set.
const signed = (value: bigint): number[] =>
  value >= -64n && value < 64n ? [Number(value & 127n)] : [Number(value & 127n) | 128, ...signed(value >> 7n)];

export const get = (local: number): Code => [0x20, unsigned(local)];
export const set = (local: number): Code => [0x21, unsigned(local)];
export const tee = (local: number): Code => [0x22, unsigned(local)];
export const i32Const = (value: number): Code => [0x41, signed(BigInt(value | 0))];
const i64Const = (value: bigint): Code => [0x42, signed(BigInt.asIntN(64, value))];
const simd = (opcode: number): Code => [0xfd, unsigned(opcode)];
const vectorConst = (half: bigint): Code => {
  const bytes = Array.from({ length: 8 }, (_, byte) => Number((half >> BigInt(8 * byte)) & 255n));
  return [simd(0x0c), bytes, bytes];
};
const shuffle = (bytes: readonly number[]): Code => [simd(0x0d), bytes];
const loadVector = (address: number, offset: number): Code => [get(address), simd(0x00), 0, unsigned(offset)];
const loadHalf = (address: number, offset: number): Code => [get(address), simd(0x5d), 0, unsigned(offset)];

const VOID = 0x40;
/** A loop; a branch to 0 within it goes back to its start. */
export const loop = (body: Code): Code => [0x03, VOID, body, 0x0b];
/** A block; a branch to 0 within it leaves it. */
export const block = (body: Code): Code => [0x02, VOID, body, 0x0b];
/** Runs `then` where the condition is not zero, else `otherwise`. */
export const branch = (condition: Code, then: Code, otherwise?: Code): Code => [
  [condition, 0x04, VOID, then],
  otherwise === undefined ? [] : [0x05, otherwise],
  0x0b,
];

/** The bytes of nested code. */
export function bytesOf(code: Code): number[] {
  const bytes: number[] = [];
  const add = (part: Code): void => {
    if (typeof part === "number") bytes.push(part);
    else part.forEach(add);
  };
  add(code);
  return bytes;
}

/** The 24 round constants from their definition, a linear feedback register. */
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

// Rotation of each lane x + 5 y, from the same definition.
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

/** The lane that rho and pi take to each place: to x + 5 y comes the lane x + 3 y, in row x. */
const MOVED_FROM = Array.from({ length: LANES }, (_, to) => {
  const [x, y] = [to % 5, Math.floor(to / 5)];
  return ((x + 3 * y) % 5) + 5 * x;
});

// --- A round, of whatever a lane is ---

/** Locals beside the lanes: five sums of columns, five differences, five moved lanes, one scratch. */
const SUMS = 0;
const DIFFERENCES = 5;
const MOVED = 10;
const SCRATCH = 15;
const WORK_LOCALS = 16;

/** Lanes of 64 bits, one of a message or two of two messages. A state is in one of two buffers; a round goes to the other. */
interface Lanes {
  /** The first of WORK_LOCALS. */
  readonly work: number;
  readonly xor: Code;
  read(buffer: number, index: number): Code;
  write(buffer: number, index: number, value: Code): Code;
  rotate(value: Code, by: number): Code;
  /** b0 ^ (~b1 & b2), for the lane `index` of the next state; of locals. */
  choose(index: number, b0: number, b1: number, b2: number): Code;
  /** The round constant that lies `offset` bytes after the address in a local. */
  constant(address: number, offset: number): Code;
}

// The sums of the columns, which each round needs and leaves.
function sumColumns({ work, xor, read }: Lanes): Code {
  return [0, 1, 2, 3, 4].map((x) => [
    read(0, x),
    [5, 10, 15, 20].map((row) => [read(0, x + row), xor]),
    set(work + SUMS + x),
  ]);
}

function roundOf(lanes: Lanes, buffer: number, constants: number, offset: number): Code[] {
  const { work, xor, read, write, rotate, choose } = lanes;
  const sum = (x: number): number => work + SUMS + (x % 5);
  const moved = (x: number): number => work + MOVED + (x % 5);
  const columns = [0, 1, 2, 3, 4];
  const differences = columns.map((x): Code => {
    return [get(sum(x + 4)), rotate(get(sum(x + 1)), 1), xor, set(work + DIFFERENCES + x)];
  });
  const rows = columns.flatMap((y) => {
    const move = columns.map((x): Code => {
      const from = MOVED_FROM[x + 5 * y];
      const mixed = [read(buffer, from), get(work + DIFFERENCES + (from % 5)), xor];
      return [rotate(mixed, OFFSETS[from]), set(moved(x))];
    });
    const combine = columns.map((x): Code => {
      const index = x + 5 * y;
      const chosen = choose(index, moved(x), moved(x + 1), moved(x + 2));
      const fresh = index === 0 ? [chosen, lanes.constant(constants, offset), xor] : chosen;
      const total = y === 0 ? [] : [get(sum(x)), xor];
      return [
        fresh,
        set(work + SCRATCH),
        write(1 - buffer, index, get(work + SCRATCH)),
        get(work + SCRATCH),
        total,
        set(sum(x)),
      ];
    });
    return [...move, ...combine];
  });
  return [...differences, ...rows];
}

/** One or two states. */
export interface States {
  readonly messages: 1 | 2;
  readonly locals: number;
  readonly type: typeof I64 | typeof V128;
  readonly lanes: Lanes;
  /** All lanes zero. */
  readonly clear: Code;
  /**
   * Takes `count` lanes of the messages at the addresses in the locals `from`. With `swaps` the bytes of every 32-bit word are
   * turned round; with `ends` the padding follows: 1 in the next lane, the top bit at the end of the rate.
   */
  absorb(from: readonly number[], count: number, options: { swaps: boolean; ends: boolean }): Code;
  /** Writes the first four lanes to the addresses in the locals `to`. */
  store(to: readonly number[]): Code;
}

const SWAP_BYTES = [3, 2, 1, 0, 7, 6, 5, 4, 11, 10, 9, 8, 15, 14, 13, 12];
const LOW_HALVES = [0, 1, 2, 3, 4, 5, 6, 7, 16, 17, 18, 19, 20, 21, 22, 23];
const HIGH_HALVES = LOW_HALVES.map((byte) => byte + 8);
const TOP_BIT = 1n << 63n;
const INDICES = Array.from({ length: LANES }, (_, index) => index);
const DIGEST_LANES = [0, 1, 2, 3];

/**
 * Two states in vectors, in the memory from `offset` after the address in a local. In locals they would be spilled to a stack
 * that is not aligned for vectors, and hashing take a third longer whenever it is not.
 */
export function vectorStates(first: number, address: number, offset: number): States {
  const scratch = first + SCRATCH;
  const [other, another] = [first + MOVED, first + MOVED + 1];
  const at = (buffer: number, index: number): number => offset + 16 * (LANES * buffer + index);
  const lanes: Lanes = {
    work: first,
    xor: simd(0x51),
    read: (buffer, index) => loadVector(address, at(buffer, index)),
    write: (buffer, index, value) => [get(address), value, simd(0x0b), 0, unsigned(at(buffer, index))],
    rotate(value, by) {
      if (by === 0) return value;
      return [value, tee(scratch), i32Const(by), simd(0xcb), get(scratch), i32Const(64 - by), simd(0xcd), simd(0x50)];
    },
    choose: (_, b0, b1, b2) => [get(b0), get(b2), get(b1), simd(0x4f), simd(0x51)],
    constant: (constants, from) => [get(constants), simd(0x0a), 0, unsigned(from)],
  };
  const mix = (index: number, value: Code): Code => lanes.write(0, index, [lanes.read(0, index), value, lanes.xor]);
  return {
    messages: 2,
    locals: WORK_LOCALS,
    type: V128,
    lanes,
    clear: INDICES.map((index) => lanes.write(0, index, vectorConst(0n))),
    absorb(from, count, { swaps, ends }) {
      const halves = (which: readonly number[]): Code => {
        const joined = [get(other), get(another), shuffle(which)];
        return swaps ? [joined, tee(scratch), get(scratch), shuffle(SWAP_BYTES)] : joined;
      };
      const pairs = INDICES.filter((index) => index % 2 === 0 && index < count).map((index): Code => {
        const isLast = index + 1 === count;
        const load = isLast ? loadHalf : loadVector;
        const loaded = [load(from[0], 8 * index), set(other), load(from[1], 8 * index), set(another)];
        return [loaded, mix(index, halves(LOW_HALVES)), isLast ? [] : mix(index + 1, halves(HIGH_HALVES))];
      });
      return [pairs, ends ? [mix(count, vectorConst(1n)), mix(RATE_LANES - 1, vectorConst(TOP_BIT))] : []];
    },
    store: (to) =>
      DIGEST_LANES.map((index) => [
        [lanes.read(0, index), set(scratch)],
        to.map((result, half) => [get(result), get(scratch), simd(0x5b), 0, unsigned(8 * index), half]),
      ]),
  };
}

/**
 * Lanes that the state in integers holds complemented. WebAssembly has no and-not of integers; with these, chosen by the authors
 * of keccak, a round needs 8 complements instead of 25, and the same lanes are complemented after every round.
 */
const COMPLEMENTED = [1, 2, 8, 12, 17, 20];

// Which lanes are complemented after theta, rho and pi, by their new places.
const MOVED_COMPLEMENTS = MOVED_FROM.map((from) => {
  const isSumComplemented = (x: number): boolean =>
    COMPLEMENTED.filter((index) => index % 5 === x % 5).length % 2 === 1;
  return COMPLEMENTED.includes(from) !== (isSumComplemented(from + 4) !== isSumComplemented(from + 1));
});

/** One state in integers. `vector` is a v128 local in which bytes are turned round. */
export function integerState(first: number, vector: number): States {
  const [xor, and, or] = [0x85, 0x83, 0x84];
  const buffers = first + WORK_LOCALS;
  const not = (value: Code): Code => [value, i64Const(-1n), xor];
  const lanes: Lanes = {
    work: first,
    xor,
    read: (buffer, index) => get(buffers + LANES * buffer + index),
    write: (buffer, index, value) => [value, set(buffers + LANES * buffer + index)],
    rotate: (value, by) => (by === 0 ? value : [value, i64Const(BigInt(by)), 0x89]),
    choose(index, b0, b1, b2) {
      const row = index - (index % 5);
      const [is0, is1, is2] = [0, 1, 2].map((step) => MOVED_COMPLEMENTS[row + ((index + step) % 5)]);
      // Where one end is complemented and the other is not, ~(~b1 & b2) is wanted: b1 | ~b2.
      const isComplement = is0 !== COMPLEMENTED.includes(index);
      const [isNot1, isNot2] = isComplement ? [is1, !is2] : [!is1, is2];
      // Two complements are one of the whole.
      if (isNot1 && isNot2) return not([get(b0), get(b1), get(b2), isComplement ? and : or, xor]);
      const ends = [isNot1 ? not(get(b1)) : get(b1), isNot2 ? not(get(b2)) : get(b2)];
      return [get(b0), ends, isComplement ? or : and, xor];
    },
    constant: (constants, from) => [get(constants), 0x29, 0, unsigned(from)],
  };
  const mix = (index: number, value: Code): Code => lanes.write(0, index, [lanes.read(0, index), value, xor]);
  return {
    messages: 1,
    locals: WORK_LOCALS + 2 * LANES,
    type: I64,
    lanes,
    clear: INDICES.map((index) => lanes.write(0, index, i64Const(COMPLEMENTED.includes(index) ? -1n : 0n))),
    absorb([from], count, { swaps, ends }) {
      const words = INDICES.filter((index) => index < count).map((index): Code => {
        if (!swaps) return mix(index, [get(from), 0x29, 0, unsigned(8 * index)]);
        const loaded = index + 1 === count ? loadHalf(from, 8 * index) : loadVector(from, 8 * index);
        const swapped = [loaded, tee(vector), get(vector), shuffle(SWAP_BYTES), set(vector)];
        // Odd lanes are the upper half of what the lane before loaded.
        return [index % 2 === 0 ? swapped : [], mix(index, [get(vector), simd(0x1d), index % 2])];
      });
      return [words, ends ? [mix(count, i64Const(1n)), mix(RATE_LANES - 1, i64Const(TOP_BIT))] : []];
    },
    store: ([to]) =>
      DIGEST_LANES.map((index) => {
        const value = lanes.read(0, index);
        return [get(to), COMPLEMENTED.includes(index) ? not(value) : value, 0x37, 0, unsigned(8 * index)];
      }),
  };
}

/** The permutation of all states; `turn` is an i32 local of its own, `constants` one with the address of the constants. */
export function permute(states: readonly States[], constants: number, turn: number): Code {
  const rounds = Array.from({ length: ROUNDS_A_TURN }, (_, round) => {
    const each = states.map(({ lanes }) => roundOf(lanes, round % 2, turn, 8 * round));
    return each[0].map((_statement, index) => each.map((statements) => statements[index]));
  });
  const next = [get(turn), i32Const(8 * ROUNDS_A_TURN), 0x6a, tee(turn)];
  const isMore = [next, get(constants), i32Const(CONSTANTS_BYTES), 0x6a, 0x47];
  return [states.map(({ lanes }) => sumColumns(lanes)), [get(constants), set(turn)], loop([rounds, isMore, 0x0d, 0])];
}
