/**
 * Events in the order and the number that whoever listens can use: none before
 * the server listens, and of a flood a few a second instead of each.
 * @module
 */
import type { EventSink, UntimedEvent } from "../events.ts";

/** Milliseconds between two events of one kind. */
const INTERVAL = 1000;

type Counted = Extract<UntimedEvent, { readonly count: number }>;

interface Window {
  /** What has come since the last one was passed on. */
  waiting: Counted | null;
  timer: ReturnType<typeof setTimeout>;
}

/** Warnings that are remembered; a program may make up a new one for each client. */
const MOST_WARNINGS = 1000;

/**
 * Passes events on; of those that come as often as clients like, the first at
 * once, and then one a second with the count of all in it; of warnings that each
 * worker repeats, the first.
 */
export class EventThrottle {
  readonly #sink: EventSink;
  readonly #interval: number;
  readonly #windows = new Map<string, Window>();
  readonly #warnings = new Set<string>();
  #held: UntimedEvent[] | null = null;

  constructor(sink: EventSink, interval = INTERVAL) {
    this.#sink = sink;
    this.#interval = interval;
  }

  /** Passes it on, or counts it. */
  readonly event: EventSink = (event) => {
    if (this.#held !== null) return void this.#held.push(event);
    if (event.type === "warning" && this.#knows(event.message)) return;
    const kind = event.type === "refused"
      ? `refused ${event.reason}`
      : event.type === "accept_failed"
      ? `failed ${event.code}`
      : null;
    if (kind === null) return this.#sink(event);
    const counted = event as Counted;
    const window = this.#windows.get(kind);
    if (window) {
      const count = (window.waiting?.count ?? 0) + counted.count;
      window.waiting = { ...counted, count };
      return;
    }
    this.#open(kind);
    this.#sink(event);
  };

  /** From here on events wait. */
  hold(): void {
    this.#held = [];
  }

  /** Passes on this one, and then those that have waited. */
  release(first: UntimedEvent): void {
    const held = this.#held ?? [];
    this.#held = null;
    this.event(first);
    for (const event of held) this.event(event);
  }

  #knows(warning: string): boolean {
    if (this.#warnings.has(warning)) return true;
    if (this.#warnings.size < MOST_WARNINGS) this.#warnings.add(warning);
    return false;
  }

  /** Passes on what waits, and leaves no timer behind. */
  flush(): void {
    for (const { waiting, timer } of this.#windows.values()) {
      clearTimeout(timer);
      if (waiting) this.#sink(waiting);
    }
    this.#windows.clear();
  }

  #open(kind: string): void {
    const timer = setTimeout(() => {
      const { waiting } = this.#windows.get(kind)!;
      this.#windows.delete(kind);
      if (waiting === null) return;
      this.#open(kind);
      this.#sink(waiting);
    }, this.#interval);
    this.#windows.set(kind, { waiting: null, timer });
  }
}
