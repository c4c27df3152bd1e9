/**
 * A worker process that shares the listening sockets, seen from both ends: orders,
 * answers and messages go by a control socket, whose end is also a message.
 * @module
 */
import type { Activity } from "../connection/activity.ts";
import type { Address } from "../connection/connection.ts";
import { BlockingListener } from "../posix/blocking_listener.ts";
import { descriptorsOf, type SharedSockets } from "../posix/client_queues.ts";
import { dieWithParent } from "../posix/children.ts";
import type { Libc } from "../posix/libc.ts";
import type { WorkerName } from "../handler/handler.ts";
import type { Board } from "../queue/board.ts";
import type { Shares } from "../queue/queue_listener.ts";
import type { Runtime } from "../runtime.ts";
import type { Scores } from "../status/scores.ts";
import {
  type Channel,
  Dropped,
  ignoreStopSignals,
  MESSAGE_BACKLOG,
  type WorkerListener,
} from "./channel.ts";
import { ControlSocket } from "./control_socket.ts";
import { ADMITTED, encodeMessage, ORDERS } from "./encoding.ts";
import { isOptional, type Order, type ProcessMessage } from "./messages.ts";
import { ENTRY } from "./start_module.ts";
import type { StartWorker, WorkerHandle, WorkerListeners } from "./worker_handle.ts";
import type { CommonSettings, WorkerSettings } from "./worker_settings.ts";

/** What a process is told of its supervisor and its clients. */
export interface ProcessLink {
  readonly way: "process";
  /** The supervisor's PID, to notice that it is gone. */
  readonly parent: number;
  /** What it listens on. */
  readonly sockets: SharedSockets;
  /** How it shares its many clients with others; null where it has one at a time. */
  readonly shares: Shares | null;
  /** Whether it becomes a template if its handler lets it, or ends if not; see template_process.ts. */
  readonly forks: "never" | "may" | "only";
  /** The memory where it tells of its clients, and what it does; null without it. */
  readonly scores: Scores["file"];
}

/** The descriptor of a worker process's control socket; what else it is passed follows. */
export const CONTROL = 3;

/** Told also of what only a process that forks says. */
export interface ProcessListeners extends Pick<WorkerListeners, "onExit"> {
  onMessage(message: ProcessMessage): void;
}

/** Where workers have many connections each: what they share them by. */
export interface Sharing {
  readonly board: Board;
  /** Connections at once, all workers together. */
  readonly most: number;
}

/** What all worker processes of a server are started with. */
export interface ProcessSetup {
  readonly runtime: Runtime;
  readonly libc: Libc;
  /** The listening sockets. */
  readonly sockets: SharedSockets;
  readonly common: CommonSettings;
  readonly workerArgs: string[];
  /** null: each has one client at a time. */
  readonly sharing: Sharing | null;
  /** Where they tell of their clients, and those that block what they do. */
  readonly scores?: Scores["file"];
}

/** Starts processes. */
export function processStarter(setup: ProcessSetup): StartWorker {
  return (number, listeners) =>
    startProcess(setup, number, listeners, setup.libc.socketPair(), "never");
}

/**
 * Starts one.
 * @param pair both ends of its control socket, which it owns
 */
export function startProcess(
  { runtime, libc, sockets, common, workerArgs, sharing, scores }: ProcessSetup,
  number: number,
  { onMessage, onExit }: ProcessListeners,
  [ours, theirs]: readonly [number, number],
  forks: ProcessLink["forks"],
): WorkerHandle {
  // The runtime may close what it passes on, so it gets copies.
  const passed = [theirs];
  let line: number | null = null;
  let child;
  try {
    const pass = (descriptor: number) => CONTROL - 1 + passed.push(libc.duplicate(descriptor));
    const passedSockets = descriptorsOf(sockets).map(pass);
    if (sharing) line = sharing.board.take();
    const shares = line === null
      ? null
      : { board: pass(sharing!.board.descriptor), line, most: sharing!.most };
    const link: ProcessLink = {
      ...{ way: "process", parent: runtime.pid, shares, forks },
      sockets: {
        listening: sockets.listening.map((socket, i) => ({
          ...socket,
          descriptor: passedSockets[i],
        })),
        end: sockets.end === null ? null : passedSockets.at(-1)!,
      },
      scores: scores ? { ...scores, descriptor: pass(scores.descriptor) } : null,
    };
    const settings: WorkerSettings = { ...common, number, link };
    child = runtime.startProcess(
      ENTRY,
      [JSON.stringify(settings)],
      passed,
      [new URL(common.handler)],
      workerArgs,
      null,
      sharing ? "many" : forks === "never" ? "one" : "forks",
    );
  } catch (error) {
    libc.close(ours);
    if (line !== null) sharing!.board.free(line);
    throw error;
  } finally {
    for (const descriptor of passed) libc.close(descriptor);
  }
  const control = new ControlSocket(runtime, libc, ours, onMessage);
  child.onExit(async (reason, notStarted) => {
    await control.said; // what it said last comes before its end
    control.close();
    if (line !== null) sharing!.board.free(line);
    onExit(reason, notStarted);
  });
  return {
    name: { kind: "process", id: child.pid },
    order: (order) => control.order(order),
    answer: (admitted) => control.answer(admitted),
    kill: () => child.kill(),
  };
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
): Promise<ControlChannel> {
  ignoreStopSignals(runtime);
  dieWithParent(libc);
  if (runtime.parentPid() !== link.parent) runtime.exit(1);
  const { shares, sockets, scores } = link;
  libc.closeOnExec(CONTROL);
  // Not closed when they are mapped: Deno's node:fs would take the numbers for what they were
  // (2.9.6), and what a handler writes to the file that it opens next would go nowhere.
  if (shares) libc.closeOnExec(shares.board);
  if (scores) libc.closeOnExec(scores.descriptor);
  for (const descriptor of descriptorsOf(sockets)) libc.closeOnExec(descriptor);
  // Most workers have one client at a time, and start sooner without it.
  const queue = shares && await import("../queue/queue_listener.ts");
  const listen: ControlOptions["listen"] = (blocking, shallLeave, activity) =>
    shares && queue
      ? queue.listenToQueue(runtime, libc, sockets, shares, shallLeave)
      : blockingListener(runtime, libc, sockets, blocking, shallLeave, activity);
  const exit = (code: number) => runtime.exit(code);
  const each = shares ? "many" : "one";
  const name = { kind: "process", id: runtime.pid } as const;
  return controlChannel(libc, { name, control: CONTROL, each, listen, exit });
}

/** What a worker process without an event loop for many listens on. */
export function blockingListener(
  runtime: Runtime,
  libc: Libc,
  sockets: SharedSockets,
  blocking: boolean,
  shallLeave: () => boolean,
  activity?: Activity,
): BlockingListener {
  return new BlockingListener(libc, {
    sockets,
    blocking,
    activity,
    adopt: runtime.adopt,
    shallLeave,
    hold: () => {},
    release: (descriptor) => libc.close(descriptor),
  });
}

/** A way to the supervisor by which a process can say also that it forks. */
export interface ControlChannel extends Channel {
  send(message: ProcessMessage): void;
}

/** What is not the same for every process with a control socket. */
export interface ControlOptions {
  readonly name: WorkerName;
  /** Its end of the control socket. */
  readonly control: number;
  readonly each: Channel["each"];
  /** What gives it connections. */
  listen(blocking: boolean, shallLeave: () => boolean, activity?: Activity): WorkerListener;
  /** Ends it. */
  exit(code: number): never;
}

/** The way to the supervisor over the control socket. */
export function controlChannel(
  libc: Libc,
  { name, control, each, listen, exit }: ControlOptions,
): ControlChannel {
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
  const keep = (text: string) => {
    const bytes = encoder.encode(text);
    if (unsent.length === 0) return void (unsent = bytes);
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
      for (let length; (length = libc.receive(control, byte, MSG_DONTWAIT)) !== null;) {
        if (length === 0) exit(1);
        strongest = ORDERS[byte[0]];
      }
    } catch {
      exit(1);
    }
    return strongest;
  };
  const shallLeave = () => look() !== null;
  const send = (message: ProcessMessage) => {
    if (isOptional(message) && unsent.length > MESSAGE_BACKLOG) return dropped.add();
    keep(dropped.report() + encodeMessage(message));
    flush(MSG_DONTWAIT);
  };
  return {
    name,
    each,
    send,
    flush: () => flush(0),
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
        while (libc.receive(control, byte)) {
          if (byte[0] >= ADMITTED) return byte[0] === ADMITTED;
          strongest = ORDERS[byte[0]];
        }
      } catch {
        // As at the end of the stream: the supervisor is gone.
      }
      return exit(1);
    },
    listen: (blocking, activity) => listen(blocking, shallLeave, activity),
    end: () => {
      // What was said last must come, also to a supervisor that is busy.
      keep(dropped.report());
      libc.setTimeout(control, "send", LAST_WAIT);
      flush(0);
      exit(0);
    },
  };
}
