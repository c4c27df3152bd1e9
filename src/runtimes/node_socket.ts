/**
 * Sockets of node:net, which all three runtimes have: Node's own, those that Deno
 * adopts, and those that a process is handed.
 * @module
 */
import type { Socket as NetSocket } from "node:net";
import type { Address } from "../connection/connection.ts";
import { refusal } from "../connection/errors.ts";
import type { Socket } from "../connection/socket.ts";
import { SocketConnection } from "../connection/socket_connection.ts";
import type { HandedSocket } from "../runtime.ts";
import { builtin } from "./builtin.ts";
import { systemError } from "./node_errors.ts";
import { PushSocket } from "./push_socket.ts";

/** A node:net socket as Trivet wants it. */
export class NodeSocket extends PushSocket<NetSocket> {
  readonly localAddr: Address;
  readonly remoteAddr: Address;

  /** @param socket one that does not flow */
  constructor(socket: NetSocket, localAddr: Address, remoteAddr: Address) {
    super(socket, false); // which pauses it, lest the listener for `data` starts it
    this.localAddr = localAddr;
    this.remoteAddr = remoteAddr;
    socket.on("data", (chunk: Uint8Array) => this.received(chunk));
    socket.on("end", () => this.ended());
    socket.on("error", (error: Error) => this.failed(systemError(error)));
    socket.on("close", () => this.failed(refusal("EBADF")));
  }

  write(bytes: Uint8Array): number | Promise<number> {
    if (this.error) throw this.error;
    this.wrote = true;
    this.socket.write(bytes);
    // Node tries at once, and then holds nothing of it.
    if (this.socket.writableLength === 0 && !this.socket.errored) return bytes.length;
    const written = this.waitToWrite(bytes);
    this.socket.write(NOTHING, this.#onWritten); // it is called after what came before it
    return written;
  }

  closeWrite(): Promise<void> {
    return new Promise((resolve) => this.socket.end(() => resolve()));
  }

  close(): void {
    this.failed(refusal("EBADF"));
    this.socket.destroy();
  }

  protected get descriptor(): number | undefined {
    const { _handle } = this.socket as { _handle?: { fd?: number } | null };
    return _handle === null ? -1 : _handle?.fd; // not on Deno (2.9)
  }

  protected resetNow(): void {
    // Of a Unix socket Node says that it cannot (26.10).
    if (this.localAddr.transport === "unix") this.socket.destroy();
    else this.socket.resetAndDestroy();
  }

  #onWritten = (error?: Error | null): void => {
    if (error) return this.failed(systemError(error));
    if (this.unwritten !== null) this.written(this.unwritten.length);
  };
}

const NOTHING = new Uint8Array(0);

const NOWHERE: Address = { transport: "unix", path: "" };

/**
 * The local and the remote address of a socket.
 * @param path of a Unix-domain socket that was accepted; null for TCP
 */
export function ends(socket: NetSocket, path: string | null): [Address, Address] {
  if (path !== null) return [{ transport: "unix", path }, NOWHERE];
  const { localAddress, localPort, remoteAddress, remotePort } = socket;
  return [
    { transport: "tcp", hostname: localAddress ?? "", port: localPort ?? 0 },
    { transport: "tcp", hostname: remoteAddress ?? "", port: remotePort ?? 0 },
  ];
}

/** The socket of node:net, which node:child_process can send. */
export function sendable(socket: HandedSocket): NetSocket {
  return socket.handed as NetSocket;
}

/** A socket that this process was handed, unread; null if its client has reset meanwhile. */
export function receiveHanded(handed: HandedSocket["handed"]): Socket | null {
  const socket = handed as NetSocket;
  socket.allowHalfOpen = true; // this is not handed over
  const path = socket.localAddress === undefined ? "" : null;
  if (path === null && socket.remoteAddress === undefined) {
    socket.on("error", () => {}); // its reset
    socket.destroy();
    return null;
  }
  return new NodeSocket(socket, ...ends(socket, path));
}

/** Connects with node:net. Rejects with a POSIX `code`. */
export function connect(address: Address, signal?: AbortSignal): Promise<SocketConnection> {
  const path = address.transport === "unix" ? address.path : null;
  const { promise, resolve, reject } = Promise.withResolvers<SocketConnection>();
  const socket = builtin.net.connect({
    ...(path !== null ? { path } : { ...tcpTarget(address), noDelay: true, keepAlive: true }),
    allowHalfOpen: true,
  });
  const refused = (error: Error) => reject(systemError(error));
  const giveUp = () => void socket.destroy();
  signal?.addEventListener("abort", giveUp);
  socket.once("error", refused);
  socket.once("close", () => signal?.removeEventListener("abort", giveUp));
  socket.once("connect", () => {
    signal?.removeEventListener("abort", giveUp);
    socket.off("error", refused);
    const [localAddr, remoteAddr] = ends(socket, path === null ? null : "");
    const peer: Address = path === null ? remoteAddr : { transport: "unix", path };
    resolve(new SocketConnection(new NodeSocket(socket, localAddr, peer), systemError));
  });
  return promise;
}

/** A TCP address as node:net takes it. */
export function tcpTarget(address: Address): { host: string; port: number } {
  const { hostname, port } = address as Extract<Address, { transport: "tcp" }>;
  return { host: hostname, port };
}

/** Gives a connected descriptor to the event loop, which does not read it yet. */
export function adoptUnread(descriptor: number): NetSocket {
  const options = {
    fd: descriptor,
    allowHalfOpen: true,
    readable: true,
    writable: true,
    pauseOnCreate: true, // as a server does with those that it accepts (26.10)
  };
  return new builtin.net.Socket(options);
}

/** Gives a connected descriptor to the event loop. */
export function adopt(descriptor: number, localAddr: Address, remoteAddr: Address): Socket {
  return new NodeSocket(adoptUnread(descriptor), localAddr, remoteAddr);
}
