/**
 * Einsum (numerics, "Lowering"): diagonals and sums within a term first, then one product after the other from left to right,
 * each over the letters that nothing further needs. Refuses letters whose extents differ.
 */

import { productOfRows } from "./contraction.ts";
import { allInputs, invalid, mismatch, requireType, stringAttribute } from "./node.ts";
import type { OperatorTable, Scope } from "./node.ts";
import { transposed, view } from "./primitives.ts";
import { reduceRows, rowsAlong, SUM } from "./reduction.ts";
import { broadcastTo } from "./shape.ts";
import { reshaped, sizeOf, stridesOf } from "./values.ts";
import type { Value } from "./values.ts";

/** A tensor with one letter per axis. */
interface Term {
  readonly letters: readonly string[];
  readonly value: Value;
}

/** Letters for the axes that an ellipsis stands for; no letter of an equation looks like them. */
function withEllipsis(term: string, rank: number): string[] {
  const [left, right] = term.split("...");
  if (right === undefined) return term.split("");
  const hidden = rank - left.length - right.length;
  const middle = Array.from({ length: hidden }, (_, index) => `.${hidden - index}`);
  return [...left.split(""), ...middle, ...right.split("")];
}

/** An axis of extent 1 stands for all of its letter's extent. */
function repeated(scope: Scope, { letters, value }: Term, extents: ReadonlyMap<string, number>): Term {
  const shape = letters.map((letter) => extents.get(letter) ?? 1);
  return { letters, value: broadcastTo(scope, value, shape) };
}

/** A letter twice in a term is its diagonal. */
function diagonal(scope: Scope, { letters, value }: Term): Term {
  const distinct = [...new Set(letters)];
  if (distinct.length === letters.length) return { letters, value };
  const own = stridesOf(value.shape);
  const shape = distinct.map((letter) => value.shape[letters.indexOf(letter)]);
  const strides = distinct.map((letter) =>
    own.reduce((sum, stride, axis) => sum + (letters[axis] === letter ? stride : 0), 0),
  );
  return { letters: distinct, value: view(scope, value, shape, strides, 0) };
}

/** Sums the letters that nothing else has. */
function summed(scope: Scope, { letters, value }: Term, keeps: (letter: string) => boolean): Term {
  const axes = letters.flatMap((letter, axis) => (keeps(letter) ? [] : [axis]));
  if (axes.length === 0) return { letters, value };
  return { letters: letters.filter(keeps), value: reduceRows(scope, rowsAlong(scope, value, axes), SUM) };
}

function arranged(scope: Scope, { letters, value }: Term, order: readonly string[]): Value {
  return transposed(
    scope,
    value,
    order.map((letter) => letters.indexOf(letter)),
  );
}

function product(scope: Scope, left: Term, right: Term, output: readonly string[]): Term {
  const isIn =
    (letters: readonly string[]) =>
    (letter: string): boolean =>
      letters.includes(letter);
  const shared = left.letters.filter(isIn(right.letters));
  const batch = shared.filter(isIn(output));
  const inner = shared.filter((letter) => !output.includes(letter));
  const only = (term: Term): string[] => term.letters.filter((letter) => !shared.includes(letter));
  const extentOf = (letter: string): number => {
    const holder = left.letters.includes(letter) ? left : right;
    return holder.value.shape[holder.letters.indexOf(letter)];
  };
  const size = (letters: readonly string[]): number => sizeOf(letters.map(extentOf));
  const matrix = (term: Term): Value => {
    const own = only(term);
    return reshaped(arranged(scope, term, [...batch, ...own, ...inner]), [size(batch), size(own), size(inner)]);
  };
  const letters = [...batch, ...only(left), ...only(right)];
  return { letters, value: reshaped(productOfRows(scope, matrix(left), matrix(right)), letters.map(extentOf)) };
}

function einsum(scope: Scope): Value[] {
  const equation = stringAttribute(scope, "equation", "").replaceAll(" ", "");
  const [inputsPart, outputPart] = equation.split("->");
  const values = allInputs(scope);
  values.forEach((value) => requireType(scope, value, "float32"));
  const names = inputsPart.split(",");
  if (names.length !== values.length) throw invalid(scope, "the equation has another number of terms", { equation });
  const terms = values.map((value, index): Term => {
    const letters = withEllipsis(names[index], value.shape.length);
    if (letters.length !== value.shape.length)
      throw mismatch(scope, "a term has another rank", { equation, shape: [...value.shape] });
    return { letters, value };
  });
  const extents = new Map<string, number>();
  for (const { letters, value } of terms) {
    letters.forEach((letter, axis) => {
      const extent = value.shape[axis];
      const known = extents.get(letter) ?? 1;
      if (known !== 1 && extent !== 1 && known !== extent) {
        throw mismatch(scope, `letter ${letter} has extents that differ`, { equation, extents: [known, extent] });
      }
      extents.set(letter, known === 1 ? extent : known);
    });
  }
  const output = outputLetters(terms, outputPart);
  if (output.some((letter) => !extents.has(letter)) || new Set(output).size !== output.length)
    throw invalid(scope, "the output names an unknown letter, or one twice", { equation });
  const diagonals = terms.map((term) => diagonal(scope, repeated(scope, term, extents)));
  // From left to right: what neither the output nor a later term has is summed as soon as it can be.
  const total = diagonals.reduce<Term | undefined>((left, term, index) => {
    const later = diagonals.slice(index + 1).flatMap(({ letters }) => letters);
    const own = summed(scope, term, (letter) => {
      return output.includes(letter) || later.includes(letter) || left?.letters.includes(letter) === true;
    });
    if (left === undefined) return own;
    return product(scope, left, own, [...output, ...later]);
  }, undefined);
  if (total === undefined) throw invalid(scope, "there are no terms", { equation });
  return [
    arranged(
      scope,
      summed(scope, total, (letter) => output.includes(letter)),
      output,
    ),
  ];
}

/** Without an arrow the output has every letter that occurs once, in alphabetical order, after the ellipsis. */
function outputLetters(terms: readonly Term[], outputPart: string | undefined): string[] {
  const all = terms.flatMap(({ letters }) => letters);
  const hidden = [...new Set(all.filter((letter) => letter.startsWith(".")))].sort(
    (a, b) => Number(b.slice(1)) - Number(a.slice(1)),
  );
  if (outputPart === undefined) {
    const once = all.filter((letter) => !letter.startsWith(".") && all.indexOf(letter) === all.lastIndexOf(letter));
    return [...hidden, ...once.sort()];
  }
  const [left, right] = outputPart.split("...");
  return right === undefined ? outputPart.split("") : [...left.split(""), ...hidden, ...right.split("")];
}

export const EINSUMS: OperatorTable = { Einsum: einsum };
