// Checks who imports whom: within the node a layer imports only itself and the layers before it, the portable layers
// import nothing of Node, and packages reach each other only by name through what they declare and export. Reads import
// specifiers, not values, so a specifier computed at run time goes unseen.
import { globSync, readFileSync } from "node:fs";
import { builtinModules } from "node:module";
import { dirname, join, normalize, sep } from "node:path";

/** The folders of node/src from the bottom up. */
export const LAYERS = [
  "float",
  "ir",
  "autodiff",
  "merkle",
  "engine",
  "onnx",
  "abi",
  "host",
  "models",
  "chain",
  "net",
  "swarm",
  "roles",
  "cli",
];

/** The layers that also run where there is no Node, such as a browser. Their tests may use Node. */
export const PORTABLE_LAYERS = ["float", "ir", "autodiff", "merkle", "engine", "onnx"];

export interface Manifest {
  name: string;
  /** Subpaths of the package's exports, such as `./abi`; patterns end in `*`. */
  exports: string[];
  /** Every package it may import: dependencies of all kinds. */
  dependencies: string[];
}

export interface Project {
  /** Manifests by folder; the root's folder is "". */
  manifests: Record<string, Manifest>;
  /** Source text by path from the root, with forward slashes. */
  files: Record<string, string>;
}

/** Returns one line for each import that breaks a rule, in the order of the files' names. */
export function checkLayers({ manifests, files }: Project): string[] {
  const problems: string[] = [];
  for (const path of Object.keys(files).sort()) {
    const home = folderOf(path, manifests);
    for (const specifier of importsOf(files[path] ?? "")) {
      const problem = specifier.startsWith(".")
        ? relativeProblem(
            path,
            home,
            normalize(join(dirname(path), specifier))
              .split(sep)
              .join("/"),
            manifests,
          )
        : packageProblem(path, home, specifier, manifests);
      if (problem !== undefined) problems.push(`${path}: ${problem}`);
    }
  }
  return problems;
}

/** The specifiers a module imports or re-exports from, static and dynamic, without repeats. */
export function importsOf(source: string): string[] {
  const code = source.replace(/\/\*[\s\S]*?\*\/|(^|[\s;{}(,])\/\/[^\n]*/g, "$1");
  const found = code.matchAll(
    /(?:^|[;}\n])\s*(?:import|export)\b(?:[\s\w*{},$]*?\bfrom)?\s*["']([^"'\n]+)["']|\bimport\s*\(\s*["']([^"'\n]+)["']/g,
  );
  return [...new Set([...found].map(([, fixed, dynamic]) => fixed ?? dynamic ?? ""))];
}

function relativeProblem(
  from: string,
  home: string,
  target: string,
  manifests: Record<string, Manifest>,
): string | undefined {
  const owner = folderOf(target, manifests);
  if (owner !== home) return `imports ${target} by path; import ${manifests[owner]?.name ?? owner} by name`;
  const [own, theirs] = [layerOf(from), layerOf(target)];
  if (own === undefined || theirs === undefined) {
    return own !== undefined && target.startsWith("node/src/") ? `layer ${own} imports ${target}, above it` : undefined;
  }
  if (own === "?" || theirs === "?") return `is or imports a folder that is in no layer: ${target}`;
  if (LAYERS.indexOf(theirs) > LAYERS.indexOf(own))
    return `layer ${own} imports ${target} of the later layer ${theirs}`;
  return undefined;
}

function packageProblem(
  from: string,
  home: string,
  specifier: string,
  manifests: Record<string, Manifest>,
): string | undefined {
  const builtin = specifier.startsWith("node:") || builtinModules.includes(specifier);
  const layer = layerOf(from);
  if (builtin) {
    if (!specifier.startsWith("node:")) return `imports ${specifier} without node:`;
    const portable = layer !== undefined && PORTABLE_LAYERS.includes(layer) && !from.endsWith(".test.ts");
    return portable ? `portable layer ${layer} imports ${specifier}` : undefined;
  }
  if (/^[a-z]+:/.test(specifier)) return undefined;
  const name = specifier.split("/", specifier.startsWith("@") ? 2 : 1).join("/");
  const importer = manifests[home];
  const imported = Object.values(manifests).find((manifest) => manifest.name === name);
  if (imported !== undefined) {
    const subpath = `.${specifier.slice(name.length)}`;
    const exported = imported.exports.some((entry) =>
      entry.endsWith("*") ? subpath.startsWith(entry.slice(0, -1)) : subpath === entry,
    );
    if (!exported) return `imports ${specifier}, which ${name} does not export`;
    if (imported === importer) return `imports its own package by name, ${specifier}`;
  }
  if (importer?.dependencies.includes(name)) return undefined;
  return `imports ${name}, which ${importer?.name ?? "its package"} does not depend on`;
}

/** The layer a file of node/src belongs to; "?" for an unknown folder, undefined for files beside or above the layers. */
function layerOf(path: string): string | undefined {
  const folder = /^node\/src\/([^/]+)\//.exec(path)?.[1];
  if (folder === undefined) return undefined;
  return LAYERS.includes(folder) ? folder : "?";
}

function folderOf(path: string, manifests: Record<string, Manifest>): string {
  return Object.keys(manifests).find((folder) => folder !== "" && path.startsWith(`${folder}/`)) ?? "";
}

interface PackageJson {
  name: string;
  workspaces?: string[];
  exports?: Record<string, unknown>;
  dependencies?: Record<string, string>;
  devDependencies?: Record<string, string>;
  optionalDependencies?: Record<string, string>;
}

function readProject(): Project {
  const root = readPackage("package.json");
  const workspaces = (root.workspaces ?? []).map((folder) => [folder, readPackage(`${folder}/package.json`)] as const);
  // npm links every workspace into the root's node_modules, so the root may import each by name.
  const linked = workspaces.map(([, { name }]) => name);
  const manifests = Object.fromEntries([
    ["", manifestOf(root, linked)],
    ...workspaces.map(([folder, json]) => [folder, manifestOf(json, [])] as const),
  ]);
  const pattern = `{${[...Object.keys(manifests).filter((folder) => folder !== ""), "scripts", "test", "ignition", "bench", "examples"].join(",")}}/**/*.{ts,tsx,js}`;
  const paths = [
    ...globSync("*.ts"),
    ...globSync(pattern, { exclude: ["**/node_modules/**", "**/dist/**", "**/.ponder/**"] }),
  ];
  const files = paths.map((path) => [path.split(sep).join("/"), readFileSync(path, "utf8")] as const);
  return { manifests, files: Object.fromEntries(files) };
}

function readPackage(path: string): PackageJson {
  return JSON.parse(readFileSync(path, "utf8")) as PackageJson;
}

function manifestOf(json: PackageJson, linked: string[]): Manifest {
  const kinds = [json.dependencies, json.devDependencies, json.optionalDependencies];
  return {
    name: json.name,
    exports: Object.keys(json.exports ?? {}),
    dependencies: [...linked, ...kinds.flatMap((kind) => Object.keys(kind ?? {}))],
  };
}

/** Returns one line for each export of a package whose file does not exist. */
function missingExports(folder: string): string[] {
  const targets = Object.entries(readPackage(`${folder}/package.json`).exports ?? {});
  return targets.flatMap(([entry, target]) =>
    typeof target === "string" && globSync(join(folder, target.replace("*", "**/*"))).length === 0
      ? [`${folder}/package.json: exports ${entry} from ${target}, which is not there`]
      : [],
  );
}

if (import.meta.main) {
  const project = readProject();
  const folders = Object.keys(project.manifests).filter((folder) => folder !== "");
  const problems = [...checkLayers(project), ...folders.flatMap(missingExports)];
  for (const problem of problems) console.error(problem);
  if (problems.length > 0) process.exitCode = 1;
}
