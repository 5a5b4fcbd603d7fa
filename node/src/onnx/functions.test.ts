import assert from "node:assert/strict";
import { test } from "node:test";
import { inlineFunctions, MalformedModelError, parseModel, serializeModel } from "./model.ts";
import type { Attribute, OnnxFunction, OnnxGraph, OnnxModel, OnnxNode } from "./model.ts";

const node = (opType: string, inputs: string[], outputs: string[], more: Partial<OnnxNode> = {}): OnnxNode => ({
  name: "",
  opType,
  domain: "",
  inputs,
  outputs,
  attributes: new Map(),
  ...more,
});

const call = (opType: string, inputs: string[], outputs: string[], attributes: [string, Attribute][] = []): OnnxNode =>
  node(opType, inputs, outputs, { domain: "own", attributes: new Map(attributes) });

const fn = (
  name: string,
  inputs: string[],
  outputs: string[],
  nodes: OnnxNode[],
  more: Partial<OnnxFunction> = {},
): OnnxFunction => ({
  name,
  domain: "own",
  overload: "",
  inputs,
  outputs,
  attributes: new Map(),
  opsets: new Map([
    ["", 17],
    ["own", 1],
  ]),
  nodes,
  ...more,
});

const graph = (nodes: OnnxNode[]): OnnxGraph => ({
  name: "g",
  nodes,
  inputs: [{ name: "x", kind: "unknown" }],
  outputs: [{ name: "y", kind: "unknown" }],
  values: [],
  initializers: new Map(),
  sparseInitializers: new Map(),
});

const model = (nodes: OnnxNode[], functions: OnnxFunction[]): OnnxModel => ({
  irVersion: 10,
  producerName: "",
  opsets: new Map([
    ["", 17],
    ["own", 1],
  ]),
  graph: graph(nodes),
  functions,
});

const lines = (nodes: OnnxNode[]): string[] =>
  nodes.map((item) => `${item.outputs.join(",")} = ${item.opType}(${item.inputs.join(",")})`);

const rule = (name: string) => (error: unknown) => error instanceof MalformedModelError && error.values.rule === name;

test("calls become nodes with fresh names, nested calls too", () => {
  const square = fn("Square", ["a"], ["b"], [node("Mul", ["a", "a"], ["b"])]);
  const twice = fn("Twice", ["a"], ["b"], [call("Square", ["a"], ["t"]), call("Square", ["t"], ["b"])]);
  const flat = inlineFunctions(model([call("Twice", ["x"], ["t"]), call("Twice", ["t"], ["y"])], [square, twice]));
  assert.deepEqual(lines(flat.graph.nodes), [
    "own::Twice/2/t = Mul(x,x)",
    "t = Mul(own::Twice/2/t,own::Twice/2/t)",
    "own::Twice/7/t = Mul(t,t)",
    "y = Mul(own::Twice/7/t,own::Twice/7/t)",
  ]);
  assert.deepEqual(flat.functions, []);
  assert.deepEqual(parseModel(serializeModel(flat)), flat);
});

test("a fresh name is never one of the model's", () => {
  const body = fn("F", ["a"], ["b"], [node("Relu", ["a"], ["t"]), node("Relu", ["t"], ["b"])]);
  const flat = inlineFunctions(model([node("Relu", ["x"], ["own::F/3/t"]), call("F", ["own::F/3/t"], ["y"])], [body]));
  assert.deepEqual(lines(flat.graph.nodes), [
    "own::F/3/t = Relu(x)",
    "own::F/3/t' = Relu(own::F/3/t)",
    "y = Relu(own::F/3/t')",
  ]);
});

test("attributes come from the call, else the default, else stay absent", () => {
  const alpha: Attribute = { type: "reference", value: "alpha", of: "float" };
  const body = node("LeakyRelu", ["a"], ["b"], { attributes: new Map([["alpha", alpha]]) });
  const preset: Attribute = { type: "float", value: 0.25 };
  const given: Attribute = { type: "float", value: 0.5 };
  const of = (attributes: Map<string, Attribute | undefined>, passed: [string, Attribute][]) =>
    inlineFunctions(model([call("F", ["x"], ["y"], passed)], [fn("F", ["a"], ["b"], [body], { attributes })])).graph
      .nodes[0]!.attributes;
  assert.deepEqual(of(new Map([["alpha", preset]]), []).get("alpha"), preset);
  assert.deepEqual(of(new Map([["alpha", preset]]), [["alpha", given]]).get("alpha"), given);
  assert.equal(of(new Map([["alpha", undefined]]), []).size, 0);
  assert.throws(
    () => of(new Map([["alpha", undefined]]), [["alpha", { type: "int", value: 1n }]]),
    rule("attribute-type"),
  );
  const stray = node("LeakyRelu", ["x"], ["y"], { attributes: new Map([["alpha", alpha]]) });
  assert.throws(() => inlineFunctions(model([stray], [fn("F", [], [], [])])), rule("stray-reference"));
});

test("names in the body's subgraphs follow, and calls in subgraphs are inlined", () => {
  const branch = {
    ...graph([node("Mul", ["a", "t"], ["r"])]),
    inputs: [],
    outputs: [{ name: "r", kind: "unknown" as const }],
  };
  const body = [
    node("Relu", ["a"], ["t"]),
    node("If", ["c"], ["b"], {
      attributes: new Map<string, Attribute>([["then_branch", { type: "graph", value: branch }]]),
    }),
  ];
  const outer = { ...graph([call("F", ["x", "c"], ["q"])]), inputs: [] };
  const host = node("If", ["c"], ["y"], {
    attributes: new Map<string, Attribute>([["then_branch", { type: "graph", value: outer }]]),
  });
  const flat = inlineFunctions(model([host], [fn("F", ["a", "c"], ["b"], body)]));
  const then = flat.graph.nodes[0]!.attributes.get("then_branch");
  assert.ok(then?.type === "graph");
  const made = then.value.nodes;
  assert.deepEqual(lines(made), ["own::F/3/t = Relu(x)", "q = If(c)"]);
  const inner = made[1]!.attributes.get("then_branch");
  assert.ok(inner?.type === "graph");
  const [multiply] = inner.value.nodes;
  assert.deepEqual(multiply!.inputs, ["x", "own::F/3/t"]);
  assert.equal(inner.value.outputs[0]!.name, multiply!.outputs[0]);
});

test("absent inputs, unwanted outputs and inputs passed through", () => {
  const body = fn("F", ["a", "b"], ["c", "a"], [node("Clip", ["a", "b"], ["c"])]);
  assert.deepEqual(lines(inlineFunctions(model([call("F", ["x"], ["", "y"])], [body])).graph.nodes), [
    "own::F/2/c = Clip(x,)",
    "y = Identity(x)",
  ]);
});

test("a node from another operator set version carries it", () => {
  const old = fn("F", ["a"], ["b"], [node("Relu", ["a"], ["b"])], { opsets: new Map([["", 9]]) });
  const flat = inlineFunctions(model([call("F", ["x"], ["t"]), node("Relu", ["t"], ["y"])], [old]));
  assert.deepEqual(
    flat.graph.nodes.map((item) => item.opset),
    [9, undefined],
  );
});

test("recursion, wrong arity, duplicates and explosions are refused", () => {
  const loop = [fn("F", ["a"], ["b"], [call("G", ["a"], ["b"])]), fn("G", ["a"], ["b"], [call("F", ["a"], ["b"])])];
  assert.throws(() => inlineFunctions(model([call("F", ["x"], ["y"])], loop)), rule("recursion"));
  const one = fn("F", ["a"], ["b"], []);
  assert.throws(() => inlineFunctions(model([call("F", ["x", "x"], ["y"])], [one])), rule("call-arity"));
  assert.throws(() => inlineFunctions(model([], [one, one])), rule("duplicate"));
  const doubling = Array.from({ length: 40 }, (_, i) =>
    fn(`F${i}`, ["a"], ["b"], [call(`F${i + 1}`, ["a"], ["t"]), call(`F${i + 1}`, ["t"], ["b"])]),
  );
  assert.throws(() => inlineFunctions(model([call("F0", ["x"], ["y"])], doubling)), rule("too-many-nodes"));
});
