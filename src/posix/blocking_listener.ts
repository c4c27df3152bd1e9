/**
 * What a worker with one client at a time listens on: its thread waits for the next, in
 * queues that all workers share.
 * @module
 */
import type { Activity } from "../connection/activity.ts";
import type { Address } from "../connection/connection.ts";
import { loopTurn } from "../connection/delay.ts";
import { acceptError, acceptErrorClass, errorCode } from "../connection/errors.ts";
import type { Socket } from "../connection/socket.ts";
import { SocketConnection } from "../connection/socket_connection.ts";
import { AdoptedSocket } from "./adopted_socket.ts";
import { BlockingSocket } from "./blocking_socket.ts";
import { ClientQueues, type SharedSockets } from "./client_queues.ts";
import type { Accepted, Libc } from "./libc.ts";

/** What a worker does with its descriptors. */
export interface WorkerListenerOptions {
  /** The shared listening sockets. */
  readonly sockets: SharedSockets;
  /** Whether connections block, or live on the event loop. */
  readonly blocking: boolean;
  /** Where sockets that block tell what they do, if anybody looks. */
  readonly activity?: Activity;
  /** Gives a descriptor to the event loop. */
  adopt(descriptor: number, localAddr: Address, remoteAddr: Address): Socket;
  /** Whether the worker shall leave; looked at before each wait. */
  shallLeave(): boolean;
  /** Publishes the descriptor that the worker holds. */
  hold(descriptor: number): void;
  /** Closes it, unless the supervisor has taken it. */
  release(descriptor: number): void;
}

/** The worker's listener. */
export class BlockingListener {
  readonly #libc: Libc;
  readonly #options: WorkerListenerOptions;
  readonly #queues: ClientQueues;
  /** By listening socket: what it hands on to what it accepts, see {@linkcode #told}. */
  readonly #timeouts: number[] = [];
  /** Accepted, when there was no room for what else it needs. */
  #pending: Accepted | null = null;
  #closed = false;
  /** What came before it had begun had its turn otherwise. */
  #hasBegun = false;

  constructor(libc: Libc, options: WorkerListenerOptions) {
    this.#libc = libc;
    this.#options = options;
    this.#queues = new ClientQueues(libc, options.sockets);
  }

  async accept(): Promise<SocketConnection | null> {
    const { blocking, shallLeave } = this.#options;
    while (!this.#closed && !this.#queues.isOver) {
      // What handlers left behind (a timer, a rejection) gets its turn.
      if (this.#hasBegun) await loopTurn();
      this.#hasBegun = true;
      if (shallLeave()) break;
      try {
        const accepted = this.#pending ?? this.#queues.wait(!blocking, shallLeave);
        this.#pending = null;
        if (accepted === null) continue; // the time is over to look whether it shall leave
        const connection = this.#connection(accepted);
        connection.place = this.#queues.placeOf(accepted.listener);
        return connection;
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

  /**
   * Milliseconds after which a new connection's calls come back empty; Infinity: never. Linux
   * hands the listening socket's timeout on to a TCP connection; so the kernel need not be told
   * one before each. One is asked for all, but where another program can change it: NaN.
   */
  #told(descriptor: number, listener: number): { receive: number; send: number } {
    const { isInherited } = this.#options.sockets.listening[listener];
    if (isInherited) return { receive: NaN, send: NaN };
    const { SO_RCVTIMEO } = this.#libc.constants; // an integer of it is whole seconds
    const receive = this.#timeouts[listener] ??=
      1000 * this.#libc.option(descriptor, SO_RCVTIMEO) || Infinity;
    return { receive, send: Infinity };
  }

  #connection(accepted: Accepted): SocketConnection {
    const { descriptor, remoteAddr, listener } = accepted;
    const { blocking, activity, adopt, hold, release } = this.#options;
    hold(descriptor);
    try {
      const localAddr = this.#libc.acceptedAddress(descriptor, this.#queues.addrs[listener]);
      if (blocking) {
        const close = () => release(descriptor);
        const told = this.#told(descriptor, listener);
        const socket = new BlockingSocket(
          this.#libc,
          ...[descriptor, localAddr, remoteAddr, told, close, activity] as const,
        );
        return new SocketConnection(socket);
      }
      this.#libc.setTimeout(descriptor, "receive", 0); // of a listening socket's, as below
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
      const close = () => release(descriptor);
      return new SocketConnection(new AdoptedSocket(this.#libc, descriptor, adopted, close));
    } catch (error) {
      if (acceptErrorClass(error) === "no room") {
        this.#pending = accepted;
        throw error;
      }
      release(descriptor);
      // The client may have reset before its socket was set up.
      throw acceptError(error);
    }
  }
}
