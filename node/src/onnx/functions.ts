// Inlining of a model's own functions (FunctionProto): every call becomes the function's nodes, with fresh names for what is
// inside and the call's attributes where the body refers to them. Refuses recursion, calls with more inputs or outputs than
// the function has, nesting beyond MOST_NESTED, and models that would grow beyond MAX_NODES.

import { malformed } from "./malformed.ts";
import type { Attribute, OnnxFunction, OnnxGraph, OnnxModel, OnnxNode } from "./types.ts";

/** Nested functions can double at each level; a model of this many nodes is refused. */
export const MAX_NODES = 1_000_000;

interface Inliner {
  functions: ReadonlyMap<string, OnnxFunction>;
  opsets: ReadonlyMap<string, number>;
  /** Every name of the model, so that fresh names are free. */
  taken: Set<string>;
  /** Nodes made so far, and at most. */
  made: number;
  most: number;
}

/** Functions that call each other one inside the other; each is a few frames of the stack. */
const MOST_NESTED = 256;

/** How a body's names and attribute references read at the place of the call. */
interface Scope {
  rename: (name: string) => string;
  /** The call's attributes with the function's defaults; undefined outside a function. */
  attributes: ReadonlyMap<string, Attribute> | undefined;
  /** Operator sets of the enclosing function or model. */
  opsets: ReadonlyMap<string, number>;
  /** Keys of the functions being expanded, outermost first. */
  path: readonly string[];
}

/**
 * The same model without functions. Nodes from a function that imports another operator set version than the model carry it
 * in `opset`. Throws MalformedModelError whose `values.rule` names what is wrong, also where there are more than `most` nodes.
 */
export function inlineFunctions(model: OnnxModel, most: number = MAX_NODES): OnnxModel {
  if (model.functions.length === 0) return model;
  const functions = new Map<string, OnnxFunction>();
  for (const item of model.functions) {
    const key = functionKey(item.domain, item.name, item.overload);
    if (functions.has(key)) throw malformed("duplicate", `two functions are named ${key}`, { name: key });
    functions.set(key, item);
  }
  const taken = new Set<string>();
  collectNames(model.graph, taken);
  const inliner: Inliner = { functions, opsets: model.opsets, taken, made: 0, most };
  const scope: Scope = { rename: (name) => name, attributes: undefined, opsets: model.opsets, path: [] };
  return { ...model, graph: inlineGraph(inliner, model.graph, scope), functions: [] };
}

function functionKey(domain: string, name: string, overload: string): string {
  return [domain, name, ...(overload === "" ? [] : [overload])].join("::");
}

function inlineGraph(inliner: Inliner, graph: OnnxGraph, scope: Scope): OnnxGraph {
  const { rename } = scope;
  const renameKeys = <Value>(map: ReadonlyMap<string, Value>): Map<string, Value> =>
    new Map([...map].map(([name, value]) => [rename(name), value]));
  return {
    name: graph.name,
    inputs: graph.inputs.map((value) => ({ ...value, name: rename(value.name) })),
    outputs: graph.outputs.map((value) => ({ ...value, name: rename(value.name) })),
    values: graph.values.map((value) => ({ ...value, name: rename(value.name) })),
    initializers: renameKeys(graph.initializers),
    sparseInitializers: renameKeys(graph.sparseInitializers),
    nodes: graph.nodes.flatMap((node) => inlineNode(inliner, node, scope)),
  };
}

function inlineNode(inliner: Inliner, node: OnnxNode, scope: Scope): OnnxNode[] {
  inliner.made += 1;
  const { most } = inliner;
  if (inliner.made > most) throw malformed("too-many-nodes", `more than ${most} nodes`, { limit: most });
  const attributes = new Map<string, Attribute>();
  for (const [name, attribute] of node.attributes) {
    const bound = bindAttribute(inliner, attribute, node, scope);
    if (bound !== undefined) attributes.set(name, bound);
  }
  const inputs = node.inputs.map(scope.rename);
  const outputs = node.outputs.map(scope.rename);
  const key = functionKey(node.domain, node.opType, node.overload ?? "");
  const callee = inliner.functions.get(key);
  if (callee !== undefined) return inlineCall(inliner, { ...node, inputs, outputs, attributes }, callee, key, scope);
  const opset = scope.opsets.get(node.domain);
  const differs = opset !== undefined && opset !== inliner.opsets.get(node.domain);
  return [{ ...node, inputs, outputs, attributes, ...(differs ? { opset } : {}) }];
}

function inlineCall(inliner: Inliner, call: OnnxNode, callee: OnnxFunction, key: string, scope: Scope): OnnxNode[] {
  const path = [...scope.path, key];
  if (scope.path.includes(key)) throw malformed("recursion", `functions call each other: ${path.join(", ")}`, { path });
  if (path.length > MOST_NESTED)
    throw malformed("too-deep", `functions are nested more than ${MOST_NESTED} deep`, { limit: MOST_NESTED });
  if (call.inputs.length > callee.inputs.length || call.outputs.length > callee.outputs.length) {
    throw malformed("call-arity", `a call of ${key} has more inputs or outputs than the function`, {
      function: key,
      inputs: call.inputs.length,
      outputs: call.outputs.length,
    });
  }
  const attributes = new Map<string, Attribute>();
  for (const [name, preset] of callee.attributes) {
    const value = call.attributes.get(name) ?? preset;
    if (value !== undefined) attributes.set(name, value);
  }
  const names = new Map<string, string>([["", ""]]);
  const fresh = (name: string): string => {
    let candidate = `${key}/${inliner.made}/${name}`;
    while (inliner.taken.has(candidate)) candidate += "'";
    inliner.taken.add(candidate);
    return candidate;
  };
  callee.inputs.forEach((name, i) => names.set(name, call.inputs[i] ?? ""));
  // An output that is an input too is copied; any other takes the caller's name, if the caller wants it.
  const copies: OnnxNode[] = [];
  callee.outputs.forEach((name, i) => {
    const wanted = call.outputs[i] ?? "";
    if (wanted === "") return;
    const known = names.get(name);
    if (known === undefined) names.set(name, wanted);
    else copies.push(identity(known, wanted));
  });
  const rename = (name: string): string => {
    const known = names.get(name) ?? fresh(name);
    names.set(name, known);
    return known;
  };
  const inner: Scope = { rename, attributes, opsets: callee.opsets, path };
  return [...callee.nodes.flatMap((node) => inlineNode(inliner, node, inner)), ...copies];
}

function identity(from: string, to: string): OnnxNode {
  return { name: "", opType: "Identity", domain: "", inputs: [from], outputs: [to], attributes: new Map() };
}

// A reference to an attribute that the call does not give, and that has no default, means the attribute is absent.
function bindAttribute(inliner: Inliner, attribute: Attribute, node: OnnxNode, scope: Scope): Attribute | undefined {
  switch (attribute.type) {
    case "graph":
      return { type: "graph", value: inlineGraph(inliner, attribute.value, scope) };
    case "graphs":
      return { type: "graphs", value: attribute.value.map((graph) => inlineGraph(inliner, graph, scope)) };
    case "reference": {
      if (scope.attributes === undefined) {
        throw malformed(
          "stray-reference",
          `node ${JSON.stringify(node.name)} refers to an attribute outside a function`,
          {
            name: node.name,
            attribute: attribute.value,
          },
        );
      }
      const value = scope.attributes.get(attribute.value);
      if (value !== undefined && value.type !== attribute.of) {
        throw malformed(
          "attribute-type",
          `attribute ${attribute.value} is ${value.type} where ${attribute.of} is read`,
          {
            attribute: attribute.value,
            found: value.type,
            expected: attribute.of,
          },
        );
      }
      return value;
    }
    default:
      return attribute;
  }
}

function collectNames(graph: OnnxGraph, names: Set<string>): void {
  for (const { name } of [...graph.inputs, ...graph.outputs, ...graph.values]) names.add(name);
  for (const name of [...graph.initializers.keys(), ...graph.sparseInitializers.keys()]) names.add(name);
  for (const node of graph.nodes) {
    for (const name of [...node.inputs, ...node.outputs]) names.add(name);
    for (const attribute of node.attributes.values()) {
      if (attribute.type === "graph") collectNames(attribute.value, names);
      if (attribute.type === "graphs") for (const inner of attribute.value) collectNames(inner, names);
    }
  }
}
