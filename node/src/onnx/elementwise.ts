/**
 * Operators that compute each element from the elements at the same place (numerics, "Lowering"): arithmetic, activations,
 * comparisons and logic, with broadcasting. Integers and bools that are known at import are computed exactly; the rest
 * becomes one primitive each. Refuses element types that an operator's scalar program does not have.
 */

import type { ScalarBuilder, Value as Register } from "../ir/build.ts";
import { elementwise, maxOf, minOf, sameTypes, where } from "./broadcast.ts";
import type { WordFunction } from "./broadcast.ts";
import { cast, computedType } from "./cast.ts";
import { INTEGER_FUNCTIONS, remainder } from "./fold.ts";
import type { IntegerFunction } from "./fold.ts";
import { divideI32, remainder as remainderOf } from "./division.ts";
import { divideU32, orderKey, powerI32, wrapped } from "./integers.ts";
import * as math from "./math.ts";
import * as trigonometry from "./trigonometry.ts";
import {
  allInputs,
  floatAttribute,
  input,
  intAttribute,
  invalid,
  requireType,
  stringAttribute,
  unsupported,
} from "./node.ts";
import type { Lower, OperatorTable, Scope } from "./node.ts";
import { isIntegerType, isKnown, sizeOf, WORD_TYPE } from "./values.ts";
import type { Value } from "./values.ts";

/** Scalar programs of an operator by the word type of its inputs. */
interface Programs {
  readonly f32?: WordFunction;
  /** For integers below 32 bits too: the result is wrapped. */
  readonly i32?: WordFunction;
  readonly u32?: WordFunction;
  readonly bool?: WordFunction;
}

function programFor(scope: Scope, programs: Programs, value: Value): WordFunction {
  const elementType = computedType(scope, value);
  const found = elementType === "uint32" ? programs.u32 : programs[WORD_TYPE[elementType]];
  if (found === undefined) throw unsupported(scope, `element type ${elementType}`);
  return found;
}

/** The program of an operator whose output has the element type of its inputs. */
function closedProgram(scope: Scope, programs: Programs, value: Value): WordFunction {
  const define = programFor(scope, programs, value);
  return (b, ...words) => wrapped(b, value.elementType, define(b, ...words));
}

/** One program for signed and unsigned integers. */
function ofBits(define: WordFunction): Programs {
  return { i32: define, u32: define };
}

/** Programs for integers that compare words by their signed order. */
function ofOrder(define: WordFunction): Programs {
  const flip = (b: ScalarBuilder, x: Register): Register => orderKey(b, "uint32", x);
  const keyed: WordFunction = (b, ...words) => define(b, ...words.map((word) => flip(b, word)));
  return { i32: define, u32: keyed };
}

/** Like {@link ofOrder}, for a result that is one of the words. */
function ofExtreme(define: WordFunction): Programs {
  const { i32, u32 } = ofOrder(define);
  return { i32: i32!, u32: (b, ...words) => orderKey(b, "uint32", u32!(b, ...words)) };
}

/** The inputs of a binary operator, with the broadcasting that attributes described before opset 7. */
function broadcastPair(scope: Scope): Value[] {
  const [a, b] = [input(scope, 0), input(scope, 1)];
  if (scope.opset >= 7 || intAttribute(scope, "broadcast", 0) === 0) return [a, b];
  const rank = a.shape.length;
  const axis = intAttribute(scope, "axis", rank - b.shape.length);
  const after = rank - (axis < 0 ? axis + rank : axis) - b.shape.length;
  return [a, { ...b, shape: [...b.shape, ...new Array<number>(Math.max(0, after)).fill(1)] }];
}

/** An operator whose inputs and output share one element type. */
function closed(programs: Programs, inputs: (scope: Scope) => Value[] = allInputs): Lower {
  return (scope) => {
    const values = inputs(scope);
    const elementType = sameTypes(scope, values);
    const define = closedProgram(scope, programs, values[0]);
    return [elementwise(scope, values, elementType, define, INTEGER_FUNCTIONS[scope.identity.operator])];
  };
}

/** An operator that compares two tensors of one element type. */
function comparison(programs: Programs): Lower {
  return (scope) => {
    const values = broadcastPair(scope);
    sameTypes(scope, values);
    const define = programFor(scope, programs, values[0]);
    return [elementwise(scope, values, "bool", define, INTEGER_FUNCTIONS[scope.identity.operator])];
  };
}

/** A function of one float tensor. */
function unary(define: (b: ScalarBuilder, x: Register) => Register): Lower {
  return closed({ f32: define });
}

/** A function of one float tensor and float attributes with the given defaults. */
function withAttributes(
  defaults: Readonly<Record<string, number>>,
  define: (b: ScalarBuilder, x: Register, attributes: Readonly<Record<string, number>>) => Register,
): Lower {
  return (scope) => {
    const entries = Object.entries(defaults).map(
      ([name, absent]) => [name, floatAttribute(scope, name, absent)] as const,
    );
    const attributes = Object.fromEntries(entries);
    return closed({ f32: (b, x) => define(b, x, attributes) })(scope);
  };
}

const negateI = (b: ScalarBuilder, x: Register): Register => b.subI(0, x);

/** An operator that folds any number of inputs, two at a time in order. */
function variadic(programs: Programs, finish?: (b: ScalarBuilder, total: Register, count: number) => Register): Lower {
  return (scope) => {
    const values = allInputs(scope);
    const elementType = sameTypes(scope, values);
    const define = closedProgram(scope, programs, values[0]);
    const exact = INTEGER_FUNCTIONS[scope.identity.operator];
    // Eight operands fit in one primitive; the first of each further one is the total so far.
    let total = values[0];
    for (let next = 1; next < values.length || next === 1; next += 7) {
      const group = [total, ...values.slice(next, next + 7)];
      const isLast = next + 7 >= values.length;
      const join: WordFunction = (b, first, ...rest) => {
        const sum = rest.reduce((left, right) => define(b, left, right), first);
        return isLast && finish !== undefined ? finish(b, sum, values.length) : sum;
      };
      total = elementwise(scope, group, elementType, join, finish === undefined ? exact : undefined);
    }
    return [total];
  };
}

/** x mod y: the sign of y for integers, of x where `fmod` is set. */
function mod(scope: Scope): Value[] {
  const values = [input(scope, 0), input(scope, 1)];
  sameTypes(scope, values);
  const elementType = computedType(scope, values[0]);
  const likeC = intAttribute(scope, "fmod", 0) !== 0;
  if (elementType === "float32") {
    if (!likeC) throw unsupported(scope, "floats need fmod = 1");
    return [elementwise(scope, values, elementType, remainderOf)];
  }
  const define: WordFunction = (b, x, y) => {
    if (elementType === "uint32") return b.select(b.eqI(y, 0), b.i32(0), b.subI(x, b.mulI(divideU32(b, x, y), y)));
    const rest = b.subI(x, b.mulI(divideI32(b, x, y), y));
    const turned = b.and(b.neI(rest, 0), b.ltI(b.xor(rest, y), 0));
    const numpy = b.select(turned, b.addI(rest, y), rest);
    return b.select(b.eqI(y, 0), b.i32(0), likeC ? rest : numpy);
  };
  return [elementwise(scope, values, elementType, define, (a, b) => remainder(a, b, likeC))];
}

/** The greatest finite float: the bounds of Clip where none are given. */
export const GREATEST = 3.4028234663852886e38;

function clip(scope: Scope): readonly Value[] {
  const x = input(scope, 0);
  if (scope.opset < 11) {
    const [low, high] = [floatAttribute(scope, "min", -GREATEST), floatAttribute(scope, "max", GREATEST)];
    return closed({ f32: (b, word) => b.min(b.max(word, low), high) })({ ...scope, inputs: [x] });
  }
  const [, low, high] = scope.inputs;
  const limits = [low, high].filter((value) => value !== undefined);
  sameTypes(scope, [x, ...limits]);
  const elementType = computedType(scope, x);
  const isFloat = elementType === "float32";
  if (elementType === "bool") throw unsupported(scope, "element type bool");
  const define: WordFunction = (b, ...given) => {
    const [word, ...rest] = given.map((item) => orderKey(b, elementType, item));
    const [least, most] = low === undefined ? [undefined, rest[0]] : [rest[0], rest[1]];
    // An absent bound is the least or greatest number of the type, which only an infinity is beyond.
    if (isFloat) return b.min(b.max(word, least ?? -GREATEST), most ?? GREATEST);
    const raised = least === undefined ? word : b.maxI(word, least);
    const limited = most === undefined ? raised : b.minI(raised, most);
    return orderKey(b, elementType, limited);
  };
  const exact: IntegerFunction = (word, ...rest) => {
    const [least, most] = low === undefined ? [undefined, rest[0]] : [rest[0], rest[1]];
    const raised = least !== undefined && word < least ? least : word;
    return most !== undefined && most < raised ? most : raised;
  };
  return [elementwise(scope, [x, ...limits], x.elementType, define, exact)];
}

/** max(x, 0) + slope * min(x, 0), slope from a second input of the same or a broadcast shape. */
function pRelu(scope: Scope): Value[] {
  const [x, slope] = [input(scope, 0), input(scope, 1)];
  sameTypes(scope, [x, slope]);
  // Before opset 7 a slope of rank 1 belongs to the channels.
  const isChannels = scope.opset < 7 && slope.shape.length === 1 && x.shape.length > 2;
  const aligned = isChannels ? { ...slope, shape: [...slope.shape, ...x.shape.slice(2).map(() => 1)] } : slope;
  const programs: Programs = {
    f32: (b, word, factor) => b.select(b.lt(word, 0), b.mul(word, factor), word),
    i32: (b, word, factor) => b.select(b.ltI(word, 0), b.mulI(word, factor), word),
    u32: (_, word) => word,
  };
  return [elementwise(scope, [x, aligned], x.elementType, closedProgram(scope, programs, x))];
}

export { gelu as geluByErf, geluByTanh } from "./math.ts";

/** x * Phi(x), or its usual approximation. */
function gelu(scope: Scope): readonly Value[] {
  const approximate = stringAttribute(scope, "approximate", "none");
  if (approximate !== "none" && approximate !== "tanh") throw unsupported(scope, `approximation ${approximate}`);
  return closed({
    f32: approximate === "tanh" ? math.geluByTanh : math.gelu,
  })(scope);
}

/** x^y; the exponents 2 and 3 of a known scalar are products. */
function pow(scope: Scope): Value[] {
  const [x, y] = broadcastPair(scope);
  const elementType = computedType(scope, x);
  requireType(scope, x, "float32", "int32", "int64");
  if (elementType !== "float32" && isIntegerType(y.elementType)) {
    // A known exponent is a few products; an unsigned one beyond 2^31 has the low 31 bits that count and no sign.
    const isUnsigned = y.elementType === "uint32";
    const define: WordFunction = (b, base, exponent) =>
      powerI32(b, base, isUnsigned ? b.and(exponent, 2 ** 31 - 1) : exponent);
    return [elementwise(scope, [x, y], elementType, define, INTEGER_FUNCTIONS["Pow"])];
  }
  const [base, exponent] = [cast(scope, x, "float32"), cast(scope, y, "float32")];
  const scalar =
    isKnown(exponent) && exponent.at.kind === "words" && sizeOf(exponent.shape) === 1 ? exponent.at.words[0] : 0;
  const define: WordFunction = (b, word, by) => {
    if (scalar === 0x40000000) return b.mul(word, word);
    if (scalar === 0x40400000) return b.mul(b.mul(word, word), word);
    return math.pow(b, word, by);
  };
  return [cast(scope, elementwise(scope, [base, exponent], "float32", define), elementType)];
}

/** Shifts by the second input's elements; a shift by the width or more gives 0. */
function bitShift(scope: Scope): Value[] {
  const values = [input(scope, 0), input(scope, 1)];
  const elementType = sameTypes(scope, values);
  requireType(scope, values[0], "uint32", "uint16", "uint8");
  const direction = stringAttribute(scope, "direction", "");
  if (direction !== "LEFT" && direction !== "RIGHT") throw invalid(scope, "direction is neither LEFT nor RIGHT");
  const isLeft = direction === "LEFT";
  const define: WordFunction = (b, x, by) => {
    const moved = [1, 2, 4, 8, 16].reduce((word, bits) => {
      const next = isLeft ? b.shl(word, bits) : b.shrU(word, bits);
      return b.select(b.neI(b.and(by, bits), 0), next, word);
    }, x);
    return wrapped(b, elementType, b.select(b.eqI(b.shrU(by, 5), 0), moved, b.i32(0)));
  };
  const exact: IntegerFunction = (x, by) => (by >= 64n ? 0n : isLeft ? x << by : x >> by);
  return [elementwise(scope, values, elementType, define, exact)];
}

function isInf(scope: Scope): Value[] {
  const value = input(scope, 0);
  requireType(scope, value, "float32");
  const negative = intAttribute(scope, "detect_negative", 1) !== 0;
  const positive = intAttribute(scope, "detect_positive", 1) !== 0;
  const define: WordFunction = (b, x) =>
    b.or(b.and(b.eq(x, Infinity), b.bool(positive)), b.and(b.eq(x, -Infinity), b.bool(negative)));
  return [elementwise(scope, [value], "bool", define)];
}

function isNaN(scope: Scope): Value[] {
  const value = input(scope, 0);
  requireType(scope, value, "float32");
  return [elementwise(scope, [value], "bool", (b, x) => b.ne(x, x))];
}

const relu = (b: ScalarBuilder, x: Register): Register => b.max(x, 0);
const signF = (b: ScalarBuilder, x: Register): Register =>
  b.select(b.lt(0, x), b.f32(1), b.select(b.lt(x, 0), b.f32(-1), x));

export const ELEMENTWISE: OperatorTable = {
  Add: closed({ f32: (b, x, y) => b.add(x, y), ...ofBits((b, x, y) => b.addI(x, y)) }, broadcastPair),
  Sub: closed({ f32: (b, x, y) => b.sub(x, y), ...ofBits((b, x, y) => b.subI(x, y)) }, broadcastPair),
  Mul: closed({ f32: (b, x, y) => b.mul(x, y), ...ofBits((b, x, y) => b.mulI(x, y)) }, broadcastPair),
  Div: closed({ f32: (b, x, y) => b.div(x, y), i32: divideI32, u32: divideU32 }, broadcastPair),
  Mod: mod,
  Pow: pow,
  Neg: closed({ f32: (b, x) => b.neg(x), i32: negateI }),
  Abs: closed({
    f32: (b, x) => b.abs(x),
    i32: (b, x) => b.select(b.ltI(x, 0), negateI(b, x), x),
    u32: (_, x) => x,
  }),
  Sign: closed({
    f32: signF,
    i32: (b, x) => b.select(b.ltI(0, x), b.i32(1), b.shrS(x, 31)),
    u32: (b, x) => b.i32FromBool(b.neI(x, 0)),
  }),
  Reciprocal: unary((b, x) => b.div(1, x)),
  Sqrt: unary((b, x) => b.sqrt(x)),
  Floor: unary((b, x) => b.floor(x)),
  Ceil: unary((b, x) => b.ceil(x)),
  Round: unary((b, x) => b.nearest(x)),
  Exp: unary(math.exp),
  Log: unary(math.log),
  Sin: unary(trigonometry.sin),
  Cos: unary(trigonometry.cos),
  Tan: unary(trigonometry.tan),
  Asin: unary(trigonometry.asin),
  Acos: unary(trigonometry.acos),
  Atan: unary(trigonometry.atan),
  Sinh: unary(trigonometry.sinh),
  Cosh: unary(trigonometry.cosh),
  Tanh: unary(math.tanh),
  Asinh: unary(trigonometry.asinh),
  Acosh: unary(trigonometry.acosh),
  Atanh: unary(trigonometry.atanh),
  Erf: unary(math.erf),
  Sigmoid: unary(math.sigmoid),
  Softplus: unary(math.softplus),
  Softsign: unary((b, x) => b.div(x, b.add(b.abs(x), 1))),
  Mish: unary((b, x) => b.mul(x, math.tanh(b, math.softplus(b, x)))),
  HardSwish: unary((b, x) => b.mul(x, b.max(b.min(b.fma(x, 1 / 6, 0.5), 1), 0))),
  Relu: closed({ f32: relu, i32: (b, x) => b.maxI(x, 0) }),
  Gelu: gelu,
  PRelu: pRelu,
  LeakyRelu: withAttributes({ alpha: 0.01 }, (b, x, { alpha }) => b.select(b.lt(x, 0), b.mul(x, alpha), x)),
  ThresholdedRelu: withAttributes({ alpha: 1 }, (b, x, { alpha }) => b.select(b.lt(alpha, x), x, b.f32(0))),
  Elu: withAttributes({ alpha: 1 }, (b, x, { alpha }) =>
    b.select(b.lt(x, 0), b.mul(b.sub(math.exp(b, x), 1), alpha), x),
  ),
  Celu: withAttributes({ alpha: 1 }, (b, x, { alpha }) =>
    b.select(b.lt(x, 0), b.mul(b.sub(math.exp(b, b.div(x, alpha)), 1), alpha), x),
  ),
  Selu: withAttributes({ alpha: 1.6732632423543772, gamma: 1.0507009873554805 }, (b, x, { alpha, gamma }) =>
    b.mul(b.select(b.lt(x, 0), b.mul(b.sub(math.exp(b, x), 1), alpha), x), gamma),
  ),
  Swish: withAttributes({ alpha: 1 }, (b, x, { alpha }) => b.mul(x, math.sigmoid(b, b.mul(x, alpha)))),
  HardSigmoid: withAttributes({ alpha: 0.2, beta: 0.5 }, (b, x, { alpha, beta }) =>
    b.max(b.min(b.fma(x, alpha, beta), 1), 0),
  ),
  Shrink: withAttributes({ lambd: 0.5, bias: 0 }, (b, x, { lambd, bias }) =>
    b.select(b.lt(x, -lambd), b.add(x, bias), b.select(b.lt(lambd, x), b.sub(x, bias), b.f32(0))),
  ),
  Clip: clip,
  Max: variadic({ f32: maxOf, ...ofExtreme((b, x, y) => b.maxI(x, y)) }),
  Min: variadic({ f32: minOf, ...ofExtreme((b, x, y) => b.minI(x, y)) }),
  Sum: variadic({ f32: (b, x, y) => b.add(x, y) }),
  Mean: variadic({ f32: (b, x, y) => b.add(x, y) }, (b, total, count) => b.div(total, count)),
  Equal: comparison({
    f32: (b, x, y) => b.eq(x, y),
    ...ofBits((b, x, y) => b.eqI(x, y)),
    bool: (b, x, y) => b.not(b.xor(x, y)),
  }),
  Less: comparison({ f32: (b, x, y) => b.lt(x, y), ...ofOrder((b, x, y) => b.ltI(x, y)) }),
  LessOrEqual: comparison({ f32: (b, x, y) => b.le(x, y), ...ofOrder((b, x, y) => b.leI(x, y)) }),
  Greater: comparison({ f32: (b, x, y) => b.gt(x, y), ...ofOrder((b, x, y) => b.gtI(x, y)) }),
  GreaterOrEqual: comparison({ f32: (b, x, y) => b.ge(x, y), ...ofOrder((b, x, y) => b.geI(x, y)) }),
  And: closed({ bool: (b, x, y) => b.and(x, y) }, broadcastPair),
  Or: closed({ bool: (b, x, y) => b.or(x, y) }, broadcastPair),
  Xor: closed({ bool: (b, x, y) => b.xor(x, y) }, broadcastPair),
  Not: closed({ bool: (b, x) => b.not(x) }),
  BitwiseAnd: closed(ofBits((b, x, y) => b.and(x, y))),
  BitwiseOr: closed(ofBits((b, x, y) => b.or(x, y))),
  BitwiseXor: closed(ofBits((b, x, y) => b.xor(x, y))),
  BitwiseNot: closed(ofBits((b, x) => b.xor(x, -1))),
  Where: (scope) => [where(scope, input(scope, 0), input(scope, 1), input(scope, 2))],
  BitShift: bitShift,
  IsInf: isInf,
  IsNaN: isNaN,
};
