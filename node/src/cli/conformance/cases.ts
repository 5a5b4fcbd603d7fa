/**
 * Finds the cases of an ONNX backend test suite on disk. Takes the suite (`<group>/<case>/model.onnx`), one group, one case,
 * and folders of models beside their expected outputs (`x.onnx`, `x_output_0.pb`). Refuses folders without any case; a
 * folder below that can't be read is a case, so that it is reported.
 */
import { readdirSync, readFileSync, statSync } from "node:fs";
import { basename, dirname, join, resolve } from "node:path";
import { LockstepError } from "../../float/errors.ts";
import type { CaseData } from "../../onnx/conformance.ts";

/** One case: `<group>/<case>`. */
export type ConformanceCase =
  | { readonly id: string; readonly kind: "data"; readonly folder: string }
  | { readonly id: string; readonly kind: "light"; readonly model: string };

/** Deep enough for a suite in a folder of its own. */
const DEEPEST = 3;

/** All cases below a folder, in the order of their ids. */
export function findCases(folder: string): ConformanceCase[] {
  const root = resolve(folder);
  const found = casesIn(root, 0).toSorted((one, other) => (one.id < other.id ? -1 : 1));
  if (found.length === 0) throw new NoCasesError(folder);
  return found;
}

function casesIn(folder: string, depth: number): ConformanceCase[] {
  const entries = listFolder(folder);
  const group = basename(dirname(folder));
  if (entries.includes("model.onnx")) return [{ id: `${group}/${basename(folder)}`, kind: "data", folder }];
  const models = entries.filter((name) => name.endsWith(".onnx"));
  const light = models.map((name): ConformanceCase => ({
    id: `${basename(folder)}/${name.slice(0, -".onnx".length)}`,
    kind: "light",
    model: join(folder, name),
  }));
  if (depth === DEEPEST) return light;
  return [...light, ...entries.flatMap((name) => casesBelow(join(folder, name), depth + 1))];
}

function casesBelow(path: string, depth: number): ConformanceCase[] {
  try {
    return statSync(path).isDirectory() ? casesIn(path, depth) : [];
  } catch {
    // A case by this name fails when its files are read, and then says why.
    return [{ id: `${basename(dirname(path))}/${basename(path)}`, kind: "data", folder: path }];
  }
}

/** The data sets of a case's folder, in order; files in the order of their numbers. */
export function readDataSets(folder: string): CaseData[] {
  const sets = listFolder(folder)
    .filter((name) => /^test_data_set_\d+$/.test(name))
    .toSorted((one, other) => numberOf(one) - numberOf(other));
  return sets.map((name) => ({
    inputs: readNumbered(join(folder, name), "input"),
    outputs: readNumbered(join(folder, name), "output"),
  }));
}

/** The expected outputs beside a model. */
export function readExpected(model: string): Uint8Array[] {
  return readNumbered(dirname(model), `${basename(model, ".onnx")}_output`);
}

function readNumbered(folder: string, stem: string): Uint8Array[] {
  const names = listFolder(folder).filter(
    (name) => name.startsWith(`${stem}_`) && /^\d+\.pb$/.test(name.slice(stem.length + 1)),
  );
  return names
    .toSorted((one, other) => numberOf(one) - numberOf(other))
    .map((name) => readFileSync(join(folder, name)));
}

function numberOf(name: string): number {
  return Number(/(\d+)(\.pb)?$/.exec(name)?.[1]);
}

function listFolder(folder: string): string[] {
  try {
    return readdirSync(folder).filter((name) => !name.startsWith("."));
  } catch (cause) {
    throw new FolderUnreadableError(folder, cause);
  }
}

/** A folder that a user named can't be read. */
export class FolderUnreadableError extends LockstepError {
  constructor(folder: string, cause: unknown) {
    super("FolderUnreadableError", `${folder} is no folder that can be read`, { folder }, { cause });
  }
}

/** Below a folder stands no model. */
export class NoCasesError extends LockstepError {
  constructor(folder: string) {
    super("NoCasesError", `${folder} holds no case: no model.onnx, no .onnx file`, { folder });
  }
}
