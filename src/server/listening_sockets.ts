/**
 * The listening sockets that workers share, seen from the main process.
 * @module
 */
import type { Address } from "../connection/connection.ts";
import { descriptorsOf, type SharedSocket, type SharedSockets } from "../posix/client_queues.ts";
import type { Libc } from "../posix/libc.ts";
import { dropNewcomers } from "../posix/syn_filter.ts";
import type { Runtime } from "../runtime.ts";
import { bindAll, isInherited, type ListenAt, openSocket } from "./bind.ts";
import { setKeepAlive } from "./keep_alive.ts";
import type { Settings } from "./settings.ts";

/** They, until nobody needs them any more. */
export class ListeningSockets {
  readonly addrs: readonly Address[];
  /** What workers are told of them. */
  readonly shared: SharedSockets;
  readonly #libc: Libc;
  /** Hangs up the socket that workers watch, when it is closed. */
  #end: number | null;

  /**
   * Binds.
   * @param patience milliseconds that an `accept` on them may wait
   * @throws {SystemError} with one line that says what to do
   */
  static async open(
    libc: Libc,
    runtime: Runtime,
    places: readonly ListenAt[],
    { backlog, unixMode, keepAlive }: Settings,
    patience: number,
  ): Promise<ListeningSockets> {
    const bound = await bindAll(runtime, places, unixMode, {
      open: (place) => openSocket(libc, place, backlog),
      addressOf: (descriptor) => libc.localAddress(descriptor),
      prepare(descriptor, { address }) {
        libc.setTimeout(descriptor, "receive", patience);
        setKeepAlive(runtime, descriptor, address, keepAlive);
      },
      close: (descriptor) => libc.close(descriptor),
    });
    const listening = bound.map(({ listener: descriptor, place }) => ({
      descriptor,
      place: place.number,
      isInherited: isInherited(place),
    }));
    try {
      return new ListeningSockets(libc, listening);
    } catch (error) {
      for (const { descriptor } of listening) libc.close(descriptor);
      throw error;
    }
  }

  private constructor(libc: Libc, listening: readonly SharedSocket[]) {
    this.#libc = libc;
    this.addrs = listening.map(({ descriptor }) => libc.localAddress(descriptor));
    const isOne = listening.length === 1 && !listening[0].isInherited;
    const [end, other] = isOne ? [null, null] : libc.socketPair();
    this.shared = { listening, end };
    this.#end = other;
    if (!isOne) this.setNonblocking();
  }

  /** Those of sockets that end with this server. */
  get ownAddrs(): Address[] {
    return this.addrs.filter((_, i) => !this.shared.listening[i].isInherited);
  }

  /** Of one socket, the first; what fails for it would for the others. */
  get first(): number {
    return this.shared.listening[0].descriptor;
  }

  /** Deno makes what it passes on block, for all who have it (2.9). */
  setNonblocking(): void {
    for (const { descriptor } of this.shared.listening) this.#libc.setNonblocking(descriptor);
  }

  /** Whether an `accept` on them must not block, because there are others. */
  get areSeveral(): boolean {
    return this.shared.end !== null;
  }

  /** See `Entrance.queueLength`: in another program's queue clients wait for the next server. */
  queueLength(whose: "all" | "own"): number | null {
    let sum = 0;
    for (const { descriptor } of whose === "all" ? this.shared.listening : this.#own) {
      const length = this.#libc.queueLength(descriptor);
      if (length === null) return null;
      sum += length;
    }
    return sum;
  }

  /** Lets nobody else come to the queues that are ended with this server. */
  dropNewcomers(): void {
    for (const { descriptor } of this.#own) dropNewcomers(this.#libc, descriptor);
  }

  /** Wakes all who wait for a client, and ends the queues; another program's stay as they are. */
  stop(): void {
    if (this.#end !== null) this.#libc.close(this.#end);
    this.#end = null;
    this.shared.listening.forEach(({ descriptor, isInherited }, i) => {
      if (isInherited) return;
      this.#libc.shutdown(descriptor, "both");
      if (this.addrs[i].transport === "unix") this.#endQueue(descriptor);
    });
  }

  /** Gives back what is left, once the last worker is gone. */
  release(): void {
    for (const { descriptor, isInherited } of this.shared.listening) {
      if (isInherited) this.#restore(descriptor);
    }
    for (const descriptor of descriptorsOf(this.shared)) this.#libc.close(descriptor);
    if (this.#end !== null) this.#libc.close(this.#end);
  }

  #restore(descriptor: number): void {
    try {
      this.#libc.setTimeout(descriptor, "receive", 0);
    } catch {
      // A handler in a thread has closed it.
    }
  }

  get #own(): SharedSocket[] {
    return this.shared.listening.filter(({ isInherited }) => !isInherited);
  }

  /** Linux resets who waits in a TCP socket's queue; a Unix one keeps them waiting. */
  #endQueue(listening: number): void {
    try {
      for (let next; (next = this.#libc.accept(listening, true)) !== null;) {
        this.#libc.close(next.descriptor);
      }
    } catch {
      // EINVAL: it is shut down, and nobody waits any more.
    }
  }
}
