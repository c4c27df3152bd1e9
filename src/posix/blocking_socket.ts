/**
 * Sockets whose calls block the thread: two system calls and no event loop for
 * each message.
 * @module
 */
import type { Address, Listener } from "../connection/connection.ts";
import { acceptErrorClass, errorCode, SystemError } from "../connection/errors.ts";
import { type Socket, SocketConnection } from "../connection/socket_connection.ts";
import type { Accepted, Libc } from "./libc.ts";

/** How often a worker that waits in `accept` looks whether it shall leave. */
export const ACCEPT_TIMEOUT = 1000;

/** A connected socket that blocks its thread. */
export class BlockingSocket implements Socket {
  readonly localAddr: Address;
  readonly remoteAddr: Address;
  readonly #libc: Libc;
  readonly #descriptor: number;
  readonly #release: () => void;
  /** Milliseconds that a call may take; 0: any time. */
  #timeout = 0;
  /** On the clock of `performance.now()`. */
  #deadline = Infinity;
  /** What the kernel has been told. */
  #told = 0;

  /** @param release closes the descriptor, if it is still this thread's */
  constructor(
    libc: Libc,
    descriptor: number,
    localAddr: Address,
    remoteAddr: Address,
    release: () => void,
  ) {
    this.#libc = libc;
    this.#descriptor = descriptor;
    this.localAddr = localAddr;
    this.remoteAddr = remoteAddr;
    this.#release = release;
  }

  read(buffer: Uint8Array): number | null {
    if (this.#deadline < Infinity) this.#keepDeadline();
    const length = this.#libc.receive(this.#descriptor, buffer);
    if (length === null) throw timedOut();
    return length || null;
  }

  write(bytes: Uint8Array): number {
    if (this.#deadline < Infinity) this.#keepDeadline();
    const length = this.#libc.send(this.#descriptor, bytes);
    if (length === null) throw timedOut();
    return length;
  }

  closeWrite(): void {
    this.#libc.shutdown(this.#descriptor, "write");
  }

  close(): void {
    this.#release();
  }

  setTimeout(milliseconds: number): void {
    this.#timeout = milliseconds;
    this.#tell(milliseconds);
  }

  setDeadline(milliseconds: number): void {
    this.#deadline = milliseconds === 0 ? Infinity : performance.now() + milliseconds;
    if (milliseconds === 0) this.#tell(this.#timeout);
  }

  /** Not once for each call: the kernel's timeout may be a little too long. */
  #keepDeadline(): void {
    const left = Math.ceil(this.#deadline - performance.now());
    if (left <= 0) throw new SystemError("ETIMEDOUT", "The connection was open for too long");
    const wanted = this.#timeout > 0 ? Math.min(this.#timeout, left) : left;
    if (this.#told === 0 || this.#told - wanted > DEADLINE_SLACK) this.#tell(wanted);
  }

  #tell(milliseconds: number): void {
    this.#told = milliseconds;
    this.#libc.setTimeout(this.#descriptor, "receive", milliseconds);
    this.#libc.setTimeout(this.#descriptor, "send", milliseconds);
  }
}

/** Milliseconds that a deadline may be overrun. */
const DEADLINE_SLACK = 50;

/** A blocking call that comes back empty has waited for the socket's timeout, see socket(7). */
function timedOut(): SystemError {
  return new SystemError("ETIMEDOUT", "No byte moved in time");
}

/** What a worker does with its descriptors. */
export interface WorkerListenerOptions {
  /** The shared listening socket. */
  readonly descriptor: number;
  /** Whether connections block, or live on the event loop. */
  readonly blocking: boolean;
  /** Gives a descriptor to the event loop. */
  adopt(descriptor: number, localAddr: Address, remoteAddr: Address): Socket;
  /** Whether the worker shall leave; looked at before each wait. */
  shallLeave(): boolean;
  /** Publishes the descriptor that the worker holds. */
  hold(descriptor: number): void;
  /** Closes it, unless the supervisor has taken it. */
  release(descriptor: number): void;
}

/** The listener of a worker: it blocks in `accept` on the shared socket. */
export class BlockingListener implements Listener {
  readonly addr: Address;
  readonly #libc: Libc;
  readonly #options: WorkerListenerOptions;
  /** Accepted, while there was no room for what else it needs. */
  #pending: Accepted | null = null;
  #closed = false;

  constructor(libc: Libc, options: WorkerListenerOptions) {
    this.#libc = libc;
    this.#options = options;
    this.addr = libc.localAddress(options.descriptor);
  }

  async accept(): Promise<SocketConnection | null> {
    const { descriptor, blocking, shallLeave } = this.#options;
    while (!this.#closed) {
      // What handlers left behind (a timer, a rejection) gets its turn.
      await new Promise((resolve) => setImmediate(resolve));
      if (shallLeave()) break;
      try {
        const accepted = this.#pending ?? this.#libc.accept(descriptor, !blocking);
        this.#pending = null;
        if (accepted === null) continue; // the time is over to look whether it shall leave
        return this.#connection(accepted.descriptor, accepted.remoteAddr);
      } catch (error) {
        if (errorCode(error) === "EINVAL") break; // the supervisor has shut it down
        throw error;
      }
    }
    if (this.#pending) this.#options.release(this.#pending.descriptor);
    this.#pending = null;
    return null;
  }

  close(): void {
    this.#closed = true;
  }

  #connection(descriptor: number, remoteAddr: Address): SocketConnection {
    const { blocking, adopt, hold, release } = this.#options;
    hold(descriptor);
    try {
      const localAddr = this.#libc.acceptedAddress(descriptor, this.addr);
      // Linux hands the listening socket's timeout on to what it accepts.
      this.#libc.setTimeout(descriptor, "receive", 0);
      if (blocking) {
        return new SocketConnection(
          new BlockingSocket(
            this.#libc,
            descriptor,
            localAddr,
            remoteAddr,
            () => {
              release(descriptor);
            },
          ),
        );
      }
      // The loop owns a copy, so that the supervisor can always reach the
      // socket by the number that is published, and nothing closes it twice.
      const copy = this.#libc.duplicate(descriptor);
      let adopted: Socket;
      try {
        adopted = adopt(copy, localAddr, remoteAddr);
      } catch (error) {
        this.#libc.close(copy);
        throw error;
      }
      return new SocketConnection({
        localAddr,
        remoteAddr,
        read: (buffer) => adopted.read(buffer),
        write: (bytes) => adopted.write(bytes),
        closeWrite: () => adopted.closeWrite(),
        close: () => {
          adopted.close();
          release(descriptor);
        },
      });
    } catch (error) {
      if (acceptErrorClass(error) === "no room") {
        this.#pending = { descriptor, remoteAddr };
        throw error;
      }
      release(descriptor);
      // The client may have reset before its socket was set up.
      throw new SystemError(
        "ECONNABORTED",
        "The client left before it was served",
        error,
      );
    }
  }
}
