/**
 * When the kernel asks a silent peer whether it is still there, and gives it up.
 * @module
 */
import type { Address } from "../connection/connection.ts";
import type { ServeOptions } from "../options.ts";
import { Libc } from "../posix/libc.ts";
import { type KeepAliveTimes, setKeepAlive as set } from "../posix/tcp_options.ts";
import type { Runtime } from "../runtime.ts";

/** What Linux takes: smallest, largest, and what stands for it where it is not given. */
const LIMITS = {
  idle: [1000, 32_767_000, undefined],
  interval: [1000, 32_767_000, 10_000],
  count: [1, 127, 6],
} as const;

/**
 * The times in seconds, as the kernel takes them; null: it keeps its own.
 * @param isUnix whether only Unix sockets are listened on
 * @throws {TypeError} with one line for the first that is wrong
 */
export function keepAliveTimes(
  { keepAlive }: ServeOptions,
  isUnix: boolean,
): KeepAliveTimes | null {
  if (keepAlive === undefined) return null;
  if (isUnix) {
    throw new TypeError("Cannot serve with keepAlive on a Unix socket: only TCP has it");
  }
  const unknown = Object.keys(keepAlive).find((name) => !Object.hasOwn(LIMITS, name));
  if (unknown !== undefined) {
    throw new TypeError(`Cannot serve with keepAlive.${unknown}: it has idle, interval and count`);
  }
  const of = (name: keyof typeof LIMITS, step: number) => {
    const [min, max, standard] = LIMITS[name];
    const value = keepAlive[name] ?? standard;
    const isNumber = typeof value === "number" && Number.isInteger(value / step);
    if (isNumber && value >= min && value <= max) return value / step;
    const kind = step === 1 ? "a whole number" : "whole seconds, in milliseconds,";
    throw new TypeError(
      `Cannot serve with keepAlive.${name} ${value}: it is ${kind} from ${min} to ${max}`,
    );
  };
  return { idle: of("idle", 1000), interval: of("interval", 1000), count: of("count", 1) };
}

/**
 * Gives the times to a listening socket, from which Linux gives them to what it accepts.
 */
export function setKeepAlive(
  runtime: Runtime,
  descriptor: number,
  address: Address,
  times: KeepAliveTimes | null,
): void {
  if (times === null || address.transport === "unix") return;
  const libc = new Libc(runtime);
  try {
    set(libc, descriptor, times);
  } finally {
    libc.unload();
  }
}
