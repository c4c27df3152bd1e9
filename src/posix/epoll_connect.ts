/**
 * Connections that are made on an epoll loop: to the first of some addresses that
 * answers, RFC 8305 in its simplest form.
 * @module
 */
import type { Address } from "../connection/connection.ts";
import { SystemError } from "../connection/errors.ts";
import { SocketConnection } from "../connection/socket_connection.ts";
import { EPOLLERR, EPOLLHUP, EPOLLOUT } from "./epoll.ts";
import type { EpollLoop, Watcher } from "./epoll_loop.ts";
import { EpollSocket } from "./epoll_socket.ts";

/** Milliseconds that an address has before the next one is tried beside it: RFC 8305, section 5. */
const HEAD_START = 250;

const DONE = EPOLLOUT | EPOLLERR | EPOLLHUP;

/**
 * Connects to the first that answers, each `hostname` numeric; the others are given up.
 * @param loop which this ends its use of, when it has failed or the connection is closed
 * @throws {SystemError} the error of the last one that failed; nothing while one may
 * still answer
 */
export async function connectToFirst(
  loop: EpollLoop,
  addresses: readonly Address[],
  signal?: AbortSignal,
): Promise<SocketConnection> {
  const race = new Race(loop, addresses);
  const giveUp = () => race.giveUp();
  signal?.addEventListener("abort", giveUp);
  try {
    return await race.winner;
  } catch (error) {
    await loop.end();
    throw error;
  } finally {
    signal?.removeEventListener("abort", giveUp);
  }
}

/** IPv6 and IPv4 in turn, beginning with whichever comes first. */
export function inTurn(addresses: readonly string[]): string[] {
  const isV6 = (address: string) => address.includes(":");
  const [first = ""] = addresses;
  const some = addresses.filter((address) => isV6(address) === isV6(first));
  const others = addresses.filter((address) => isV6(address) !== isV6(first));
  return some.flatMap((address, i) => i < others.length ? [address, others[i]] : [address])
    .concat(others.slice(some.length));
}

class Race {
  readonly winner: Promise<SocketConnection>;
  readonly #loop: EpollLoop;
  readonly #addresses: readonly Address[];
  readonly #resolve: (connection: SocketConnection) => void;
  readonly #reject: (error: unknown) => void;
  readonly #running = new Set<Attempt>();
  #next = 0;
  #timer: ReturnType<typeof setTimeout> | null = null;

  constructor(loop: EpollLoop, addresses: readonly Address[]) {
    this.#loop = loop;
    this.#addresses = addresses;
    const { promise, resolve, reject } = Promise.withResolvers<SocketConnection>();
    [this.winner, this.#resolve, this.#reject] = [promise, resolve, reject];
    this.#tryNext();
  }

  giveUp(): void {
    this.#stop();
    this.#reject(new SystemError("ECANCELED", "The attempt was given up"));
  }

  #tryNext(): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
    const address = this.#addresses[this.#next++];
    try {
      this.#running.add(
        new Attempt(this.#loop, address, (attempt, error) => {
          this.#running.delete(attempt);
          if (error) this.#failed(error);
          else this.#won(attempt);
        }),
      );
    } catch (error) {
      return this.#failed(error);
    }
    if (this.#hasNext) this.#timer = setTimeout(() => this.#tryNext(), HEAD_START);
  }

  get #hasNext(): boolean {
    return this.#next < this.#addresses.length;
  }

  #failed(error: unknown): void {
    if (this.#hasNext) this.#tryNext();
    else if (this.#running.size === 0) this.#reject(error);
  }

  #won(attempt: Attempt): void {
    this.#stop();
    try {
      this.#resolve(attempt.connection());
    } catch (error) {
      this.#reject(error);
    }
  }

  #stop(): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
    for (const attempt of this.#running) attempt.giveUp();
    this.#running.clear();
  }
}

/** A connect(2) that is under way. */
class Attempt implements Watcher {
  readonly #loop: EpollLoop;
  readonly #address: Address;
  readonly #descriptor: number;
  readonly #onDone: (attempt: Attempt, error: Error | null) => void;

  /** @throws {SystemError} if it fails at once */
  constructor(
    loop: EpollLoop,
    address: Address,
    onDone: (attempt: Attempt, error: Error | null) => void,
  ) {
    this.#loop = loop;
    this.#address = address;
    this.#onDone = onDone;
    this.#descriptor = loop.libc.startConnect(address);
    try {
      loop.watch(this.#descriptor, this);
    } catch (error) {
      loop.libc.close(this.#descriptor);
      throw error;
    }
  }

  happened(events: number): void {
    if ((events & DONE) === 0) return;
    const code = this.#loop.libc.connectFailure(this.#descriptor);
    this.#loop.unwatch(this.#descriptor);
    if (code === null) return this.#onDone(this, null);
    this.#loop.close(this.#descriptor);
    this.#onDone(this, new SystemError(code, `connect failed: ${code}`));
  }

  proceed(): void {}

  giveUp(): void {
    this.#loop.close(this.#descriptor);
  }

  connection(): SocketConnection {
    const { libc } = this.#loop;
    try {
      if (this.#address.transport === "tcp") libc.keepAlive(this.#descriptor);
      const localAddr = libc.localAddress(this.#descriptor);
      return new SocketConnection(
        new ConnectedSocket(this.#loop, this.#descriptor, localAddr, this.#address),
      );
    } catch (error) {
      this.#loop.close(this.#descriptor);
      throw error;
    }
  }
}

/** It uses the loop until it is closed. */
class ConnectedSocket extends EpollSocket {
  readonly #loop: EpollLoop;

  constructor(loop: EpollLoop, descriptor: number, localAddr: Address, remoteAddr: Address) {
    super(loop, descriptor, localAddr, remoteAddr);
    this.#loop = loop;
  }

  override close(): void {
    super.close();
    void this.#loop.end();
  }

  override async reset(linger: number): Promise<void> {
    await super.reset(linger);
    await this.#loop.end();
  }
}
