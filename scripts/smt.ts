// Proves the contracts of test/smt with the compiler's SMTChecker and z3: every assertion, underflow, overflow and division
// in them and in what they call of the real libraries (sections 5 and 6). Refuses what is refuted, what stays unknown, an
// assertion the checker never looked at, and a function whose assumptions nothing can meet. `npm run smt`.
import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path/posix";

export interface Proof {
  file: string;
  /** The checker's engine: `chc` reads casts well, `bmc`, which the compiler calls deprecated, products of unknowns. */
  engine: "chc" | "bmc";
  targets: Target[];
}

export type Target = "assert" | "underflow" | "overflow" | "divByZero";

export type Outcome = "proved" | "refuted" | "unknown";

/** What the checker says of one place and kind of condition. */
export interface Verdict {
  file: string;
  line: number;
  /** Offset in the file, in bytes. */
  start: number;
  condition: string;
  outcome: Outcome;
}

const ALL_TARGETS: Target[] = ["assert", "underflow", "overflow", "divByZero"];

export const PROOFS: Proof[] = [
  { file: "test/smt/ClockProof.sol", engine: "chc", targets: ALL_TARGETS },
  { file: "test/smt/BondsProof.sol", engine: "bmc", targets: ALL_TARGETS },
  // Sums of coin are bounded by assumption, so that their overflow says nothing.
  { file: "test/smt/LedgerProof.sol", engine: "bmc", targets: ["assert", "underflow"] },
];

/** Steps of z3 for one condition: the same on every machine, unlike a time. The hardest takes a tenth. */
const STEP_LIMIT = 40_000_000;
const SECONDS_LIMIT = 120;

/** Tried in this order until one knows. */
const Z3_OPTIONS = [["rewriter.pull_cheap_ite=true"], ["rewriter.pull_cheap_ite=true", "smt.arith.solver=2"]];

interface SolcError {
  severity: "error" | "warning" | "info";
  message: string;
  formattedMessage: string;
  sourceLocation?: { file: string; start: number; end: number };
}

interface Solc {
  compile: (input: string, callbacks: { smtSolver: (query: string) => { contents: string } }) => string;
}

export class ProofError extends Error {
  constructor(message: string) {
    super(message);
    this.name = "ProofError";
  }
}

export function hasSolver(): boolean {
  return spawnSync("z3", ["--version"]).status === 0;
}

/** The verdicts on a proof, whose text may be given instead of read. Throws ProofError when it does not compile. */
export function verdictsOf(proof: Proof, text = readFileSync(proof.file, "utf8")): Verdict[] {
  const sources: Record<string, { content: string }> = {};
  addSource(sources, proof.file, text);
  const contracts = [...text.matchAll(/^contract (\w+)/gm)].map(([, name]) => name);
  const input = {
    language: "Solidity",
    sources,
    settings: {
      evmVersion: "osaka",
      modelChecker: {
        contracts: { [proof.file]: contracts },
        engine: proof.engine,
        solvers: ["smtlib2"],
        targets: proof.targets,
        // z3's own limits hold instead: see solve.
        timeout: SECONDS_LIMIT * 1000,
        showUnproved: true,
        showProvedSafe: true,
      },
      outputSelection: { "*": { "*": ["abi"] } },
    },
  };
  const solc = createRequire(import.meta.url)("solc") as Solc;
  const output = JSON.parse(solc.compile(JSON.stringify(input), { smtSolver: solve })) as { errors?: SolcError[] };
  const failure = output.errors?.find(({ severity }) => severity === "error");
  if (failure !== undefined) throw new ProofError(failure.formattedMessage);
  return worstOfEach((output.errors ?? []).flatMap((error) => readVerdict(error, sources)));
}

/** Offsets of the assertions that the checker never mentioned. */
export function unseenAssertions(proof: Proof, verdicts: Verdict[], text = readFileSync(proof.file, "utf8")): number[] {
  const seen = new Set(verdicts.filter(({ file }) => file === proof.file).map(({ start }) => start));
  return [...text.matchAll(/^ +(assert\()/gm)]
    .map((match) => match.index + match[0].length - 7)
    .filter((at) => !seen.has(at));
}

/**
 * External functions whose end no argument reaches, so that whatever they assert holds of nothing: an assertion of the
 * false, added at the end of each, must be refuted.
 */
export function vacuousFunctions(proof: Proof, text = readFileSync(proof.file, "utf8")): string[] {
  const doomed = text.replace(
    /^( {4}function \w+\([^)]*\) external [^{]*\{\n[^]*?)^ {4}\}$/gm,
    "$1        assert(false);\n    }",
  );
  const verdicts = verdictsOf({ ...proof, targets: ["assert"] }, doomed);
  return [...doomed.matchAll(/assert\(false\)/g)]
    .filter(({ index }) => verdicts.find(({ start }) => start === index)?.outcome !== "refuted")
    .map(({ index }) => [...doomed.slice(0, index).matchAll(/^ {4}function (\w+)/gm)].at(-1)?.[1] ?? proof.file);
}

function addSource(sources: Record<string, { content: string }>, file: string, content: string): void {
  sources[file] = { content };
  for (const [, path] of content.matchAll(/ from "(\.[^"]+)";/g)) {
    const imported = join(file, "..", path);
    if (!(imported in sources)) addSource(sources, imported, readFileSync(imported, "utf8"));
  }
}

/**
 * Asks z3. The compiler writes a cast as a detour through bit vectors, which z3 can't see through in integers; the same
 * number is written as a remainder instead.
 */
function solve(query: string): { contents: string } {
  const script = query
    .replace(
      /\(bv2nat \(ite \(>= (\w+) 0\) \(\(_ int2bv (\d+)\) \1\) \(bvneg \(\(_ int2bv \2\) \(- \1\)\)\)\)\)/g,
      (_, word: string, bits: string) => `(mod ${word} ${1n << BigInt(bits)})`,
    )
    .replace(/\(set-option :timeout \d+\)\n/, "");
  let contents = "unknown";
  for (const options of Z3_OPTIONS) {
    const limits = [`rlimit=${STEP_LIMIT}`, `-T:${SECONDS_LIMIT}`];
    const { stdout, error } = spawnSync("z3", ["-smt2", "-in", ...limits, ...options], {
      input: script,
      encoding: "utf8",
      maxBuffer: 2 ** 28,
    });
    if (error !== undefined) throw error;
    contents = stdout.startsWith("timeout") ? "unknown" : stdout;
    if (contents.startsWith("sat") || contents.startsWith("unsat")) break;
  }
  return { contents };
}

function readVerdict(error: SolcError, sources: Record<string, { content: string }>): Verdict[] {
  const match = /^(?:CHC|BMC): (.+?) (check is safe!|happens here\.|might happen here\.)/.exec(error.message);
  if (match === null || error.sourceLocation === undefined) return [];
  const { file, start } = error.sourceLocation;
  const outcome = match[2].startsWith("check") ? "proved" : match[2].startsWith("happens") ? "refuted" : "unknown";
  const before = Buffer.from(sources[file].content).subarray(0, start).toString();
  return [{ file, start, line: before.split("\n").length, condition: match[1], outcome }];
}

/** A place that several calls lead to is proved if it is in all of them. */
function worstOfEach(verdicts: Verdict[]): Verdict[] {
  const order: Outcome[] = ["proved", "unknown", "refuted"];
  const worst = new Map<string, Verdict>();
  for (const verdict of verdicts) {
    const key = `${verdict.file}:${verdict.start}:${verdict.condition}`;
    const known = worst.get(key);
    if (known === undefined || order.indexOf(verdict.outcome) > order.indexOf(known.outcome)) worst.set(key, verdict);
  }
  return [...worst.values()];
}

function main(): number {
  if (!hasSolver()) {
    console.log("skipped: z3 is not installed (Debian: apt-get install z3)");
    return 0;
  }
  let proved = 0;
  let failed = 0;
  for (const proof of PROOFS) {
    const verdicts = verdictsOf(proof);
    for (const { file, line, condition, outcome } of verdicts) {
      if (outcome === "proved") proved++;
      else console.error(`${file}:${line}: ${outcome}: ${condition}`);
    }
    const unseen = unseenAssertions(proof, verdicts).map((at) => `${proof.file}: assertion at ${at} was not looked at`);
    const vacuous = vacuousFunctions(proof).map((name) => `${proof.file}: nothing meets the assumptions of ${name}`);
    for (const line of [...unseen, ...vacuous]) console.error(line);
    failed += verdicts.filter(({ outcome }) => outcome !== "proved").length + unseen.length + vacuous.length;
  }
  console.log(`${proved} proved, ${failed} not`);
  return failed === 0 ? 0 : 1;
}

if (import.meta.main) process.exitCode = main();
