/**
 * One node while it is lowered: typed access to its inputs and attributes, and the errors that name it. Refuses absent
 * inputs, attributes of another type than the operator's, and values that are not known where they must be.
 */

import type { Graph } from "./graph.ts";
import { InvalidNodeError, ShapeMismatchError, UnboundInputError, UnsupportedOperatorError } from "./errors.ts";
import type { NodeIdentity } from "./errors.ts";
import type { Attribute, OnnxGraph, OnnxNode } from "./types.ts";
import { hasIntegers, isKnown } from "./values.ts";
import type { ElementType, KnownValue, Value } from "./values.ts";

/** What an operator's lowering sees. */
export interface Scope {
  readonly identity: NodeIdentity;
  readonly node: OnnxNode;
  /** Version of the node's domain. */
  readonly opset: number;
  /** Undefined for an absent optional input. */
  readonly inputs: readonly (Value | undefined)[];
  readonly graph: Graph;
  /** Lowers a subgraph (an attribute) in place, its inputs given; returns its outputs. */
  readonly subgraph: (body: OnnxGraph, inputs: readonly Value[]) => Value[];
}

/** Lowers one node to its outputs, in order; absent optional outputs at the end may be left out. */
export type Lower = (scope: Scope) => readonly Value[];

/** Operators of one family, by name. A domain other than the standard one stands before the name, with a dot. */
export type OperatorTable = Readonly<Record<string, Lower>>;

export function unsupported(scope: Scope, reason: string, cause?: unknown): UnsupportedOperatorError {
  return new UnsupportedOperatorError(scope.identity, reason, cause === undefined ? undefined : { cause });
}

export function mismatch(scope: Scope, rule: string, values: Record<string, unknown>): ShapeMismatchError {
  return new ShapeMismatchError(scope.identity, rule, values);
}

export function invalid(scope: Scope, rule: string, values: Record<string, unknown> = {}): InvalidNodeError {
  return new InvalidNodeError(scope.identity, rule, values);
}

/** Input `index`, which the operator requires. */
export function input(scope: Scope, index: number): Value {
  const value = scope.inputs[index];
  if (value === undefined) throw invalid(scope, `input ${index} is missing`, { index });
  return value;
}

/** All inputs, of which the operator requires at least one and allows no gap. */
export function allInputs(scope: Scope): Value[] {
  if (scope.inputs.length === 0) throw invalid(scope, "it has no input");
  return scope.inputs.map((_, index) => input(scope, index));
}

/** Whether output `index` is named. */
export function wants(scope: Scope, index: number): boolean {
  return (scope.node.outputs[index] ?? "") !== "";
}

/** Refuses a value whose element type is not among `types`. */
export function requireType(scope: Scope, value: Value, ...types: readonly ElementType[]): void {
  if (!types.includes(value.elementType)) {
    throw unsupported(scope, `element type ${value.elementType} where ${types.join(" or ")} is supported`);
  }
}

type AttributeValues = { [Kind in Attribute as Kind["type"]]: Kind["value"] };

/** The value of an attribute of the given type, or undefined where the node does not have it. */
export function attribute<Type extends keyof AttributeValues>(
  scope: Scope,
  name: string,
  type: Type,
): AttributeValues[Type] | undefined {
  const found = scope.node.attributes.get(name);
  if (found === undefined) return undefined;
  if (found.type !== type) throw invalid(scope, `attribute ${name} has type ${found.type}, not ${type}`, { name });
  return found.value as AttributeValues[Type];
}

export function floatAttribute(scope: Scope, name: string, absent: number): number {
  return attribute(scope, name, "float") ?? absent;
}

export function stringAttribute(scope: Scope, name: string, absent: string): string {
  return attribute(scope, name, "string") ?? absent;
}

/** A string attribute that is one of `words`; the first of them where it is absent. */
export function wordAttribute<W extends string>(scope: Scope, name: string, words: readonly [W, ...W[]]): W {
  const given = stringAttribute(scope, name, words[0]);
  const found = words.find((word) => word === given);
  if (found === undefined) throw invalid(scope, `${name} ${JSON.stringify(given)} is unknown`, { [name]: given });
  return found;
}

export function intAttribute(scope: Scope, name: string, absent: number): number {
  const value = attribute(scope, name, "int");
  return value === undefined ? absent : toNumber(scope, `attribute ${name}`, value);
}

export function requiredInt(scope: Scope, name: string): number {
  const value = attribute(scope, name, "int");
  if (value === undefined) throw invalid(scope, `attribute ${name} is missing`, { name });
  return toNumber(scope, `attribute ${name}`, value);
}

export function intsAttribute(scope: Scope, name: string): number[] | undefined {
  return attribute(scope, name, "ints")?.map((value) => toNumber(scope, `attribute ${name}`, value));
}

/** Known data of a value; `what` names its role. Throws UnboundInputError where it depends on graph inputs. */
export function known(scope: Scope, value: Value, what: string): KnownValue {
  if (isKnown(value)) return value;
  if (value.sources.size > 0) throw new UnboundInputError(scope.identity, what, [...value.sources].sort());
  throw unsupported(scope, `${what} is computed from data that is not folded at import`);
}

/** Known integers of a value, exact. */
export function knownBigints(scope: Scope, value: Value, what: string): BigInt64Array {
  const data = known(scope, value, what);
  if (!hasIntegers(data)) throw invalid(scope, `${what} must be integers`, { what, elementType: value.elementType });
  return data.at.integers;
}

/** Known integers as numbers; beyond 2^53 they saturate, which no use of them can tell apart. */
export function knownNumbers(scope: Scope, value: Value, what: string): number[] {
  return Array.from(knownBigints(scope, value, what), saturated);
}

/** The integers of an attribute up to some opset, of an input after it; undefined where neither is given. */
export function numbersOf(scope: Scope, name: string, index: number, sinceInput: number): number[] | undefined {
  if (scope.opset < sinceInput) return intsAttribute(scope, name);
  const value = scope.inputs[index];
  return value === undefined ? undefined : knownNumbers(scope, value, name);
}

/** An axis counted from the front, in [0, rank). `rank` may be one more than the tensor's, for a boundary. */
export function axisOf(scope: Scope, axis: number, rank: number): number {
  if (!Number.isInteger(axis) || axis < -rank || axis >= rank) {
    throw mismatch(scope, `axis ${axis} is outside a rank of ${rank}`, { axis, rank });
  }
  return axis < 0 ? axis + rank : axis;
}

/** Axes counted from the front, in the given order; no axis twice. */
export function axesOf(scope: Scope, axes: readonly number[], rank: number): number[] {
  const counted = axes.map((axis) => axisOf(scope, axis, rank));
  if (new Set(counted).size !== counted.length)
    throw mismatch(scope, "an axis is named twice", { axes: [...axes], rank });
  return counted;
}

/** Elements that data made at import may have: 1 GiB of words. A few bytes of a stranger's model can ask for more. */
const MOST_KNOWN = 2 ** 28;

/** Takes the elements of known data from the import's budget. Refuses more than `most`, and a number that is none. */
export function requireSize(scope: Scope, count: number, most = MOST_KNOWN): void {
  checkSize(scope, count, most);
  scope.graph.budget.spendElements(count, scope.identity.node);
}

/** As {@link requireSize} for data that is only made when it is asked for, as a constant of the program. */
export function checkSize(scope: Scope, count: number, most = MOST_KNOWN): void {
  if (!(count >= 0 && count <= most)) throw unsupported(scope, `${count} elements made at import; at most ${most}`);
}

/** A number nearest to an integer, within the safe range. */
export function saturated(value: bigint): number {
  const limit = BigInt(Number.MAX_SAFE_INTEGER);
  return Number(value > limit ? limit : value < -limit ? -limit : value);
}

/** The same place in the model as another operator's node: for an operator that is a form of another. */
export function standingFor(
  scope: Scope,
  inputs: readonly (Value | undefined)[],
  attributes: Readonly<Record<string, Attribute | undefined>>,
  outputs: readonly string[] = ["output"],
): Scope {
  const given = Object.entries(attributes).filter((entry): entry is [string, Attribute] => entry[1] !== undefined);
  return { ...scope, inputs, node: { ...scope.node, attributes: new Map(given), outputs: [...outputs] } };
}

function toNumber(scope: Scope, what: string, value: bigint): number {
  const number = Number(value);
  if (!Number.isSafeInteger(number)) throw invalid(scope, `${what} is out of range`, { value });
  return number;
}
