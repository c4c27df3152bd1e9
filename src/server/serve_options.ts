/**
 * What serve() can be told, and one clear line for each wrong option.
 * @module
 */
import type { Address } from "../connection/connection.ts";
import type { ServerEvent } from "../events.ts";
import type { ModelName } from "../handler/handler.ts";
import { modelIn, MODELS } from "./models.ts";
import type { Runtime } from "../runtime.ts";

/** Options for `serve`. Times are in milliseconds. */
export interface ServeOptions {
  /** The concurrency model. @default {"multiplex"} */
  model?: ModelName;
  /** An address or a host's name. @default {"127.0.0.1"} */
  hostname?: string;
  /** The TCP port; 0 for a free one. @default {8888} */
  port?: number;
  /** A Unix-domain socket's path, instead of host and port. */
  path?: string;
  /** The permission bits of the socket at `path`, such as `0o660`; by default what umask leaves. */
  unixMode?: number;
  /**
   * Worker processes with an event loop each, which share the connections
   * (`multiplex` only); 0: one loop, in this process. @default {0}
   */
  workers?: number;
  /** Connections at once; by default what the model says. */
  maxConnections?: number;
  /**
   * What becomes of clients beyond `maxConnections`: they wait to be accepted,
   * or are closed at once. @default {"wait"}
   */
  overLimit?: "wait" | "refuse";
  /**
   * Connections at once from one address, or from one /64 of IPv6; who comes
   * beyond is closed at once. 0: no limit. @default {0}
   */
  maxConnectionsPerSource?: number;
  /**
   * Replaces a worker that has served so many, or up to a fifth fewer, so that
   * not all go at once; 1: a new one for each connection. 0: no limit. @default {0}
   */
  maxConnectionsPerWorker?: number;
  /** Idle workers kept ready beyond the busy ones. @default {4} */
  spares?: number;
  /** Clients that may wait in the kernel's queue. @default {511} */
  backlog?: number;
  /** Ends a connection on which no byte moved for so long; 0: never. @default {0} */
  idleTimeout?: number;
  /** Ends a connection that has been open for so long; 0: never. @default {0} */
  connectionTimeout?: number;
  /** How long to wait for a peer's close after the server's. @default {2000} */
  linger?: number;
  /** How long open connections may go on after `shutdown()`. @default {10000} */
  shutdownTimeout?: number;
  /**
   * Whether this process accepts and hands each socket over to a worker process,
   * instead of workers that share the listening socket (`process` only). It is
   * the way where no C library can be opened. @default {false}
   */
  handOver?: boolean;
  /** More arguments for the runtime of worker processes, such as `--import-map=…`. */
  workerArgs?: string[];
  /**
   * Deno's permission flags for worker processes, such as `--allow-read=/srv`,
   * instead of the main process's; an empty list for none (`process` on Deno
   * only). Sockets are then handed over.
   */
  workerPermissions?: string[];
  /**
   * MiB that a worker process may hold for itself: beyond it, it is replaced
   * when its connections have ended; beyond twice of it, ended at once.
   * 0: as much as there is. @default {0}
   */
  maxWorkerMemory?: number;
  /** Whether `message` events are wanted. @default {false} */
  messages?: boolean;
  /** Shuts the server down when it is aborted. */
  signal?: AbortSignal;
  /** Called once, when the server is ready. */
  onListen?: (addr: Address) => void;
  /** Called with everything that happens; it must not take long. */
  onEvent?: (event: ServerEvent) => void;
}

/** The most workers with many connections each. */
export const LARGEST_CREW = 256;

/** The options with their defaults. */
export type Settings =
  & Required<
    Omit<
      ServeOptions,
      "signal" | "onListen" | "onEvent" | "path" | "workerPermissions" | "unixMode"
    >
  >
  & {
    /** null: what umask leaves. */
    unixMode: number | null;
    /** null: what the main process holds. */
    workerPermissions: string[] | null;
    address: Address;
  };

/**
 * The options with their defaults.
 * @throws {TypeError} with one line for the first wrong option
 */
export function settle(options: ServeOptions): Settings {
  const model = options.model ?? "multiplex";
  if (!Object.hasOwn(MODELS, model)) {
    throw new TypeError(
      `Cannot serve under the model "${model}": it is one of ${Object.keys(MODELS).join(", ")}`,
    );
  }
  const whole = (
    name: keyof ServeOptions,
    value: number,
    min: number,
    max: number,
  ) => {
    if (!Number.isInteger(value) || value < min || value > max) {
      throw new TypeError(
        `Cannot serve with ${name} ${value}: it is a whole number from ${min} to ${max}`,
      );
    }
    return value;
  };
  const largest = 2 ** 31 - 1;
  const overLimit = options.overLimit ?? "wait";
  if (overLimit !== "wait" && overLimit !== "refuse") {
    throw new TypeError(`Cannot serve with overLimit "${overLimit}": it is wait or refuse`);
  }
  const port = whole("port", options.port ?? 8888, 0, 65535);
  if (options.path === "" || options.path?.includes("\0")) {
    throw new TypeError("Cannot serve with this path: it is a file's path, without NUL bytes");
  }
  if (options.unixMode !== undefined && options.path === undefined) {
    throw new TypeError(
      "Cannot serve with unixMode: it is for a Unix socket, so give its path too",
    );
  }
  const workers = whole("workers", options.workers ?? 0, 0, LARGEST_CREW);
  const row = modelIn(workers, model);
  if (!row) {
    throw new TypeError(
      `Cannot serve with workers under the model "${model}": it is multiplex that may have several loops`,
    );
  }
  if (options.maxWorkerMemory && row.where !== "process") {
    throw new TypeError(
      `Cannot limit workers' memory under the model "${model}": only a process has memory of its own; pick process, or multiplex with workers`,
    );
  }
  if (options.workerPermissions && model !== "process") {
    throw new TypeError(
      `Cannot restrict workers under the model "${model}": only a process has permissions of its own; pick process`,
    );
  }
  return {
    model,
    address: options.path !== undefined
      ? { transport: "unix", path: options.path }
      : { transport: "tcp", hostname: options.hostname ?? "127.0.0.1", port },
    hostname: options.hostname ?? "127.0.0.1",
    port,
    workers,
    maxConnections: whole(
      "maxConnections",
      options.maxConnections ?? row.maxConnections,
      1,
      largest,
    ),
    overLimit,
    maxConnectionsPerSource: whole(
      "maxConnectionsPerSource",
      options.maxConnectionsPerSource ?? 0,
      0,
      largest,
    ),
    maxConnectionsPerWorker: whole(
      "maxConnectionsPerWorker",
      options.maxConnectionsPerWorker ?? 0,
      0,
      largest,
    ),
    spares: whole("spares", options.spares ?? 4, 1, largest),
    backlog: whole("backlog", options.backlog ?? 511, 1, largest),
    idleTimeout: whole("idleTimeout", options.idleTimeout ?? 0, 0, largest),
    connectionTimeout: whole(
      "connectionTimeout",
      options.connectionTimeout ?? 0,
      0,
      largest,
    ),
    linger: whole("linger", options.linger ?? 2000, 0, largest),
    shutdownTimeout: whole(
      "shutdownTimeout",
      options.shutdownTimeout ?? 10_000,
      0,
      largest,
    ),
    unixMode: options.unixMode === undefined ? null : whole("unixMode", options.unixMode, 0, 0o777),
    handOver: options.handOver ?? false,
    workerArgs: options.workerArgs ?? [],
    maxWorkerMemory: whole("maxWorkerMemory", options.maxWorkerMemory ?? 0, 0, largest),
    workerPermissions: options.workerPermissions ?? null,
    messages: options.messages ?? false,
  };
}

const BYTE = "(25[0-5]|2[0-4]\\d|1?\\d?\\d)";
const IPV4 = new RegExp(`^${BYTE}(\\.${BYTE}){3}$`);

/** The address with its host's name looked up. */
export async function resolveHost(
  runtime: Runtime,
  address: Address,
): Promise<Address> {
  if (address.transport === "unix" || IPV4.test(address.hostname)) return address;
  if (address.hostname.includes(":")) {
    if (URL.canParse(`http://[${address.hostname}]`)) return address;
    throw new TypeError(`Cannot serve on "${address.hostname}": it is no IPv6 address`);
  }
  return { ...address, hostname: await runtime.lookup(address.hostname) };
}
