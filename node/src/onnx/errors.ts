/**
 * The errors of importing an ONNX model. Each names the node (or the graph input) at fault and the rule it breaks; none
 * goes away by retrying with the same model and options.
 */

import { LockstepError } from "../float/errors.ts";

/** Where a node stands, for messages. */
export interface NodeIdentity {
  readonly operator: string;
  readonly domain: string;
  readonly opset: number;
  /** The node's own name, else the name of its first output. */
  readonly node: string;
}

/** The operator, or what it is asked to do here, cannot become primitives. */
export class UnsupportedOperatorError extends LockstepError {
  readonly operator: string;
  readonly domain: string;
  readonly opset: number;
  readonly reason: string;

  constructor(node: NodeIdentity, reason: string, options?: { cause?: unknown }) {
    super("UnsupportedOperatorError", `${describe(node)}: ${reason}`, { ...node, reason }, options);
    this.operator = node.operator;
    this.domain = node.domain;
    this.opset = node.opset;
    this.reason = reason;
  }
}

/** A graph input, output or initializer has a type that no program tensor has. */
export class UnsupportedTensorError extends LockstepError {
  readonly reason: string;

  constructor(name: string, reason: string) {
    super("UnsupportedTensorError", `tensor ${JSON.stringify(name)}: ${reason}`, { name, reason });
    this.reason = reason;
  }
}

/** The shapes of a node's inputs do not fit each other or its attributes. */
export class ShapeMismatchError extends LockstepError {
  constructor(node: NodeIdentity, rule: string, values: Record<string, unknown>) {
    super("ShapeMismatchError", `${describe(node)}: ${rule}`, { ...node, rule, ...values });
  }
}

/** A node lacks an input or attribute, or an attribute has the wrong type or a value outside its range. */
export class InvalidNodeError extends LockstepError {
  constructor(node: NodeIdentity, rule: string, values: Record<string, unknown> = {}) {
    super("InvalidNodeError", `${describe(node)}: ${rule}`, { ...node, rule, ...values });
  }
}

/** A shape, axis or size depends on graph inputs; binding these at import makes it known. */
export class UnboundInputError extends LockstepError {
  readonly inputs: readonly string[];

  constructor(node: NodeIdentity, what: string, inputs: readonly string[]) {
    super(
      "UnboundInputError",
      `${describe(node)}: ${what} must be known at import; bind ${inputs.map((name) => JSON.stringify(name)).join(", ")}`,
      { ...node, what, inputs },
    );
    this.inputs = inputs;
  }
}

/** A dimension of a graph input is unknown and no option gives it. */
export class UnknownDimensionError extends LockstepError {
  constructor(input: string, axis: number, dimension: string | null) {
    super(
      "UnknownDimensionError",
      `input ${JSON.stringify(input)}: dimension ${axis} (${dimension ?? "no name"}) is not known; give it in dims or shapes`,
      { input, axis, dimension },
    );
  }
}

/** An int64 value is outside the range of the i32 that carries it. */
export class IntegerRangeError extends LockstepError {
  constructor(where: string, value: bigint) {
    super("IntegerRangeError", `${where}: ${value} does not fit 32 bits`, { where, value });
  }
}

/** The lowered model is larger than a program may be. */
export class ProgramLimitError extends LockstepError {
  constructor(limit: string, found: number, node: string) {
    super("ProgramLimitError", `${limit}: ${found} is beyond the limits of a program (at ${JSON.stringify(node)})`, {
      limit,
      found,
      node,
    });
  }
}

const BUDGETED = {
  nodes: "nodes lowered, loops unrolled",
  elements: "elements made at import",
  constants: "words of constants",
} as const;

/** The import would do more than its limits allow. */
export class ImportBudgetError extends LockstepError {
  constructor(what: keyof typeof BUDGETED, found: number, limit: number, node: string) {
    super("ImportBudgetError", `${found} ${BUDGETED[what]}; at most ${limit} (at ${JSON.stringify(node)})`, {
      what,
      found,
      limit,
      node,
    });
  }
}

/** An option of the import names something the model does not have, or gives it a value that does not fit. */
export class ImportOptionError extends LockstepError {
  constructor(option: string, name: string, rule: string, values: Record<string, unknown> = {}) {
    super("ImportOptionError", `${option} ${JSON.stringify(name)}: ${rule}`, { option, name, rule, ...values });
  }
}

function describe(node: NodeIdentity): string {
  const operator = node.domain === "" ? node.operator : `${node.domain}.${node.operator}`;
  return `${operator} (opset ${node.opset}) at ${JSON.stringify(node.node)}`;
}
