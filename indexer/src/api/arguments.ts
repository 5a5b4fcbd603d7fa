// Checks what a query brings: hashes, addresses, cursors and page sizes. Whatever is malformed, and whatever would load
// too much, is refused with an error whose extensions are {name, values}.
import { inspect } from "node:util";
import { GraphQLError, GraphQLScalarType, Kind } from "graphql";

/** Largest page. */
export const MAX_FIRST = 100;

/** An argument breaks a rule; `values` has the argument, its value (cut to 100 characters) and the rule. */
export class InvalidArgumentError extends GraphQLError {
  constructor(argument: string, value: unknown, rule: string) {
    const shown = (typeof value === "string" ? value : inspect(value, { depth: 1 })).slice(0, 100);
    super(`${argument} ${rule}: ${shown}`, {
      extensions: { name: "InvalidArgumentError", values: { argument, value: shown, rule } },
    });
    this.name = "InvalidArgumentError";
  }
}

/** A page of a connection: how many rows, and the order of the row they come after. */
export interface Page {
  first: number;
  after: bigint | undefined;
}

/** Reads `first` (1 to 100) and `after` (a cursor of the same connection). */
export function readPage(connection: string, { first, after }: { first?: unknown; after?: unknown }): Page {
  const rows = first ?? 20;
  if (typeof rows !== "number" || !Number.isInteger(rows) || rows < 1 || rows > MAX_FIRST) {
    throw new InvalidArgumentError("first", rows, `must be 1 to ${MAX_FIRST}`);
  }
  return { first: rows, after: after === undefined || after === null ? undefined : readCursor(connection, after) };
}

/** The cursor of the row with this order. */
export function cursorOf(connection: string, order: bigint): string {
  return Buffer.from(`${connection}:${order}`).toString("base64url");
}

function readCursor(connection: string, cursor: unknown): bigint {
  const text = typeof cursor === "string" ? Buffer.from(cursor, "base64url").toString("latin1") : "";
  const [, of, order] = /^(\w+):(\d{1,78})$/.exec(text) ?? [];
  if (of !== connection || order === undefined || cursorOf(connection, BigInt(order)) !== cursor) {
    throw new InvalidArgumentError("after", cursor, `must be a cursor of ${connection}`);
  }
  return BigInt(order);
}

/** Resolvers of the scalars. They serialise what the database holds and refuse malformed arguments. */
export const scalars = {
  BigInt: scalar("BigInt", /^\d{1,78}$/, "must be a decimal number"),
  Address: scalar("Address", /^0x[0-9a-f]{40}$/, "must be 0x and 40 hexadecimal digits"),
  Hash: scalar("Hash", /^0x[0-9a-f]{64}$/, "must be 0x and 64 hexadecimal digits"),
  Bytes: scalar("Bytes", /^0x([0-9a-f]{2})*$/, "must be 0x and an even number of hexadecimal digits"),
  Word: scalar("Word", /^0x[0-9a-f]{8}$/, "must be 0x and 8 hexadecimal digits"),
};

function scalar(name: string, pattern: RegExp, rule: string): GraphQLScalarType<string, string> {
  const check = (value: unknown) => {
    const text = String(value).toLowerCase();
    if (!pattern.test(text)) throw new InvalidArgumentError(name, value, rule);
    return text;
  };
  const parse = (value: unknown) => {
    if (typeof value !== "string") throw new InvalidArgumentError(name, value, `${rule}, as a string`);
    return check(value);
  };
  return new GraphQLScalarType<string, string>({
    name,
    serialize: check,
    parseValue: parse,
    parseLiteral: (node) => parse(node.kind === Kind.STRING ? node.value : null),
  });
}
