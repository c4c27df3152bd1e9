/**
 * The options of serve(), checked and with their defaults: one clear line for
 * each wrong one.
 * @module
 */
import type { Address } from "../connection/connection.ts";
import type { ModelName } from "../handler/handler.ts";
import type { ServeOptions } from "../options.ts";
import { flagMistake } from "../runtimes/deno_permissions.ts";
import type { KeepAliveTimes } from "../posix/tcp_options.ts";
import type { ServingSettings } from "../serving/serving_settings.ts";
import { checkOptions, type Kind } from "../check_options.ts";
import { accessGiven } from "./access.ts";
import { isUnix, type Place, placesOf } from "./places.ts";
import { keepAliveTimes } from "./keep_alive.ts";
import { statusPlace } from "./status_place.ts";
import { type Model, modelIn, MODELS } from "./models.ts";

/** The most workers with many connections each. */
export const LARGEST_CREW = 256;

const LARGEST = 2 ** 31 - 1;

/** Options that are whole numbers: default, smallest, largest. `maxConnections` has the model's. */
const NUMBERS = {
  port: [8888, 0, 65535],
  workers: [0, 0, LARGEST_CREW],
  maxConnections: [1, 1, LARGEST],
  maxConnectionsPerSource: [0, 0, LARGEST],
  maxConnectionsPerWorker: [0, 0, LARGEST],
  spares: [4, 1, LARGEST],
  backlog: [511, 1, LARGEST],
  idleTimeout: [0, 0, LARGEST],
  firstByteTimeout: [0, 0, LARGEST],
  connectionTimeout: [0, 0, LARGEST],
  minRate: [0, 0, LARGEST],
  minRateGrace: [10_000, 100, LARGEST],
  linger: [2000, 0, LARGEST],
  drainDelay: [0, 0, LARGEST],
  shutdownTimeout: [10_000, 0, LARGEST],
  drainSpread: [0, 0, LARGEST],
  unixMode: [0, 0, 0o777],
  statusMode: [0o600, 0, 0o777],
  maxWorkerMemory: [0, 0, LARGEST],
  proxyHeaderTimeout: [5000, 1, LARGEST],
} as const satisfies Partial<Record<keyof ServeOptions, readonly [number, number, number]>>;

type NumberName = keyof typeof NUMBERS;

/** What each option is. */
const KINDS = {
  ...Object.fromEntries(Object.keys(NUMBERS).map((name) => [name, "a number"])) as Record<
    NumberName,
    "a number"
  >,
  model: "a string",
  hostname: "a string",
  path: "a string",
  listen: "an array of places",
  overLimit: "a string",
  handOver: "true or false",
  fork: "true or false",
  workerArgs: "an array of strings",
  workerPermissions: "an array of strings",
  proxyProtocol: "an array of strings",
  allow: "an array of strings",
  deny: "an array of strings",
  tls: "an object",
  status: "a string or true",
  statusPublic: "true or false",
  messages: "true or false",
  keepAlive: "an object",
  signal: "an AbortSignal",
  onListen: "a function",
  onEvent: "a function",
} as const satisfies Record<keyof ServeOptions, Kind>;

/** The default of an option that is a whole number; milliseconds where it is a time. */
export function standard(
  name: Exclude<NumberName, "maxConnections" | "unixMode" | "statusMode">,
): number {
  return NUMBERS[name][0];
}

/** The options with their defaults. */
export interface Settings {
  /** Where to listen. */
  readonly places: readonly Place[];
  readonly backlog: number;
  /** null: what umask leaves. */
  readonly unixMode: number | null;
  readonly workers: number;
  readonly spares: number;
  readonly maxConnections: number;
  readonly maxConnectionsPerSource: number;
  /** Whether clients beyond `maxConnections` are closed, and do not wait. */
  readonly refuses: boolean;
  readonly drainDelay: number;
  readonly shutdownTimeout: number;
  readonly drainSpread: number;
  readonly handOver: boolean;
  readonly fork: boolean;
  readonly workerArgs: string[];
  /** null: what the main process holds. */
  readonly workerPermissions: string[] | null;
  readonly maxWorkerMemory: number;
  /** Where it tells its status, or that it only keeps count; null for neither. */
  readonly status: Address | "kept" | null;
  readonly statusMode: number;
  /** null: as the system does it. */
  readonly keepAlive: KeepAliveTimes | null;
  /** What serving a connection needs of the options, in whatever process. */
  readonly serving: ServingSettings;
}

/**
 * The options with their defaults.
 * @throws {TypeError} with one line for the first wrong option
 */
export function settle(options: ServeOptions): Settings {
  checkOptions("serve", options, KINDS);
  const model = options.model ?? "multiplex";
  if (!Object.hasOwn(MODELS, model)) {
    throw new TypeError(
      `Cannot serve under the model "${model}": it is one of ${Object.keys(MODELS).join(", ")}`,
    );
  }
  const overLimit = options.overLimit ?? "wait";
  if (overLimit !== "wait" && overLimit !== "refuse") {
    throw new TypeError(`Cannot serve with overLimit "${overLimit}": it is wait or refuse`);
  }
  const numbers = wholeNumbers(options);
  const places = placesOf(options, numbers.port, numbers.proxyHeaderTimeout);
  if (options.unixMode !== undefined && !places.some(isUnix)) {
    throw new TypeError(
      "Cannot serve with unixMode: it is for a Unix socket, so give its path too",
    );
  }
  const row = modelIn(numbers.workers, model);
  if (!row) {
    throw new TypeError(
      `Cannot serve with workers under the model "${model}": it is multiplex that may have several loops`,
    );
  }
  checkFit(options, places, model, row);
  const { drainSpread, shutdownTimeout } = numbers;
  if (drainSpread > shutdownTimeout) {
    throw new TypeError(
      `Cannot spread the end over ${
        drainSpread / 1000
      } s (drainSpread): all is over at shutdownTimeout, after ${shutdownTimeout / 1000} s`,
    );
  }
  const { linger, idleTimeout, connectionTimeout, maxConnectionsPerWorker } = numbers;
  const { firstByteTimeout, minRate, minRateGrace } = numbers;
  const messages = options.messages ?? false;
  if (messages && !options.onEvent) {
    throw new TypeError("Cannot serve with messages: they are events, so give onEvent too");
  }
  const status = statusPlace(options);
  const wrongFlag = options.workerPermissions?.map(flagMistake).find((why) => why !== null);
  if (wrongFlag) throw new TypeError(`Cannot restrict the workers' permissions: ${wrongFlag}`);
  return {
    ...numbers,
    status,
    places,
    keepAlive: keepAliveTimes(options, places.every(isUnix)),
    unixMode: options.unixMode === undefined ? null : numbers.unixMode,
    maxConnections: options.maxConnections ?? row.maxConnections,
    refuses: overLimit === "refuse",
    handOver: options.handOver ?? false,
    fork: options.fork ?? true,
    workerArgs: options.workerArgs ?? [],
    workerPermissions: options.workerPermissions ?? null,
    serving: {
      ...{ model, linger, idleTimeout, connectionTimeout, maxConnectionsPerWorker, messages },
      ...{ shutdownTimeout, drainSpread, firstByteTimeout, minRate, minRateGrace },
      proxies: places.map(({ proxy }) => proxy),
      tls: places.map(({ tls }) => tls),
      access: accessGiven(options),
    },
  };
}

/**
 * Checks that the model has a use for what was asked for. `spares` and `backlog` are
 * left out: they promise nothing that a client could miss, and whoever compares
 * models gives all of them the same.
 */
function checkFit(
  options: ServeOptions,
  places: readonly Place[],
  model: ModelName,
  row: Model,
): void {
  const hasNone = places.every((place) => isUnix(place) && place.proxy === null);
  if (options.maxConnectionsPerSource && hasNone) {
    throw new TypeError(
      "Cannot limit connections per source on a Unix socket: its clients have no source",
    );
  }
  if (options.minRate && places.some(isUnix)) {
    throw new TypeError(
      "Cannot serve with minRate on a Unix socket: the system does not tell what has come to a client",
    );
  }
  if (options.minRateGrace !== undefined && !options.minRate) {
    throw new TypeError("Cannot serve with minRateGrace: give minRate too");
  }
  if (options.maxWorkerMemory && row.where !== "process") {
    throw new TypeError(
      `Cannot limit workers' memory under the model "${model}": only a process has memory of its own; pick process, or multiplex with workers`,
    );
  }
  if (options.workerPermissions && !row.workers?.entrances.includes("handed over")) {
    throw new TypeError(
      `Cannot restrict workers under the model "${model}": only a process has permissions of its own; pick process`,
    );
  }
  if (options.handOver && !row.workers?.entrances.includes("handed over")) {
    throw new TypeError(
      `Cannot hand sockets over under the model "${model}": it is process whose workers can be handed them`,
    );
  }
  if (options.fork === false && (row.where !== "process" || row.each !== "one")) {
    throw new TypeError(
      `Cannot do without fork under the model "${model}": it is process whose workers are forked`,
    );
  }
  if (options.workerArgs?.length && row.where !== "process") {
    throw new TypeError(
      `Cannot give arguments to workers under the model "${model}": only a process takes them; pick process, or multiplex with workers`,
    );
  }
  if (options.maxConnectionsPerWorker && !row.workers) {
    throw new TypeError(
      `Cannot limit connections per worker under the model "${model}": it has no workers`,
    );
  }
  if (row.where === "main" && row.each === "one" && (options.maxConnections ?? 1) > 1) {
    throw new TypeError(
      `Cannot serve ${options.maxConnections} connections at once under the model "${model}": it has one`,
    );
  }
}

/** Those options that are whole numbers, with their defaults. */
function wholeNumbers(options: ServeOptions): Record<NumberName, number> {
  const entries = Object.entries(NUMBERS).map(([name, [standard, min, max]]) => {
    const value = options[name as NumberName] ?? standard;
    if (!Number.isInteger(value) || value < min || value > max) {
      throw new TypeError(
        `Cannot serve with ${name} ${value}: it is a whole number from ${min} to ${max}`,
      );
    }
    return [name, value];
  });
  return Object.fromEntries(entries);
}
