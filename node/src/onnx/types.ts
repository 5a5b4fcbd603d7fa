// ONNX models as plain data, without protobuf objects: what ./model.ts reads and ./serialize.ts writes. Names follow the
// ONNX IR specification; shapes, domains and absent values are normalised as stated at each field.

import { AttributeProto_AttributeType } from "./proto/onnx_pb.ts";
import type { DType, OnnxTensor } from "./element-types.ts";

/** A whole model. Domains are as in {@link OnnxNode.domain}. */
export interface OnnxModel {
  irVersion: number;
  producerName: string;
  /** Operator set version by domain. */
  opsets: Map<string, number>;
  graph: OnnxGraph;
  /** Functions the model defines itself; inlineFunctions removes them. */
  functions: OnnxFunction[];
}

export interface OnnxGraph {
  name: string;
  /** In an order in which every value is made before it is used, where the file obeys the specification. */
  nodes: OnnxNode[];
  /** Before IR version 4 the initializers are listed here too. */
  inputs: OnnxValue[];
  outputs: OnnxValue[];
  /** What the file says about values that are neither inputs nor outputs. */
  values: OnnxValue[];
  initializers: Map<string, OnnxTensor>;
  sparseInitializers: Map<string, OnnxSparseTensor>;
}

export interface OnnxNode {
  /** May be empty and need not be unique. */
  name: string;
  opType: string;
  /** "" for the standard operators ("ai.onnx" in a file is read as ""). */
  domain: string;
  /** Chooses among functions of one name; "" almost always. */
  overload?: string;
  /** Version of the domain's operator set where it is not the model's: set by inlineFunctions only. */
  opset?: number;
  /** "" is an absent optional input. */
  inputs: string[];
  /** "" is an output nobody wants. */
  outputs: string[];
  attributes: Map<string, Attribute>;
}

/** An attribute's value. `reference`, in function bodies only, is the calling node's attribute of that name. */
export type Attribute =
  | { type: "float"; value: number }
  | { type: "int"; value: bigint }
  | { type: "string"; value: string }
  | { type: "tensor"; value: OnnxTensor }
  | { type: "graph"; value: OnnxGraph }
  | { type: "sparseTensor"; value: OnnxSparseTensor }
  | { type: "typeProto"; value: OnnxType }
  | { type: "floats"; value: number[] }
  | { type: "ints"; value: bigint[] }
  | { type: "strings"; value: string[] }
  | { type: "tensors"; value: OnnxTensor[] }
  | { type: "graphs"; value: OnnxGraph[] }
  | { type: "sparseTensors"; value: OnnxSparseTensor[] }
  | { type: "typeProtos"; value: OnnxType[] }
  | { type: "reference"; value: string; of: AttributeType };

/** The types an attribute in a file can have. */
export type AttributeType = Exclude<Attribute["type"], "reference">;

/** A number, the name of a symbolic dimension, or null where nothing is known. */
export type Dimension = number | string | null;

/**
 * A value's type. `elemType` and `shape` (undefined: unknown rank) belong to the kinds tensor and sparse; `element` to
 * sequence, map and optional; `keyType` to map. `unknown` is a value the file gives no type.
 */
export interface OnnxType {
  kind: "tensor" | "sparse" | "sequence" | "map" | "optional" | "opaque" | "unknown";
  elemType?: DType | undefined;
  shape?: Dimension[] | undefined;
  element?: OnnxType | undefined;
  keyType?: DType | undefined;
}

export interface OnnxValue extends OnnxType {
  name: string;
}

/** COO form: `values` is [n]; `indices` int64 [n] (linear, row-major) or [n, rank]. */
export interface OnnxSparseTensor {
  shape: number[];
  values: OnnxTensor;
  indices: OnnxTensor;
}

export interface OnnxFunction {
  name: string;
  domain: string;
  overload: string;
  inputs: string[];
  outputs: string[];
  /** Attributes a call must or may give; those without a value here have no default. */
  attributes: Map<string, Attribute | undefined>;
  opsets: Map<string, number>;
  nodes: OnnxNode[];
}

/** The attribute type of a code in a file. */
export const ATTRIBUTE_TYPES: ReadonlyMap<number, AttributeType> = new Map<number, AttributeType>([
  [AttributeProto_AttributeType.FLOAT, "float"],
  [AttributeProto_AttributeType.INT, "int"],
  [AttributeProto_AttributeType.STRING, "string"],
  [AttributeProto_AttributeType.TENSOR, "tensor"],
  [AttributeProto_AttributeType.GRAPH, "graph"],
  [AttributeProto_AttributeType.SPARSE_TENSOR, "sparseTensor"],
  [AttributeProto_AttributeType.TYPE_PROTO, "typeProto"],
  [AttributeProto_AttributeType.FLOATS, "floats"],
  [AttributeProto_AttributeType.INTS, "ints"],
  [AttributeProto_AttributeType.STRINGS, "strings"],
  [AttributeProto_AttributeType.TENSORS, "tensors"],
  [AttributeProto_AttributeType.GRAPHS, "graphs"],
  [AttributeProto_AttributeType.SPARSE_TENSORS, "sparseTensors"],
  [AttributeProto_AttributeType.TYPE_PROTOS, "typeProtos"],
]);

/** The code of an attribute type in a file. */
export const ATTRIBUTE_CODES: ReadonlyMap<AttributeType, AttributeProto_AttributeType> = new Map(
  [...ATTRIBUTE_TYPES].map(([code, type]) => [type, code as AttributeProto_AttributeType]),
);
