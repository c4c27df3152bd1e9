/**
 * What is reported of an error: bounded, because it may go from a worker to its
 * supervisor, and able to be made of anything, because anything can be thrown.
 * @module
 */
import { cut, errorCode, errorMessage, SystemError } from "./errors.ts";

/** What is reported of an error. */
export interface ErrorReport {
  /** Its message, with its class if that is not `Error`, and its code. */
  readonly error: string;
  /** The POSIX name or the runtime's own, if it has one. */
  readonly code?: string;
  /** Where it was thrown, what it is made of and what caused it, a few thousand characters at most. */
  readonly stack?: string;
}

/** Characters of a code, and of the name of a class. */
const LARGEST_CODE = 64;
const LARGEST_STACK = 6144;
/** Errors whose stacks are told: it, an aggregate's, its cause, and so on. */
const MOST_STACKS = 8;

/** What is reported of anything that was thrown; never throws. */
export function errorReport(error: unknown): ErrorReport {
  const code = errorCode(error)?.slice(0, LARGEST_CODE);
  const message = errorMessage(error);
  const coded = code && !message.includes(code) ? `${code}: ${message}` : message;
  const text = IS_POSIX.test(code ?? "") ? coded : named(error, coded);
  const stack = errorStack(error, code);
  return { error: text, ...(code ? { code } : {}), ...(stack ? { stack } : {}) };
}

/** Its class says no more than such a code, and differs from runtime to runtime. */
const IS_POSIX = /^E(AI_)?[A-Z0-9]+$/;

/** The text, with the error's class before it if that is not `Error`. */
function named(error: unknown, text: string): string {
  try {
    const name = error instanceof Error ? String(error.name).slice(0, LARGEST_CODE) : "Error";
    if (name === "" || name === "Error" || text.startsWith(name)) return text;
    return text === "" ? name : `${name}: ${text}`;
  } catch {
    return text; // it may be anything: a getter throws, a Proxy is revoked
  }
}

/** Its stack, and those of its errors and causes, each once. */
function errorStack(error: unknown, code: string | undefined): string | null {
  const stacks: string[] = [];
  const seen = new Set<unknown>();
  const add = (thrown: unknown, label: string) => {
    if (stacks.length === MOST_STACKS || seen.has(thrown)) return;
    seen.add(thrown);
    const { stack, message, cause, errors } = Object(thrown) as Partial<AggregateError>;
    // Bun's DOMException has none, nor what its Promise.any rejects with (1.4).
    if (typeof stack !== "string") stacks.push(label + named(thrown, errorMessage(thrown)));
    // A long message would leave no room for the lines.
    else if (typeof message !== "string") stacks.push(label + stack);
    else stacks.push(label + stack.replace(message, () => cut(message)));
    if (Array.isArray(errors)) { for (const one of errors) add(one, "One of its errors: "); }
    if (cause !== undefined && cause !== null) add(cause, "Caused by: ");
  };
  try {
    // Many may vanish, and to write a stack takes Deno as long as to serve one (60 us, 2.9).
    if (hasVanished(code) && error instanceof SystemError) return null;
    if (error instanceof Error || typeof (error as Error).stack === "string") add(error, "");
  } catch {
    // That was the last: what was thrown, or its cause, cannot be looked at.
  }
  return stacks.length === 0 ? null : cut(stacks.join("\n"), LARGEST_STACK);
}

/** What a connection's calls reject with when it has ended, at whichever end. */
const VANISHED = new Set(["ECONNRESET", "EPIPE", "ETIMEDOUT", "EBADF", "EHOSTUNREACH"]);

/** Whether the code says that the connection is gone, which happens without a mistake. */
export function hasVanished(code: string | undefined): boolean {
  return code !== undefined && VANISHED.has(code);
}
