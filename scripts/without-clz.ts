// The contracts for chains whose rules lack the CLZ opcode (EIP-7939, so every chain before Osaka): the same sources with a Yul
// function in place of the builtin, compiled for Prague. Derived at each build under cache/, so that no second copy can
// drift. Refuses sources that it cannot rewrite as a whole.
import { existsSync, globSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";

import type { HardhatUserConfig } from "hardhat/config";
import { LockstepError } from "@lockstep/node/float/errors";

const FOLDER = "cache/without-clz";
const SOURCES = `${FOLDER}/contracts`;
const NAME = "leadingZeros";
const COMMENT = /\/\*[^]*?\*\/|\/\/[^\n]*/g;
/** With as many runs as the other build the referee of elements, where the function takes its place, passes 24,576 bytes. */
const OPTIMIZER_RUNS = 1_000;

/**
 * The count of leading zeros by halving down to 16 bits; those are compared with the fifteen powers of two above one at once,
 * in lanes of 17 bits whose last bit is the carry. The remainder by 2^17 - 1 sums the carries.
 */
// No name in it may be one of a source around it: Yul has no shadowing.
const YUL_FUNCTION = [
  `function ${NAME}(clzOf) -> clzIs {`,
  "let clzPlace := shl(7, gt(clzOf, 0xffffffffffffffffffffffffffffffff))",
  "clzPlace := or(clzPlace, shl(6, gt(shr(clzPlace, clzOf), 0xffffffffffffffff)))",
  "clzPlace := or(clzPlace, shl(5, gt(shr(clzPlace, clzOf), 0xffffffff)))",
  "clzPlace := or(clzPlace, shl(4, gt(shr(clzPlace, clzOf), 0xffff)))",
  `clzIs := and(add(mul(shr(clzPlace, clzOf), ${lanes(() => 1n)}), ${lanes((i) => 65536n - (2n << i))}), ${lanes(() => 65536n)})`,
  "clzIs := add(sub(255, add(clzPlace, mod(shr(16, clzIs), 0x1ffff))), iszero(clzOf))",
  "}",
].join(" ");

function lanes(value: (lane: bigint) => bigint): string {
  let word = 0n;
  for (let lane = 0n; lane < 15n; lane++) word |= value(lane) << (17n * lane);
  return `0x${word.toString(16)}`;
}

/** A source with the builtin replaced in every assembly block; the same text where there is none. Line numbers stay. */
export function withoutClz(source: string, path = "source"): string {
  let rest = source;
  let written = "";
  for (;;) {
    const opening = /\bassembly\s*(?:\("memory-safe"\)\s*)?\{/.exec(rest);
    const before = opening === null ? rest : rest.slice(0, opening.index);
    if (/\bclz\b/.test(before.replaceAll(COMMENT, "")))
      throw new ClzUnreplaceableError(path, "it stands outside assembly");
    written += before;
    if (opening === null) return written;
    const start = opening.index + opening[0].length;
    const end = endOfBlock(rest, start);
    if (end === undefined) throw new ClzUnreplaceableError(path, "an assembly block has no end");
    const block = rest.slice(start, end);
    const replaced = block.replaceAll(/\bclz\(/g, `${NAME}(`);
    if (/\bclz\b/.test(replaced)) throw new ClzUnreplaceableError(path, "it is not called");
    written += opening[0] + (replaced === block ? "" : ` ${YUL_FUNCTION}`) + replaced;
    rest = rest.slice(end);
  }
}

/** Index of the brace that closes the block whose content begins at `start`. */
function endOfBlock(text: string, start: number): number | undefined {
  let depth = 1;
  for (const { 0: found, index } of text.slice(start).matchAll(/\/\/[^\n]*|[{}]/g)) {
    if (found === "{") depth++;
    if (found === "}" && --depth === 0) return start + index;
  }
  return undefined;
}

/** The configuration that compiles the derived sources; its artifacts lie apart from the others. Derives them first. */
export function configWithoutClz(base: HardhatUserConfig, root: string): HardhatUserConfig {
  deriveSources(join(root, "contracts"), join(root, SOURCES));
  const { solidity } = base;
  if (typeof solidity !== "object" || !("profiles" in solidity)) throw new TypeError("the project has build profiles");
  const profiles = Object.fromEntries(
    Object.entries(solidity.profiles).map(([name, profile]) => {
      if ("compilers" in profile) throw new TypeError(`profile ${name} has one compiler`);
      const optimizer = { enabled: true, runs: OPTIMIZER_RUNS };
      const settings = { ...(profile.settings as object), evmVersion: "prague", optimizer };
      return [name, { ...profile, settings }];
    }),
  );
  const network = { type: "edr-simulated", chainType: "l1", hardfork: "prague" } as const;
  return {
    ...base,
    solidity: { profiles },
    paths: { ...base.paths, sources: SOURCES, artifacts: `${FOLDER}/artifacts`, cache: `${FOLDER}/cache` },
    networks: { ...base.networks, default: network },
  };
}

/** Writes the rewritten sources, touching only what differs. */
export function deriveSources(from: string, to: string): void {
  const paths = globSync("**/*.sol", { cwd: from });
  const stale = new Set(existsSync(to) ? globSync("**/*.sol", { cwd: to }) : []);
  for (const path of paths) {
    stale.delete(path);
    const content = withoutClz(readFileSync(join(from, path), "utf8"), path);
    const target = join(to, path);
    if (existsSync(target) && readFileSync(target, "utf8") === content) continue;
    mkdirSync(dirname(target), { recursive: true });
    const partial = `${target}.${process.pid}`;
    writeFileSync(partial, content);
    renameSync(partial, target);
  }
  for (const path of stale) rmSync(join(to, path), { force: true });
}

/** A use of the builtin that no function can stand for. */
export class ClzUnreplaceableError extends LockstepError {
  constructor(path: string, rule: string) {
    super("ClzUnreplaceableError", `${path}: clz cannot be replaced, ${rule}`, { path, rule });
  }
}
