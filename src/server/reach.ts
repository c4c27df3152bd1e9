/**
 * From an address to a connection, the same on every runtime, or one line that
 * says why not.
 * @module
 */
import { type Address, type Connection, formatAddress } from "../connection/connection.ts";
import { delay } from "../connection/delay.ts";
import { errorCode, errorMessage, SystemError } from "../connection/errors.ts";
import type { ConnectPatience } from "../options.ts";
import { connectToFirst, inTurn } from "../posix/epoll_connect.ts";
import { EpollLoop } from "../posix/epoll_loop.ts";
import type { SocketConnection } from "../connection/socket_connection.ts";
import type { Runtime } from "../runtime.ts";
import type { TlsClientSettings } from "../tls/tls_settings.ts";
import { atEnd } from "../workers/at_end.ts";
import { ownSettings } from "../workers/worker_settings.ts";
import { resolveAll } from "./resolve_host.ts";

/** TLS of clients, which is loaded for whoever wants it. */
const startTls = () => import("../serving/start_tls.ts");

/** Milliseconds between two attempts where a Unix socket's queue is full: nothing tells of room. */
const NO_ROOM_WAIT = 20;

/**
 * Connects.
 * @throws {SystemError} with a POSIX `code`; its message names the address
 * @throws the reason of `signal`, when that is aborted
 */
export async function reach(
  runtime: Runtime,
  address: Address,
  { signal, timeout = 0, tls }: ConnectPatience = {},
): Promise<Connection> {
  signal?.throwIfAborted();
  const host = address.transport === "tcp" ? address.hostname : "localhost";
  const secured = tls === undefined
    ? null
    : (await startTls()).clientTls(runtime, tls === true ? {} : tls, host);
  const target = plain(address);
  const attempt = new AbortController();
  const over = Promise.withResolvers<never>();
  const giveUp = (why: unknown) => {
    over.reject(why);
    attempt.abort();
  };
  const onAbort = () => giveUp(signal!.reason);
  signal?.addEventListener("abort", onAbort);
  const timer = timeout === 0 ? null : setTimeout(() => {
    const late = `Cannot connect to ${formatAddress(target)}: no answer in ${timeout / 1000} s`;
    giveUp(new SystemError("ETIMEDOUT", late));
  }, timeout);
  const made = makeConnection(runtime, target, attempt.signal).catch((error) => {
    throw connectError(target, error);
  }).then((connection) => {
    connection.tlsStarter = async (connection, options) =>
      (await startTls()).clientStarter(runtime, host)(connection, options);
    return secured === null
      ? connection
      : begin(runtime, connection, secured, target, attempt.signal);
  });
  try {
    return await Promise.race([over.promise, made]);
  } finally {
    if (timer !== null) clearTimeout(timer);
    signal?.removeEventListener("abort", onAbort);
  }
}

async function begin(
  runtime: Runtime,
  connection: SocketConnection,
  settings: TlsClientSettings,
  target: Address,
  signal: AbortSignal,
): Promise<SocketConnection> {
  const giveUp = () => connection.close();
  signal.addEventListener("abort", giveUp);
  try {
    connection.tls = await (await startTls()).beginAsClient(runtime, connection, settings);
    return connection;
  } catch (error) {
    const message = `Cannot connect to ${formatAddress(target)}: ${errorMessage(error)}`;
    throw new SystemError(errorCode(error) ?? "EPROTO", message, error);
  } finally {
    signal.removeEventListener("abort", giveUp);
  }
}

/** Never resolves with a connection that nobody waits for any more. */
async function makeConnection(
  runtime: Runtime,
  target: Address,
  signal: AbortSignal,
): Promise<SocketConnection> {
  if (target.transport === "tcp" && isNoName(target.hostname)) {
    throw new SystemError("ENOTFOUND", "It cannot be a name");
  }
  for (;;) {
    try {
      const loop = loopFor(runtime, target);
      const connection =
        await (loop ? connectOn(loop, runtime, target, signal) : runtime.connect(target, signal));
      if (signal.aborted) connection.close();
      return connection;
    } catch (error) {
      const isFull = errorCode(error) === "EAGAIN" && target.transport === "unix";
      if (!isFull || signal.aborted) throw error;
      await delay(NO_ROOM_WAIT);
    }
  }
}

async function connectOn(
  loop: EpollLoop,
  runtime: Runtime,
  target: Address,
  signal: AbortSignal,
): Promise<SocketConnection> {
  let addresses: readonly Address[] = [target];
  try {
    if (target.transport === "tcp") {
      const numeric = inTurn(await resolveAll(runtime, target.hostname));
      addresses = numeric.map((hostname) => ({ ...target, hostname }));
    }
    signal.throwIfAborted();
  } catch (error) {
    await loop.end();
    throw error;
  }
  return await connectToFirst(loop, addresses, signal);
}

/** Whether this worker has a loop, which it keeps. */
let isKept = false;

/**
 * The epoll loop, where this thread runs one for its clients or is a worker's; null where
 * the runtime's own is as good, or has to ask for a permission. To start one takes a
 * millisecond, too long for each connection of a program without a server.
 */
function loopFor(runtime: Runtime, target: Address): EpollLoop | null {
  if (!EpollLoop.isRunning) {
    if (isKept || !EpollLoop.suits(runtime) || ownSettings(runtime) === null) return null;
    isKept = true;
    const kept = EpollLoop.share(runtime)!;
    if (runtime.threadScope()) atEnd.push(() => kept.end()); // of a process the kernel takes all back
  }
  const isScoped = target.transport === "tcp" && target.hostname.includes("%");
  return isScoped || !runtime.mayConnect(target) ? null : EpollLoop.share(runtime);
}

/**
 * The address as every runtime takes it: Node knows no brackets, and getaddrinfo(3),
 * which Deno asks, only the scope of an address that is link-local.
 */
function plain(address: Address): Address {
  if (address.transport === "unix") return address;
  const host = /^\[(.*:.*)\]$/.exec(address.hostname)?.[1] ?? address.hostname;
  const [numeric, scope] = host.split("%");
  const hostname = scope && !isLinkLocal(numeric) ? numeric : host;
  return { ...address, hostname };
}

/** What no host is called, of which each runtime says something else. */
function isNoName(hostname: string): boolean {
  return hostname.length > LONGEST_NAME || /[[\]]/.test(hostname);
}

/** Characters, RFC 1035. */
const LONGEST_NAME = 253;

const HINTS: Record<string, string> = {
  ECONNREFUSED: "nobody listens there",
  ENOTFOUND: "no host has that name",
  ECONNRESET: "the server reset the connection",
  EAI_AGAIN: "no name server answers",
  ENOENT: "no such socket",
  ENOTDIR: "no such socket",
  ENAMETOOLONG: "a socket's path is not so long",
  EACCES: "permission denied",
  ETIMEDOUT: "no answer came",
  EHOSTUNREACH: "no route leads there",
  ENETUNREACH: "no route leads there",
};

function connectError(address: Address, error: unknown): Error {
  const said = errorCode(error);
  if (said === undefined) return error as Error;
  const isUnix = address.transport === "unix";
  const code = said === "EINVAL" && isUnix ? "ENAMETOOLONG" : said;
  const hint = code === "EINVAL" && !isUnix && isLinkLocal(address.hostname)
    ? `name its interface too, ${address.hostname}%eth0`
    : HINTS[code] ?? errorMessage(error).split("\n")[0];
  return new SystemError(code, `Cannot connect to ${formatAddress(address)}: ${hint}`, error);
}

function isLinkLocal(hostname: string): boolean {
  return /^fe[89ab].:/i.test(hostname);
}
