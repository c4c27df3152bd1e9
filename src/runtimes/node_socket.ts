/**
 * Sockets of node:net, which all three runtimes have: Node's own, and how Deno
 * adopts a descriptor.
 * @module
 */
import type { Server, Socket as NetSocket } from "node:net";
import type { Address } from "../connection/connection.ts";
import { errorCode, errorMessage, refusal, SystemError } from "../connection/errors.ts";
import type { HandedSocket, HandOverListener, LoopListener } from "../runtime.ts";
import { type Socket, SocketConnection } from "../connection/socket_connection.ts";
import { builtin } from "./builtin.ts";
import { descriptorLimit, firstOfLast } from "./proc.ts";
import { AcceptQueue, PushSocket } from "./push_socket.ts";

/** An error of Node or Bun; it has the POSIX name already. */
export function systemError(error: unknown): SystemError {
  return error instanceof SystemError
    ? error
    : new SystemError(errorCode(error) ?? "EIO", errorMessage(error), error);
}

/** A node:net socket as Trivet wants it. */
class NodeSocket extends PushSocket {
  readonly localAddr: Address;
  readonly remoteAddr: Address;
  readonly #socket: NetSocket;
  #writer: { resolve(length: number): void; reject(error: Error): void; length: number } | null =
    null;

  /** The socket must not be flowing. */
  constructor(socket: NetSocket, localAddr: Address, remoteAddr: Address) {
    super(false);
    this.#socket = socket;
    this.localAddr = localAddr;
    this.remoteAddr = remoteAddr;
    socket.pause(); // lest the listener for `data` starts it
    socket.on("data", (chunk: Uint8Array) => this.received(chunk));
    socket.on("end", () => this.ended());
    socket.on("error", (error: Error) => this.failed(systemError(error)));
    socket.on("close", () => this.failed(refusal("EBADF")));
  }

  write(bytes: Uint8Array): number | Promise<number> {
    if (this.error) throw this.error;
    this.#socket.write(bytes);
    // Node tries at once, and then holds nothing of it.
    if (this.#socket.writableLength === 0 && !this.#socket.errored) return bytes.length;
    return new Promise((resolve, reject) => {
      this.#writer = { resolve, reject, length: bytes.length };
      this.#socket.write(NOTHING, this.#onWritten); // it is called after what came before it
    });
  }

  closeWrite(): Promise<void> {
    return new Promise((resolve) => this.#socket.end(() => resolve()));
  }

  close(): void {
    this.failed(refusal("EBADF"));
    this.#socket.destroy();
  }

  override failed(error: Error): void {
    super.failed(error);
    this.#writer?.reject(this.error!);
    this.#writer = null;
  }

  protected flow(on: boolean): void {
    if (on) this.#socket.resume();
    else this.#socket.pause();
  }

  #onWritten = (error?: Error | null): void => {
    if (error) return this.failed(systemError(error));
    this.#writer?.resolve(this.#writer.length);
    this.#writer = null;
  };
}

const NOTHING = new Uint8Array(0);

const NOWHERE: Address = { transport: "unix", path: "" };

function ends(socket: NetSocket, path: string | null): [Address, Address] {
  if (path !== null) return [{ transport: "unix", path }, NOWHERE];
  const { localAddress, localPort, remoteAddress, remotePort } = socket;
  return [
    { transport: "tcp", hostname: localAddress ?? "", port: localPort ?? 0 },
    { transport: "tcp", hostname: remoteAddress ?? "", port: remotePort ?? 0 },
  ];
}

/** A server of node:net, which accepts on its own; who is not asked for yet waits unread. */
interface Bound {
  readonly addr: Address;
  readonly server: Server;
  readonly queue: AcceptQueue<NetSocket>;
}

/** Its number; undefined where it is not told (Deno 2.9). */
function descriptor(socket: NetSocket | Server): number | undefined {
  return (socket as { _handle?: { fd?: number } })._handle?.fd;
}

function bindServer(address: Address, backlog: number): Promise<Bound> {
  const path = address.transport === "unix" ? address.path : null;
  const queue = new AcceptQueue<NetSocket>();
  const last = firstOfLast(descriptorLimit());
  const server = builtin.net.createServer({
    allowHalfOpen: true,
    pauseOnConnect: true,
    noDelay: path === null,
    keepAlive: path === null,
  }, (socket) => {
    // A client that has reset already has no address any more.
    if (path === null && socket.remoteAddress === undefined) socket.destroy();
    else if ((descriptor(socket) ?? -1) >= last) {
      const [, remoteAddr] = ends(socket, path);
      socket.destroy();
      queue.onRefused?.(remoteAddr);
    } else queue.push(socket);
  });
  const { promise, resolve, reject } = Promise.withResolvers<Bound>();
  server.once("error", (error) => reject(systemError(error)));
  server.listen(
    path !== null ? { path, backlog } : { ...tcpTarget(address), backlog, ipv6Only: false },
    () => {
      server.removeAllListeners("error");
      server.on("error", (error) => queue.fail(systemError(error)));
      const bound = server.address();
      const addr: Address = typeof bound === "object" && bound !== null
        ? { transport: "tcp", hostname: bound.address, port: bound.port }
        : address;
      resolve({ addr, server, queue });
    },
  );
  return promise;
}

/** Listens with node:net. */
export async function listen(address: Address, backlog: number): Promise<LoopListener> {
  const { addr, server, queue } = await bindServer(address, backlog);
  const path = addr.transport === "unix" ? addr.path : null;
  return {
    addr,
    descriptor: descriptor(server),
    set onRefused(listener: (remoteAddr: Address) => void) {
      queue.onRefused = listener;
    },
    async accept() {
      const socket = await queue.accept();
      return socket &&
        new SocketConnection(new NodeSocket(socket, ...ends(socket, path)), systemError);
    },
    close() {
      server.close();
      for (const socket of queue.close()) socket.destroy();
    },
  };
}

/** Listens with node:net for connections that other processes serve. */
export async function listenToHandOver(
  address: Address,
  backlog: number,
): Promise<HandOverListener> {
  const { addr, server, queue } = await bindServer(address, backlog);
  return {
    addr,
    descriptor: descriptor(server),
    async accept() {
      const socket = await queue.accept();
      if (!socket) return null;
      const [, remoteAddr] = ends(socket, addr.transport === "unix" ? addr.path : null);
      return { handed: socket, remoteAddr };
    },
    drop: (socket) => void sendable(socket).destroy(),
    close() {
      server.close();
      for (const socket of queue.close()) socket.destroy();
    },
  };
}

/** What node:child_process can send. */
export function sendable(socket: HandedSocket): NetSocket {
  return socket.handed as NetSocket;
}

/** A socket that this process was handed; it has not been read. */
export function receiveHanded(handed: HandedSocket["handed"]): Socket {
  const socket = handed as NetSocket;
  socket.allowHalfOpen = true; // this is not handed over
  const path = socket.remoteAddress === undefined ? "" : null;
  return new NodeSocket(socket, ...ends(socket, path));
}

/** Connects with node:net. */
export function connect(address: Address): Promise<SocketConnection> {
  const path = address.transport === "unix" ? address.path : null;
  const { promise, resolve, reject } = Promise.withResolvers<SocketConnection>();
  const socket = builtin.net.connect({
    ...(path !== null ? { path } : { ...tcpTarget(address), noDelay: true, keepAlive: true }),
    allowHalfOpen: true,
  });
  const refused = (error: Error) => reject(systemError(error));
  socket.once("error", refused);
  socket.once("connect", () => {
    socket.off("error", refused);
    const [localAddr, remoteAddr] = ends(socket, path === null ? null : "");
    const peer: Address = path === null ? remoteAddr : { transport: "unix", path };
    resolve(new SocketConnection(new NodeSocket(socket, localAddr, peer), systemError));
  });
  return promise;
}

function tcpTarget(address: Address): { host: string; port: number } {
  const { hostname, port } = address as Extract<Address, { transport: "tcp" }>;
  return { host: hostname, port };
}

/** Gives a connected descriptor to the event loop. */
export function adopt(descriptor: number, localAddr: Address, remoteAddr: Address): Socket {
  const socket = new builtin.net.Socket({
    fd: descriptor,
    allowHalfOpen: true,
    readable: true,
    writable: true,
  });
  return new NodeSocket(socket, localAddr, remoteAddr);
}
