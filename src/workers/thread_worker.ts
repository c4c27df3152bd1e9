/**
 * A worker thread, seen from both ends: orders and answers go by words of shared
 * memory, messages by the runtime's port.
 * @module
 */
import { patience } from "../connection/delay.ts";
import { BlockingListener } from "../posix/blocking_listener.ts";
import type { SharedSockets } from "../posix/client_queues.ts";
import type { Libc } from "../posix/libc.ts";
import type { Runtime, ThreadScope } from "../runtime.ts";
import { type Channel, Dropped, MESSAGE_BACKLOG } from "./channel.ts";
import { ADMITTED, decodeMessage, encodeMessage, ORDERS, REFUSED } from "./encoding.ts";
import type { Message, Order } from "./messages.ts";
import { ENTRY } from "./start_module.ts";
import type { StartWorker } from "./worker_handle.ts";
import type { CommonSettings, WorkerSettings } from "./worker_settings.ts";

/** What a thread is told of its supervisor and its clients. */
export interface ThreadLink {
  readonly way: "thread";
  /** What it listens on. */
  readonly sockets: SharedSockets;
  /** The shared words, see below. */
  readonly words: SharedArrayBuffer;
  /** Where it tells of its clients, and what it does, see status/scoreboard.ts; null without it. */
  readonly scores: SharedArrayBuffer | null;
}

/** Words of the shared memory: the strongest order so far. */
const ORDER_WORD = 0;
/** The descriptor that the thread holds, or -1. Whoever swaps it out closes it. */
const HELD_WORD = 1;
/** The answer to what the thread asked, or 0 while there is none. */
const ANSWER_WORD = 2;
/** How many bytes of `message` events the supervisor has not read yet. */
const UNREAD_WORD = 3;
/** How many words. */
const WORDS = 4;

/** How long a thread may take to leave by itself before it is terminated. */
const TERMINATE_AFTER = 2000;

/** Starts threads. */
export function threadStarter(
  runtime: Runtime,
  libc: Libc,
  sockets: SharedSockets,
  common: CommonSettings,
  scores: SharedArrayBuffer | null | undefined,
): StartWorker {
  return (number, { onMessage, onExit }) => {
    const words = new SharedArrayBuffer(4 * WORDS);
    const view = new Int32Array(words);
    view[HELD_WORD] = -1;
    const link: ThreadLink = { way: "thread", sockets, words, scores: scores ?? null };
    const settings: WorkerSettings = { ...common, number, link };
    const thread = runtime.startThread(ENTRY, settings);
    let stopWaiting: (() => void) | undefined;
    thread.onMessage((line) => {
      const message = decodeMessage(line);
      if (message === null) return;
      if (message.type === "event" && message.event.type === "message") {
        Atomics.sub(view, UNREAD_WORD, message.event.bytes.length);
      }
      onMessage(message);
    });
    thread.onExit((reason) => {
      // The kernel closes nothing when a thread dies; whoever swaps it out does.
      const held = Atomics.exchange(view, HELD_WORD, -1);
      if (held >= 0) {
        endConnection(libc, held); // the thread may still be blocked in a call on it
        libc.close(held);
      }
      stopWaiting?.();
      onExit(reason);
    });
    const order = (order: Order) => {
      Atomics.store(view, ORDER_WORD, ORDERS.indexOf(order));
      thread.postMessage(order);
    };
    return {
      name: { kind: "thread", id: number },
      order,
      answer(admitted) {
        Atomics.store(view, ANSWER_WORD, admitted ? ADMITTED : REFUSED);
        Atomics.notify(view, ANSWER_WORD);
      },
      kill() {
        order("end");
        // This wakes a thread that is blocked in a call on its connection.
        const held = Atomics.load(view, HELD_WORD);
        if (held >= 0) endConnection(libc, held);
        stopWaiting ??= patience(TERMINATE_AFTER, () => {
          onMessage({ type: "stuck" });
          thread.kill();
        });
      },
    };
  };
}

/** Ends a connection that a thread holds: by RST, because its handler has not ended. */
function endConnection(libc: Libc, descriptor: number): void {
  if (!libc.disconnect(descriptor)) libc.shutdown(descriptor, "both"); // a Unix socket, ...
}

/** The same way from inside the thread. */
export function threadChannel(
  runtime: Runtime,
  libc: Libc,
  scope: ThreadScope,
  { number, link }: { readonly number: number; readonly link: ThreadLink },
): Channel {
  const words = new Int32Array(link.words);
  const look = () => ORDERS[Atomics.load(words, ORDER_WORD)];
  const dropped = new Dropped();
  const report = () => {
    const text = dropped.report();
    if (text) scope.postMessage(text);
  };
  const post = (message: Message) => scope.postMessage(encodeMessage(message));
  return {
    name: { kind: "thread", id: number },
    each: "one",
    send(message) {
      if (message.type === "event" && message.event.type === "message") {
        const { length } = message.event.bytes;
        if (Atomics.load(words, UNREAD_WORD) > MESSAGE_BACKLOG) return dropped.add();
        Atomics.add(words, UNREAD_WORD, length);
      }
      report();
      post(message);
    },
    look,
    onOrder: (listener) => scope.onMessage((order) => listener(order as Order)),
    ask(remoteAddr) {
      Atomics.store(words, ANSWER_WORD, 0);
      post({ type: "asks", remoteAddr });
      Atomics.wait(words, ANSWER_WORD, 0);
      return Atomics.load(words, ANSWER_WORD) === ADMITTED;
    },
    listen: (blocking, activity) =>
      new BlockingListener(libc, {
        sockets: link.sockets,
        blocking,
        activity,
        adopt: runtime.adopt,
        shallLeave: () => look() !== null,
        hold: (descriptor) => void Atomics.exchange(words, HELD_WORD, descriptor),
        release(descriptor) {
          const mine = Atomics.compareExchange(words, HELD_WORD, descriptor, -1) === descriptor;
          if (mine) libc.close(descriptor);
        },
      }),
    end() {
      report();
      runtime.endThread();
    },
  };
}
