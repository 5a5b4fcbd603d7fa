/**
 * A model of float64 tensors as one of float32: constants are rounded once, inputs, outputs and conversions change their type.
 * An explicit choice of the caller, never made on import: the arithmetic becomes that of float32.
 */

import { TensorProto_DataType } from "./proto/onnx_pb.ts";
import type { OnnxTensor } from "./element-types.ts";
import type { Attribute, OnnxGraph, OnnxModel, OnnxNode, OnnxType } from "./types.ts";

/** The attributes that name an element type, by its code. */
const TYPE_ATTRIBUTES: ReadonlySet<string> = new Set(["to", "dtype", "output_datatype", "output_dtype"]);

/** The tensor itself, or its float64 elements rounded to float32. */
export function narrowTensor(tensor: OnnxTensor): OnnxTensor {
  if (tensor.dtype !== "float64") return tensor;
  return { dtype: "float32", shape: tensor.shape, data: Float32Array.from(tensor.data) };
}

/** The same model with float32 wherever it says float64. */
export function narrowDoubles(model: OnnxModel): OnnxModel {
  const functions = model.functions.map((item) => ({
    ...item,
    nodes: item.nodes.map(narrowNode),
    attributes: new Map([...item.attributes].map(([name, value]) => [name, value && narrowAttribute(name, value)])),
  }));
  return { ...model, graph: narrowGraph(model.graph), functions };
}

/** Whether narrowDoubles would change the model. */
export function hasDoubles(model: OnnxModel): boolean {
  return graphHasDoubles(model.graph) || model.functions.some(({ nodes }) => nodes.some(nodeHasDoubles));
}

function graphHasDoubles({ nodes, inputs, outputs, values, initializers }: OnnxGraph): boolean {
  return (
    [...inputs, ...outputs, ...values].some(typeHasDoubles) ||
    [...initializers.values()].some(({ dtype }) => dtype === "float64") ||
    nodes.some(nodeHasDoubles)
  );
}

function typeHasDoubles(type: OnnxType): boolean {
  return type.elemType === "float64" || (type.element !== undefined && typeHasDoubles(type.element));
}

function nodeHasDoubles({ attributes }: OnnxNode): boolean {
  return [...attributes].some(([name, attribute]) => {
    if (attribute.type === "tensor") return attribute.value.dtype === "float64";
    if (attribute.type === "graph") return graphHasDoubles(attribute.value);
    return narrowAttribute(name, attribute) !== attribute;
  });
}

function narrowGraph(graph: OnnxGraph): OnnxGraph {
  return {
    ...graph,
    nodes: graph.nodes.map(narrowNode),
    inputs: graph.inputs.map(narrowType),
    outputs: graph.outputs.map(narrowType),
    values: graph.values.map(narrowType),
    initializers: new Map([...graph.initializers].map(([name, tensor]) => [name, narrowTensor(tensor)])),
  };
}

function narrowType<Type extends OnnxType>(type: Type): Type {
  const element = type.element === undefined ? {} : { element: narrowType(type.element) };
  return { ...type, ...element, elemType: type.elemType === "float64" ? "float32" : type.elemType };
}

function narrowNode(node: OnnxNode): OnnxNode {
  const attributes = [...node.attributes].map(([name, value]) => [name, narrowAttribute(name, value)] as const);
  return { ...node, attributes: new Map(attributes) };
}

function narrowAttribute(name: string, attribute: Attribute): Attribute {
  switch (attribute.type) {
    case "tensor":
      return { type: "tensor", value: narrowTensor(attribute.value) };
    case "graph":
      return { type: "graph", value: narrowGraph(attribute.value) };
    case "int": {
      const isDouble = TYPE_ATTRIBUTES.has(name) && attribute.value === BigInt(TensorProto_DataType.DOUBLE);
      return isDouble ? { type: "int", value: BigInt(TensorProto_DataType.FLOAT) } : attribute;
    }
    default:
      return attribute;
  }
}
