/**
 * The opcode table of the scalar program (spec, "Scalar program"): every per-opcode table in any language is keyed by it,
 * and contracts/generated/Opcodes.sol is generated from it. Gas is the price that the static estimate charges for one
 * execution in the referee: what was measured over hostile operands, and some five percent. It is no worst case: whole
 * programs were measured at up to about 2 times their estimate. The limit is a quarter of what a transaction may use,
 * which leaves room for that and for the proof.
 */

/** What a 32-bit word means: an IEEE-754 binary32, a two's complement integer, or a mask of 0 or 0xffffffff. */
export type WordType = "f32" | "i32" | "bool";

/** Word types in the order of their codes in encodings: f32 0, i32 1, bool 2. */
export const WORD_TYPES: readonly WordType[] = ["f32", "i32", "bool"];

/**
 * What an argument field of an instruction holds. All but `pattern` name a register: of the given type; `any` one type
 * shared by all its `any` fields; `bits` the same but never f32; `base` an i32 visible from the prologue; `divisor` an
 * i32 constant with a non-zero word. `pattern` is a load pattern's index plus one, or 0.
 */
export type ArgumentClass = WordType | "any" | "bits" | "base" | "pattern" | "divisor";

/** The type of the result: fixed, that of the `any` or `bits` arguments, or that of the operand named by the immediate. */
export type ResultClass = WordType | "any" | "bits" | "operand";

/** What the immediate byte holds: nothing (0), an operand's index, or a shift of 0..31. */
export type ImmediateKind = "none" | "operand" | "shift";

/** One row of the table. `arguments` fills the fields a, b, c in order; the rest of them are zero. */
export interface OpcodeRow {
  readonly code: number;
  readonly arguments: readonly ArgumentClass[];
  readonly result: ResultClass;
  readonly immediate: ImmediateKind;
  /** Estimate for one execution, dispatch included. */
  readonly gas: number;
}

const F = "f32";
const I = "i32";

const TABLE = {
  /** Word at `base + pattern(k)`; past the operand's length 0. */
  load: row(1, ["base", "pattern"], "operand", 1000, "operand"),
  /** Word at `a`; past the operand's length 0. */
  gather: row(2, [I], "operand", 1000, "operand"),
  add: row(3, [F, F], F, 1080),
  sub: row(4, [F, F], F, 1120),
  mul: row(5, [F, F], F, 860),
  /** `a * b + c`, rounded once. */
  fma: row(6, [F, F, F], F, 1300),
  div: row(7, [F, F], F, 850),
  sqrt: row(8, [F], F, 820),
  neg: row(9, [F], F, 400),
  abs: row(10, [F], F, 400),
  /** `a < b ? b : a`. */
  max: row(11, [F, F], F, 500),
  /** `b < a ? b : a`. */
  min: row(12, [F, F], F, 500),
  lt: row(13, [F, F], "bool", 470),
  le: row(14, [F, F], "bool", 480),
  eq: row(15, [F, F], "bool", 420),
  floor: row(16, [F], F, 550),
  /** To the nearest integer, ties to even. */
  nearest: row(17, [F], F, 550),
  /** Towards zero, saturating, NaN to 0. */
  toI32: row(18, [F], I, 550),
  fromI32: row(19, [I], F, 550),
  bitsOf: row(20, [F], I, 380),
  /** Any NaN becomes the canonical one. */
  fromBits: row(21, [I], F, 390),
  /** `a ? b : c`. */
  select: row(22, ["bool", "any", "any"], "any", 370),
  addI: row(23, [I, I], I, 390),
  subI: row(24, [I, I], I, 390),
  mulI: row(25, [I, I], I, 390),
  /** The high 32 bits of the unsigned product. */
  mulhiU: row(26, [I, I], I, 390),
  and: row(27, ["bits", "bits"], "bits", 380),
  or: row(28, ["bits", "bits"], "bits", 380),
  xor: row(29, ["bits", "bits"], "bits", 380),
  shl: row(30, [I], I, 390, "shift"),
  shrS: row(31, [I], I, 400, "shift"),
  shrU: row(32, [I], I, 370, "shift"),
  divU: row(33, [I, "divisor"], I, 390),
  remU: row(34, [I, "divisor"], I, 390),
  ltI: row(35, [I, I], "bool", 460),
  leI: row(36, [I, I], "bool", 480),
  eqI: row(37, [I, I], "bool", 420),
  /** 0 or -1. */
  boolToI32: row(38, ["bool"], I, 380),
} as const;

/** The name of an instruction. */
export type OpcodeName = keyof typeof TABLE;

/** Opcodes that read an operand; the others are pure functions of registers and the immediate. */
export type LoadOpcode = "load" | "gather";
export type PureOpcode = Exclude<OpcodeName, LoadOpcode>;

/** The table, in the order of the codes. */
export const OPCODES: Readonly<Record<OpcodeName, OpcodeRow>> = TABLE;

/** All names, in the order of the codes. */
export const OPCODE_NAMES: readonly OpcodeName[] = Object.keys(TABLE) as OpcodeName[];

/** The name of an encoded opcode, or undefined where no instruction has that code. */
export function opcodeOf(code: number): OpcodeName | undefined {
  return NAME_BY_CODE.get(code);
}

const NAME_BY_CODE = new Map(OPCODE_NAMES.map((name) => [OPCODES[name].code, name]));

/** What the static gas bound charges beside the rows (see `gasBound`). */
export const GAS = {
  /** Once per element: digits, constants, the output word. */
  element: 20_000,
  /** Once per instruction of the program, however often it runs: reading its bytes. */
  instruction: 580,
  /** Each iteration of the loop, and each run of combine. */
  iteration: 300,
  /** Each carried register in each iteration and each run of combine. */
  carried: 110,
  /** Each lane of each carried register at the start of a block. */
  reset: 60,
  /**
   * Each iteration of a dot product in long runs, loads and fma included. Hostile words cost 730; runs that leave an
   * operand every few words cost up to 1,520 an iteration, which the margin of decision 0008 covers.
   */
  dotStep: 960,
  /** Each block of such a dot product. */
  dotBlock: 4_000,
} as const;

/** A dot product has long runs where the fastest digit of both its load patterns has at least this extent. */
export const DOT_RUN = 16;

function row(
  code: number,
  args: readonly ArgumentClass[],
  result: ResultClass,
  gas: number,
  immediate: ImmediateKind = "none",
): OpcodeRow {
  return { code, arguments: args, result, immediate, gas };
}
