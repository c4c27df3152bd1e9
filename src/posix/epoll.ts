/**
 * epoll(7): which of many descriptors have something to do. Linux only.
 * @module
 */
import { SystemError } from "../connection/errors.ts";
import type { ForeignFunctions, ForeignLibrary, Runtime } from "../runtime.ts";

const FUNCTIONS: ForeignFunctions = {
  epoll_create1: { parameters: ["i32"], result: "i32" },
  epoll_ctl: { parameters: ["i32", "i32", "i32", "buffer"], result: "i32" },
  // epoll_pwait2, which musl and older glibc have no function for.
  syscall: {
    parameters: ["u32", "i32", "buffer", "i32", "buffer", "pointer", "u32"],
    result: "i32",
  },
  eventfd: { parameters: ["u32", "i32"], result: "i32" },
  close: { parameters: ["i32"], result: "i32" },
};

/** To wait beside the event loop, where the runtime can do that. */
const IN_BACKGROUND: ForeignFunctions = {
  epoll_wait_in_background: {
    name: "epoll_wait",
    nonblocking: true,
    parameters: ["i32", "buffer", "i32", "i32"],
    result: "i32",
  },
};

/** The number of the call on every architecture, from Linux 5.11. */
const EPOLL_PWAIT2 = 441;
const EPOLL_CLOEXEC = 0o2000000;
const EPOLL_CTL_ADD = 1;
const EPOLL_CTL_DEL = 2;
/** There is something to read, or to accept. */
export const EPOLLIN = 0x1;
/** Urgent data has come, of which TCP tells where it is. */
export const EPOLLPRI = 0x2;
/** There is room to write. */
export const EPOLLOUT = 0x4;
/** The connection has failed. */
export const EPOLLERR = 0x8;
/** Both directions have ended. */
export const EPOLLHUP = 0x10;
/** The peer has sent FIN. */
export const EPOLLRDHUP = 0x2000;
/** Tell of each change once. */
export const EPOLLET = 1 << 31;

/** How many events one call may give. */
const LARGEST_BATCH = 512;

/** A set of descriptors that is watched. */
export class Epoll {
  readonly #library: ForeignLibrary;
  readonly #functions: ForeignLibrary["functions"];
  readonly #set: number;
  /** Ready from the start, and in the set only to end a wait. */
  readonly #waker: number;
  /** Words of a `struct epoll_event`, which is packed on x86-64 only. */
  readonly #words: number;
  /** A `struct timespec`: seconds, nanoseconds. */
  readonly #timespec = new Uint8Array(16);
  readonly #nanoseconds = new Uint32Array(this.#timespec.buffer, 8, 1);
  readonly #event: Int32Array;
  readonly #eventBytes: Uint8Array;
  readonly #batch: Batch;
  readonly #backgroundBatch: Batch;

  /** @throws {SystemError} if no descriptor is free */
  constructor(runtime: Runtime) {
    this.#words = runtime.arch === "x64" ? 3 : 4;
    this.#event = new Int32Array(this.#words);
    this.#eventBytes = new Uint8Array(this.#event.buffer);
    this.#batch = new Batch(this.#words);
    this.#backgroundBatch = new Batch(this.#words);
    this.#library = runtime.openLibrary({
      ...FUNCTIONS,
      ...(runtime.callsInBackground ? IN_BACKGROUND : {}),
    });
    const f = this.#functions = this.#library.functions;
    this.#set = f.epoll_create1(EPOLL_CLOEXEC);
    this.#waker = f.eventfd(1, EPOLL_CLOEXEC);
    if (this.#set < 0 || this.#waker < 0) {
      this.close();
      throw new SystemError("EMFILE", "No descriptor is free for an event loop");
    }
  }

  /**
   * Watches a descriptor, until it is closed or removed.
   * @param tag comes back with each event of this watch, 32 bits
   * @throws {SystemError} if the kernel's limit of watched descriptors is reached
   */
  add(descriptor: number, events: number, tag = 0): void {
    this.#event[0] = events;
    this.#event[this.#words - 2] = descriptor;
    this.#event[this.#words - 1] = tag;
    const { epoll_ctl } = this.#functions;
    if (epoll_ctl(this.#set, EPOLL_CTL_ADD, descriptor, this.#eventBytes) < 0) {
      throw new SystemError("ENOSPC", "epoll_ctl failed: too many descriptors are watched");
    }
  }

  /** Watches the descriptor no longer. */
  remove(descriptor: number): void {
    this.#functions.epoll_ctl(this.#set, EPOLL_CTL_DEL, descriptor, null);
  }

  /** What has happened, after at most so many nanoseconds, less than a second. */
  wait(nanoseconds: number): Batch {
    const { bytes } = this.#batch;
    this.#nanoseconds[0] = nanoseconds;
    const { syscall } = this.#functions;
    this.#batch.length = Math.max(
      0, // EINTR, or ENOSYS before Linux 5.11, where only the wait in the background is left
      syscall(EPOLL_PWAIT2, this.#set, bytes, LARGEST_BATCH, this.#timespec, null, 0),
    );
    return this.#batch;
  }

  /** Resolves when something has happened; the thread goes on meanwhile. */
  async waitInBackground(): Promise<Batch> {
    const batch = this.#backgroundBatch;
    const wait = this.#functions.epoll_wait_in_background;
    batch.length = Math.max(0, await wait(this.#set, batch.bytes, LARGEST_BATCH, -1));
    return batch;
  }

  /** Ends the wait, and each one that comes. */
  wake(): void {
    this.add(this.#waker, EPOLLIN);
  }

  /** Gives its descriptors back; no wait may be under way. */
  close(): void {
    for (const descriptor of [this.#set, this.#waker]) {
      if (descriptor >= 0) this.#functions.close(descriptor);
    }
    this.#library.close();
  }
}

/** The events of one wait; the next wait overwrites them. */
export class Batch {
  /** How many there are. */
  length = 0;
  /** Where the kernel writes them. */
  readonly bytes: Uint8Array;
  readonly #words: Int32Array;
  readonly #size: number;

  /** @param size words of one event */
  constructor(size: number) {
    this.#size = size;
    this.#words = new Int32Array(size * LARGEST_BATCH);
    this.bytes = new Uint8Array(this.#words.buffer);
  }

  /** What has happened, as bits: EPOLLIN and so on. */
  events(index: number): number {
    return this.#words[index * this.#size];
  }

  /** To which descriptor it has happened. */
  descriptor(index: number): number {
    // The 64 bits of the caller's own come last; packed, they follow at once.
    return this.#words[index * this.#size + this.#size - 2];
  }

  /** Of which watch of that descriptor. */
  tag(index: number): number {
    return this.#words[index * this.#size + this.#size - 1];
  }
}
