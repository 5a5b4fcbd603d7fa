// Completes package-lock.json so that `npm ci` accepts it on every system. Run by `npm run lock` after each change of
// dependencies. Platform packages a registry does not carry are dropped from the lock by `npm install` and then missed
// by `npm ci`; and npm on an older Node skips optional packages whose engines ask for a newer one, although the Node
// that will load them is the one this project installs. Refuses a lock that lacks what this very machine needs.
import { readFileSync, writeFileSync } from "node:fs";

export interface LockEntry {
  version?: string;
  dev?: boolean;
  optional?: boolean;
  os?: string[];
  cpu?: string[];
  libc?: string[];
  engines?: Record<string, string>;
  optionalDependencies?: Record<string, string>;
  [field: string]: unknown;
}

export interface Lock {
  packages: Record<string, LockEntry>;
  [field: string]: unknown;
}

export interface LockReport {
  /** Names of platform packages for which an entry was added. */
  added: string[];
  /** Names of platform packages whose engines were taken out. */
  freed: string[];
  /** Lines that say what could not be completed. */
  problems: string[];
}

const OPERATING_SYSTEMS = [
  "aix",
  "android",
  "darwin",
  "freebsd",
  "linux",
  "netbsd",
  "openbsd",
  "openharmony",
  "sunos",
  "win32",
];

/** Spellings of processor names, longest first where one holds another, with npm's own name. */
const PROCESSORS: [spelling: string, cpu: string][] = [
  ["x86_64", "x64"],
  ["amd64", "x64"],
  ["arm64", "arm64"],
  ["aarch64", "arm64"],
  ["ia32", "ia32"],
  ["riscv64", "riscv64"],
  ["ppc64", "ppc64"],
  ["s390x", "s390x"],
  ["loong64", "loong64"],
  ["mips64el", "mips64el"],
  ["wasm32", "wasm32"],
  ["x64", "x64"],
  ["armv7", "arm"],
  ["arm", "arm"],
];

/** Returns a completed copy of `lock` and what was done; the argument is left as it is. */
export function completeLock(lock: Lock): { lock: Lock; report: LockReport } {
  const packages: Record<string, LockEntry> = { ...lock.packages };
  const report: LockReport = { added: [], freed: [], problems: [] };
  for (const [key, entry] of Object.entries(lock.packages)) {
    for (const [name, range] of Object.entries(entry.optionalDependencies ?? {})) {
      if (resolveFrom(packages, key, name) !== undefined) continue;
      const platform = platformOf(name);
      if (platform.os === "linux" && platform.cpu === "x64" && platform.libc === undefined) {
        report.problems.push(`${name}@${range}: needed on linux-x64 but not in the lock`);
        continue;
      }
      const version = range.replace(/^[\^~]/, "");
      if (!/^\d+\.\d+\.\d+[\w.-]*$/.test(version)) {
        report.problems.push(`${name}@${range}: not one version, so no entry can name it`);
        continue;
      }
      packages[`node_modules/${name}`] = {
        version,
        cpu: [platform.cpu],
        ...(entry.dev ? { dev: true } : {}),
        ...(platform.libc ? { libc: [platform.libc] } : {}),
        optional: true,
        os: [platform.os],
      };
      report.added.push(name);
    }
  }
  for (const [key, entry] of Object.entries(packages)) {
    const bound = entry.os !== undefined || entry.cpu !== undefined;
    if (!entry.optional || !bound || entry.engines === undefined) continue;
    const { engines: _, ...rest } = entry;
    packages[key] = rest;
    report.freed.push(key.slice(key.lastIndexOf("node_modules/") + "node_modules/".length));
  }
  const sorted = Object.fromEntries(Object.entries(packages).sort(([a], [b]) => a.localeCompare(b, "en")));
  return { lock: { ...lock, packages: sorted }, report };
}

/** The lock key that `name` resolves to from the package at `from`, walking up as Node does. */
function resolveFrom(packages: Record<string, LockEntry>, from: string, name: string): string | undefined {
  for (let folder = from; ;) {
    const key = `${folder === "" ? "" : `${folder}/`}node_modules/${name}`;
    if (packages[key] !== undefined) return key;
    if (folder === "") return undefined;
    const cut = folder.lastIndexOf("node_modules/");
    folder = cut <= 0 ? "" : folder.slice(0, cut - 1);
  }
}

function platformOf(name: string): { os: string; cpu: string; libc?: string } {
  const os = OPERATING_SYSTEMS.find((system) => name.includes(system)) ?? "none";
  const cpu = PROCESSORS.find(([spelling]) => name.includes(spelling))?.[1] ?? "none";
  return name.endsWith("musl") ? { os, cpu, libc: "musl" } : { os, cpu };
}

if (import.meta.main) {
  const path = process.argv[2] ?? "package-lock.json";
  const { lock, report } = completeLock(JSON.parse(readFileSync(path, "utf8")) as Lock);
  writeFileSync(path, `${JSON.stringify(lock, null, 2)}\n`);
  console.log(`${path}: ${report.added.length} platform entries added, ${report.freed.length} freed of engines`);
  for (const problem of report.problems) console.error(problem);
  if (report.problems.length > 0) process.exitCode = 1;
}
