/**
 * A worker's way to its supervisor: a thread's, a process's with a control
 * socket, and a process's that is handed its connections.
 * @module
 */
import type { ConnectionSource } from "../serving/accept_loop.ts";
import type { Address } from "../connection/connection.ts";
import type { UntimedEvent } from "../events.ts";
import type { WorkerName } from "../handler/handler.ts";
import {
  ADMITTED,
  ANSWER_WORD,
  HELD_WORD,
  type Message,
  MESSAGE_BACKLOG,
  type Order,
  ORDER_WORD,
  ORDERS,
  UNREAD_WORD,
  type WorkerSettings,
} from "./messages.ts";
import { BlockingListener } from "../posix/blocking_listener.ts";
import { dieWithParent } from "../posix/children.ts";
import { Libc } from "../posix/libc.ts";
import { listenToQueue } from "../queue/queue_listener.ts";
import type { ProcessScope, Runtime, ThreadScope } from "../runtime.ts";
import { type Socket, SocketConnection } from "../connection/socket_connection.ts";
import { CHANNEL, CONNECTION, encodeMessage } from "./worker_handle.ts";

/** What gives a worker its connections. */
export interface WorkerListener extends ConnectionSource<SocketConnection> {
  /** A connection has ended. */
  left?(): void;
  /** Gives no more: a pending `accept` has null. */
  close?(): void;
}

/** A worker's way to its supervisor. */
export interface Channel {
  readonly name: WorkerName;
  /** Says something; `message` events may be left out when nobody reads. */
  send(message: Message): void;
  /** The strongest order so far, looked up without the event loop. */
  look(): Order | null;
  /** Orders that come while the event loop runs; a blocking handler lets it run seldom. */
  onOrder(listener: (order: Order) => void, blocking: boolean): void;
  /** What gives this worker its connections, until it shall leave. */
  listen(blocking: boolean): WorkerListener;
  /** Ends the worker. */
  end(): void;
}

/** Milliseconds that a worker which leaves waits for its last messages to be taken. */
const LAST_WAIT = 1000;

/** Counts the `message` events that were left out. */
class Dropped {
  #count = 0;

  add(): void {
    this.#count++;
  }

  /** How many since the last report, as an event; null if there were none. */
  take(): UntimedEvent | null {
    if (this.#count === 0) return null;
    const event = { type: "dropped", count: this.#count } as const;
    this.#count = 0;
    return event;
  }

  /** The same as a message; nothing if there were none. */
  report(encode: (message: Message) => string): string {
    const event = this.take();
    return event ? encode({ type: "event", event }) : "";
  }
}

/** A thread's: messages, and two words of shared memory. */
export function threadChannel(
  runtime: Runtime,
  libc: Libc,
  scope: ThreadScope,
  settings: WorkerSettings,
): Channel {
  const words = new Int32Array(settings.words!);
  const look = () => ORDERS[Atomics.load(words, ORDER_WORD)];
  const dropped = new Dropped();
  const post = (message: Message) => scope.postMessage(encodeMessage(message));
  const report = () => {
    const event = dropped.take();
    if (event) post({ type: "event", event });
  };
  return {
    name: { kind: "thread", id: settings.number },
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
    listen: (blocking) =>
      new BlockingListener(libc, {
        descriptor: settings.listening!,
        blocking,
        adopt: runtime.adopt,
        shallLeave: () => look() !== null,
        admit(remoteAddr) {
          if (!settings.asks) return true;
          Atomics.store(words, ANSWER_WORD, 0);
          post({ type: "asks", remoteAddr });
          Atomics.wait(words, ANSWER_WORD, 0);
          return Atomics.load(words, ANSWER_WORD) === ADMITTED;
        },
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

/**
 * Ctrl-C reaches the whole foreground group, systemd's SIGTERM the whole
 * service; only the supervisor decides. A listener, not SIG_IGN, which what a
 * handler starts would inherit.
 */
function ignoreStopSignals(runtime: Runtime): void {
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
    runtime.onSignal(signal, () => {});
  }
}

/** A process's: a control socket, whose end is also a message. */
export function processChannel(
  runtime: Runtime,
  libc: Libc,
  settings: WorkerSettings,
): Channel {
  ignoreStopSignals(runtime);
  dieWithParent(libc);
  if (runtime.parentPid() !== settings.parent) runtime.exit(1);
  const control = settings.control!;
  libc.closeOnExec(settings.listening!);
  libc.closeOnExec(control);
  if (settings.shares) libc.closeOnExec(settings.shares.board);

  const { MSG_DONTWAIT } = libc.constants;
  const encoder = new TextEncoder();
  let unsent = new Uint8Array(0);
  const dropped = new Dropped();
  /** While nobody reads, it keeps what is unsent or, without MSG_DONTWAIT, waits. */
  const flush = (flags: number) => {
    try {
      while (unsent.length > 0) {
        const taken = libc.send(control, unsent, flags);
        if (taken === null) return;
        unsent = unsent.subarray(taken);
      }
    } catch {
      unsent = new Uint8Array(0); // nobody is there: the kernel ends this process
    }
  };

  let strongest: Order | null = null;
  const byte = new Uint8Array(1);
  const look = () => {
    flush(MSG_DONTWAIT);
    try {
      for (let length; (length = libc.receive(control, byte, MSG_DONTWAIT)) !== null;) {
        if (length === 0) runtime.exit(1);
        strongest = ORDERS[byte[0]];
      }
    } catch {
      runtime.exit(1);
    }
    return strongest;
  };
  const send = (message: Message) => {
    const optional = message.type === "event" && message.event.type === "message";
    if (optional && unsent.length > MESSAGE_BACKLOG) return dropped.add();
    const bytes = encoder.encode(dropped.report(encodeMessage) + encodeMessage(message));
    const all = new Uint8Array(unsent.length + bytes.length);
    all.set(unsent);
    all.set(bytes, unsent.length);
    unsent = all;
    flush(MSG_DONTWAIT);
  };
  const admit = (remoteAddr: Address) => {
    if (!settings.asks) return true;
    send({ type: "asks", remoteAddr });
    flush(0);
    try {
      while (libc.receive(control, byte)) {
        if (byte[0] >= ADMITTED) return byte[0] === ADMITTED;
        strongest = ORDERS[byte[0]];
      }
    } catch {
      // As at the end of the stream: the supervisor is gone.
    }
    runtime.exit(1);
  };
  return {
    name: { kind: "process", id: runtime.pid },
    send,
    look,
    onOrder(listener, blocking) {
      if (blocking) return;
      // A timer costs less than a second reader of the same socket.
      let told: Order | null = null;
      setInterval(() => {
        const now = look();
        if (now !== null && now !== told) listener(told = now);
      }, ORDER_INTERVAL);
    },
    listen(blocking) {
      const shallLeave = () => look() !== null;
      const { shares } = settings;
      if (shares) {
        return listenToQueue(runtime, libc, settings.listening!, shares, shallLeave, admit);
      }
      return new BlockingListener(libc, {
        descriptor: settings.listening!,
        blocking,
        adopt: runtime.adopt,
        shallLeave,
        admit,
        hold: () => {},
        release: (descriptor) => libc.close(descriptor),
      });
    },
    end: () => {
      // What was said last must come, also to a supervisor that is busy.
      const last = dropped.report(encodeMessage);
      if (last) unsent = new Uint8Array([...unsent, ...encoder.encode(last)]);
      libc.setTimeout(control, "send", LAST_WAIT);
      flush(0);
      runtime.exit(0);
    },
  };
}

/** Milliseconds until a process whose handler waits on the loop sees an order. */
const ORDER_INTERVAL = 100;

/** Milliseconds until a process that is handed its connections sees that its parent is gone. */
const PARENT_INTERVAL = 1000;

/** A process's that is handed its connections: messages, and sockets with them. */
export function handOverChannel(
  runtime: Runtime,
  scope: ProcessScope,
  settings: WorkerSettings,
): Channel {
  ignoreStopSignals(runtime);
  scope.onGone(() => runtime.exit(1));
  if (runtime.libraryRefusal() === null) {
    const libc = new Libc(runtime);
    libc.closeOnExec(CHANNEL); // Deno lets what a handler starts inherit it (2.9)
    libc.unload();
  }
  // Deno does not tell a process that was handed a socket that its parent is gone (2.9).
  setInterval(() => {
    if (runtime.parentPid() !== settings.parent) runtime.exit(1);
  }, PARENT_INTERVAL);
  const handed: Socket[] = [];
  let strongest: Order | null = null;
  let onOrder: (order: Order) => void = () => {};
  let wake: () => void = () => {};
  let crowded = false;
  const dropped = new Dropped();
  scope.onMessage((message, socket) => {
    if (message !== CONNECTION) onOrder(strongest = message as Order);
    else if (socket) handed.push(socket);
    else scope.postMessage(encodeMessage({ type: "vanished" }));
    wake();
  });
  return {
    name: { kind: "process", id: runtime.pid },
    send(message) {
      const optional = message.type === "event" && message.event.type === "message";
      if (optional && crowded) return dropped.add();
      const report = dropped.report(encodeMessage);
      if (report) scope.postMessage(report);
      crowded = !scope.postMessage(encodeMessage(message));
    },
    look: () => strongest,
    onOrder: (listener) => void (onOrder = listener),
    listen: () => ({
      async accept() {
        while (handed.length === 0) {
          if (strongest !== null) return null;
          await new Promise<void>((resolve) => wake = resolve);
        }
        return new SocketConnection(handed.shift()!);
      },
    }),
    end: () => void scope.flush().then(() => runtime.exit(0)),
  };
}
