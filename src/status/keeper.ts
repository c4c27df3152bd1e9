/**
 * Keeps a server's status: takes its events, looks at it once a second, and tells
 * what it knows to whoever asks. It never waits for anybody.
 * @module
 */
import type { Runtime } from "../runtime.ts";
import { Book } from "./book.ts";
import { describe, isReady } from "./describe.ts";
import { History } from "./history.ts";
import { type LoopView, LoopWatch } from "./loop_watch.ts";
import type { ServerStatus } from "./server_status.ts";
import type { View, Visible } from "./view.ts";

/** Milliseconds between two looks. */
const INTERVAL = 1000;
/** Milliseconds after which a process's memory is looked up again, which takes a file each. */
const MEMORY_AGE = 2000;
/** Milliseconds after which it is forgotten: the process has ended, or nobody asks. */
const FORGET = 60_000;
/** Milliseconds that may be spent on that before an answer. */
const MEMORY_TIME = 10;

/** The status of one server. */
export class StatusKeeper {
  readonly book = new Book();
  readonly #history = new History();
  readonly #runtime: Runtime;
  #loop: LoopView = { delay: 0, busy: null };
  #server: Visible | null = null;
  #since = 0;
  #started = 0;
  #timer: ReturnType<typeof setInterval> | null = null;
  /** By PID, with when it was looked up. */
  readonly #memory = new Map<number, { readonly bytes: number | null; readonly at: number }>();

  constructor(runtime: Runtime) {
    this.#runtime = runtime;
  }

  /** The server serves: begins to look at it. */
  start(server: Visible): void {
    this.#server = server;
    this.#since = performance.now();
    this.#started = Date.now();
    const loop = new LoopWatch(this.#runtime, INTERVAL);
    this.#timer = setInterval(() => {
      this.#loop = loop.look();
      this.#look();
    }, INTERVAL);
  }

  /** Looks no more; what is known can still be told. */
  stop(): void {
    if (this.#timer !== null) clearInterval(this.#timer);
    this.#timer = null;
  }

  /** Everything that is known. */
  status(): ServerStatus {
    const server = this.#server!;
    const view = server.view();
    const now = performance.now();
    this.#lookAt(view, now);
    return describe({
      runtime: this.#runtime,
      book: this.book,
      history: this.#history.all,
      about: server.about,
      view,
      now,
      since: this.#since,
      started: this.#started,
      loop: this.#loop,
      memoryOf: (pid, forked = false) => this.#memoryOf(pid, forked, now),
    });
  }

  /** Whether a client would be served. */
  get ready(): boolean {
    return isReady(this.#server!.view());
  }

  #look(): void {
    for (const [pid, { at }] of this.#memory) {
      if (performance.now() - at > FORGET) this.#memory.delete(pid);
    }
    const view = this.#server!.view();
    const { waiting } = view;
    this.#lookAt(view, performance.now());
    const { totals, open } = this.book;
    const { read, written } = this.book.bytes();
    this.#history.add({
      open: open.size,
      waiting: waiting ?? 0,
      accepted: totals.accepted,
      failed: totals.refused.sum + totals.errors.sum,
      bytes: read + written,
    });
  }

  #lookAt(view: View, now: number): void {
    view.lookAt((id, doing, bytesRead, bytesWritten) =>
      this.book.look(id, doing, bytesRead, bytesWritten, now)
    );
  }

  /**
   * Looked up seldom, and only as long as it is quick: whoever is not looked up keeps
   * the value of before. What a fork shares with others is not its own.
   */
  #memoryOf(pid: number, forked: boolean, now: number): number | null {
    const known = this.#memory.get(pid);
    if (known && now - known.at < MEMORY_AGE) return known.bytes;
    if (performance.now() - now > MEMORY_TIME) return known?.bytes ?? null;
    const bytes = this.#runtime.memoryOf(pid, forked ? 0 : Infinity);
    this.#memory.set(pid, { bytes, at: now });
    return bytes;
  }
}
