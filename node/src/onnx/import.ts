/**
 * Lowers an ONNX model to a program (numerics, "Lowering"). The same model and options give the same program everywhere. It
 * infers shapes by lowering: every node computes its outputs' shapes from those of its inputs, which are known. Refuses
 * operator sets outside 6..25, operators and element types without a lowering, and shapes that depend on data.
 */

import { programRoot } from "../ir/encode.ts";
import { InvalidScalarProgramError } from "../ir/validate.ts";
import type { Hash, Program } from "../ir/program.ts";
import { LiteralError, LoadError, ValueTypeError } from "../ir/build.ts";
import { createBudget, heldData, IMPORT_LIMITS } from "./budget.ts";
import type { ImportLimits } from "./budget.ts";
import type { Constants } from "./constants.ts";
import {
  ImportOptionError,
  InvalidNodeError,
  UnknownDimensionError,
  UnsupportedOperatorError,
  UnsupportedTensorError,
} from "./errors.ts";
import type { NodeIdentity } from "./errors.ts";
import { inlineFunctions } from "./functions.ts";
import { createGraph } from "./graph.ts";
import type { Graph, NamedValue } from "./graph.ts";
import { inputValue, sequenceName, tensorsOf } from "./items.ts";
import type { Lower, Scope } from "./node.ts";
import { copied } from "./primitives.ts";
import { OPERATORS, OPSETS, REFUSALS } from "./registry.ts";
import { TAKES_ITEMS } from "./sequence.ts";
import { denseTensor } from "./sparse.ts";
import type { OnnxTensor } from "./element-types.ts";
import type { OnnxGraph, OnnxModel, OnnxNode, OnnxValue } from "./types.ts";
import { emptyValue, isElementType, knownTensor, sizeOf, WORD_TYPE } from "./values.ts";
import type { ElementType, Value } from "./values.ts";

/** How a model is specialised; all of it is part of the program that comes out. */
export interface ImportOptions {
  /** Graph inputs fixed at import: those used as shapes, axes or sizes must be. They are then no inputs of the program. */
  readonly bind?: Readonly<Record<string, OnnxTensor>>;
  /** Extents of the inputs' symbolic dimensions, by their name. */
  readonly dims?: Readonly<Record<string, number>>;
  /** Whole shapes of graph inputs, by the input's name, where the model does not say. */
  readonly shapes?: Readonly<Record<string, readonly number[]>>;
  /** Graph inputs that hold state: in each step but the first they take what `output` was in the step before. */
  readonly state?: readonly { readonly input: string; readonly output: string }[];
  /** What the import may do; IMPORT_LIMITS unless given. No part of the program. */
  readonly limits?: ImportLimits;
}

/** A tensor of a model's interface. `elementType` is the model's; the program holds int64 as i32. */
export interface ImportedTensor {
  readonly name: string;
  readonly elementType: ElementType;
  readonly shape: readonly number[];
}

/** A lowered model. Lists run beside the program's inputs and outputs. */
export interface ImportedModel {
  readonly program: Program;
  readonly programRoot: Hash;
  readonly inputs: readonly ImportedTensor[];
  readonly outputs: readonly ImportedTensor[];
  /** Every constant of the program, by tensor root. */
  readonly constants: Constants;
}

/** Names that a subgraph copies while one node is lowered. */
const NAMES_PER_NODE = 256;

/** Lowers a parsed model. Throws the errors of ./errors.ts, and MalformedModelError for functions that cannot be inlined. */
export function importModel(source: OnnxModel, options: ImportOptions = {}): ImportedModel {
  const { limits = IMPORT_LIMITS } = options;
  const model = inlineFunctions(source, limits.nodes);
  const graph = createGraph(undefined, createBudget(limits, heldData(model)));
  const inputs: ImportedTensor[] = [];
  const state = options.state ?? [];
  const names = new Map<string, Value>();
  checkOptions(model, options);
  checkNames(model.graph);
  for (const [name, tensor] of model.graph.initializers) names.set(name, known(name, tensor));
  const tensorInput = (declared: OnnxValue): Value => {
    const { name } = declared;
    const bound = entry(options.bind, name);
    if (bound !== undefined) return boundValue(declared, bound);
    const elementType = typeOfInput(declared);
    const shape = shapeOfInput(declared, options);
    const length = sizeOf(shape);
    if (length === 0) return emptyValue(elementType, shape);
    inputs.push({ name, elementType, shape });
    const draft = { name, shape, length, type: WORD_TYPE[elementType] };
    const isState = state.some((pair) => pair.input === name);
    return isState ? graph.addSlot(draft, elementType) : graph.addInput(draft, elementType);
  };
  for (const declared of model.graph.inputs) {
    // Before IR version 4 every initializer is an input too, and is not meant to be given.
    const isMade = names.has(declared.name) && entry(options.bind, declared.name) === undefined;
    if (!isMade) names.set(declared.name, inputValue(declared, options, tensorInput));
  }
  const lowerer: Lowerer = { model, graph };
  lowerNodes(lowerer, model.graph, names);
  const outputs = model.graph.outputs.flatMap(({ name }) => {
    const value = names.get(name);
    if (value === undefined) throw new UnsupportedTensorError(name, "the graph output is never made");
    return tensorsOf(name, value).map((tensor) => output(lowerer, tensor));
  });
  for (const { input } of state) {
    if (!inputs.some(({ name }) => name === input))
      throw new ImportOptionError("state", input, "an input with data of its own, or without elements, holds no state");
  }
  const next = inputs.flatMap((tensor) => {
    const pair = state.find((candidate) => candidate.input === tensor.name);
    return pair === undefined ? [] : [nextState(lowerer, tensor, pair.output, names)];
  });
  const { program, constants } = graph.finish(outputs, next);
  return {
    program,
    programRoot: programRoot(program),
    constants,
    inputs,
    outputs: outputs.map(({ name, value }) => ({ name, elementType: value.elementType, shape: value.shape })),
  };
}

/** What the nodes of a model are lowered with. */
export interface Lowerer {
  readonly model: OnnxModel;
  readonly graph: Graph;
  /** Lowerings of single nodes, before those of their operators. */
  readonly overrides?: ReadonlyMap<OnnxNode, Lower>;
}

/** Refuses tensors of a graph's interface that have one name: which is meant could not be said. */
function checkNames({ inputs, outputs, initializers, sparseInitializers }: OnnxGraph): void {
  const distinct = (what: string, names: Iterable<string>): void => {
    const seen = new Set<string>();
    for (const name of names) {
      if (seen.has(name)) throw new UnsupportedTensorError(name, `two ${what} have this name`);
      seen.add(name);
    }
  };
  distinct(
    "graph inputs",
    inputs.map(({ name }) => name),
  );
  distinct(
    "graph outputs",
    outputs.map(({ name }) => name),
  );
  distinct("initializers", [...initializers.keys(), ...sparseInitializers.keys()]);
}

/**
 * Lowers the nodes of a graph in order; `names` holds the values that exist and gets those that are made. A graph makes a name
 * once; a subgraph may make one that the graph around it has, which it then does not see.
 */
export function lowerNodes(lowerer: Lowerer, graph: OnnxGraph, names: Map<string, Value>): void {
  const { budget } = lowerer.graph;
  const given = graph.inputs.map(({ name }) => name);
  const made = new Set([...given, ...graph.initializers.keys(), ...graph.sparseInitializers.keys()]);
  for (const [name, sparse] of graph.sparseInitializers) {
    budget.spendElements(sizeOf(sparse.shape), name);
    names.set(name, known(name, denseTensor(sparse, name)));
  }
  for (const node of graph.nodes) {
    budget.spendNodes(1, node.name === "" ? node.opType : node.name);
    const scope = scopeOf(lowerer, node, names);
    const override = lowerer.overrides?.get(node);
    const results = override === undefined ? lowerNode(scope) : override(scope);
    node.outputs.forEach((name, index) => {
      if (name === "") return;
      if (made.has(name))
        throw new InvalidNodeError(scope.identity, `output ${JSON.stringify(name)} is made twice`, { name });
      made.add(name);
      const value = results[index];
      if (value === undefined) throw new UnsupportedOperatorError(scope.identity, `output ${index} is not made`);
      names.set(name, value);
    });
  }
}

function lowerNode(scope: Scope): readonly Value[] {
  const { domain, operator, opset } = scope.identity;
  const key = domain === "" ? operator : `${domain}.${operator}`;
  const row = OPERATORS.get(key);
  const isOld = opset < Math.min(OPSETS.least, row?.since ?? OPSETS.least);
  if (domain === "" && (isOld || opset > OPSETS.most)) {
    throw new UnsupportedOperatorError(scope.identity, `operator sets ${OPSETS.least} to ${OPSETS.most} are supported`);
  }
  if (row === undefined) {
    const reason = Object.hasOwn(REFUSALS, key) ? REFUSALS[key] : "the operator has no lowering";
    throw new UnsupportedOperatorError(scope.identity, reason);
  }
  if (opset < row.since || opset > row.until) {
    throw new UnsupportedOperatorError(
      scope.identity,
      `the operator exists in operator sets ${row.since} to ${row.until}`,
    );
  }
  if (scope.inputs.some((value) => value?.items !== undefined) && !TAKES_ITEMS.has(key)) {
    throw new UnsupportedOperatorError(scope.identity, "a sequence or an optional where a tensor is expected");
  }
  try {
    return row.lower(scope);
  } catch (error) {
    throw refusal(scope, error);
  }
}

/** What a scalar program's builder refuses, as a refusal of the node. */
function refusal(scope: Scope, error: unknown): unknown {
  if (error instanceof InvalidScalarProgramError) {
    return new UnsupportedOperatorError(scope.identity, `it does not fit one primitive (${error.rule})`, {
      cause: error,
    });
  }
  // An address or extent beyond 32 bits, or element types that the operator does not mix.
  if (error instanceof LiteralError || error instanceof LoadError || error instanceof ValueTypeError) {
    return new UnsupportedOperatorError(scope.identity, error.message, { cause: error });
  }
  return error;
}

/** What a node's lowering sees. */
export function scopeOf(lowerer: Lowerer, node: OnnxNode, names: ReadonlyMap<string, Value>): Scope {
  const { model, graph } = lowerer;
  const opset = node.opset ?? model.opsets.get(node.domain) ?? 0;
  const identity: NodeIdentity = {
    operator: node.opType,
    domain: node.domain,
    opset,
    node: node.name === "" ? (node.outputs.find((name) => name !== "") ?? "") : node.name,
  };
  const inputs = node.inputs.map((name) => {
    if (name === "") return undefined;
    const value = names.get(name);
    if (value === undefined)
      throw new InvalidNodeError(identity, `input ${JSON.stringify(name)} is not defined`, { name });
    return value;
  });
  return {
    identity,
    node,
    opset,
    inputs,
    graph,
    subgraph: (body, given) => {
      graph.budget.spendNodes(1 + Math.floor(names.size / NAMES_PER_NODE), identity.node);
      const inner = new Map(names);
      for (const [name, tensor] of body.initializers) inner.set(name, known(name, tensor));
      body.inputs.forEach(({ name }, index) => {
        if (given[index] !== undefined) inner.set(name, given[index]);
      });
      lowerNodes(lowerer, body, inner);
      return body.outputs.map(({ name }) => {
        const value = inner.get(name);
        if (value === undefined)
          throw new InvalidNodeError(identity, `subgraph output ${JSON.stringify(name)} is not defined`);
        return value;
      });
    },
  };
}

function output(lowerer: Lowerer, { name, value }: NamedValue): NamedValue {
  if (sizeOf(value.shape) === 0) throw new UnsupportedTensorError(name, "a graph output without elements");
  return { name, value: asPrimitive(lowerer, name, value) };
}

/** The value itself, or a copy where no primitive of the graph holds it. */
function asPrimitive(lowerer: Lowerer, name: string, value: Value): Value {
  if (value.at.kind === "primitive") return value;
  const node: OnnxNode = {
    name,
    opType: "Identity",
    domain: "",
    inputs: [name],
    outputs: [name],
    attributes: new Map(),
  };
  const scope = scopeOf(lowerer, node, new Map([[name, value]]));
  return copied(scope, value);
}

function nextState(
  lowerer: Lowerer,
  tensor: ImportedTensor,
  outputName: string,
  names: ReadonlyMap<string, Value>,
): Value {
  const value = names.get(outputName)!;
  if (value.elementType !== tensor.elementType || value.shape.join() !== tensor.shape.join()) {
    const found = {
      output: outputName,
      shape: [...value.shape],
      expected: [...tensor.shape],
      elementType: value.elementType,
    };
    throw new ImportOptionError(
      "state",
      tensor.name,
      `output ${JSON.stringify(outputName)} has another type or shape`,
      found,
    );
  }
  return asPrimitive(lowerer, outputName, value);
}

/** The value of a tensor of the model. Throws UnsupportedTensorError for element types that have none. */
export function known(name: string, tensor: OnnxTensor): Value {
  const value = knownTensor(tensor);
  if (value === undefined) throw new UnsupportedTensorError(name, `element type ${tensor.dtype}`);
  return value;
}

function boundValue(declared: OnnxValue, tensor: OnnxTensor): Value {
  const value = known(declared.name, tensor);
  const { shape } = declared;
  const fits =
    shape === undefined ||
    (shape.length === value.shape.length &&
      shape.every((extent, axis) => typeof extent !== "number" || extent === value.shape[axis]));
  if (!fits || (declared.elemType !== undefined && declared.elemType !== value.elementType)) {
    throw new ImportOptionError("bind", declared.name, "the tensor does not have the input's type and shape", {
      found: { elementType: value.elementType, shape: [...value.shape] },
      expected: { elementType: declared.elemType, shape },
    });
  }
  return value;
}

function typeOfInput({ name, kind, elemType }: OnnxValue): ElementType {
  if (kind !== "tensor") throw new UnsupportedTensorError(name, `inputs of kind ${kind} are not supported`);
  if (elemType === "float16" || elemType === "bfloat16") {
    throw new UnsupportedTensorError(name, `element type ${elemType} at run time: only constants may have it`);
  }
  if (elemType !== undefined && isElementType(elemType)) return elemType;
  throw new UnsupportedTensorError(name, `element type ${elemType ?? "unknown"} is not supported`);
}

function shapeOfInput({ name, shape }: OnnxValue, options: ImportOptions): number[] {
  const given = entry(options.shapes, name);
  if (given !== undefined) {
    const fits =
      shape === undefined ||
      (shape.length === given.length &&
        shape.every((extent, axis) => typeof extent !== "number" || extent === given[axis]));
    if (!fits || given.some((extent) => !Number.isInteger(extent) || extent < 0)) {
      throw new ImportOptionError("shapes", name, "the shape does not fit the model's", {
        given: [...given],
        declared: shape,
      });
    }
    return [...given];
  }
  if (shape === undefined) throw new UnknownDimensionError(name, 0, null);
  return shape.map((extent, axis) => {
    const found = typeof extent === "number" ? extent : extent === null ? undefined : entry(options.dims, extent);
    if (found === undefined) throw new UnknownDimensionError(name, axis, extent as string | null);
    if (!Number.isInteger(found) || found < 0) {
      throw new ImportOptionError("dims", String(extent), "a dimension is a non-negative integer", { extent: found });
    }
    return found;
  });
}

// Names come from a model: "constructor" must not find what every object inherits.
function entry<Item>(record: Readonly<Record<string, Item>> | undefined, name: string): Item | undefined {
  return record !== undefined && Object.hasOwn(record, name) ? record[name] : undefined;
}

/** Refuses with ImportOptionError a bound name that is no graph input: before the tensors of a manifest are read. */
export function checkBound({ graph }: OnnxModel, names: readonly string[]): void {
  const inputs = new Set(graph.inputs.map(({ name }) => name));
  for (const name of names) {
    if (!inputs.has(name) && !inputs.has(sequenceName(name) ?? name))
      throw new ImportOptionError("bind", name, "the model has no such input", { known: [...inputs] });
  }
}

function checkOptions(model: OnnxModel, options: ImportOptions): void {
  const inputs = new Set(model.graph.inputs.map(({ name }) => name));
  const outputs = new Set(model.graph.outputs.map(({ name }) => name));
  const dimensions = new Set(
    model.graph.inputs.flatMap(({ shape }) => shape ?? []).filter((extent) => typeof extent === "string"),
  );
  const require = (option: string, name: string, among: ReadonlySet<string>, what: string): void => {
    if (!among.has(name) && !(what === "input" && among.has(sequenceName(name) ?? name)))
      throw new ImportOptionError(option, name, `the model has no such ${what}`, { known: [...among] });
  };
  checkBound(model, Object.keys(options.bind ?? {}));
  for (const name of Object.keys(options.shapes ?? {})) require("shapes", name, inputs, "input");
  // A mistyped name would otherwise pass, and the program be another one than was meant.
  for (const name of Object.keys(options.dims ?? {})) require("dims", name, dimensions, "symbolic dimension");
  for (const pair of options.state ?? []) {
    require("state", pair.input, inputs, "input");
    require("state", pair.output, outputs, "output");
    if (entry(options.bind, pair.input) !== undefined)
      throw new ImportOptionError("state", pair.input, "a bound input holds no state");
  }
}
