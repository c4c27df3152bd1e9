/**
 * What tells a worker that a client may wait in the queue that it shares.
 * @module
 */
import { SystemError } from "../connection/errors.ts";
import { moduleBeside } from "../module_beside.ts";
import type { EpollLoop } from "../posix/epoll_loop.ts";
import type { Runtime } from "../runtime.ts";

/** Rings when a client may wait; another worker may have taken it meanwhile. */
export interface Doorbell {
  /**
   * Resolves when somebody may have come since it resolved last, and at `stop`.
   * Rejects if the bell is broken.
   */
  ring(): Promise<void>;
  /** Rings no more. */
  stop(): void;
}

/** The epoll loop tells. */
export function loopBell(loop: EpollLoop, listening: readonly number[]): Doorbell {
  let rung = false;
  let wake: (() => void) | null = null;
  for (const descriptor of listening) {
    loop.onReadable(descriptor, () => {
      rung = true;
      wake?.();
    });
  }
  return {
    async ring() {
      if (!rung) await new Promise<void>((resolve) => wake = resolve);
      rung = false;
    },
    stop() {
      for (const descriptor of listening) loop.unwatch(descriptor);
      wake?.();
    },
  };
}

/** What the bell's thread shall do: wait, or end. */
export const BELL_RESTS = 0;
/** Look whether a client waits, and tell once. */
export const BELL_WATCHES = 1;
/** End. */
export const BELL_ENDS = 2;

/** What the bell's thread is started with. */
export interface BellData {
  readonly listening: readonly number[];
  /** One word: what it shall do. */
  readonly word: SharedArrayBuffer;
}

const BELL_MODULE = moduleBeside("./doorbell_thread", import.meta.url);

/**
 * A thread tells that does nothing else: the loops of Bun and Node wait for
 * connections and accept all of them, and for nothing less (1.4, 26.10).
 */
export function threadBell(runtime: Runtime, listening: readonly number[]): Doorbell {
  const word = new SharedArrayBuffer(4);
  const view = new Int32Array(word);
  const thread = runtime.startThread(BELL_MODULE, { listening, word } satisfies BellData);
  let asked: PromiseWithResolvers<void> | null = null;
  let broken: Error | null = null;
  let stopped = false;
  thread.onMessage(() => asked?.resolve());
  thread.onExit((reason) => {
    if (stopped) return;
    broken = new SystemError("EIO", `The thread that waits for clients has ended: ${reason}`);
    asked?.reject(broken);
  });
  const tell = (order: number) => {
    Atomics.store(view, 0, order);
    Atomics.notify(view, 0);
  };
  return {
    ring() {
      if (broken) return Promise.reject(broken);
      asked = Promise.withResolvers();
      tell(BELL_WATCHES);
      return asked.promise;
    },
    stop() {
      stopped = true;
      tell(BELL_ENDS);
      asked?.resolve();
    },
  };
}
