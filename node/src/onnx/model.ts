// ONNX models as plain data: reads the protobuf file (the ONNX IR specification; the IR version is kept and refuses nothing) into maps, arrays and
// tagged unions that hold no protobuf object. Refuses truncated files, files that are no ONNX model, missing graphs,
// duplicate names and attributes whose type and content disagree. Training information, quantisation annotations, device
// configurations, documentation and metadata are not read.

import { fromBinary } from "@bufbuild/protobuf";
import { ModelProtoSchema } from "./proto/onnx_pb.ts";
import type {
  AttributeProto,
  FunctionProto,
  GraphProto,
  ModelProto,
  NodeProto,
  OperatorSetIdProto,
  SparseTensorProto,
  TensorShapeProto,
  TypeProto,
  ValueInfoProto,
} from "./proto/onnx_pb.ts";
import { dtypeOfCode } from "./element-types.ts";
import { malformed, reason, TruncatedFileError } from "./malformed.ts";
import { checkedExtent, decodeTensor, decodeText } from "./tensor.ts";
import type { DType, OnnxTensor } from "./element-types.ts";
import type { LoadExternal } from "./tensor.ts";
import { ATTRIBUTE_TYPES } from "./types.ts";
import type {
  Attribute,
  Dimension,
  OnnxFunction,
  OnnxGraph,
  OnnxModel,
  OnnxNode,
  OnnxSparseTensor,
  OnnxType,
  OnnxValue,
} from "./types.ts";

export { inlineFunctions } from "./functions.ts";
export { serializeModel } from "./serialize.ts";
export { MalformedModelError, TruncatedFileError } from "./malformed.ts";
export type * from "./types.ts";

/**
 * Parses an ONNX file. `loadExternal` reads the files beside the model that hold large tensors.
 * Throws TruncatedFileError, or MalformedModelError whose `values.rule` names what is wrong.
 */
export function parseModel(bytes: Uint8Array, loadExternal?: LoadExternal): OnnxModel {
  checkFraming(bytes);
  let proto: ModelProto;
  try {
    proto = fromBinary(ModelProtoSchema, bytes);
  } catch (cause) {
    throw notProtobuf(bytes, reason(cause), cause);
  }
  if (proto.graph === undefined) throw malformed("no-graph", "the model has no graph", { length: bytes.length });
  const opsets = opsetMap(proto.opsetImport, "the model");
  if (opsets.size === 0)
    throw malformed("no-opset", "the model imports no operator set", { irVersion: proto.irVersion });
  const irVersion = Number(proto.irVersion);
  return {
    irVersion,
    producerName: proto.producerName,
    opsets,
    graph: graphOf(proto.graph, loadExternal),
    functions: proto.functions.map((item) => functionOf(item, loadExternal)),
  };
}

/** "ai.onnx" and "" name the same domain; "" is used here. */
export function canonicalDomain(domain: string): string {
  return domain === "ai.onnx" ? "" : domain;
}

// Wire type of each field of ModelProto (0: varint, 2: length and bytes), to tell a cut file from something else.
const MODEL_FIELDS: Record<number, number> = {
  1: 0,
  2: 2,
  3: 2,
  4: 2,
  5: 0,
  6: 2,
  7: 2,
  8: 2,
  14: 2,
  20: 2,
  25: 2,
  26: 2,
};

// Walks the outermost fields. The protobuf library reports a cut file as it does any other damage; only the framing tells.
function checkFraming(bytes: Uint8Array): void {
  if (bytes.length === 0) throw new TruncatedFileError(0, 1);
  let at = 0;
  const varint = (): number => {
    let value = 0;
    for (let scale = 1; ; scale *= 128) {
      if (at >= bytes.length) throw new TruncatedFileError(bytes.length, bytes.length + 1);
      const byte = bytes[at++]!;
      value += (byte & 127) * scale;
      if (byte < 128) return value;
      if (scale > 2 ** 60) throw notProtobuf(bytes, "a number has more than ten bytes");
    }
  };
  while (at < bytes.length) {
    const tag = varint();
    const wireType = tag % 8;
    const field = Math.floor(tag / 8);
    const expected = MODEL_FIELDS[field];
    // An unknown field can only be judged when it is whole; a file of another kind usually shows itself here.
    if (expected === undefined && wireType !== 0 && wireType !== 2) throw notProtobuf(bytes, `a field ${field}`);
    if (expected !== undefined && wireType !== expected) {
      throw notProtobuf(bytes, `field ${field} has wire type ${wireType}`);
    }
    const value = varint();
    if (wireType === 0) continue;
    if (value > bytes.length - at) {
      if (expected === undefined) throw notProtobuf(bytes, `an unknown field ${field} longer than the file`);
      throw new TruncatedFileError(bytes.length, at + value);
    }
    at += value;
  }
}

function notProtobuf(bytes: Uint8Array, why: string, cause?: unknown): Error {
  const options = cause === undefined ? undefined : { cause };
  return malformed("not-protobuf", `the file is no ONNX model: ${why}`, { length: bytes.length, why }, options);
}

function opsetMap(imports: readonly OperatorSetIdProto[], where: string): Map<string, number> {
  const opsets = new Map<string, number>();
  for (const { domain, version } of imports) {
    if (version < 1n || version > 0x7fffffffn) {
      throw malformed("bad-opset", `${where} imports version ${version} of ${JSON.stringify(domain)}`, {
        domain,
        version,
      });
    }
    insert(opsets, canonicalDomain(domain), Number(version), "operator set", where);
  }
  return opsets;
}

function graphOf(proto: GraphProto, loadExternal: LoadExternal | undefined): OnnxGraph {
  const where = `graph ${JSON.stringify(proto.name)}`;
  const initializers = new Map<string, OnnxTensor>();
  for (const tensor of proto.initializer) {
    if (tensor.name === "") throw malformed("no-name", `${where}: an initializer has no name`, { where });
    insert(initializers, tensor.name, decodeTensor(tensor, loadExternal), "initializer", where);
  }
  const sparseInitializers = new Map<string, OnnxSparseTensor>();
  for (const sparse of proto.sparseInitializer) {
    const name = sparse.values?.name ?? "";
    if (name === "") throw malformed("no-name", `${where}: a sparse initializer has no name`, { where });
    insert(sparseInitializers, name, sparseOf(sparse, where, loadExternal), "sparse initializer", where);
  }
  return {
    name: proto.name,
    nodes: proto.node.map((node) => nodeOf(node, loadExternal)),
    inputs: proto.input.map(valueOf),
    outputs: proto.output.map(valueOf),
    values: proto.valueInfo.map(valueOf),
    initializers,
    sparseInitializers,
  };
}

function nodeOf(proto: NodeProto, loadExternal: LoadExternal | undefined): OnnxNode {
  const where = `node ${JSON.stringify(proto.name)} (${proto.opType})`;
  if (proto.opType === "") throw malformed("no-op-type", `${where} names no operator`, { name: proto.name });
  const attributes = new Map<string, Attribute>();
  for (const attribute of proto.attribute) {
    insert(attributes, attribute.name, attributeOf(attribute, where, loadExternal), "attribute", where);
  }
  return {
    name: proto.name,
    opType: proto.opType,
    domain: canonicalDomain(proto.domain),
    ...(proto.overload === "" ? {} : { overload: proto.overload }),
    inputs: proto.input,
    outputs: proto.output,
    attributes,
  };
}

function functionOf(proto: FunctionProto, loadExternal: LoadExternal | undefined): OnnxFunction {
  const where = `function ${JSON.stringify(proto.name)}`;
  if (proto.name === "") throw malformed("no-name", "a function has no name", { domain: proto.domain });
  const attributes = new Map<string, Attribute | undefined>();
  for (const name of proto.attribute) insert(attributes, name, undefined, "attribute", where);
  for (const attribute of proto.attributeProto) {
    insert(attributes, attribute.name, attributeOf(attribute, where, loadExternal), "attribute", where);
  }
  return {
    name: proto.name,
    domain: canonicalDomain(proto.domain),
    overload: proto.overload,
    inputs: proto.input,
    outputs: proto.output,
    attributes,
    opsets: opsetMap(proto.opsetImport, where),
    nodes: proto.node.map((node) => nodeOf(node, loadExternal)),
  };
}

function attributeOf(proto: AttributeProto, node: string, loadExternal: LoadExternal | undefined): Attribute {
  const where = `${node}: attribute ${JSON.stringify(proto.name)}`;
  if (proto.name === "") throw malformed("no-name", `${node}: an attribute has no name`, { where: node });
  const type = ATTRIBUTE_TYPES.get(proto.type);
  if (type === undefined) throw malformed("attribute-type", `${where} has no known type`, { where, type: proto.type });
  if (proto.refAttrName !== "") return { type: "reference", value: proto.refAttrName, of: type };
  const tensor = (item: typeof proto.t): OnnxTensor => decodeTensor(present(item, where), loadExternal);
  const graph = (item: typeof proto.g): OnnxGraph => graphOf(present(item, where), loadExternal);
  const sparse = (item: typeof proto.sparseTensor): OnnxSparseTensor =>
    sparseOf(present(item, where), where, loadExternal);
  switch (type) {
    case "float":
      return { type, value: proto.f };
    case "int":
      return { type, value: proto.i };
    case "string":
      return { type, value: decodeText(proto.s, where) };
    case "tensor":
      return { type, value: tensor(proto.t) };
    case "graph":
      return { type, value: graph(proto.g) };
    case "sparseTensor":
      return { type, value: sparse(proto.sparseTensor) };
    case "typeProto":
      return { type, value: typeOf(present(proto.tp, where), where) };
    case "floats":
      return { type, value: proto.floats };
    case "ints":
      return { type, value: proto.ints };
    case "strings":
      return { type, value: proto.strings.map((item) => decodeText(item, where)) };
    case "tensors":
      return { type, value: proto.tensors.map(tensor) };
    case "graphs":
      return { type, value: proto.graphs.map(graph) };
    case "sparseTensors":
      return { type, value: proto.sparseTensors.map(sparse) };
    case "typeProtos":
      return { type, value: proto.typeProtos.map((item) => typeOf(item, where)) };
  }
}

function sparseOf(proto: SparseTensorProto, where: string, loadExternal: LoadExternal | undefined): OnnxSparseTensor {
  const shape = proto.dims.map((extent) => checkedExtent(extent, where));
  const values = decodeTensor(present(proto.values, where), loadExternal);
  const indices = decodeTensor(present(proto.indices, where), loadExternal);
  const [count] = values.shape;
  const linear = indices.shape.length === 1;
  const fits = indices.dtype === "int64" && values.shape.length === 1 && indices.shape[0] === count;
  if (!fits || (!linear && (indices.shape.length !== 2 || indices.shape[1] !== shape.length))) {
    const found = { where, shape, values: values.shape, indices: indices.shape };
    throw malformed("sparse-shape", `${where}: the parts of a sparse tensor do not fit each other`, found);
  }
  return { shape, values, indices };
}

function valueOf(proto: ValueInfoProto): OnnxValue {
  const where = `value ${JSON.stringify(proto.name)}`;
  const type: OnnxType = proto.type === undefined ? { kind: "unknown" } : typeOf(proto.type, where);
  return { name: proto.name, ...type };
}

function typeOf(proto: TypeProto, where: string): OnnxType {
  const { value: type } = proto;
  // 0 is UNDEFINED: a type whose element type a tool left open.
  const dtype = (code: number): DType | undefined => (code === 0 ? undefined : dtypeOfCode(code, where));
  const element = (item: TypeProto | undefined): OnnxType =>
    item === undefined ? { kind: "unknown" } : typeOf(item, where);
  switch (type.case) {
    case "tensorType":
      return { kind: "tensor", elemType: dtype(type.value.elemType), shape: shapeOf(type.value.shape, where) };
    case "sparseTensorType":
      return { kind: "sparse", elemType: dtype(type.value.elemType), shape: shapeOf(type.value.shape, where) };
    case "sequenceType":
      return { kind: "sequence", element: element(type.value.elemType) };
    case "optionalType":
      return { kind: "optional", element: element(type.value.elemType) };
    case "mapType":
      return { kind: "map", keyType: dtype(type.value.keyType), element: element(type.value.valueType) };
    case "opaqueType":
      return { kind: "opaque" };
    case undefined:
      return { kind: "unknown" };
  }
}

function shapeOf(proto: TensorShapeProto | undefined, where: string): Dimension[] | undefined {
  return proto?.dim.map(({ value: dimension }): Dimension => {
    if (dimension.case === "dimParam") return dimension.value === "" ? null : dimension.value;
    // Some exporters write -1 for a dimension they do not know.
    if (dimension.case === undefined || dimension.value === -1n) return null;
    return checkedExtent(dimension.value, where);
  });
}

function present<Value>(value: Value | undefined, where: string): Value {
  if (value === undefined) throw malformed("attribute-value", `${where} has no value of its type`, { where });
  return value;
}

function insert<Value>(map: Map<string, Value>, key: string, value: Value, what: string, where: string): void {
  if (map.has(key)) {
    throw malformed("duplicate", `${where} has two of ${what} ${JSON.stringify(key)}`, { where, what, name: key });
  }
  map.set(key, value);
}
