// Mutants of a Solidity source: each differs from it in one operator, literal, condition, argument order or statement, in
// Solidity and in assembly. The same source gives the same mutants in the same order, and a seed the same sample.
import { createRandom } from "@lockstep/node/float/directed";

export interface Mutant {
  /** What kind of change it is. */
  operator: string;
  line: number;
  /** Offsets of the text replaced. */
  start: number;
  end: number;
  original: string;
  replacement: string;
}

const SOLIDITY_OPERATORS: Record<string, string[]> = {
  "+": ["-"],
  "-": ["+"],
  "*": ["+"],
  "/": ["*"],
  "%": ["*"],
  "<<": [">>"],
  ">>": ["<<"],
  "&": ["|"],
  "|": ["&"],
  "^": ["|"],
  "&&": ["||"],
  "||": ["&&"],
  "<": ["<=", ">"],
  "<=": ["<", ">"],
  ">": [">=", "<"],
  ">=": [">", "<"],
  "==": ["!="],
  "!=": ["=="],
  "+=": ["-="],
  "-=": ["+="],
};

const YUL_FUNCTIONS: Record<string, string> = {
  add: "sub",
  sub: "add",
  mul: "add",
  div: "mul",
  and: "or",
  or: "and",
  xor: "or",
  shl: "shr",
  shr: "shl",
  sar: "shr",
  lt: "gt",
  gt: "lt",
  slt: "sgt",
  sgt: "slt",
  clz: "not",
};

/** Statements that only declare or open a block: what starts so is never removed. */
const DECLARATION =
  /^(?:return|uint|int|bool|bytes|address|struct|mapping|error|event|using|import|pragma|function|let|for|if|assembly|unchecked|revert|else|contract|library|abstract|constructor|modifier|while|do)\b/;

export function mutantsOf(source: string): Mutant[] {
  const code = withoutComments(source);
  const assembly = assemblyRanges(code);
  const inAssembly = (at: number) => assembly.some(([start, end]) => at >= start && at < end);
  const mutants: Mutant[] = [];
  const add = (operator: string, start: number, end: number, replacement: string) => {
    const line = source.slice(0, start).split("\n").length;
    mutants.push({ operator, line, start, end, original: source.slice(start, end), replacement });
  };

  for (const { 0: text, index } of code.matchAll(/(?<=\s)(?:[-+*/%&|^<>]|<<|>>|&&|\|\||[<>=!+-]=)(?=\s)/g)) {
    for (const other of SOLIDITY_OPERATORS[text] ?? []) add("operator", index, index + text.length, other);
  }
  for (const { 0: text, index } of code.matchAll(/(?<![\w.])(?:0x[0-9a-fA-F]+|\d+)(?![\w.])/g)) {
    if (text.length === 42) continue;
    for (const other of literalsBeside(text)) add("literal", index, index + text.length, other);
  }
  for (const match of code.matchAll(/\b([a-z]+)\(/g)) {
    const name = match[1];
    const start = match.index;
    if (!inAssembly(start)) continue;
    if (name in YUL_FUNCTIONS) add("function", start, start + name.length, YUL_FUNCTIONS[name]);
    const close = closingOf(code, start + name.length);
    if (name === "iszero") add("negation", start, close + 1, `iszero(${source.slice(start, close + 1)})`);
    if (name === "sub") {
      const [first, second] = argumentsOf(source, code, start + name.length + 1, close);
      add("arguments", start, close + 1, `sub(${second}, ${first})`);
    }
  }
  for (const { index } of code.matchAll(/\bif (?=\()/g)) {
    const open = index + 3;
    const close = closingOf(code, open);
    add("negation", open, close + 1, `(!${source.slice(open, close + 1)})`);
  }
  for (const { 0: text, index, 1: condition } of code.matchAll(/\bif ((?!\()[^{\n]+) \{/g)) {
    if (inAssembly(index)) add("negation", index, index + text.length, `if iszero(${condition}) {`);
  }
  for (const { 0: text, index, 1: name, 2: first, 3: second } of code.matchAll(
    /\b([\w.]+)\(([a-zA-Z_]\w*), ([a-zA-Z_]\w*)/g,
  )) {
    if (!inAssembly(index)) add("arguments", index, index + text.length, `${name}(${second}, ${first}`);
  }
  for (const [start, end] of statementsOf(code, inAssembly)) add("removal", start, end, "");
  return mutants.sort((a, b) => a.start - b.start || a.end - b.end || (a.replacement < b.replacement ? -1 : 1));
}

export function applyMutant(source: string, { start, end, replacement }: Mutant): string {
  return source.slice(0, start) + replacement + source.slice(end);
}

/** All mutants in an order drawn from a seed: the first n are a sample of n. */
export function shuffled(mutants: Mutant[], seed: number): Mutant[] {
  const random = createRandom(seed);
  const order = [...mutants];
  for (let i = order.length - 1; i > 0; i--) {
    const j = random() % (i + 1);
    [order[i], order[j]] = [order[j], order[i]];
  }
  return order;
}

function literalsBeside(text: string): string[] {
  const value = BigInt(text);
  const written = (other: bigint) =>
    text.startsWith("0x") ? `0x${other.toString(16).padStart(text.length - 2, "0")}` : other.toString();
  return value === 0n ? [written(1n)] : [written(value + 1n), written(value - 1n)];
}

/** Ranges of whole statements that stand on lines of their own: calls, assignments, events, guards and deletions. */
function* statementsOf(code: string, inAssembly: (at: number) => boolean): Generator<[number, number]> {
  for (const match of code.matchAll(/^ +(?=\S)/gm)) {
    const start = match.index + match[0].length;
    const rest = code.slice(start);
    if (inAssembly(start)) {
      const yul = /^(?:\w+(?:, \w+)* := .*|(?:mstore|mcopy|calldatacopy)\(.*)$/m.exec(rest);
      if (yul?.index === 0 && isBalanced(yul[0])) yield [start, start + yul[0].length];
      continue;
    }
    const guard = /^if \([^{;]*?\) revert [^;{]*;/.exec(rest);
    const plain = DECLARATION.test(rest)
      ? null
      : /^(?:emit |delete )?[A-Za-z_][\w.[\]]*(?:\([^;{}]*|\s(?:[-+*/|&^]|<<|>>)?=\s[^;{}]*)?;/.exec(rest);
    const found = guard ?? plain;
    if (found !== null && isBalanced(found[0])) yield [start, start + found[0].length];
  }
}

function isBalanced(text: string): boolean {
  let depth = 0;
  for (const character of text) {
    if (character === "(") depth++;
    else if (character === ")" && --depth < 0) return false;
  }
  return depth === 0;
}

/** The source with comments, strings and what comes before the first contract as blanks, every offset kept. */
function withoutComments(source: string): string {
  const blank = (text: string) => text.replace(/[^\n]/g, " ");
  const code = source.replace(/\/\*[^]*?\*\/|\/\/[^\n]*|"(?:[^"\\\n]|\\.)*"/g, blank);
  const body = code.search(/^(?:abstract contract|contract|library) /m);
  const kept = body < 0 ? code : blank(code.slice(0, body)) + code.slice(body);
  return kept.replace(/^ +(?:error|event) [^;]*;/gm, blank);
}

function assemblyRanges(code: string): [number, number][] {
  return [...code.matchAll(/\bassembly [^{]*(?=\{)/g)].map(({ 0: text, index }) => {
    const open = index + text.length;
    return [open, closingOf(code, open)];
  });
}

/** Offset of what closes the parenthesis or brace at `open`. */
function closingOf(code: string, open: number): number {
  const [opening, closing] = code[open] === "{" ? "{}" : "()";
  let depth = 0;
  for (let at = open; at < code.length; at++) {
    if (code[at] === opening) depth++;
    else if (code[at] === closing && --depth === 0) return at;
  }
  throw new RangeError(`nothing closes ${opening} at ${open}`);
}

/** The two arguments between the offsets. */
function argumentsOf(source: string, code: string, start: number, end: number): [string, string] {
  let depth = 0;
  for (let at = start; at < end; at++) {
    if (code[at] === "(") depth++;
    else if (code[at] === ")") depth--;
    else if (code[at] === "," && depth === 0) return [source.slice(start, at).trim(), source.slice(at + 1, end).trim()];
  }
  throw new RangeError(`no two arguments at ${start}`);
}
