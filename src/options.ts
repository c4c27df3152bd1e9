/**
 * What serve() and connect() can be told.
 * @module
 */
import type { Address, TcpAddress, UnixAddress } from "./connection/connection.ts";
import type { ConnectTlsOptions, TlsOptions } from "./connection/tls_options.ts";
import type { ServerEvent } from "./events.ts";
import type { ModelName } from "./handler/handler.ts";

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
  /**
   * All places where to listen, instead of `hostname`, `port` and `path`: `HOST:PORT`, `PORT`,
   * `unix:PATH`, or `fd:NAME` and `fd:NUMBER` for a listening socket with which this process
   * was started, as by systemd; `fd:*` is all of those.
   */
  listen?: (string | ListenOptions)[];
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
   * Connections at once from one address, or from one /64 of IPv6; further ones
   * are closed at once. 0: no limit. @default {0}
   */
  maxConnectionsPerSource?: number;
  /**
   * Replaces a worker that has served so many, or up to a fifth fewer, so that
   * not all go at once; 1: a new one for each connection. 0: no limit. @default {0}
   */
  maxConnectionsPerWorker?: number;
  /**
   * Who may be a client: networks such as `10.0.0.0/8`, `2001:db8::/32` and `192.0.2.7`, `unix`
   * for clients of Unix sockets, and `@FILE` for a file with a network on each line, which
   * `reload()` reads again. Everybody else is closed at once. By default everybody may.
   */
  allow?: string[];
  /** Who may not, in the same way, also where `allow` names it. */
  deny?: string[];
  /** Idle workers kept ready beyond the busy ones. @default {4} */
  spares?: number;
  /**
   * Who must send a PROXY header before all else, as a balancer does, with the client's
   * address: networks such as `10.0.0.0/8` or `::1`, and `unix` for the clients of a Unix
   * socket. Everybody else is closed at once. Without it, no header is read.
   */
  proxyProtocol?: string[];
  /** How long the whole PROXY header may take. @default {5000} */
  proxyHeaderTimeout?: number;
  /** How connections are encrypted, in all places. By default they are not. */
  tls?: TlsOptions;
  /** Clients that may wait in the kernel's queue. @default {511} */
  backlog?: number;
  /** Ends a connection on which no byte moved for so long; 0: never. @default {0} */
  idleTimeout?: number;
  /** Ends a connection whose client has sent nothing for so long; 0: never. @default {0} */
  firstByteTimeout?: number;
  /** Ends a connection that has been open for so long; 0: never. @default {0} */
  connectionTimeout?: number;
  /**
   * Bytes a second: ends a connection that is slower while its handler waits for the
   * client to read, or to send the rest of a message. 0: as slow as it likes. @default {0}
   */
  minRate?: number;
  /** The time over which the bytes of `minRate` are counted. @default {10000} */
  minRateGrace?: number;
  /**
   * When the kernel asks a silent client whether it is still there: after `idle`, then every
   * `interval` (10,000 by default), and with no answer to `count` questions (6) the
   * connection ends. Whole seconds, in milliseconds. By default as the system does it, on
   * Linux after two hours. Linux with the C library, TCP.
   */
  keepAlive?: { idle: number; interval?: number; count?: number };
  /** How long to wait for a peer's close after the server's. @default {2000} */
  linger?: number;
  /**
   * How long clients are still accepted after `shutdown()`, while the status says already
   * that the server is not ready. @default {0}
   */
  drainDelay?: number;
  /** How long open connections may go on after that. @default {10000} */
  shutdownTimeout?: number;
  /**
   * Over which part of `shutdownTimeout` the handlers' signals are spread: one connection is
   * told after another, and ended, if it is still open, as much later as is left of the
   * timeout. 0: all at once. @default {0}
   */
  drainSpread?: number;
  /**
   * Whether this process accepts and hands each socket over to a worker process,
   * instead of workers that share the listening sockets (`process` only). It is
   * the way where no C library can be opened. @default {false}
   */
  handOver?: boolean;
  /**
   * Whether worker processes are forked from one that has loaded the handler, where the
   * handler is `blocking` and the system can do it, instead of each being started as a
   * runtime (`process` only). @default {true}
   */
  fork?: boolean;
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
  /**
   * Where the server tells what it is doing, to browsers, Prometheus and `trivet status`:
   * `unix:PATH`, `HOST:PORT` or `PORT`. With `true` it keeps count for `server.status()`
   * alone. By default it does neither.
   */
  status?: string | true;
  /** The permission bits of a Unix socket that `status` names. @default {0o600} */
  statusMode?: number;
  /** Whether `status` may name an address that others can reach. @default {false} */
  statusPublic?: boolean;
  /** Whether `onEvent` gets `message` events. @default {false} */
  messages?: boolean;
  /** Shuts the server down when it is aborted. */
  signal?: AbortSignal;
  /** Called once, when the server is ready. */
  onListen?(addr: Address, addrs: readonly Address[]): void;
  /**
   * Called with everything that happens; it must not take long. Without it, errors
   * of handlers, workers that die and warnings go to standard error.
   */
  onEvent?: (event: ServerEvent) => void;
}

/** One place where to listen. */
export interface ListenOptions {
  /** Where: as an entry of `listen` that is a string. */
  at: string;
  /**
   * Who must send a PROXY header here; without it, what the option `proxyProtocol` says for
   * all places, and with an empty list nobody.
   */
  proxyProtocol?: string[];
  /** How connections are encrypted here, instead of what `tls` says for all; false: not. */
  tls?: TlsOptions | false;
}

/** Options for `serve` on a TCP port. */
export interface ServeTcpOptions extends ServeOptions {
  /** None: a TCP port has none. */
  path?: never;
  /** None: it is the mode of a file. */
  unixMode?: never;
  /** None: it may name others too. */
  listen?: never;
  /** Called once, when the server is ready. */
  onListen?(addr: TcpAddress): void;
}

/** Options for `serve` on a Unix-domain socket. */
export interface ServeUnixOptions extends ServeOptions {
  /** The socket's path. */
  path: string;
  /** None: a Unix-domain socket has none. */
  hostname?: never;
  /** None: a Unix-domain socket has none. */
  port?: never;
  /** None: it may name others too. */
  listen?: never;
  /** Called once, when the server is ready. */
  onListen?(addr: UnixAddress): void;
}

/** Where `connect` connects to. */
export type ConnectOptions = ConnectTcpOptions | ConnectUnixOptions;

/** How long `connect` tries, and what it makes of the connection. */
export interface ConnectPatience {
  /** Ends the attempt when it is aborted; `connect` rejects with its reason. */
  signal?: AbortSignal;
  /** Milliseconds for all of it; 0: as long as the system tries. @default {0} */
  timeout?: number;
  /** Encrypts the connection, and demands that the server proves who it is. */
  tls?: true | ConnectTlsOptions;
}

/** A TCP port to connect to; a {@linkcode TcpAddress} is one. */
export interface ConnectTcpOptions extends ConnectPatience {
  /** The kind of address. @default {"tcp"} */
  transport?: "tcp";
  /** An address or a host's name, of whose addresses the first is taken that answers. @default {"127.0.0.1"} */
  hostname?: string;
  /** 1 to 65535. */
  port: number;
  /** None: a TCP port has none. */
  path?: never;
}

/** A Unix-domain socket to connect to; a {@linkcode UnixAddress} is one. */
export interface ConnectUnixOptions extends ConnectPatience {
  /** The kind of address. @default {"unix"} */
  transport?: "unix";
  /** The socket's path in the file system. */
  path: string;
  /** None: a Unix-domain socket has none. */
  hostname?: never;
  /** None: a Unix-domain socket has none. */
  port?: never;
}
