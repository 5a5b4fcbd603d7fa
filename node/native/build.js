// Compiles the addon where a C++ compiler and Node's headers are found, and leaves things as they are where not: the node
// runs without it, slower. Never fails and prints nothing unless asked to (--verbose), since it runs at every installation,
// under whatever Node that is. Plain JavaScript for the same reason.
import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, renameSync, rmSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

/** What `node/src/host/native.ts` asks the addon for. */
const VERSION = 2;

const folder = dirname(fileURLToPath(import.meta.url));
const target = join(folder, "build", "lockstep.node");
const isVerbose = process.argv.includes("--verbose");

/** More than a compiler needs; what waits for longer waits for someone who isn't there. */
const TIMEOUT = 120_000;

const problem = build();
// What an earlier installation built is of earlier sources: slower code is better than that.
if (problem !== null) rmSync(target, { force: true });
if (isVerbose) console.log(problem ?? `built ${target}`);

/** Builds; gives what was in the way, or null. */
function build() {
  const headers = findHeaders();
  if (process.platform === "win32" || headers === null) return "no headers of Node were found";
  const compilers = [process.env.CXX, ...(hasTools() ? ["g++", "clang++", "c++"] : [])];
  const compiler = compilers.find((name) => name !== undefined && name !== "" && runs(name, "--version"));
  if (compiler === undefined) return "no C++ compiler was found";
  const sources = readdirSync(folder).filter((name) => name.endsWith(".cc"));
  // Another installation may build at the same time: whoever is last replaces the other's file whole.
  const made = join(folder, "build", `lockstep-${process.pid}.node`);
  try {
    mkdirSync(dirname(made), { recursive: true });
    const { status, stderr } = spawnSync(compiler, [...flags(headers), "-o", made, ...sources], {
      cwd: folder,
      encoding: "utf8",
      stdio: ["ignore", "ignore", "pipe"],
      timeout: TIMEOUT,
    });
    if (status !== 0) return `${compiler} refused: ${stderr}`;
    renameSync(made, target);
    return null;
  } catch (error) {
    return String(error);
  } finally {
    rmSync(made, { force: true });
  }
}

function runs(command, argument) {
  return spawnSync(command, [argument], { stdio: "ignore", timeout: TIMEOUT }).status === 0;
}

/** On macOS every compiler is there by name, and asks whether to install it. */
function hasTools() {
  return process.platform !== "darwin" || runs("xcode-select", "-p");
}

// Contraction of a * b + c and fast mathematics would change bits. No -march: each kernel names the instructions it uses.
function flags(headers) {
  const code = ["-std=c++17", "-O3", "-fPIC", "-fno-exceptions", "-fno-rtti", "-fvisibility=hidden"];
  const bits = ["-ffp-contract=off", "-fno-fast-math"];
  const link = process.platform === "darwin" ? ["-undefined", "dynamic_lookup"] : [];
  // GCC 12 warns of its own headers.
  return [...code, ...bits, "-w", "-shared", ...link, `-DLOCKSTEP_NATIVE_VERSION=${VERSION}`, "-isystem", headers];
}

/** A folder with node_api.h, or null. */
function findHeaders() {
  const folders = [join(dirname(dirname(process.execPath)), "include", "node")];
  try {
    folders.unshift(createRequire(import.meta.url)("node-api-headers").include_dir);
  } catch {
    // Not installed; those of this Node may do.
  }
  return folders.find((path) => typeof path === "string" && existsSync(join(path, "node_api.h"))) ?? null;
}
