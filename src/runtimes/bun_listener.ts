/**
 * Listeners of Bun's own event loop. Bun accepts on its own; whoever is not asked
 * for yet waits unread.
 * @module
 */
import type { Address } from "../connection/connection.ts";
import { SocketConnection } from "../connection/socket_connection.ts";
import type { LoopListener } from "../runtime.ts";
import { AcceptQueue, firstOfLast } from "./accept_queue.ts";
import { BunSocket, HANDLERS, where } from "./bun_socket.ts";
import { type ApiListener, Bun } from "./bun_types.ts";
import { fail, systemError } from "./node_errors.ts";
import { descriptorLimit } from "./proc.ts";

class BunListener implements LoopListener {
  readonly addr: Address;
  readonly descriptor: number;
  readonly #listener: ApiListener;
  readonly #queue: AcceptQueue<SocketConnection>;

  constructor(listener: ApiListener, addr: Address, queue: AcceptQueue<SocketConnection>) {
    this.#listener = listener;
    this.descriptor = listener.fd;
    this.addr = addr;
    this.#queue = queue;
  }

  get waiting(): number {
    return this.#queue.length;
  }

  set onRefused(listener: (remoteAddr: Address) => void) {
    this.#queue.onRefused = listener;
  }

  accept(): Promise<SocketConnection | null> {
    return this.#queue.accept();
  }

  close(serves?: boolean): void {
    this.#listener.stop(false);
    for (const connection of this.#queue.close(serves)) connection.close();
  }
}

function start(address: Address, descriptor?: number, toTheLast = false): LoopListener {
  const path = address.transport === "unix" ? address.path : null;
  const queue = new AcceptQueue<SocketConnection>();
  const last = toTheLast ? Infinity : firstOfLast(descriptorLimit());
  const listener = Bun.listen<BunSocket>({
    ...(descriptor === undefined ? where(address) : { fd: descriptor }),
    allowHalfOpen: true,
    socket: {
      ...HANDLERS,
      open(socket) {
        if (path === null && socket.remoteAddress === undefined) {
          socket.close(); // the client has reset already
          return;
        }
        socket.data = new BunSocket(socket, queue.asked, path);
        if (socket.fd >= last) {
          queue.onRefused?.(socket.data.remoteAddr);
          return socket.data.close();
        }
        queue.push(new SocketConnection(socket.data, systemError));
      },
    },
  });
  const addr: Address = address.transport === "unix"
    ? address
    : { ...address, port: listener.port ?? address.port }; // of a descriptor it tells none (1.4)
  return new BunListener(listener, addr, queue);
}

/**
 * Listens on Bun's loop; its backlog is always 512 (1.4). Rejects with a POSIX `code`.
 * @param descriptor a Unix socket that listens on the address already
 */
export function listen(
  address: Address,
  _backlog: number,
  descriptor?: number,
  toTheLast?: boolean,
): Promise<LoopListener> {
  return Promise.try(() => start(address, descriptor, toTheLast)).catch(fail);
}
