/**
 * Sockets of Bun's own event loop.
 * @module
 */
import type { Address } from "../connection/connection.ts";
import { errorCode, refusal, SystemError } from "../connection/errors.ts";
import type { Socket } from "../connection/socket.ts";
import { SocketConnection } from "../connection/socket_connection.ts";
import { builtin } from "./builtin.ts";
import { type ApiSocket, Bun, type SocketHandlers } from "./bun_types.ts";
import { fail, systemError } from "./node_errors.ts";
import { PushSocket } from "./push_socket.ts";

/** A socket of Bun's loop, which calls it back through {@linkcode HANDLERS}. */
export class BunSocket extends PushSocket<ApiSocket<BunSocket>> {
  localAddr: Address;
  remoteAddr: Address;
  #finSent = false;

  /** @param path of a Unix-domain socket that was accepted; null for TCP */
  constructor(socket: ApiSocket<BunSocket>, flowing: boolean, path: string | null) {
    super(socket, flowing);
    if (path !== null) {
      this.localAddr = { transport: "unix", path };
      this.remoteAddr = { transport: "unix", path: "" };
      return;
    }
    const { localAddress, localPort, remoteAddress, remotePort } = socket;
    this.localAddr = { transport: "tcp", hostname: localAddress, port: localPort };
    this.remoteAddr = { transport: "tcp", hostname: remoteAddress, port: remotePort };
    socket.setNoDelay(true);
    socket.setKeepAlive(true, 0);
  }

  write(bytes: Uint8Array): number | Promise<number> {
    this.wrote = true;
    // Bun keeps nothing of what the kernel does not take.
    const length = this.socket.write(bytes);
    if (length > 0) return length;
    if (length < 0) throw this.error ?? refusal("EPIPE");
    return this.waitToWrite(bytes);
  }

  closeWrite(): void {
    this.#finSent = true;
    this.socket.shutdown();
  }

  /** Bun has closed it: after FIN in both directions it says so instead of `end` (1.4). */
  closed(error?: Error): void {
    if (error) this.failed(systemError(error));
    else if (this.#finSent) {
      this.ended();
      this.gone();
    } else this.failed(refusal("EBADF"));
  }

  close(): void {
    this.failed(refusal("EBADF"));
    this.socket.close();
  }

  protected get descriptor(): number {
    return this.socket.fd;
  }

  protected resetNow(): void {
    this.socket.terminate();
  }

  /** The kernel has room again. */
  drained(): void {
    if (this.unwritten === null) return;
    const length = this.socket.write(this.unwritten);
    if (length > 0) this.written(length);
    else if (length < 0) this.notWritten(this.error ?? refusal("EPIPE"));
  }
}

/** Bun's callbacks; the same for all sockets, so that one costs no closures. */
export const HANDLERS: SocketHandlers<BunSocket> = {
  data: (socket, chunk) => socket.data.received(chunk),
  drain: (socket) => socket.data?.drained(), // it comes once before `open`
  end: (socket) => socket.data.ended(),
  error: (socket, error) => socket.data?.failed(systemError(error)),
  close: (socket, error) => socket.data?.closed(error),
};

/** An address as Bun takes it. */
export function where(address: Address): { unix: string } | { hostname: string; port: number } {
  return address.transport === "unix"
    ? { unix: address.path }
    : { hostname: address.hostname, port: address.port };
}

/**
 * Connects on Bun's loop. Rejects with a POSIX `code`. Bun cannot give an attempt up
 * (1.4): a socket that connects when nobody waits for it any more is closed then.
 */
export async function connect(address: Address, signal?: AbortSignal): Promise<SocketConnection> {
  const path = address.transport === "unix" ? address.path : null;
  const start = () =>
    Bun.connect<BunSocket>({
      ...where(address),
      allowHalfOpen: true,
      socket: {
        ...HANDLERS,
        open: (socket) => {
          socket.data = new BunSocket(socket, false, path);
          if (signal?.aborted) socket.data.close();
        },
      },
    });
  const socket = await Promise.try(start).catch((error) => {
    if (path !== null) demandFolder(path);
    fail(error);
  });
  if (path !== null) {
    [socket.data.localAddr, socket.data.remoteAddr] = [
      socket.data.remoteAddr,
      socket.data.localAddr,
    ];
  }
  return new SocketConnection(socket.data, systemError);
}

/**
 * Bun says ECONNREFUSED of a path below a file (1.4).
 * @throws {SystemError} with `ENOTDIR` for one
 */
function demandFolder(path: string): void {
  try {
    builtin.fs.statSync(path);
  } catch (error) {
    if (errorCode(error) === "ENOTDIR") fail(error);
  }
}

/**
 * Gives a connected descriptor to Bun's loop. Bun calls `open` before `connect`
 * returns, when it is given a descriptor (1.4).
 * @throws {SystemError} if Bun does not take it
 */
export function adopt(descriptor: number, localAddr: Address, remoteAddr: Address): Socket {
  let adopted: BunSocket | null = null;
  Bun.connect<BunSocket>({
    fd: descriptor,
    allowHalfOpen: true,
    socket: {
      ...HANDLERS,
      open: (socket) => void (adopted = socket.data = new BunSocket(socket, false, "")),
    },
  }).catch(() => {}); // then `adopted` is null
  if (adopted === null) throw new SystemError("EBADF", "Bun did not adopt a descriptor");
  const socket = adopted as BunSocket;
  socket.localAddr = localAddr;
  socket.remoteAddr = remoteAddr;
  return socket;
}
