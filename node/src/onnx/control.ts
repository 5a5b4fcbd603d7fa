/**
 * Control flow that is settled at import (numerics, "Lowering": programs have static shapes): the branch of an If whose
 * condition is known, both where it is not, and a Loop whose number of turns is known, unrolled. Refuses conditions that depend
 * on data where the branches differ in shape or a Loop goes on by them, and loops of more than 1,024 turns.
 */

import { where } from "./broadcast.ts";
import { concatenated } from "./indexing.ts";
import { attribute, input, invalid, known, knownBigints, saturated, unsupported } from "./node.ts";
import type { OperatorTable, Scope } from "./node.ts";
import { isKnown, knownIntegers, knownList, reshaped } from "./values.ts";
import type { Value } from "./values.ts";

const MOST_TURNS = 1024;

function ifThenElse(scope: Scope): readonly Value[] {
  const condition = input(scope, 0);
  if (!isKnown(condition)) return chosen(scope, condition);
  const isTrue = knownBigints(scope, input(scope, 0), "the condition")[0] !== 0n;
  const body = attribute(scope, isTrue ? "then_branch" : "else_branch", "graph");
  if (body === undefined) throw invalid(scope, "a branch is missing");
  return scope.subgraph(body, []);
}

/** Both branches, and of each output the one that the condition chooses. */
function chosen(scope: Scope, condition: Value): readonly Value[] {
  const outputs = ["then_branch", "else_branch"].map((name) => {
    const body = attribute(scope, name, "graph");
    if (body === undefined) throw invalid(scope, "a branch is missing");
    return scope.subgraph(body, []);
  });
  const [yes, no] = outputs;
  if (yes.length !== no.length)
    throw invalid(scope, "the branches differ in outputs", { thenOutputs: yes.length, elseOutputs: no.length });
  const fits = yes.every(({ shape, elementType, items }, index) => {
    const other = no[index];
    const isTensor = items === undefined && other.items === undefined;
    return isTensor && elementType === other.elementType && shape.join() === other.shape.join();
  });
  // Branches of other shapes are chosen at import: the condition must be bound.
  if (!fits) known(scope, condition, "the condition between branches of other types or shapes");
  const flag = reshaped(condition, []);
  return yes.map((value, index) => where(scope, flag, value, no[index]));
}

function loop(scope: Scope): readonly Value[] {
  const body = attribute(scope, "body", "graph");
  if (body === undefined) throw invalid(scope, "the body is missing");
  const [limit, condition, ...carried] = scope.inputs;
  const most = limit === undefined ? Infinity : saturated(knownBigints(scope, limit, "the number of turns")[0]);
  let goesOn = condition === undefined || knownBigints(scope, condition, "the condition")[0] !== 0n;
  let state = carried.map((_, index) => input(scope, index + 2));
  const more = body.outputs.length - 1 - state.length;
  if (more < 0) throw invalid(scope, "the body has fewer outputs than the loop carries", { carried: state.length });
  const scanned: Value[][] = Array.from({ length: more }, () => []);
  for (let turn = 0; turn < most && goesOn; turn++) {
    if (turn === MOST_TURNS) throw unsupported(scope, `a loop of more than ${MOST_TURNS} turns`);
    const count = reshaped(knownList([turn]), []);
    const flag = knownIntegers("bool", [], BigInt64Array.of(1n));
    const [next, ...results] = scope.subgraph(body, [count, flag, ...state]);
    goesOn = knownBigints(scope, next, "the condition")[0] !== 0n;
    state = results.slice(0, state.length);
    results.slice(state.length).forEach((value, index) => scanned[index].push(reshaped(value, [1, ...value.shape])));
  }
  if (scanned.some((values) => values.length === 0))
    throw unsupported(scope, "a loop of no turns with scanned outputs");
  return [...state, ...scanned.map((values) => concatenated(scope, values, 0))];
}

export const CONTROL: OperatorTable = { If: ifThenElse, Loop: loop };
