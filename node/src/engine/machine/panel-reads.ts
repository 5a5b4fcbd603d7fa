/**
 * Scalar programs that read words where they are packed in panels for tiles (wasm/panels.ts), so that a table which is both
 * looked up and multiplied with is held once: every read of the operand becomes one of the packed word, by instructions of
 * the same kind. The words are the same by construction; what the rewritten program gives is what the given one does.
 */
import { OPCODES } from "../../ir/opcodes.ts";
import type { OpcodeName, WordType } from "../../ir/opcodes.ts";
import { registerLayout } from "../../ir/scalar.ts";
import type { Carried, Constant, Instruction, ScalarProgram } from "../../ir/scalar.ts";
import type { Contraction } from "../wasm/contraction.ts";

/** How a matrix of [columns, count] words, row by row, lies in panels. */
export interface PanelShape {
  readonly count: number;
  /** Words of the matrix. */
  readonly length: number;
  readonly isNarrow: boolean;
}

const PANEL_COLUMNS = 32;

/** Whether the columns of a contraction are the whole of a matrix of `length` words, row by row. */
export function coversMatrix({ columns, columnCount, count }: Contraction, length: number): boolean {
  const { addresses, runs } = columns;
  if (columnCount * count !== length || runs.length !== 2 || runs[0] !== 0) return false;
  for (let column = 0; column < columnCount; column++) if (addresses[column] !== column * count) return false;
  return true;
}

/** Whether every read of the operand can be rewritten: patterns of the loop counter are not. */
export function readsWithoutPatterns(program: ScalarProgram, operand: number): boolean {
  return program.loop?.body.every(({ op, imm, b }) => op !== "load" || imm !== operand || b === 0) !== false;
}

/** The same program for an f32 operand that lies in panels. */
export function readingPanels(program: ScalarProgram, operand: number, shape: PanelShape): ScalarProgram {
  const layout = registerLayout(program);
  const constants: Constant[] = [...program.constants];
  const constant = (word: number): number => constants.push({ type: "i32", word: word >>> 0 }) - 1;
  const read = readCode(shape, constant);
  const shift = constants.length - program.constants.length;

  const places = new Map<number, number>();
  const placed = (register: number): number => {
    if (register < layout.step) return register;
    return places.get(register) ?? register + shift;
  };
  let next = layout.prologue + shift;
  const group = (first: number, count: number): void => {
    for (let index = 0; index < count; index++) places.set(first + index, next++);
  };
  const section = (instructions: readonly Instruction[], first: number): Instruction[] => {
    const written: Instruction[] = [];
    const emit: Emit = (op, a, b = 0, c = 0, imm = 0) => {
      written.push({ op, imm, a, b, c });
      return next++;
    };
    instructions.forEach((instruction, index) => {
      const { op, imm, a, b, c } = instruction;
      const isRead = op === "load" || op === "gather";
      if (isRead && imm === operand) {
        places.set(first + index, read(emit, operand, placed(a)));
        return;
      }
      const given = [a, b, c].map((register, argument) => {
        const kind = OPCODES[op].arguments[argument];
        return kind === undefined || kind === "pattern" ? register : placed(register);
      });
      places.set(first + index, emit(op, given[0], given[1], given[2], imm));
    });
    return written;
  };

  const prologue = section(program.prologue, layout.prologue);
  const { loop } = program;
  const carriedCount = loop?.carried.length ?? 0;
  if (loop !== null) group(layout.counter, 1 + carriedCount);
  const body = section(loop?.body ?? [], layout.body);
  group(layout.totals, 2 * carriedCount);
  const combine = section(loop?.combine ?? [], layout.combine);
  group(layout.finals, carriedCount);
  const epilogue = section(program.epilogue, layout.epilogue);
  const carried = loop?.carried.map(({ init, bodyOut, combineOut, totalInit }): Carried => ({
    init,
    bodyOut: placed(bodyOut),
    combineOut: placed(combineOut),
    totalInit: loop.continued ? placed(totalInit) : 0,
  }));
  return {
    ...program,
    operandTypes: program.operandTypes.map((type, index): WordType => (index === operand ? "i32" : type)),
    constants,
    prologue,
    loop: loop === null ? null : { ...loop, carried: carried ?? [], body, combine },
    epilogue,
    result: placed(program.result),
  };
}

/** Appends an instruction; gives its register. */
type Emit = (op: OpcodeName, a: number, b?: number, c?: number, imm?: number) => number;

/** The code that reads the word which would lie at an address of the matrix; a word past its end is 0. */
function readCode(
  { count, length, isNarrow }: PanelShape,
  constant: (word: number) => number,
): (emit: Emit, operand: number, address: number) => number {
  const rowWords = isNarrow ? PANEL_COLUMNS / 2 : PANEL_COLUMNS;
  const [counts, panelWords, nowhere] = [count, count * rowWords, 0xffffffff].map(constant);
  // Signed comparison orders words as unsigned once their highest bit is flipped.
  const [flip, end] = [0x80000000, length ^ 0x80000000].map(constant);
  const [laneMask, threes, fours, upper, none] = [31, 3, 4, 0xffff0000, 0].map(constant);
  return (emit, operand, address) => {
    const column = emit("divU", address, counts);
    const k = emit("remU", address, counts);
    const lane = emit("and", column, laneMask);
    const panel = emit("mulI", emit("shrU", column, 0, 0, 5), panelWords);
    const row = emit("addI", panel, emit("shl", k, 0, 0, isNarrow ? 4 : 5));
    const inRow = isNarrow
      ? emit("addI", emit("shl", emit("shrU", lane, 0, 0, 3), 0, 0, 2), emit("and", lane, threes))
      : lane;
    const isInside = emit("ltI", emit("xor", address, flip), end);
    const word = emit("gather", emit("select", isInside, emit("addI", row, inRow), nowhere), 0, 0, operand);
    if (!isNarrow) return emit("fromBits", word);
    const isLower = emit("eqI", emit("and", lane, fours), none);
    return emit("fromBits", emit("select", isLower, emit("shl", word, 0, 0, 16), emit("and", word, upper)));
  };
}
