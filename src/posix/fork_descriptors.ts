/**
 * The descriptors that a fork must not share with its parent: those of the event loops,
 * which are made anew, and the parent's own. Linux only.
 * @module
 */
import { SystemError } from "../connection/errors.ts";
import type { ForeignFunctions, ForeignLibrary, Runtime } from "../runtime.ts";
import type { Libc } from "./libc.ts";

const FUNCTIONS: ForeignFunctions = {
  epoll_create1: { parameters: ["i32"], result: "i32" },
  epoll_ctl: { parameters: ["i32", "i32", "i32", "buffer"], result: "i32" },
  eventfd: { parameters: ["u32", "i32"], result: "i32" },
  pipe2: { parameters: ["buffer", "i32"], result: "i32" },
  readlink: { parameters: ["buffer", "buffer", "u32"], result: "i32" },
};

const O_CLOEXEC = 0o2000000;
const O_NONBLOCK = 0o4000;
const EPOLL_CTL_ADD = 1;
const STDERR = 2;
/** Loops begin with the process, so they have its first descriptors. */
const MOST = 256;

/** A set of epoll(7), and the same one under other numbers. */
interface WatchSet {
  readonly descriptors: number[];
  readonly watched: readonly { readonly descriptor: number; readonly event: Uint8Array }[];
}

/** Those descriptors, as they are when this is made. */
export class ForkDescriptors {
  readonly #libc: Libc;
  readonly #functions: ForeignLibrary["functions"];
  readonly #isPacked: boolean;
  readonly #eventfds: number[] = [];
  /** By which a loop tells itself of signals (libuv): the end that it watches, and the other. */
  readonly #pipes: (readonly [number, number])[] = [];
  readonly #sets: WatchSet[];
  readonly #parents: number[] = [];

  /**
   * What it opens of the C library stays open.
   * @param parents a descriptor of the parent's own; a runtime may have copies of it
   */
  constructor(runtime: Runtime, libc: Libc, parents: number) {
    this.#libc = libc;
    this.#functions = runtime.openLibrary(FUNCTIONS).functions;
    this.#isPacked = runtime.arch === "x64";
    const sets = new Map<string, number[]>();
    const pipes = new Map<string, number[]>();
    const parentsIs = this.#what(parents);
    for (let descriptor = 0; descriptor < MOST; descriptor++) {
      const what = this.#what(descriptor);
      if (what === parentsIs) this.#parents.push(descriptor);
      if (what === "anon_inode:[eventfd]") this.#eventfds.push(descriptor);
      if (what.startsWith("pipe:")) pipes.set(what, [...pipes.get(what) ?? [], descriptor]);
      if (what !== "anon_inode:[eventpoll]") continue;
      // Two that watch the same are one set that was duplicated: Deno's loop has both.
      const info = libc.readText(`/proc/self/fdinfo/${descriptor}`); // proc_pid_fdinfo(5)
      sets.set(info, [...sets.get(info) ?? [], descriptor]);
    }
    this.#sets = [...sets].map(([info, descriptors]) => ({
      descriptors,
      watched: this.#watched(info),
    }));
    const watched = new Set(
      this.#sets.flatMap(({ watched }) => watched.map(({ descriptor }) => descriptor)),
    );
    for (const ends of pipes.values()) {
      if (ends.length !== 2 || ends[0] <= STDERR) continue;
      const own = ends.find((end) => watched.has(end));
      if (own !== undefined) this.#pipes.push([own, ends.find((end) => end !== own)!]);
    }
  }

  /**
   * Closes the parent's, and makes the loops' anew, under the same numbers.
   * @param rehearses whether that is done to copies: a parent has threads that wait on them
   */
  renew(rehearses: boolean): void {
    const { eventfd, pipe2, epoll_create1, epoll_ctl } = this.#functions;
    for (const descriptor of this.#parents) {
      this.#libc.close(rehearses ? this.#libc.duplicate(descriptor) : descriptor);
    }
    for (const descriptor of this.#eventfds) {
      this.#replace(eventfd(0, O_CLOEXEC | O_NONBLOCK), [descriptor], rehearses);
    }
    for (const [watched, other] of this.#pipes) {
      const ends = new Int32Array(2);
      this.#libc.check("pipe2", pipe2(new Uint8Array(ends.buffer), O_CLOEXEC | O_NONBLOCK));
      this.#replace(ends[0], [watched], rehearses);
      this.#replace(ends[1], [other], rehearses);
    }
    for (const { descriptors, watched } of this.#sets) {
      const set = epoll_create1(O_CLOEXEC);
      for (const { descriptor, event } of watched) {
        epoll_ctl(set, EPOLL_CTL_ADD, descriptor, event);
      }
      this.#replace(set, descriptors, rehearses);
    }
  }

  #replace(by: number, descriptors: number[], rehearses: boolean): void {
    if (by < 0) throw new SystemError("EMFILE", "No descriptor is free for a fork's event loop");
    for (const descriptor of descriptors) {
      const replaced = rehearses ? this.#libc.duplicate(descriptor) : descriptor;
      this.#libc.functions.dup3(by, replaced, O_CLOEXEC);
      if (rehearses) this.#libc.close(replaced);
    }
    this.#libc.close(by);
  }

  /** What a descriptor is, see proc_pid_fd(5). */
  #what(descriptor: number): string {
    const buffer = new Uint8Array(64);
    const path = new TextEncoder().encode(`/proc/self/fd/${descriptor}\0`);
    const length = this.#functions.readlink(path, buffer, buffer.length);
    return new TextDecoder().decode(buffer.subarray(0, Math.max(0, length)));
  }

  /** What a set watches, by its text in fdinfo. */
  #watched(info: string): WatchSet["watched"] {
    const entries = info.matchAll(/tfd:\s*(\d+) events:\s*([0-9a-f]+) data:\s*([0-9a-f]+)/g);
    return [...entries].map(([, descriptor, events, data]) => {
      // A struct epoll_event is packed on x86-64 only.
      const view = new DataView(new ArrayBuffer(this.#isPacked ? 12 : 16));
      view.setUint32(0, parseInt(events, 16), true);
      view.setBigUint64(this.#isPacked ? 4 : 8, BigInt(`0x${data}`), true);
      return { descriptor: Number(descriptor), event: new Uint8Array(view.buffer) };
    });
  }
}
