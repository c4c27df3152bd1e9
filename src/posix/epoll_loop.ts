/**
 * An event loop over epoll, for a runtime whose own loop starves connections: in
 * each turn every connection that has something to read is read once, so that
 * none waits for another. Its listeners and connections are as everywhere.
 * @module
 */
import type { Address } from "../connection/connection.ts";
import type { Socket } from "../connection/socket.ts";
import type { LoopListener, Runtime } from "../runtime.ts";
import { type Batch, Epoll, EPOLLET, EPOLLIN, EPOLLOUT, EPOLLPRI, EPOLLRDHUP } from "./epoll.ts";
import { EpollListener } from "./epoll_listener.ts";
import { EpollSocket } from "./epoll_socket.ts";
import { Libc } from "./libc.ts";
import { listen } from "./listening_socket.ts";

/** Whoever has the loop watch a descriptor. */
export interface Watcher {
  /** Something has happened to it: bits of epoll.ts. */
  happened(events: number): void;
  /** The turn that it asked for has come. */
  proceed(): void;
}

/**
 * Nanoseconds that a turn waits for the next byte. Then the thread is the
 * runtime's own loop's for longer, and to come back from there costs two switches
 * of threads, as much as three messages.
 */
const SHORT_WAIT = 50_000;
/**
 * The same while message comes upon message. A wait that ends before the kernel's next tick
 * (4 ms, mostly) has its time set in hardware, which takes a virtual machine 8 µs if the
 * thread sleeps; docs/measurements.md has the figures.
 */
const LONG_WAIT = 5_000_000;
/** Milliseconds from one message to the next, at most, where message comes upon message. */
const SWIFT = 0.1;
/** A long wait of so many milliseconds was in vain: it only held up who waits for something else. */
const IN_VAIN = 1;
/** After so many swift turns, at most, a turn may wait long again. */
const MOST_SWIFT = 512;
/**
 * How many turns come before timers and other I/O have theirs: to go through the
 * runtime's loop takes as long as a system call and a half.
 */
const TURNS_AT_ONCE = 8;

/** The loop; it runs beside the runtime's own, whose timers and I/O go on. */
export class EpollLoop {
  /** For its sockets. */
  readonly libc: Libc;
  /** How many connections have been given something, and their handler has not read on yet. */
  busy = 0;
  /** Whether a connection came or went in this turn, which takes longer than an answer. */
  changed = false;
  /** Milliseconds that it has waited, up to the wait that is under way; null: nobody wants to know. */
  #idle: number | null = null;
  /** Since when it waits, if somebody wants to know. */
  #waitsSince: number | null = null;
  readonly #epoll: Epoll;
  /** By descriptor. */
  readonly #watchers: (Watcher | undefined)[] = [];
  /**
   * Which watch that is: an event of one before, of a descriptor with the same number, may
   * have been fetched already when that was closed.
   */
  readonly #tags: number[] = [];
  #tag = 0;
  #next: Watcher[] = [];
  #scheduled = false;
  /** When the last turn began. */
  #lastTurn = 0;
  /** How many turns have come swiftly, one upon the other. */
  #swift = 0;
  /** After how many of them a turn may wait long; twice as many after each such wait in vain. */
  #swiftEnough = TURNS_AT_ONCE;
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
   * The one loop of this thread, made for its first user; each user calls `end`.
   * Null where the runtime's own loop is as good, or there can be no other. Deno
   * makes at most 32 calls in the background (2.9): were there a loop for each
   * server, the 33rd idle one would never wake.
   * @throws {SystemError} if no descriptor is free
   */
  static share(runtime: Runtime): EpollLoop | null {
    if (!EpollLoop.suits(runtime)) return null;
    const loop = EpollLoop.#shared ??= new EpollLoop(runtime);
    loop.#users++;
    return loop;
  }

  /**
   * Milliseconds that this thread's loop has waited so far, the shared one or the
   * runtime's own; null where that is not told. Counted from the first call on.
   */
  static idleOf(runtime: Runtime): number | null {
    const loop = EpollLoop.#shared;
    if (!loop) return runtime.loopIdle();
    if (loop.#idle === null) {
      loop.#idle = 0;
      if (loop.#waiting !== null) loop.#waitsSince = performance.now();
    }
    return loop.#idleUntil(performance.now());
  }

  /** Whether this thread has one. */
  static get isRunning(): boolean {
    return EpollLoop.#shared !== null;
  }

  /** @throws {SystemError} if no descriptor is free */
  constructor(runtime: Runtime) {
    this.libc = new Libc(runtime);
    try {
      this.#epoll = new Epoll(runtime);
    } catch (error) {
      this.libc.unload();
      throw error;
    }
  }

  /**
   * Listens; `hostname` must be numeric.
   * @throws {SystemError} if that fails
   */
  listen(address: Address, backlog: number): LoopListener {
    return this.listenOn(listen(this.libc, address, backlog), false);
  }

  /**
   * Listens on a socket that is there already, and owns this descriptor of it.
   * @param isInherited whether it is another program's, and was only passed on
   */
  listenOn(descriptor: number, isInherited: boolean): LoopListener {
    this.libc.setNonblocking(descriptor);
    return new EpollListener(this, descriptor, isInherited);
  }

  /** Watches a descriptor for each change. */
  watch(descriptor: number, watcher: Watcher): void {
    this.#tag = this.#tag + 1 | 0;
    this.#epoll.add(descriptor, EPOLLIN | EPOLLPRI | EPOLLOUT | EPOLLRDHUP | EPOLLET, this.#tag);
    this.#watchers[descriptor] = watcher;
    this.#tags[descriptor] = this.#tag;
    this.changed = true;
    if (!this.#scheduled) this.#waiting ??= this.#wait(); // else the turns see it
  }

  /** Calls the listener each time that there is something new to accept. */
  onReadable(descriptor: number, listener: () => void): void {
    this.watch(descriptor, { happened: listener, proceed: () => {} });
  }

  /**
   * Ends the watch of a descriptor whose socket others have open too: to close it
   * here would not end the watch.
   */
  unwatch(descriptor: number): void {
    this.#epoll.remove(descriptor);
    this.#watchers[descriptor] = undefined;
  }

  /** Takes a connected, nonblocking descriptor over, as a runtime's own loop would. */
  adopt(descriptor: number, localAddr: Address, remoteAddr: Address): Socket {
    return new EpollSocket(this, descriptor, localAddr, remoteAddr);
  }

  /** Closes a descriptor, which ends the watch. */
  close(descriptor: number): void {
    this.#watchers[descriptor] = undefined;
    this.changed = true;
    this.libc.close(descriptor);
  }

  /** Gives the watcher a place in the next turn. */
  later(watcher: Watcher): void {
    this.#next.push(watcher);
    this.#schedule();
  }

  /** Called by each user, who watches nothing any more; the last one's gives everything back. */
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
      const isLong = next.length === 0 && this.#mayWaitLong;
      const batch = next.length > 0
        ? this.#epoll.wait(0)
        : this.#pause(isLong ? LONG_WAIT : SHORT_WAIT);
      this.#measure(isLong);
      if (batch.length === 0 && next.length === 0) {
        this.#scheduled = false;
        this.#swift = 0;
        this.#waiting ??= this.#wait();
        return;
      }
      this.changed = false;
      this.#tell(batch);
      for (const watcher of next) watcher.proceed();
      // Echo is three promises from its next read; whoever takes longer goes first.
      await null;
      await null;
      await null;
      if (this.busy > 0 || this.changed) break;
    }
    this.#scheduled = false;
    this.#schedule();
  };

  /** Notes whether turn comes upon turn, and whether a long wait was in vain. */
  #measure(waitedLong: boolean): void {
    const now = performance.now();
    const passed = now - this.#lastTurn;
    this.#lastTurn = now;
    this.#swift = passed < SWIFT ? this.#swift + 1 : 0;
    if (waitedLong && passed > IN_VAIN) {
      this.#swiftEnough = Math.min(2 * this.#swiftEnough, MOST_SWIFT);
    }
  }

  /** Whether message comes upon message, and nobody is known to wait for anything else. */
  get #mayWaitLong(): boolean {
    return this.#swift >= this.#swiftEnough && this.busy === 0 && !this.changed &&
      this.#waiting === null;
  }

  #pause(nanoseconds: number): Batch {
    if (this.#idle === null || this.#waiting !== null) return this.#epoll.wait(nanoseconds);
    const since = performance.now();
    const batch = this.#epoll.wait(nanoseconds);
    this.#idle += performance.now() - since;
    return batch;
  }

  /** Idle: one call that waits on a thread of the runtime's. */
  async #wait(): Promise<void> {
    if (this.#idle !== null) this.#waitsSince = performance.now();
    const batch = await this.#epoll.waitInBackground();
    if (this.#idle !== null) this.#idle = this.#idleUntil(performance.now());
    this.#waitsSince = null;
    if (!this.#closed) this.#tell(batch);
    this.#waiting = null; // not before: the next wait writes into the same batch
    this.#schedule();
  }

  #idleUntil(now: number): number {
    return this.#idle! + (this.#waitsSince === null ? 0 : now - this.#waitsSince);
  }

  #tell(batch: Batch): void {
    for (let i = 0; i < batch.length; i++) {
      const descriptor = batch.descriptor(i);
      if (this.#tags[descriptor] !== batch.tag(i)) continue;
      this.#watchers[descriptor]?.happened(batch.events(i));
    }
  }
}
