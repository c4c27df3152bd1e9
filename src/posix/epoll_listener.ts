/**
 * What an epoll loop listens on: it accepts when the loop says that somebody waits.
 * @module
 */
import type { Address } from "../connection/connection.ts";
import { SocketConnection } from "../connection/socket_connection.ts";
import type { LoopListener } from "../runtime.ts";
import type { EpollLoop, Watcher } from "./epoll_loop.ts";
import { EpollSocket } from "./epoll_socket.ts";
import type { Accepted } from "./libc.ts";
import { prepare } from "./listening_socket.ts";

/** Accepted in one turn; then the connections have theirs. */
const LARGEST_ACCEPT = 64;

/** A listening socket on the loop, which closes it. */
export class EpollListener implements LoopListener, Watcher {
  readonly addr: Address;
  readonly descriptor: number;
  readonly #loop: EpollLoop;
  readonly #isInherited: boolean;
  #asked: PromiseWithResolvers<SocketConnection | null> | null = null;
  #ready = false;
  #accepted = 0;
  #closed = false;

  /** @param isInherited whether the socket is another program's, and was only passed on */
  constructor(loop: EpollLoop, descriptor: number, isInherited = false) {
    this.#loop = loop;
    this.#isInherited = isInherited;
    this.descriptor = descriptor;
    this.addr = loop.libc.localAddress(descriptor);
    loop.watch(descriptor, this);
  }

  accept(): Promise<SocketConnection | null> {
    if (this.#closed) return Promise.resolve(null);
    this.#asked = Promise.withResolvers();
    const { promise } = this.#asked;
    if (this.#ready) {
      if (this.#accepted < LARGEST_ACCEPT) this.#accept();
      else this.#loop.later(this);
    }
    return promise;
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#loop.close(this.descriptor);
    this.#asked?.resolve(null);
    this.#asked = null;
  }

  happened(): void {
    this.#ready = true;
    this.proceed();
  }

  proceed(): void {
    this.#accepted = 0;
    if (this.#asked && !this.#closed) this.#accept();
  }

  #accept(): void {
    const asked = this.#asked!;
    try {
      const accepted = this.#loop.libc.accept(this.descriptor, true);
      if (accepted === null) this.#ready = false;
      else {
        this.#accepted++;
        this.#asked = null;
        asked.resolve(this.#connection(accepted));
      }
    } catch (error) {
      this.#asked = null;
      asked.reject(error);
    }
  }

  #connection({ descriptor, remoteAddr }: Accepted): SocketConnection {
    try {
      if (this.#isInherited) prepare(this.#loop.libc, descriptor, this.addr);
      const localAddr = this.#loop.libc.acceptedAddress(descriptor, this.addr);
      return new SocketConnection(new EpollSocket(this.#loop, descriptor, localAddr, remoteAddr));
    } catch (error) {
      this.#loop.close(descriptor);
      throw error;
    }
  }
}
