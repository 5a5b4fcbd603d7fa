/**
 * Errors as they are logged. The address of an endpoint often holds its key, and viem writes that address into messages,
 * stacks and fields of its errors: of those only the name and what went wrong are kept.
 */
import { BaseError } from "viem";
import { LockstepError } from "../float/errors.ts";

// Of a chain of causes no more than this is of use to a reader.
const MAX_CAUSES = 4;

/** Plain data of an error, without any address of an endpoint; what is no error is given back. */
export function loggedError(error: unknown, causes = MAX_CAUSES): unknown {
  if (error instanceof LockstepError) return error.toJSON();
  if (error instanceof BaseError) {
    const { name, shortMessage, details } = error;
    return { name, shortMessage: withoutAddresses(shortMessage), details: withoutAddresses(details) };
  }
  if (!(error instanceof Error)) return error;
  const { name, message, stack, cause } = error;
  const rest = cause === undefined || causes === 0 ? {} : { cause: loggedError(cause, causes - 1) };
  return { name, message: withoutAddresses(message), stack: withoutAddresses(stack ?? ""), ...rest };
}

// Some of what viem quotes, such as fetch's own errors, names the address too.
function withoutAddresses(text: string): string {
  return text.replace(/\b(?:https?|wss?):\/\/[^\s"')]+/g, "[address]");
}
