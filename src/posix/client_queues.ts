/**
 * The clients that wait for a server: in the queue of its listening socket, or in those of
 * several, from which each takes in turn.
 * @module
 */
import type { Address } from "../connection/connection.ts";
import type { Accepted, Libc } from "./libc.ts";
import { prepare } from "./listening_socket.ts";

/** Milliseconds between two looks, by a worker that waits for a client, whether it shall leave. */
export const ACCEPT_TIMEOUT = 1000;

const POLLIN = 1;

/** A listening socket. */
export interface SharedSocket {
  readonly descriptor: number;
  /** Which of the server's places it is for; a name's addresses are for one. */
  readonly place: number;
  /** Whether it is another program's, and was only passed on. */
  readonly isInherited: boolean;
}

/** What a server's workers share; plain values, so that a worker can be told. */
export interface SharedSockets {
  readonly listening: readonly SharedSocket[];
  /**
   * A socket that hangs up when nobody shall take clients any more; null where there is one
   * listening socket, which is shut down then.
   */
  readonly end: number | null;
}

/** The descriptors of all of them. */
export function descriptorsOf({ listening, end }: SharedSockets): number[] {
  const descriptors = listening.map(({ descriptor }) => descriptor);
  return end === null ? descriptors : [...descriptors, end];
}

/** Takes clients out of the queues. */
export class ClientQueues {
  /** Where each socket listens. */
  readonly addrs: readonly Address[];
  /** Whether nobody shall take clients any more. */
  isOver = false;
  readonly #libc: Libc;
  readonly #sockets: readonly SharedSocket[];
  /** `struct pollfd` for each: the descriptor, and what is waited for and has happened. */
  readonly #polled: Int32Array<ArrayBuffer> | null;
  readonly #polledBytes: Uint8Array<ArrayBuffer>;
  /** Whose turn it is. */
  #next = 0;

  constructor(libc: Libc, sockets: SharedSockets) {
    this.#libc = libc;
    this.#sockets = sockets.listening;
    this.addrs = sockets.listening.map(({ descriptor }) => libc.localAddress(descriptor));
    const polled = descriptorsOf(sockets).flatMap((descriptor) => [descriptor, POLLIN]);
    this.#polled = sockets.end === null ? null : new Int32Array(polled);
    this.#polledBytes = new Uint8Array(this.#polled?.buffer ?? new ArrayBuffer(0));
  }

  /**
   * Waits for a client at most {@linkcode ACCEPT_TIMEOUT}; null if there is none for this
   * worker, or nobody shall take any more.
   * @param nonblocking whether calls on the new connection are
   * @param shallLeave looked at before somebody is taken who has come meanwhile
   * @throws {SystemError} `EINVAL` if the only socket was shut down
   */
  wait(nonblocking: boolean, shallLeave: () => boolean): Accepted | null {
    if (this.#polled === null) {
      return this.#libc.accept(this.#sockets[0].descriptor, nonblocking, 0, true);
    }
    const { poll } = this.#libc.functions;
    if (poll(this.#polledBytes, this.#polled.length / 2, ACCEPT_TIMEOUT) <= 0) return null;
    this.isOver = this.#polled.at(-1)! >> 16 !== 0;
    return this.isOver || shallLeave() ? null : this.take(nonblocking);
  }

  /** The next client, where the sockets do not block; null if nobody waits. */
  take(nonblocking: boolean): Accepted | null {
    const { length } = this.#sockets;
    for (let tries = 0; tries < length; tries++) {
      const listener = this.#next;
      this.#next = (listener + 1) % length;
      const { descriptor, isInherited } = this.#sockets[listener];
      const accepted = this.#libc.accept(descriptor, nonblocking, listener);
      if (accepted === null) continue;
      if (isInherited) this.#prepare(accepted);
      return accepted;
    }
    return null;
  }

  /** Which of the server's places that socket is for. */
  placeOf(listener: number): number {
    return this.#sockets[listener].place;
  }

  #prepare({ descriptor, listener }: Accepted): void {
    try {
      prepare(this.#libc, descriptor, this.addrs[listener]);
    } catch {
      // The client may have reset already, which its first read tells.
    }
  }
}
