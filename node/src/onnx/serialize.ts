// Writes a model of ./types.ts as an ONNX file: the inverse of parseModel up to what that does not read. Equal models give
// equal bytes. Refuses nodes whose operator set version is not the model's, which a file cannot say.

import { create, toBinary } from "@bufbuild/protobuf";
import {
  AttributeProtoSchema,
  FunctionProtoSchema,
  GraphProtoSchema,
  ModelProtoSchema,
  NodeProtoSchema,
  OperatorSetIdProtoSchema,
  SparseTensorProtoSchema,
  TensorShapeProto_DimensionSchema,
  TensorShapeProtoSchema,
  TypeProto_MapSchema,
  TypeProto_OpaqueSchema,
  TypeProto_OptionalSchema,
  TypeProto_SequenceSchema,
  TypeProto_SparseTensorSchema,
  TypeProto_TensorSchema,
  TypeProtoSchema,
  ValueInfoProtoSchema,
} from "./proto/onnx_pb.ts";
import type {
  AttributeProto,
  FunctionProto,
  GraphProto,
  NodeProto,
  OperatorSetIdProto,
  SparseTensorProto,
  TensorShapeProto,
  TypeProto,
  ValueInfoProto,
} from "./proto/onnx_pb.ts";
import { codeOfDtype } from "./element-types.ts";
import { malformed } from "./malformed.ts";
import { encodeExternal, encodeTensor, encodeText } from "./tensor.ts";
import type { DType, OnnxTensor } from "./element-types.ts";
import type { ExternalPlace } from "./tensor.ts";
import { ATTRIBUTE_CODES } from "./types.ts";
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

/** Writes an initializer's data elsewhere and says where, or leaves it to the model's file. */
export type StoreExternal = (tensor: OnnxTensor, name: string) => ExternalPlace | undefined;

/**
 * The bytes of the model's ONNX file. The initializers of its graph that `storeExternal` takes are not in it, and are asked
 * for one by one: a lazy model is never whole in memory. Throws MalformedModelError where a tensor or a node cannot be written.
 */
export function serializeModel(model: OnnxModel, storeExternal?: StoreExternal): Uint8Array {
  return toBinary(
    ModelProtoSchema,
    create(ModelProtoSchema, {
      irVersion: BigInt(model.irVersion),
      producerName: model.producerName,
      opsetImport: opsetProtos(model.opsets),
      graph: graphProto(model.graph, model.opsets, storeExternal),
      functions: model.functions.map(functionProto),
    }),
  );
}

function opsetProtos(opsets: ReadonlyMap<string, number>): OperatorSetIdProto[] {
  return [...opsets].map(([domain, version]) => create(OperatorSetIdProtoSchema, { domain, version: BigInt(version) }));
}

function graphProto(graph: OnnxGraph, opsets: ReadonlyMap<string, number>, storeExternal?: StoreExternal): GraphProto {
  return create(GraphProtoSchema, {
    name: graph.name,
    node: graph.nodes.map((node) => nodeProto(node, opsets)),
    input: graph.inputs.map(valueProto),
    output: graph.outputs.map(valueProto),
    valueInfo: graph.values.map(valueProto),
    initializer: [...graph.initializers].map(([name, tensor]) => {
      const place = storeExternal?.(tensor, name);
      return place === undefined ? encodeTensor(tensor, name) : encodeExternal(tensor, name, place);
    }),
    sparseInitializer: [...graph.sparseInitializers].map(([name, sparse]) => sparseProto(sparse, name)),
  });
}

function nodeProto(node: OnnxNode, opsets: ReadonlyMap<string, number>): NodeProto {
  if (node.opset !== undefined && node.opset !== opsets.get(node.domain)) {
    throw malformed("opset-conflict", `node ${JSON.stringify(node.name)} (${node.opType}) is of another operator set`, {
      name: node.name,
      opType: node.opType,
      domain: node.domain,
      opset: node.opset,
    });
  }
  return create(NodeProtoSchema, {
    // Unset where empty, as other writers do.
    ...(node.name === "" ? {} : { name: node.name }),
    ...(node.domain === "" ? {} : { domain: node.domain }),
    ...(node.overload === undefined ? {} : { overload: node.overload }),
    opType: node.opType,
    input: node.inputs,
    output: node.outputs,
    attribute: [...node.attributes].map(([name, attribute]) => attributeProto(name, attribute, opsets)),
  });
}

function functionProto(item: OnnxFunction): FunctionProto {
  const attributes = [...item.attributes];
  return create(FunctionProtoSchema, {
    name: item.name,
    domain: item.domain,
    ...(item.overload === "" ? {} : { overload: item.overload }),
    input: item.inputs,
    output: item.outputs,
    attribute: attributes.flatMap(([name, value]) => (value === undefined ? [name] : [])),
    attributeProto: attributes.flatMap(([name, value]) =>
      value === undefined ? [] : [attributeProto(name, value, item.opsets)],
    ),
    opsetImport: opsetProtos(item.opsets),
    node: item.nodes.map((node) => nodeProto(node, item.opsets)),
  });
}

function attributeProto(name: string, attribute: Attribute, opsets: ReadonlyMap<string, number>): AttributeProto {
  const typeCode = ATTRIBUTE_CODES.get(attribute.type === "reference" ? attribute.of : attribute.type);
  const proto = create(AttributeProtoSchema, { name, ...(typeCode === undefined ? {} : { type: typeCode }) });
  switch (attribute.type) {
    case "float":
      proto.f = attribute.value;
      break;
    case "int":
      proto.i = attribute.value;
      break;
    case "string":
      proto.s = encodeText(attribute.value);
      break;
    case "tensor":
      proto.t = encodeTensor(attribute.value);
      break;
    case "graph":
      proto.g = graphProto(attribute.value, opsets);
      break;
    case "sparseTensor":
      proto.sparseTensor = sparseProto(attribute.value);
      break;
    case "typeProto":
      proto.tp = typeProto(attribute.value);
      break;
    case "floats":
      proto.floats = attribute.value;
      break;
    case "ints":
      proto.ints = attribute.value;
      break;
    case "strings":
      proto.strings = attribute.value.map(encodeText);
      break;
    case "tensors":
      proto.tensors = attribute.value.map((tensor) => encodeTensor(tensor));
      break;
    case "graphs":
      proto.graphs = attribute.value.map((graph) => graphProto(graph, opsets));
      break;
    case "sparseTensors":
      proto.sparseTensors = attribute.value.map((sparse) => sparseProto(sparse));
      break;
    case "typeProtos":
      proto.typeProtos = attribute.value.map(typeProto);
      break;
    case "reference":
      proto.refAttrName = attribute.value;
      break;
  }
  return proto;
}

function sparseProto(sparse: OnnxSparseTensor, name = ""): SparseTensorProto {
  return create(SparseTensorProtoSchema, {
    dims: sparse.shape.map(BigInt),
    values: encodeTensor(sparse.values, name),
    indices: encodeTensor(sparse.indices),
  });
}

function valueProto(value: OnnxValue): ValueInfoProto {
  const type = value.kind === "unknown" ? undefined : typeProto(value);
  return create(ValueInfoProtoSchema, { name: value.name, ...(type === undefined ? {} : { type }) });
}

function typeProto(type: OnnxType): TypeProto {
  const shape = type.shape === undefined ? {} : { shape: shapeProto(type.shape) };
  const element = type.element === undefined ? undefined : typeProto(type.element);
  const proto = create(TypeProtoSchema);
  switch (type.kind) {
    case "tensor":
      proto.value = {
        case: "tensorType",
        value: create(TypeProto_TensorSchema, { elemType: code(type.elemType), ...shape }),
      };
      break;
    case "sparse":
      proto.value = {
        case: "sparseTensorType",
        value: create(TypeProto_SparseTensorSchema, { elemType: code(type.elemType), ...shape }),
      };
      break;
    case "sequence":
      proto.value = { case: "sequenceType", value: create(TypeProto_SequenceSchema, { elemType: element }) };
      break;
    case "optional":
      proto.value = { case: "optionalType", value: create(TypeProto_OptionalSchema, { elemType: element }) };
      break;
    case "map":
      proto.value = {
        case: "mapType",
        value: create(TypeProto_MapSchema, { keyType: code(type.keyType), valueType: element }),
      };
      break;
    case "opaque":
      proto.value = { case: "opaqueType", value: create(TypeProto_OpaqueSchema) };
      break;
    case "unknown":
      break;
  }
  return proto;
}

// 0 is UNDEFINED.
function code(dtype: DType | undefined): number {
  return dtype === undefined ? 0 : codeOfDtype(dtype);
}

function shapeProto(shape: readonly Dimension[]): TensorShapeProto {
  const dim = shape.map((extent) => {
    const proto = create(TensorShapeProto_DimensionSchema);
    if (typeof extent === "number") proto.value = { case: "dimValue", value: BigInt(extent) };
    else if (extent !== null) proto.value = { case: "dimParam", value: extent };
    return proto;
  });
  return create(TensorShapeProtoSchema, { dim });
}
