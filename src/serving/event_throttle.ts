/**
 * Events of which a flood may come, a few a second instead of each.
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

/**
 * Passes events on; of those that come as often as clients like, the first at
 * once, and then one a second with the count of all in it.
 */
export class EventThrottle {
  readonly #sink: EventSink;
  readonly #interval: number;
  readonly #windows = new Map<string, Window>();

  constructor(sink: EventSink, interval = INTERVAL) {
    this.#sink = sink;
    this.#interval = interval;
  }

  /** Passes it on, or counts it. */
  readonly event: EventSink = (event) => {
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
