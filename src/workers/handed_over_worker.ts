/**
 * A worker process that is handed its connections, seen from both ends: orders,
 * messages and sockets go by the runtime's channel for processes.
 * @module
 */
import type { Socket } from "../connection/socket.ts";
import { SocketConnection } from "../connection/socket_connection.ts";
import { dieWithParent } from "../posix/children.ts";
import { Libc } from "../posix/libc.ts";
import type { ProcessScope, Runtime } from "../runtime.ts";
import { type Channel, Dropped, ignoreStopSignals } from "./channel.ts";
import { decodeMessage, encodeMessage } from "./encoding.ts";
import { isOptional, type Order } from "./messages.ts";
import { ENTRY, namingEntry } from "./start_module.ts";
import type { StartWorker } from "./worker_handle.ts";
import type { CommonSettings, WorkerSettings } from "./worker_settings.ts";

/** What such a process is told of its supervisor. */
export interface HandedOverLink {
  readonly way: "handed over";
  /** The supervisor's PID, to notice that it is gone. */
  readonly parent: number;
}

/**
 * What says that a socket comes with it: which of the server's places its
 * client came to. Any other message
 * is an order, or an answer.
 */
type Arrival = number;
/** The answers. */
const [LET_IN, TURNED_AWAY] = ["let in", "turned away"];

/** Starts processes that are handed their connections. */
export function handedOverStarter(
  runtime: Runtime,
  common: CommonSettings,
  workerArgs: string[],
  permissions: string[] | null,
): StartWorker {
  const entry = permissions ? namingEntry(common.handler) : ENTRY;
  return (number, { onMessage, onExit }) => {
    const link: HandedOverLink = { way: "handed over", parent: runtime.pid };
    const settings: WorkerSettings = { ...common, number, link };
    const child = runtime.startProcess(
      entry,
      [JSON.stringify(settings)],
      "ipc",
      [new URL(common.handler)],
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
      answer: (admitted) => child.postMessage(admitted ? LET_IN : TURNED_AWAY),
      give: (socket) => child.postMessage((socket.place ?? 0) satisfies Arrival, socket),
      kill: () => child.kill(),
    };
  };
}

/** The descriptor of the channel. */
const CHANNEL = 3;

/** Milliseconds until a process that is handed its connections sees that its parent is gone. */
const PARENT_INTERVAL = 1000;

/** The same way from inside the process. */
export function handedOverChannel(
  runtime: Runtime,
  scope: ProcessScope,
  link: HandedOverLink,
): Channel {
  ignoreStopSignals(runtime);
  scope.onGone(() => runtime.exit(1));
  if (runtime.libraryRefusal() === null) {
    const libc = new Libc(runtime);
    dieWithParent(libc);
    libc.closeOnExec(CHANNEL); // Deno lets what a handler starts inherit it (2.9)
    libc.unload();
  }
  // Without the C library: Deno does not tell a process that was handed a socket that its parent
  // is gone (2.9).
  setInterval(() => {
    if (runtime.parentPid() !== link.parent) runtime.exit(1);
  }, PARENT_INTERVAL);
  const handed: { readonly socket: Socket; readonly place: Arrival }[] = [];
  let strongest: Order | null = null;
  let onOrder: (order: Order) => void = () => {};
  let wake: () => void = () => {};
  let answer: (admitted: boolean) => void = () => {};
  let crowded = false;
  const dropped = new Dropped();
  scope.onMessage((message, socket) => {
    if (message === LET_IN || message === TURNED_AWAY) return answer(message === LET_IN);
    if (typeof message !== "number") onOrder(strongest = message as Order);
    else if (socket) handed.push({ socket, place: message satisfies Arrival });
    else scope.postMessage(encodeMessage({ type: "vanished" }));
    wake();
  });
  return {
    name: { kind: "process", id: runtime.pid },
    each: "one",
    send(message) {
      if (isOptional(message) && crowded) return dropped.add();
      const report = dropped.report();
      if (report) scope.postMessage(report);
      crowded = !scope.postMessage(encodeMessage(message));
    },
    look: () => strongest,
    onOrder: (listener) => void (onOrder = listener),
    ask: () => true, // whoever is handed over has been let in
    askLater: (remoteAddr) =>
      new Promise((resolve) => {
        answer = resolve;
        scope.postMessage(encodeMessage({ type: "asks", remoteAddr }));
      }),
    listen: () => ({
      async accept() {
        while (handed.length === 0) {
          if (strongest !== null) return null;
          await new Promise<void>((resolve) => wake = resolve);
        }
        const { socket, place } = handed.shift()!;
        const connection = new SocketConnection(socket);
        connection.place = place;
        return connection;
      },
    }),
    end: () => void scope.flush().then(() => runtime.exit(0)),
  };
}
