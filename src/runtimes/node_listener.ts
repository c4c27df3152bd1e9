/**
 * Servers of node:net, which all three runtimes have. One accepts on its own;
 * whoever is not asked for yet waits unread.
 * @module
 */
import type { Server, Socket as NetSocket } from "node:net";
import type { Address } from "../connection/connection.ts";
import { SystemError } from "../connection/errors.ts";
import { SocketConnection } from "../connection/socket_connection.ts";
import type { HandOverListener, LoopListener } from "../runtime.ts";
import { AcceptedBeside } from "./accepted_beside.ts";
import { AcceptQueue, firstOfLast } from "./accept_queue.ts";
import { builtin } from "./builtin.ts";
import { systemError } from "./node_errors.ts";
import { ends, NodeSocket, sendable, tcpTarget } from "./node_socket.ts";
import { descriptorLimit } from "./proc.ts";

/** A server that listens. */
interface Bound {
  readonly addr: Address;
  /** The path of a Unix-domain socket; null for TCP. */
  readonly path: string | null;
  readonly descriptor: number | undefined;
  readonly queue: AcceptQueue<NetSocket>;
  /** Stops listening, and closes whoever waits, unless they are still asked for. */
  close(serves?: boolean): void;
}

/** The descriptor; undefined where it is not told (Deno 2.9). */
function descriptorOf(socket: NetSocket | Server): number | undefined {
  return (socket as { _handle?: { fd?: number } })._handle?.fd;
}

function bindServer(
  address: Address,
  backlog: number,
  own?: number,
  toTheLast = false,
  beside: AcceptedBeside | null = null,
): Promise<Bound> {
  const path = address.transport === "unix" ? address.path : null;
  const queue = new AcceptQueue<NetSocket>();
  const last = toTheLast ? Infinity : firstOfLast(descriptorLimit());
  const take = (socket: NetSocket) => {
    // Whoever accepts beside the loop knows no options, and Deno leaves keepAlive alone (2.9).
    if (path === null) socket.setNoDelay(true).setKeepAlive(true);
    // A client that has reset already has no address any more.
    if (path === null && socket.remoteAddress === undefined) socket.destroy();
    else if ((descriptorOf(socket) ?? -1) >= last) {
      const [, remoteAddr] = ends(socket, path);
      socket.destroy();
      queue.onRefused?.(remoteAddr);
    } else queue.push(socket);
  };
  const server = builtin.net.createServer({
    allowHalfOpen: true,
    pauseOnConnect: true,
    noDelay: path === null,
    keepAlive: path === null,
  }, (socket) => {
    take(socket);
    beside?.accept(descriptorOf(server), take, (error) => queue.fail(systemError(error)));
  });
  const { promise, resolve, reject } = Promise.withResolvers<Bound>();
  server.once("error", (error) => reject(bindError(systemError(error), path)));
  server.listen(
    own !== undefined
      ? { fd: own, backlog }
      : path !== null
      ? { path, backlog }
      : { ...tcpTarget(address), backlog, ipv6Only: false },
    () => {
      server.removeAllListeners("error");
      server.on("error", (error) => queue.fail(systemError(error)));
      const bound = server.address();
      const addr: Address = path === null && typeof bound === "object" && bound !== null
        ? { transport: "tcp", hostname: bound.address, port: bound.port }
        : address;
      const close = (serves?: boolean) => {
        server.close();
        for (const socket of queue.close(serves)) socket.destroy();
      };
      resolve({ addr, path, descriptor: descriptorOf(server), queue, close });
    },
  );
  return promise;
}

/** libuv says EACCES of a Unix socket whose folder is missing, as Windows would (Node 26.10). */
function bindError(error: SystemError, path: string | null): SystemError {
  if (error.code !== "EACCES" || path === null) return error;
  const folder = path.slice(0, path.lastIndexOf("/") + 1) || ".";
  try {
    if (builtin.fs.statSync(folder, { throwIfNoEntry: false })) return error;
  } catch {
    return error; // a folder above it may not be searched
  }
  return new SystemError("ENOENT", `No such folder: ${folder}`, error.cause);
}

/**
 * Listens with node:net. Rejects with a POSIX `code`.
 * @param own a Unix socket that listens on the address already
 */
export async function listen(
  address: Address,
  backlog: number,
  own?: number,
  toTheLast?: boolean,
): Promise<LoopListener> {
  const { addr, path, descriptor, queue, close } = await bindServer(
    address,
    backlog,
    own,
    toTheLast,
    new AcceptedBeside(), // not where sockets are handed over: Bun's node:net adopts none (1.4)
  );
  return {
    addr,
    descriptor,
    get waiting() {
      return queue.length;
    },
    set onRefused(listener: (remoteAddr: Address) => void) {
      queue.onRefused = listener;
    },
    async accept() {
      const socket = await queue.accept();
      return socket &&
        new SocketConnection(new NodeSocket(socket, ...ends(socket, path)), systemError);
    },
    close,
  };
}

/** The same, for connections that other processes serve. */
export async function listenToHandOver(
  address: Address,
  backlog: number,
  own?: number,
): Promise<HandOverListener> {
  const { addr, path, descriptor, queue, close } = await bindServer(address, backlog, own);
  return {
    addr,
    descriptor,
    async accept() {
      const socket = await queue.accept();
      if (!socket) return null;
      const [, remoteAddr] = ends(socket, path);
      return { handed: socket, remoteAddr };
    },
    drop: (socket) => void sendable(socket).destroy(),
    close,
  };
}
