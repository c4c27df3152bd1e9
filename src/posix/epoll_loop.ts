/**
 * An event loop over epoll for where the runtime's own starves connections: in
 * each turn every connection that has something to read is read once, so that
 * none waits for another. The same Listener and Connection as everywhere.
 * @module
 */
import type { Address } from "../connection/connection.ts";
import { refusal } from "../connection/errors.ts";
import type { LoopListener, Runtime } from "../runtime.ts";
import { type Socket, SocketConnection } from "../connection/socket_connection.ts";
import {
  type Batch,
  Epoll,
  EPOLLERR,
  EPOLLET,
  EPOLLHUP,
  EPOLLIN,
  EPOLLOUT,
  EPOLLRDHUP,
} from "./epoll.ts";
import { type Accepted, Libc } from "./libc.ts";

/** What is watched. */
interface Watcher {
  /** Something has happened. */
  happened(events: number): void;
  /** Its turn has come, because it asked for one. */
  proceed(): void;
}

/**
 * Nanoseconds to wait for the next byte before the thread is given to the
 * runtime's own loop for longer: to come back from there costs two switches of
 * threads, as much as three messages.
 */
const SHORT_WAIT = 50_000;
/**
 * Turns until timers and other I/O have theirs: to go through the runtime's loop
 * takes as long as a system call and a half.
 */
const TURNS_AT_ONCE = 8;
/** Accepted in one turn; then the connections have theirs. */
const LARGEST_ACCEPT = 64;
const READABLE = EPOLLIN | EPOLLRDHUP | EPOLLHUP | EPOLLERR;
const WRITABLE = EPOLLOUT | EPOLLHUP | EPOLLERR;
const ENDED = EPOLLRDHUP | EPOLLHUP | EPOLLERR;

/** The loop; it runs beside the runtime's own, whose timers and I/O go on. */
export class EpollLoop {
  readonly libc: Libc;
  /** How many connections have something that their handler has not come back from. */
  busy = 0;
  /** Whether a connection came or is going in this turn, which takes longer than an answer. */
  changed = false;
  readonly #epoll: Epoll;
  /** By descriptor. */
  readonly #watchers: (Watcher | undefined)[] = [];
  #next: Watcher[] = [];
  #scheduled = false;
  #waiting: Promise<void> | null = null;
  #closed = false;
  /** How many servers run on it. */
  #users = 0;
  static #shared: EpollLoop | null = null;

  /** Whether the runtime needs it and can have it. */
  static suits(runtime: Runtime): boolean {
    return !runtime.loopIsFair && runtime.callsInBackground && runtime.os === "linux" &&
      runtime.libraryRefusal() === null;
  }

  /**
   * The one loop of this thread, made when its first user comes; each ends it for
   * itself. Null where the runtime's own is as good, or there can be none. Deno makes at most 32 calls in the background (2.9): were there a loop
   * for each server, the 33rd idle one would never wake.
   */
  static share(runtime: Runtime): EpollLoop | null {
    if (!EpollLoop.suits(runtime)) return null;
    const loop = EpollLoop.#shared ??= new EpollLoop(runtime);
    loop.#users++;
    return loop;
  }

  constructor(runtime: Runtime) {
    this.libc = new Libc(runtime);
    try {
      this.#epoll = new Epoll(runtime);
    } catch (error) {
      this.libc.unload();
      throw error;
    }
  }

  /** Listens; `hostname` must be numeric. */
  listen(address: Address, backlog: number): LoopListener {
    const descriptor = this.libc.listen(address, backlog);
    this.libc.setNonblocking(descriptor);
    return new EpollListener(this, descriptor);
  }

  /** Watches a descriptor for each change. */
  watch(descriptor: number, watcher: Watcher): void {
    this.#epoll.add(descriptor, EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET);
    this.#watchers[descriptor] = watcher;
    this.changed = true;
    this.#waiting ??= this.#wait();
  }

  /** Calls the listener each time that there is something new to accept. */
  onReadable(descriptor: number, listener: () => void): void {
    this.watch(descriptor, { happened: listener, proceed: () => {} });
  }

  /** Watches it no longer, where others have it open too, so that closing does not tell. */
  unwatch(descriptor: number): void {
    this.#epoll.remove(descriptor);
    this.#watchers[descriptor] = undefined;
  }

  /** Takes a connected, nonblocking descriptor, as a runtime's own loop would. */
  adopt(descriptor: number, localAddr: Address, remoteAddr: Address): Socket {
    return new EpollSocket(this, descriptor, localAddr, remoteAddr);
  }

  /** Closes a descriptor, which ends the watch. */
  close(descriptor: number): void {
    this.#watchers[descriptor] = undefined;
    this.changed = true;
    this.libc.close(descriptor);
  }

  /** Gives it a place in the next turn. */
  later(watcher: Watcher): void {
    this.#next.push(watcher);
    this.#schedule();
  }

  /** Gives everything back, if nobody else shares it; its user watches nothing any more. */
  async end(): Promise<void> {
    if (--this.#users > 0) return;
    if (EpollLoop.#shared === this) EpollLoop.#shared = null;
    this.#closed = true;
    this.#epoll.wake();
    await this.#waiting;
    this.#epoll.close();
    this.libc.unload();
  }

  #schedule(): void {
    if (this.#scheduled || this.#closed) return;
    this.#scheduled = true;
    setImmediate(this.#turns);
  }

  #turns = async (): Promise<void> => {
    for (let turn = 0; turn < TURNS_AT_ONCE && !this.#closed; turn++) {
      const next = this.#next;
      if (next.length > 0) this.#next = [];
      const batch = this.#epoll.wait(next.length > 0 ? 0 : SHORT_WAIT);
      if (batch.length === 0 && next.length === 0) {
        this.#scheduled = false;
        this.#waiting ??= this.#wait();
        return;
      }
      this.changed = false;
      this.#tell(batch);
      for (const watcher of next) watcher.proceed();
      // Echo is three promises from its next read; who takes longer goes first.
      await null;
      await null;
      await null;
      if (this.busy > 0 || this.changed) break;
    }
    this.#scheduled = false;
    this.#schedule();
  };

  /** Idle: one call that waits on a thread of the runtime's. */
  async #wait(): Promise<void> {
    const batch = await this.#epoll.waitInBackground();
    if (!this.#closed) this.#tell(batch);
    this.#waiting = null; // not before: the next wait writes into the same batch
    this.#schedule();
  }

  #tell(batch: Batch): void {
    for (let i = 0; i < batch.length; i++) {
      this.#watchers[batch.descriptor(i)]?.happened(batch.events(i));
    }
  }
}

class EpollListener implements LoopListener, Watcher {
  readonly addr: Address;
  readonly descriptor: number;
  readonly #loop: EpollLoop;
  #asked: PromiseWithResolvers<SocketConnection | null> | null = null;
  #ready = false;
  #accepted = 0;
  #closed = false;

  constructor(loop: EpollLoop, descriptor: number) {
    this.#loop = loop;
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
      const localAddr = this.#loop.libc.acceptedAddress(descriptor, this.addr);
      return new SocketConnection(new EpollSocket(this.#loop, descriptor, localAddr, remoteAddr));
    } catch (error) {
      this.#loop.close(descriptor);
      throw error;
    }
  }
}

class EpollSocket implements Socket, Watcher {
  readonly localAddr: Address;
  readonly remoteAddr: Address;
  readonly #loop: EpollLoop;
  readonly #descriptor: number;
  #readable = false;
  /** What came after the last byte is known to be there, so no event tells of it again. */
  #ended = false;
  #busy = true;
  #reader: Call<number | null> | null = null;
  #writer: Call<number> | null = null;

  constructor(loop: EpollLoop, descriptor: number, localAddr: Address, remoteAddr: Address) {
    this.#loop = loop;
    this.#descriptor = descriptor;
    this.localAddr = localAddr;
    this.remoteAddr = remoteAddr;
    loop.watch(descriptor, this);
    loop.busy++;
  }

  read(buffer: Uint8Array): Promise<number | null> {
    this.#isBusy(false);
    return new Promise((resolve, reject) => {
      this.#reader = { bytes: buffer, resolve, reject };
      if (this.#readable) this.#loop.later(this);
    });
  }

  write(bytes: Uint8Array): number | Promise<number> {
    const length = this.#loop.libc.send(this.#descriptor, bytes);
    if (length !== null) return length;
    return new Promise((resolve, reject) => this.#writer = { bytes, resolve, reject });
  }

  closeWrite(): void {
    this.#loop.changed = true;
    this.#loop.libc.shutdown(this.#descriptor, "write");
  }

  close(): void {
    this.#isBusy(false);
    this.#loop.close(this.#descriptor);
    this.#reader?.reject(refusal("EBADF"));
    this.#writer?.reject(refusal("EBADF"));
    this.#reader = this.#writer = null;
  }

  happened(events: number): void {
    if (events & READABLE) {
      if (events & ENDED) this.#ended = true;
      // If it was readable already, it has its place in the turn.
      if (!this.#readable) {
        this.#readable = true;
        this.proceed();
      }
    }
    if (events & WRITABLE && this.#writer) this.#write(this.#writer);
  }

  proceed(): void {
    const reader = this.#reader;
    if (reader === null) return;
    try {
      const length = this.#loop.libc.receive(this.#descriptor, reader.bytes);
      // Less than was asked for: there is no more, and an event will tell.
      this.#readable = length === reader.bytes.length || (this.#ended && length !== null);
      if (length === null) return;
      this.#reader = null;
      this.#isBusy(true);
      reader.resolve(length || null);
    } catch (error) {
      this.#reader = null;
      reader.reject(error);
    }
  }

  #isBusy(busy: boolean): void {
    if (busy !== this.#busy) this.#loop.busy += busy ? 1 : -1;
    this.#busy = busy;
  }

  #write(writer: Call<number>): void {
    try {
      const length = this.#loop.libc.send(this.#descriptor, writer.bytes);
      if (length === null) return;
      this.#writer = null;
      writer.resolve(length);
    } catch (error) {
      this.#writer = null;
      writer.reject(error);
    }
  }
}

/** A read or a write that waits. */
interface Call<T> {
  readonly bytes: Uint8Array;
  resolve(result: T): void;
  reject(error: unknown): void;
}
