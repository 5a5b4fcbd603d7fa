import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { create, toBinary } from "@bufbuild/protobuf";
import type { MessageInitShape } from "@bufbuild/protobuf";
import { LockstepError } from "../float/errors.ts";
import { MalformedModelError, parseModel, serializeModel, TruncatedFileError } from "./model.ts";
import type { Attribute, OnnxGraph, OnnxModel, OnnxNode } from "./model.ts";
import { ModelProtoSchema } from "./proto/onnx_pb.ts";

const node = (
  opType: string,
  inputs: string[],
  outputs: string[],
  attributes: [string, Attribute][] = [],
): OnnxNode => ({
  name: "",
  opType,
  domain: "",
  inputs,
  outputs,
  attributes: new Map(attributes),
});

const graph = (more: Partial<OnnxGraph>): OnnxGraph => ({
  name: "g",
  nodes: [],
  inputs: [],
  outputs: [],
  values: [],
  initializers: new Map(),
  sparseInitializers: new Map(),
  ...more,
});

// A model that uses every kind of attribute and type.
function sample(): OnnxModel {
  const tensor = { dtype: "int64" as const, shape: [2], data: new BigInt64Array([1n, -1n]) };
  const sparse = {
    shape: [4],
    values: { dtype: "float32" as const, shape: [2], data: new Float32Array([1, 2]) },
    indices: tensor,
  };
  const inner = graph({
    name: "inner",
    nodes: [node("Relu", ["x"], ["y"])],
    outputs: [{ name: "y", kind: "unknown" }],
  });
  const text = { kind: "tensor" as const, elemType: "string" as const, shape: ["N", null, 3] };
  const attributes: [string, Attribute][] = [
    ["float", { type: "float", value: 0.5 }],
    ["int", { type: "int", value: -(2n ** 63n) }],
    ["string", { type: "string", value: "äé" }],
    ["tensor", { type: "tensor", value: tensor }],
    ["graph", { type: "graph", value: inner }],
    ["sparseTensor", { type: "sparseTensor", value: sparse }],
    ["typeProto", { type: "typeProto", value: text }],
    ["floats", { type: "floats", value: [1, Infinity] }],
    ["ints", { type: "ints", value: [1n, 2n] }],
    ["strings", { type: "strings", value: ["a", ""] }],
    ["tensors", { type: "tensors", value: [tensor] }],
    ["graphs", { type: "graphs", value: [inner, inner] }],
    ["sparseTensors", { type: "sparseTensors", value: [sparse] }],
    ["typeProtos", { type: "typeProtos", value: [{ kind: "sequence", element: text }] }],
    ["zero", { type: "int", value: 0n }],
    ["none", { type: "ints", value: [] }],
  ];
  return {
    irVersion: 10,
    producerName: "lockstep",
    opsets: new Map([
      ["", 17],
      ["own", 1],
    ]),
    graph: graph({
      inputs: [
        { name: "x", ...text },
        { name: "s", kind: "sequence", element: text },
        { name: "o", kind: "optional", element: { kind: "sequence", element: text } },
        { name: "m", kind: "map", keyType: "int64", element: text },
        { name: "p", kind: "sparse", elemType: "float32", shape: undefined },
        { name: "q", kind: "tensor", elemType: "float32", shape: [] },
      ],
      outputs: [{ name: "z", kind: "tensor", elemType: "float16", shape: undefined }],
      values: [{ name: "v", kind: "tensor", elemType: undefined, shape: [1] }],
      nodes: [
        { ...node("Strange", ["x", "", "w"], ["", "v"], attributes), name: "n", domain: "own", overload: "b" },
        node("Relu", ["v"], ["z"]),
      ],
      initializers: new Map([["w", tensor]]),
      sparseInitializers: new Map([["sw", sparse]]),
    }),
    functions: [
      {
        name: "Strange",
        domain: "own",
        overload: "b",
        inputs: ["a", "b", "c"],
        outputs: ["d", "e"],
        attributes: new Map<string, Attribute | undefined>([
          ["float", undefined],
          ["preset", { type: "float", value: 2 }],
        ]),
        opsets: new Map([["", 17]]),
        nodes: [node("LeakyRelu", ["a"], ["e"], [["alpha", { type: "reference", value: "float", of: "float" }]])],
      },
    ],
  };
}

const rule = (name: string) => (error: unknown) =>
  error instanceof MalformedModelError && error.values.rule === name && error.message !== "";

test("a model with every kind of attribute and type survives a file", () => {
  const model = sample();
  const bytes = serializeModel(model);
  assert.deepEqual(parseModel(bytes), model);
  assert.deepEqual(serializeModel(parseModel(bytes)), bytes);
});

test("ai.onnx is the standard domain", () => {
  const model = sample();
  model.opsets = new Map([["ai.onnx", 17]]);
  model.graph.nodes[1]!.domain = "ai.onnx";
  const read = parseModel(serializeModel(model));
  assert.deepEqual([...read.opsets], [["", 17]]);
  assert.equal(read.graph.nodes[1]!.domain, "");
});

test("a file cut at any byte is a typed error or a whole model", () => {
  const bytes = serializeModel(sample());
  let truncated = 0;
  for (let length = 0; length < bytes.length; length++) {
    try {
      parseModel(bytes.subarray(0, length));
    } catch (error) {
      if (!(error instanceof LockstepError)) throw error;
      if (error instanceof TruncatedFileError) truncated += 1;
      else assert.ok(error instanceof MalformedModelError);
    }
  }
  assert.ok(truncated > bytes.length - 20, `${truncated} of ${bytes.length}`);
});

test("a file with any byte changed is a typed error or a whole model", () => {
  const bytes = serializeModel(sample());
  let refused = 0;
  for (let at = 0; at < bytes.length; at++) {
    for (const flip of [0x01, 0x04, 0x80, 0xff]) {
      const damaged = bytes.slice();
      damaged[at]! ^= flip;
      try {
        parseModel(damaged);
      } catch (error) {
        if (!(error instanceof LockstepError)) throw error;
        refused += 1;
      }
    }
  }
  assert.ok(refused > bytes.length);
});

function bytes(init: MessageInitShape<typeof ModelProtoSchema>): Uint8Array {
  return toBinary(ModelProtoSchema, create(ModelProtoSchema, init));
}

test("a model that breaks a rule is refused by that rule", () => {
  const opsetImport = [{ version: 17n }];
  const withNode = (attribute: object[], opType = "Relu") =>
    bytes({ opsetImport, graph: { node: [{ opType, attribute }] } });
  const tensor = { dims: [1n], dataType: 1, floatData: [1], name: "w" };
  const cases: [string, Uint8Array][] = [
    ["not-protobuf", new TextEncoder().encode("<!doctype html><html></html>")],
    ["not-protobuf", new TextEncoder().encode("PK\u0003\u0004 a zip file")],
    ["not-protobuf", new Uint8Array([0x89, 0x50, 0x4e, 0x47])],
    ["not-protobuf", new Uint8Array(64).fill(0xff)],
    ["not-protobuf", new Uint8Array([0x3a, 0x02, 0x0a, 0x05])],
    ["no-graph", bytes({ irVersion: 8n, opsetImport })],
    ["no-opset", bytes({ irVersion: 8n, graph: {} })],
    ["bad-opset", bytes({ opsetImport: [{ version: -1n }], graph: {} })],
    ["duplicate", bytes({ opsetImport: [{ version: 1n }, { version: 2n, domain: "ai.onnx" }], graph: {} })],
    ["duplicate", bytes({ opsetImport, graph: { initializer: [tensor, tensor] } })],
    ["no-name", bytes({ opsetImport, graph: { initializer: [{ ...tensor, name: "" }] } })],
    ["data-length", bytes({ opsetImport, graph: { initializer: [{ ...tensor, dims: [2n] }] } })],
    [
      "external-missing",
      bytes({
        opsetImport,
        graph: { initializer: [{ ...tensor, dataLocation: 1, externalData: [{ key: "location", value: "w.bin" }] }] },
      }),
    ],
    [
      "unknown-dtype",
      bytes({ opsetImport, graph: { input: [{ type: { value: { case: "tensorType", value: { elemType: 77 } } } }] } }),
    ],
    [
      "bad-shape",
      bytes({
        opsetImport,
        graph: {
          input: [
            {
              type: {
                value: {
                  case: "tensorType",
                  value: { elemType: 1, shape: { dim: [{ value: { case: "dimValue", value: -2n } }] } },
                },
              },
            },
          ],
        },
      }),
    ],
    ["no-op-type", withNode([], "")],
    ["no-name", withNode([{ type: 1 }])],
    [
      "duplicate",
      withNode([
        { name: "a", type: 1 },
        { name: "a", type: 1 },
      ]),
    ],
    ["attribute-type", withNode([{ name: "a" }])],
    ["attribute-value", withNode([{ name: "a", type: 4 }])],
    ["not-utf8", withNode([{ name: "a", type: 3, s: new Uint8Array([0xc0]) }])],
    [
      "sparse-shape",
      withNode([{ name: "a", type: 11, sparseTensor: { dims: [4n], values: tensor, indices: tensor } }]),
    ],
  ];
  for (const [name, file] of cases) assert.throws(() => parseModel(file), rule(name), name);
});

test("graphs nested without end are refused", () => {
  let inner = graph({});
  for (let depth = 0; depth < 200; depth++)
    inner = graph({ nodes: [node("If", [], [], [["g", { type: "graph", value: inner }]])] });
  const model = { ...sample(), graph: inner };
  assert.throws(() => parseModel(serializeModel(model)), rule("not-protobuf"));
});

test("a node of another operator set cannot be written", () => {
  const model = sample();
  model.graph.nodes[1]!.opset = 9;
  assert.throws(() => serializeModel(model), rule("opset-conflict"));
});

const folder = process.env.LOCKSTEP_CONFORMANCE;

test("every model of the ONNX suite parses and is written back unchanged", { skip: folder === undefined }, () => {
  const root = join(folder ?? "", "onnx");
  const files = readdirSync(root, { recursive: true, encoding: "utf8" }).filter((path) => path.endsWith(".onnx"));
  assert.ok(files.length > 0, `no model in ${root}`);
  for (const path of files) {
    const bytes = new Uint8Array(readFileSync(join(root, path)));
    const model = parseModel(bytes);
    assert.ok(model.graph.nodes.length > 0, path);
    const written = serializeModel(model);
    assert.deepEqual(parseModel(written), model, path);
    // A few cuts of each file, at places that differ from file to file.
    for (let length = bytes.length % 7; length < bytes.length; length += Math.ceil(bytes.length / 5)) {
      try {
        parseModel(bytes.subarray(0, length));
      } catch (error) {
        if (!(error instanceof LockstepError)) throw error;
      }
    }
  }
});
