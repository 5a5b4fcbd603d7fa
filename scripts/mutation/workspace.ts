// A copy of the project in which one contract at a time is a mutant: the contracts' artifacts are written with the mutant's
// bytecode, compiled as the project compiles, and the tests run as they are. The project itself is only read.
import { type ChildProcess, spawn } from "node:child_process";
import { cpSync, globSync, mkdtempSync, readFileSync, readdirSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join, posix } from "node:path";
import type { Target } from "./targets.ts";

export interface Workspace {
  /** Folder of the copy. */
  folder: string;
  sources: Map<string, string>;
  remove: () => void;
}

/** How a test ended: the file that failed, or undefined where all passed. */
export interface TestsRun {
  failed?: string;
  seconds: number;
}

/** Copied, so that a mutant reaches them; everything else is linked. */
const COPIED = ["artifacts", "contracts", "test", "hardhat.config.ts"];
const UNSEEN = [".git", "cache", "coverage"];

interface SolcContract {
  abi: unknown;
  evm: { bytecode: { object: string }; deployedBytecode: { object: string } };
}

interface SolcOutput {
  errors?: { severity: string; formattedMessage: string }[];
  contracts?: Record<string, Record<string, SolcContract>>;
}

const solc = createRequire(import.meta.url)("solc") as { compile: (input: string) => string };

export function createWorkspace(root: string): Workspace {
  const folder = mkdtempSync(join(tmpdir(), "lockstep-mutation-"));
  for (const name of readdirSync(root)) {
    if (COPIED.includes(name)) cpSync(join(root, name), join(folder, name), { recursive: true });
    else if (!UNSEEN.includes(name)) symlinkSync(join(root, name), join(folder, name));
  }
  // A mutant that is larger than the chain allows would be killed by its size, not by a test.
  const config = join(folder, "hardhat.config.ts");
  writeFileSync(
    config,
    readFileSync(config, "utf8").replaceAll(/(type: "edr-simulated",)/g, "$1 allowUnlimitedContractSize: true,"),
  );
  const sources = new Map<string, string>();
  for (const file of globSync("contracts/**/*.sol", { cwd: root })) {
    sources.set(file.split("\\").join("/"), readFileSync(join(root, file), "utf8"));
  }
  return { folder, sources, remove: () => rmSync(folder, { recursive: true, force: true }) };
}

/**
 * Compiles the target's artifacts with another text of its file and puts them in place.
 * @returns the compiler's first error where it refuses the text, else undefined.
 */
export function install(workspace: Workspace, target: Target, text: string): string | undefined {
  const built: [path: string, contract: SolcContract][] = [];
  for (const [source, name] of target.artifacts) {
    const output = compile(workspace, source, name, target.file, text);
    const error = output.errors?.find(({ severity }) => severity === "error");
    if (error !== undefined) return error.formattedMessage;
    const contract = output.contracts?.[source][name];
    if (contract === undefined) return `no bytecode of ${name}`;
    built.push([join(workspace.folder, "artifacts", source, `${name}.json`), contract]);
  }
  for (const [path, { abi, evm }] of built) {
    const artifact = JSON.parse(readFileSync(path, "utf8")) as Record<string, unknown>;
    const bytecode = `0x${evm.bytecode.object}`;
    const deployedBytecode = `0x${evm.deployedBytecode.object}`;
    writeFileSync(path, JSON.stringify({ ...artifact, abi, bytecode, deployedBytecode }));
  }
  return undefined;
}

/** Runs the files in order until one fails or all together took longer than the limit, which is a failure too. */
export async function runTests(workspace: Workspace, files: string[], limitSeconds: number): Promise<TestsRun> {
  const started = performance.now();
  const seconds = () => (performance.now() - started) / 1000;
  for (const file of files) {
    const passed = await runTest(workspace, file, limitSeconds - seconds());
    if (!passed) return { failed: file, seconds: seconds() };
  }
  return { seconds: seconds() };
}

function runTest(workspace: Workspace, file: string, limitSeconds: number): Promise<boolean> {
  const { promise, resolve, reject } = Promise.withResolvers<boolean>();
  const child: ChildProcess = spawn(process.execPath, ["--test-reporter=tap", file], {
    cwd: workspace.folder,
    // Others' vectors by the hundred thousand find no more here than directed operands do, and take minutes.
    env: { ...process.env, LOCKSTEP_CONFORMANCE: undefined },
    stdio: ["ignore", "pipe", "ignore"],
    detached: true,
  });
  const stop = () => {
    if (child.pid !== undefined && child.exitCode === null) process.kill(-child.pid, "SIGKILL");
  };
  let failed = false;
  const fail = () => {
    failed = true;
    stop();
  };
  const timer = setTimeout(fail, Math.max(1, limitSeconds * 1000));
  child.stdout?.setEncoding("utf8").on("data", (text: string) => {
    if (/^ *not ok /m.test(text)) fail();
  });
  child.on("error", reject);
  child.on("close", (code) => {
    clearTimeout(timer);
    resolve(code === 0 && !failed);
  });
  return promise;
}

function compile(workspace: Workspace, source: string, name: string, mutated: string, text: string): SolcOutput {
  const sources: Record<string, { content: string }> = {};
  const add = (file: string) => {
    if (file in sources) return;
    const known = file === mutated ? text : workspace.sources.get(file);
    const content = known ?? readFileSync(join(workspace.folder, "node_modules", file), "utf8");
    sources[file] = { content };
    for (const [, path] of content.matchAll(/(?:from|^import) "([^"]+)";/gm)) {
      add(path.startsWith(".") ? posix.join(file, "..", path) : path);
    }
  };
  add(source);
  // The settings of hardhat.config.ts.
  const settings = {
    evmVersion: "osaka",
    viaIR: true,
    optimizer: { enabled: true, runs: 1_000_000 },
    outputSelection: { [source]: { [name]: ["abi", "evm.bytecode.object", "evm.deployedBytecode.object"] } },
  };
  return JSON.parse(solc.compile(JSON.stringify({ language: "Solidity", sources, settings }))) as SolcOutput;
}
