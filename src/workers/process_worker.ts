/**
 * A worker process that shares the listening socket, seen from both ends: orders,
 * answers and messages go by a control socket, whose end is also a message.
 * @module
 */
import type { Address } from "../connection/connection.ts";
import { BlockingListener } from "../posix/blocking_listener.ts";
import { dieWithParent } from "../posix/children.ts";
import type { Libc } from "../posix/libc.ts";
import type { Board } from "../queue/board.ts";
import type { Shares } from "../queue/queue_listener.ts";
import type { Runtime } from "../runtime.ts";
import { type Channel, Dropped, ignoreStopSignals, MESSAGE_BACKLOG } from "./channel.ts";
import { ADMITTED, decodeMessage, encodeMessage, ORDERS, REFUSED } from "./encoding.ts";
import { isOptional, type Message, type Order } from "./messages.ts";
import { ENTRY } from "./start_module.ts";
import type { StartWorker } from "./worker_handle.ts";
import type { CommonSettings, WorkerSettings } from "./worker_settings.ts";

/** What a process is told of its supervisor and its clients. */
export interface ProcessLink {
  readonly way: "process";
  /** The supervisor's PID, to notice that it is gone. */
  readonly parent: number;
  /** How it shares its many clients with others; null where it has one at a time. */
  readonly shares: Shares | null;
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

/** Starts processes. */
export function processStarter(
  runtime: Runtime,
  libc: Libc,
  listening: number,
  common: CommonSettings,
  workerArgs: string[],
  sharing: Sharing | null,
): StartWorker {
  return (number, { onMessage, onExit }) => {
    // The runtime may close what it passes on, so it gets copies.
    const passed = [libc.duplicate(listening)];
    const closePassed = () => passed.forEach((descriptor) => libc.close(descriptor));
    let ours = -1;
    let line: number | null = null;
    try {
      const [mine, theirs] = libc.socketPair();
      ours = mine;
      passed.push(theirs);
      if (sharing) {
        passed.push(libc.duplicate(sharing.board.descriptor));
        line = sharing.board.take();
      }
    } catch (error) {
      closePassed();
      if (ours >= 0) libc.close(ours);
      throw error;
    }
    const freeLine = () => {
      if (line !== null) sharing!.board.free(line);
    };
    const shares = line === null ? null : { board: BOARD, line, most: sharing!.most };
    const link: ProcessLink = { way: "process", parent: runtime.pid, shares };
    const settings: WorkerSettings = { ...common, number, link };
    let child;
    try {
      child = runtime.startProcess(
        ENTRY,
        [JSON.stringify(settings)],
        passed,
        [new URL(common.handler)],
        workerArgs,
        null,
        sharing ? "many" : "one",
      );
    } catch (error) {
      libc.close(ours);
      freeLine();
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
      freeLine();
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

/** Milliseconds until a process whose handler waits on the loop sees an order. */
const ORDER_INTERVAL = 100;
/** Milliseconds that a worker which leaves waits for its last messages to be taken. */
const LAST_WAIT = 1000;

/** The same way from inside the process. */
export async function processChannel(
  runtime: Runtime,
  libc: Libc,
  link: ProcessLink,
): Promise<Channel> {
  ignoreStopSignals(runtime);
  dieWithParent(libc);
  if (runtime.parentPid() !== link.parent) runtime.exit(1);
  const { shares } = link;
  libc.closeOnExec(LISTENING);
  libc.closeOnExec(CONTROL);
  if (shares) libc.closeOnExec(shares.board);
  // Most workers have one client at a time, and start sooner without it.
  const queue = shares && await import("../queue/queue_listener.ts");

  const { MSG_DONTWAIT } = libc.constants;
  const encoder = new TextEncoder();
  let unsent = new Uint8Array(0);
  const dropped = new Dropped();
  /** While nobody reads, it keeps what is unsent or, without MSG_DONTWAIT, waits. */
  const flush = (flags: number) => {
    try {
      while (unsent.length > 0) {
        const taken = libc.send(CONTROL, unsent, flags);
        if (taken === null) return;
        unsent = unsent.subarray(taken);
      }
    } catch {
      unsent = new Uint8Array(0); // nobody is there: the kernel ends this process
    }
  };
  const keep = (text: string) => {
    const bytes = encoder.encode(text);
    const all = new Uint8Array(unsent.length + bytes.length);
    all.set(unsent);
    all.set(bytes, unsent.length);
    unsent = all;
  };

  let strongest: Order | null = null;
  const byte = new Uint8Array(1);
  const look = () => {
    flush(MSG_DONTWAIT);
    try {
      for (let length; (length = libc.receive(CONTROL, byte, MSG_DONTWAIT)) !== null;) {
        if (length === 0) runtime.exit(1);
        strongest = ORDERS[byte[0]];
      }
    } catch {
      runtime.exit(1);
    }
    return strongest;
  };
  const shallLeave = () => look() !== null;
  const send = (message: Message) => {
    if (isOptional(message) && unsent.length > MESSAGE_BACKLOG) return dropped.add();
    keep(dropped.report() + encodeMessage(message));
    flush(MSG_DONTWAIT);
  };
  return {
    name: { kind: "process", id: runtime.pid },
    each: shares ? "many" : "one",
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
    ask(remoteAddr: Address) {
      send({ type: "asks", remoteAddr });
      flush(0);
      try {
        while (libc.receive(CONTROL, byte)) {
          if (byte[0] >= ADMITTED) return byte[0] === ADMITTED;
          strongest = ORDERS[byte[0]];
        }
      } catch {
        // As at the end of the stream: the supervisor is gone.
      }
      runtime.exit(1);
    },
    listen: (blocking) =>
      shares && queue
        ? queue.listenToQueue(runtime, libc, LISTENING, shares, shallLeave)
        : new BlockingListener(libc, {
          descriptor: LISTENING,
          blocking,
          adopt: runtime.adopt,
          shallLeave,
          hold: () => {},
          release: (descriptor) => libc.close(descriptor),
        }),
    end: () => {
      // What was said last must come, also to a supervisor that is busy.
      keep(dropped.report());
      libc.setTimeout(CONTROL, "send", LAST_WAIT);
      flush(0);
      runtime.exit(0);
    },
  };
}
