/**
 * A worker as its supervisor sees it, thread and process alike.
 * @module
 */
import { moduleBeside } from "../module_beside.ts";
import { patience } from "../connection/delay.ts";
import type { WorkerName } from "../handler/handler.ts";
import {
  ADMITTED,
  ANSWER_WORD,
  HELD_WORD,
  type Message,
  type Order,
  ORDER_WORD,
  ORDERS,
  REFUSED,
  UNREAD_WORD,
  WORDS,
  type WorkerSettings,
} from "./messages.ts";
import type { Board } from "../queue/board.ts";
import type { Libc } from "../posix/libc.ts";
import type { HandedSocket, Runtime } from "../runtime.ts";

/** What the supervisor can do with a worker. */
export interface WorkerHandle {
  /** Its name in events. */
  readonly name: WorkerName;
  /** Tells it something; it obeys as soon as it looks. */
  order(order: Order): void;
  /** Answers what it asked: whether it may serve its client. */
  answer(admitted: boolean): void;
  /** Hands it a connection; only where sockets are handed over. */
  give?(socket: HandedSocket): void;
  /** Ends its connection from outside and, in the end, the worker. */
  kill(): void;
}

/** Told of what a worker says and of its end. */
export interface WorkerListeners {
  onMessage(message: Message): void;
  /** Called once; nothing of the worker is left then. With why, if it could not even be begun. */
  onExit(reason: string, notStarted?: Error): void;
}

/** Starts workers of one kind. */
export type StartWorker = (
  number: number,
  listeners: WorkerListeners,
) => WorkerHandle;

/** What all workers of a server are started with. */
export type SharedSettings = Omit<
  WorkerSettings,
  "number" | "kind" | "listening" | "shares" | "control" | "parent" | "words"
>;

const WORKER_MODULE = moduleBeside("./worker", import.meta.url);

/**
 * A worker process's main module when it may not read: Deno lets a module that
 * it does not have to read import what it names, and nothing else (2.9).
 */
function namingEntry(handler: string): URL {
  const main = new URL(WORKER_MODULE.href.replace(/worker(\.[jt]s)$/, "worker_main$1"));
  const [mainName, handlerName] = [main.href, handler].map((url) => JSON.stringify(url));
  const code = `import { main } from ${mainName}; void main(() => import(${handlerName}));`;
  return new URL(`data:text/javascript,${encodeURIComponent(code)}`);
}

/** How long a thread may take to leave by itself before it is terminated. */
const TERMINATE_AFTER = 2000;

/** Starts threads: told by shared memory and messages. */
export function threadStarter(
  runtime: Runtime,
  libc: Libc,
  shared: SharedSettings & { readonly listening: number },
): StartWorker {
  return (number, { onMessage, onExit }) => {
    const words = new SharedArrayBuffer(4 * WORDS);
    const view = new Int32Array(words);
    view[HELD_WORD] = -1;
    const settings: WorkerSettings = {
      ...shared,
      number,
      kind: "thread",
      words,
    };
    const thread = runtime.startThread(WORKER_MODULE, settings);
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
        libc.shutdown(held, "both"); // the thread may still be blocked in a call on it
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
        if (held >= 0) libc.shutdown(held, "both");
        stopWaiting ??= patience(TERMINATE_AFTER, () => {
          onMessage({ type: "stuck" });
          thread.kill();
        });
      },
    };
  };
}

/** The descriptors of a worker process. */
const LISTENING = 3;
const CONTROL = 4;
const BOARD = 5;

/** Where workers have many connections each: what they share them by. */
export interface Sharing {
  readonly board: Board;
  /** Connections at once, all workers together. */
  readonly most: number;
}

/** Starts processes: told by a control socket, whose end is also a message. */
export function processStarter(
  runtime: Runtime,
  libc: Libc,
  shared: SharedSettings & { readonly listening: number },
  workerArgs: string[],
  sharing: Sharing | null,
): StartWorker {
  return (number, { onMessage, onExit }) => {
    // The runtime may close what it passes on, so it gets copies.
    const passed = [libc.duplicate(shared.listening)];
    const closePassed = () => passed.forEach((descriptor) => libc.close(descriptor));
    let ours = -1;
    let line: number | undefined;
    try {
      const [mine, theirs] = libc.socketPair();
      ours = mine;
      passed.push(theirs);
      if (sharing) passed.push(libc.duplicate(sharing.board.descriptor));
      line = sharing?.board.take();
    } catch (error) {
      closePassed();
      if (ours >= 0) libc.close(ours);
      throw error;
    }
    const settings: WorkerSettings = {
      ...shared,
      number,
      kind: "process",
      listening: LISTENING,
      control: CONTROL,
      ...(sharing ? { shares: { board: BOARD, line: line!, most: sharing.most } } : {}),
      parent: runtime.pid,
    };
    let child;
    try {
      child = runtime.startProcess(
        WORKER_MODULE,
        [JSON.stringify(settings)],
        passed,
        [new URL(shared.handler)],
        workerArgs,
        null,
        sharing ? "many" : "one",
      );
    } catch (error) {
      libc.close(ours);
      if (line !== undefined) sharing!.board.free(line);
      throw error;
    } finally {
      closePassed();
    }
    libc.setNonblocking(ours);
    const nowhere = { transport: "unix", path: "" } as const;
    const control = runtime.adopt(ours, nowhere, nowhere);
    const said = readMessages(control, onMessage);
    child.onExit(async (reason, notStarted) => {
      await said; // what it said last comes before its end
      control.close();
      if (line !== undefined) sharing!.board.free(line);
      onExit(reason, notStarted);
    });
    return {
      name: { kind: "process", id: child.pid },
      order: (order) => void sendByte(control, ORDERS.indexOf(order)),
      answer: (admitted) => void sendByte(control, admitted ? ADMITTED : REFUSED),
      kill: () => child.kill(),
    };
  };
}

/** The descriptor of the channel of a process that is handed its connections. */
export const CHANNEL = 3;

/** What says that a socket comes with it; any other message is an order. */
export const CONNECTION = "connection";

/** Starts processes that are handed their connections: told by messages alone. */
export function handOverStarter(
  runtime: Runtime,
  shared: SharedSettings,
  workerArgs: string[],
  permissions: string[] | null,
): StartWorker {
  const entry = permissions ? namingEntry(shared.handler) : WORKER_MODULE;
  return (number, { onMessage, onExit }) => {
    const settings: WorkerSettings = { ...shared, number, kind: "process", parent: runtime.pid };
    const child = runtime.startProcess(
      entry,
      [JSON.stringify(settings)],
      "ipc",
      [new URL(shared.handler)],
      workerArgs,
      permissions,
      "one",
    );
    child.onMessage((line) => {
      const message = decodeMessage(line);
      if (message) onMessage(message);
    });
    child.onExit(onExit);
    return {
      name: { kind: "process", id: child.pid },
      order: (order) => child.postMessage(order),
      answer: () => {}, // it does not ask: who is handed over has been let in
      give: (socket) => child.postMessage(CONNECTION, socket),
      kill: () => child.kill(),
    };
  };
}

type Control = ReturnType<Runtime["adopt"]>;

async function sendByte(control: Control, byte: number): Promise<void> {
  try {
    await control.write(new Uint8Array([byte]));
  } catch {
    // It has ended, or is about to: `onExit` tells.
  }
}

/** One JSON text a line, until the worker has closed its end. */
async function readMessages(
  control: Control,
  onMessage: (message: Message) => void,
): Promise<void> {
  const decoder = new TextDecoder();
  const buffer = new Uint8Array(16384);
  let rest = "";
  try {
    for (;;) {
      const length = await control.read(buffer);
      if (length === null) return;
      const lines = (rest + decoder.decode(buffer.subarray(0, length), { stream: true }))
        .split("\n");
      rest = lines.pop()!;
      for (const line of lines) {
        const message = decodeMessage(line);
        if (message) onMessage(message);
      }
    }
  } catch {
    // A killed worker's socket may be reset; `onExit` tells.
  }
}

/**
 * A message as one line; bytes become an array of numbers. From threads, too: to
 * clone an object costs Deno 1.6 and Bun 2.2 times what its text does (2.9, 1.4).
 */
export function encodeMessage(message: Message): string {
  const { type, event } = message as Extract<Message, { type: "event" }>;
  const plain = type === "event" && event.type === "message"
    ? { type, event: { ...event, bytes: Array.from(event.bytes) } }
    : message;
  return JSON.stringify(plain) + "\n";
}

/** A message; null for anything else, because a handler can write to the channel too. */
function decodeMessage(line: unknown): Message | null {
  if (typeof line !== "string") return null;
  try {
    const message = JSON.parse(line);
    const { type, event } = message;
    if (type !== "event") return typeof type === "string" ? message : null;
    if (event.type === "message") event.bytes = Uint8Array.from(event.bytes);
    return typeof event.type === "string" ? message : null;
  } catch {
    return null;
  }
}
