/**
 * Where every worker begins, thread or process: load the handler, then accept,
 * serve, close, one connection after the other, until told to leave.
 * @module
 */
import { acceptLoop } from "./accept_loop.ts";
import { errorCode, errorMessage } from "./errors.ts";
import type { UntimedEvent } from "./events.ts";
import type { WorkerName } from "./handler.ts";
import { loadHandler } from "./load_handler.ts";
import {
  HELD_WORD,
  type Message,
  MESSAGE_BACKLOG,
  type Order,
  ORDER_WORD,
  ORDERS,
  type WorkerSettings,
} from "./messages.ts";
import { BlockingListener } from "./posix/blocking_socket.ts";
import { Libc } from "./posix/libc.ts";
import type { Runtime, ThreadScope } from "./runtime.ts";
import { detect } from "./runtimes/detect.ts";
import { serveConnection, type ServedConnection } from "./serve_connection.ts";
import { encodeMessage } from "./worker_handle.ts";

/** A worker's way to its supervisor. */
interface Channel {
  readonly name: WorkerName;
  /** Says something; `message` events may be left out when nobody reads. */
  send(message: Message): void;
  /** The strongest order so far, looked up without the event loop. */
  look(): Order | null;
  /** Orders that come while the event loop runs. */
  onOrder(listener: (order: Order) => void): void;
  hold(descriptor: number): void;
  release(descriptor: number): void;
  end(): void;
}

function threadChannel(
  runtime: Runtime,
  libc: Libc,
  scope: ThreadScope,
  settings: WorkerSettings,
): Channel {
  const words = new Int32Array(settings.words!);
  return {
    name: { kind: "thread", id: settings.number },
    send: (message) => scope.postMessage(message),
    look: () => ORDERS[Atomics.load(words, ORDER_WORD)],
    onOrder: (listener) => scope.onMessage((order) => listener(order as Order)),
    hold: (descriptor) => void Atomics.exchange(words, HELD_WORD, descriptor),
    release(descriptor) {
      if (
        Atomics.compareExchange(words, HELD_WORD, descriptor, -1) === descriptor
      ) {
        libc.close(descriptor);
      }
    },
    end: () => runtime.endThread(),
  };
}

function processChannel(
  runtime: Runtime,
  libc: Libc,
  settings: WorkerSettings,
): Channel {
  // Ctrl-C reaches the whole foreground group, systemd's SIGTERM the whole
  // service; only the supervisor decides. A listener, not SIG_IGN, which what a
  // handler starts would inherit.
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
    runtime.onSignal(signal, () => {});
  }
  libc.dieWithParent();
  if (runtime.parentPid() !== settings.parent) runtime.exit(1);
  const control = settings.control!;
  libc.closeOnExec(settings.listening);
  libc.closeOnExec(control);

  const { MSG_DONTWAIT } = libc.constants;
  const encoder = new TextEncoder();
  let unsent = new Uint8Array(0);
  const flush = () => {
    try {
      while (unsent.length > 0) {
        unsent = unsent.subarray(libc.send(control, unsent, MSG_DONTWAIT));
      }
    } catch (error) {
      // Nobody reads: keep it. Nobody is there: the kernel ends this process.
      if (errorCode(error) !== "EAGAIN") unsent = new Uint8Array(0);
    }
  };

  let strongest: Order | null = null;
  const listeners: ((order: Order) => void)[] = [];
  const byte = new Uint8Array(1);
  const look = () => {
    flush();
    try {
      for (;;) {
        if (libc.receive(control, byte, MSG_DONTWAIT) === 0) runtime.exit(1);
        strongest = ORDERS[byte[0]];
      }
    } catch (error) {
      if (errorCode(error) !== "EAGAIN") runtime.exit(1);
    }
    return strongest;
  };
  return {
    name: { kind: "process", id: runtime.pid },
    send(message) {
      const optional = message.type === "event" &&
        message.event.type === "message";
      if (optional && unsent.length > MESSAGE_BACKLOG) return;
      const bytes = encoder.encode(encodeMessage(message));
      const all = new Uint8Array(unsent.length + bytes.length);
      all.set(unsent);
      all.set(bytes, unsent.length);
      unsent = all;
      flush();
    },
    look,
    onOrder(listener) {
      listeners.push(listener);
      if (listeners.length > 1) return;
      // A timer costs less than a second reader of the same socket.
      setInterval(() => {
        const before = strongest;
        const now = look();
        if (now !== null && now !== before) {
          for (const tell of listeners) tell(now);
        }
      }, ORDER_INTERVAL);
    },
    hold: () => {},
    release: (descriptor) => libc.close(descriptor),
    end: () => {
      flush();
      runtime.exit(0);
    },
  };
}

/** Milliseconds until a process whose handler waits on the loop sees an order. */
const ORDER_INTERVAL = 100;

async function main(): Promise<void> {
  const runtime = await detect();
  const scope = runtime.threadScope();
  const settings: WorkerSettings = scope
    ? scope.data as WorkerSettings
    : JSON.parse(runtime.args.at(-1)!);
  const libc = new Libc(runtime);
  const channel = scope
    ? threadChannel(runtime, libc, scope, settings)
    : processChannel(runtime, libc, settings);

  let current: ServedConnection | null = null;
  runtime.onUnhandled((error) => {
    if (current) current.end("error", error);
    else channel.send({ type: "unhandled", message: errorMessage(error) });
  });

  let loaded;
  try {
    loaded = await loadHandler(settings.handler);
  } catch (error) {
    channel.send({ type: "failed", message: errorMessage(error) });
    return channel.end();
  }

  const abort = new AbortController();
  if (!loaded.blocking || scope) {
    channel.onOrder((order) => {
      if (order !== "leave") abort.abort();
      if (order === "end") current?.end("shutdown");
    });
  }
  const listener = new BlockingListener(libc, {
    descriptor: settings.listening,
    blocking: loaded.blocking,
    adopt: (descriptor, localAddr, remoteAddr) => runtime.adopt(descriptor, localAddr, remoteAddr),
    shallLeave: () => channel.look() !== null,
    hold: (descriptor) => channel.hold(descriptor),
    release: (descriptor) => channel.release(descriptor),
  });
  const onEvent = (event: UntimedEvent) => {
    // A blocked thread only sees that its socket was shut down from outside.
    const ended = event.type === "closed" && channel.look() === "end";
    channel.send({ type: "event", event: ended ? { ...event, reason: "shutdown" } : event });
  };

  let count = 0;
  channel.send({ type: "ready" });
  try {
    await acceptLoop(
      listener,
      1,
      async (connection) => {
        const context = {
          signal: abort.signal,
          id: `${settings.number}.${++count}`,
          model: settings.model,
          worker: channel.name,
        };
        current = serveConnection(connection, loaded.handler, context, {
          ...settings,
          onEvent,
        });
        await current.done;
        current = null;
      },
      (code) => onEvent({ type: "accept_failed", code, worker: channel.name }),
    );
  } catch (error) {
    channel.send({ type: "fatal", message: errorMessage(error) });
  }
  channel.end();
}

await main();
