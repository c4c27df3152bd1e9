/**
 * A socket of the runtime's own event loop whose descriptor is known: the C library ends
 * it as it should end.
 * @module
 */
import { acknowledged } from "../connection/acknowledged.ts";
import type { Address } from "../connection/connection.ts";
import type { Socket } from "../connection/socket.ts";
import type { Runtime } from "../runtime.ts";
import type { EpollLoop } from "./epoll_loop.ts";
import type { Libc } from "./libc.ts";
import { delivered } from "./tcp_options.ts";

/**
 * Gives a connected, nonblocking descriptor to this thread's event loop, which owns it then.
 * @param loop Trivet's own; null where it is the runtime's
 */
export function adopt(
  runtime: Runtime,
  libc: Libc,
  loop: EpollLoop | null,
  descriptor: number,
  localAddr: Address,
  remoteAddr: Address,
): Socket {
  return loop
    ? loop.adopt(descriptor, localAddr, remoteAddr)
    : new AdoptedSocket(libc, descriptor, runtime.adopt(descriptor, localAddr, remoteAddr));
}

/** The socket, over the runtime's. */
export class AdoptedSocket implements Socket {
  readonly localAddr: Address;
  readonly remoteAddr: Address;
  readonly #libc: Libc;
  readonly #descriptor: number;
  readonly #socket: Socket;
  readonly #release: () => void;

  /**
   * @param descriptor of the socket, its own or another one
   * @param release closes that one, if it is another
   */
  constructor(libc: Libc, descriptor: number, socket: Socket, release: () => void = () => {}) {
    this.#libc = libc;
    this.#descriptor = descriptor;
    this.#socket = socket;
    this.#release = release;
    this.localAddr = socket.localAddr;
    this.remoteAddr = socket.remoteAddr;
  }

  read(buffer: Uint8Array): number | null | Promise<number | null> {
    return this.#socket.read(buffer);
  }

  write(bytes: Uint8Array): number | Promise<number> {
    return this.#socket.write(bytes);
  }

  closeWrite(): void | Promise<void> {
    // The runtime may close it as soon as both directions have ended.
    this.#libc.endBy(this.#descriptor, "FIN");
    return this.#socket.closeWrite();
  }

  close(): void {
    this.#libc.endBy(this.#descriptor, "FIN");
    this.#socket.close();
    this.#release();
  }

  async reset(linger: number): Promise<void> {
    const libc = this.#libc;
    let copy: number | null = null;
    if (linger > 0 && libc.unacknowledged(this.#descriptor) > 0) {
      try {
        copy = libc.duplicate(this.#descriptor);
      } catch {
        // No descriptor is free: then what is on its way is lost.
      }
    }
    if (copy === null) libc.endBy(this.#descriptor, "reset");
    this.#socket.close();
    this.#release();
    if (copy === null) return;
    await acknowledged(() => libc.unacknowledged(copy), linger);
    libc.endBy(copy, "reset");
    libc.close(copy);
  }

  delivered(): number | null {
    return delivered(this.#libc, this.#descriptor);
  }

  onGone(listener: (isReset: boolean) => void): void {
    this.#socket.onGone?.(listener);
  }
}
