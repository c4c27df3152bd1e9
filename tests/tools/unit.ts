/** What the unit tests share; nothing of a network. */
import { errorCode, SystemError } from "../../src/connection/errors.ts";

/** A test that must leave no timer, no promise of the runtime and no resource behind. */
export function test(name: string, fn: () => void | Promise<void>): void {
  Deno.test({ name, sanitizeOps: true, sanitizeResources: true, fn });
}

/** Lets all that is under way, and does not wait for time or I/O, come to its end. */
export function settle(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, 0));
}

/** Resolves after timers that were set before and are shorter have run. */
export function delay(milliseconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, milliseconds));
}

/** How a promise stands now: "pending", "resolved", or the code or name of its error. */
export async function state(promise: Promise<unknown>): Promise<string> {
  let now = "pending";
  promise.then(() => now = "resolved", (error) => now = errorCode(error) ?? error.name);
  await settle();
  return now;
}

/** Runs it while the thread computes for longer than it rests, again and again. */
export async function heldUp(fn: () => Promise<void>): Promise<void> {
  const holding = setInterval(() => {
    for (const end = performance.now() + 60; performance.now() < end;);
  }, 1);
  try {
    await fn();
  } finally {
    clearInterval(holding);
  }
}

/**
 * Runs with a clock of the test's, of whole milliseconds, whose sums are exact: a busy machine
 * would let time go by.
 * @param run gets what lets milliseconds pass
 * @param step milliseconds that pass whenever somebody looks
 */
export function withClock<T>(run: (pass: (milliseconds: number) => void) => T, step = 0): T {
  const clock = performance.now;
  const giveBack = () => void (performance.now = clock);
  let now = Math.round(performance.now());
  performance.now = () => now += step;
  let isOver = true;
  try {
    const result = run((milliseconds) => void (now += milliseconds));
    if (!(result instanceof Promise)) return result;
    isOver = false;
    return result.finally(giveBack) as T;
  } finally {
    if (isOver) giveBack();
  }
}

/** A system's error as a runtime would make it. */
export function failure(code: string): SystemError {
  return new SystemError(code, `${code}, on purpose`);
}

/** The rejections that nobody handled while `fn` ran. */
export async function unhandled(fn: () => void | Promise<void>): Promise<string[]> {
  const errors: string[] = [];
  const listener = (event: PromiseRejectionEvent) => {
    event.preventDefault();
    errors.push(errorCode(event.reason) ?? String(event.reason));
  };
  addEventListener("unhandledrejection", listener);
  try {
    await fn();
    await settle();
  } finally {
    removeEventListener("unhandledrejection", listener);
  }
  return errors;
}

export function bytes(text: string): Uint8Array {
  return Uint8Array.from(text, (character) => character.charCodeAt(0));
}

export function text(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => String.fromCharCode(byte)).join("");
}
