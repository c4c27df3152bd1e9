/**
 * What is reported of an error: bounded, because it may go from a worker to its
 * supervisor, and able to be made of anything, because anything can be thrown.
 * @module
 */
import { cut, errorCode, errorMessage, SystemError } from "./errors.ts";

/** What is reported of an error. */
export interface ErrorReport {
  /** Its message, with its code. */
  readonly error: string;
  /** The POSIX name or the runtime's own, if it has one. */
  readonly code?: string;
  /** Where it was thrown and what caused it, a few thousand characters at most. */
  readonly stack?: string;
}

const LARGEST_CODE = 64;
const LARGEST_STACK = 6144;
/** Errors whose stacks are told: it, its cause, and so on. */
const MOST_CAUSES = 4;

/** What is reported of anything that was thrown; never throws. */
export function errorReport(error: unknown): ErrorReport {
  const code = errorCode(error)?.slice(0, LARGEST_CODE);
  const message = errorMessage(error);
  const text = code && !message.includes(code) ? `${code}: ${message}` : message;
  const stack = errorStack(error, code);
  return { error: text, ...(code ? { code } : {}), ...(stack ? { stack } : {}) };
}

/** Its stack, and those of its causes. */
function errorStack(error: unknown, code: string | undefined): string | null {
  const stacks: string[] = [];
  try {
    // Many may vanish, and to write a stack takes Deno as long as to serve one (60 us, 2.9).
    if (hasVanished(code) && error instanceof SystemError) return null;
    while (stacks.length < MOST_CAUSES) {
      const { stack, message, cause } = error as Error;
      if (typeof stack !== "string") break;
      // A long message would leave no room for the lines.
      stacks.push(typeof message === "string" ? stack.replace(message, () => cut(message)) : stack);
      error = cause;
    }
  } catch {
    // That was the last: what was thrown, or its cause, is no error, or cannot be looked at.
  }
  return stacks.length === 0 ? null : cut(stacks.join("\nCaused by: "), LARGEST_STACK);
}

/** What a connection's calls reject with when it has ended, at whichever end. */
const VANISHED = new Set(["ECONNRESET", "EPIPE", "ETIMEDOUT", "EBADF", "EHOSTUNREACH"]);

/** Whether the code says that the connection is gone, which happens without a mistake. */
export function hasVanished(code: string | undefined): boolean {
  return code !== undefined && VANISHED.has(code);
}
