// Types the resolvers from the schema: for every object type and field there must be a resolver, except where the row that
// stands for the object already holds the field in its form. A field that the schema gains does not compile until it is
// answered. Nothing here exists at run time.
import type { Query, Resolvers, ResolversParentTypes } from "@lockstep/schema";
import type { Row, Rows } from "./rows.ts";

/** What stands for an object of the schema while it is resolved; objects that are not here stand for themselves. */
export interface Parents {
  Query: object;
  Program: Row<"program">;
  Task: Row<"task">;
  Claim: Row<"claim">;
  Fraud: Row<"fraud">;
  Dispute: Row<"dispute">;
  Move: Row<"move">;
  Proof: Row<"proof">;
  Account: Row<"account">;
  LeaderboardEntry: Row<"account"> & { rank: number };
}

export interface Context {
  rows: Rows;
}

/** What a resolver may answer for a field of this type. Scalars of the schema can be bigints until they are written. */
type Answer<T> = T extends string
  ? T | (string extends T ? bigint : never)
  : T extends (infer Item)[]
    ? Answer<Item>[]
    : T extends { __typename?: infer Name }
      ? NonNullable<Name> extends keyof Parents
        ? Parents[NonNullable<Name>]
        : { [Field in keyof T]: Answer<T[Field]> }
      : T;

interface Types extends Omit<ResolversParentTypes, "Query"> {
  Query: Query;
}

type Fields<Name extends keyof Parents> = Omit<Types[Name], "__typename">;

type Arguments<Name extends keyof Parents, Field extends PropertyKey> =
  Required<NonNullable<Resolvers[Name]>> extends Record<Field, infer Found>
    ? Extract<Found, (...all: never[]) => unknown> extends (
        parent: never,
        args: infer Args,
        context: never,
        info: never,
      ) => unknown
      ? Args
      : never
    : never;

type FieldResolver<Name extends keyof Parents, Field extends PropertyKey, Result> = (
  parent: Parents[Name],
  args: Arguments<Name, Field>,
  context: Context,
) => Answer<Result> | Promise<Answer<Result>>;

/** The resolvers of one object type. */
export type TypeResolvers<Name extends keyof Parents> = {
  [
    Field in keyof Fields<Name> as Field extends keyof Parents[Name]
      ? Parents[Name][Field] extends Answer<Fields<Name>[Field]>
        ? never
        : Field
      : Field
  ]-?: FieldResolver<Name, Field, Fields<Name>[Field]>;
};

/** The resolvers of all object types. */
export type AllResolvers = { [Name in keyof Parents]: TypeResolvers<Name> };
