/**
 * The base of every typed error of Lockstep. An error names the rule that was broken and carries the values that
 * broke it, so that a caller can print, serialise or test them without parsing a message.
 */

/** Extra arguments of an error: the error that caused it, if any. */
export interface LockstepErrorOptions {
  cause?: unknown;
}

/**
 * An error with a stable name and the offending values. Subclass it once per rule.
 *
 * `values` holds plain data only; bigints are allowed and become decimal strings in {@link LockstepError.toJSON}.
 */
export class LockstepError extends Error {
  readonly values: Readonly<Record<string, unknown>>;

  constructor(name: string, message: string, values: Record<string, unknown>, options?: LockstepErrorOptions) {
    super(message, options);
    this.name = name;
    this.values = values;
  }

  toJSON(): { name: string; message: string; values: Record<string, unknown> } {
    return { name: this.name, message: this.message, values: jsonSafe(this.values) as Record<string, unknown> };
  }
}

// JSON.stringify throws on a bigint and drops the name of a nested error, so both are rewritten here.
function jsonSafe(value: unknown): unknown {
  if (typeof value === "bigint") return value.toString();
  if (value instanceof LockstepError) return value.toJSON();
  if (value instanceof Error) return { name: value.name, message: value.message };
  if (ArrayBuffer.isView(value) && !(value instanceof DataView)) {
    return Array.from(value as unknown as ArrayLike<unknown>, jsonSafe);
  }
  if (Array.isArray(value)) return value.map(jsonSafe);
  if (value !== null && typeof value === "object") {
    return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, jsonSafe(item)]));
  }
  return value;
}
