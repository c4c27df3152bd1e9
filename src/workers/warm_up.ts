/**
 * Serves this process thousands of messages, so that what a worker runs is compiled when it is
 * forked: machine code is memory, which each fork has. What is not compiled by then, each fork
 * compiles for itself.
 * @module
 */
import type { SocketConnection } from "../connection/socket_connection.ts";
import echo from "../handler/echo.ts";
import { handlerParts } from "../handler/handler_module.ts";
import { PacketListener } from "../posix/packet_listener.ts";
import { threadScores } from "../status/scores.ts";
import { ORDERS } from "./encoding.ts";
import { prepareFork, type TemplateParts } from "./forked_worker.ts";
import { Work } from "./work.ts";
import type { CommonSettings } from "./worker_settings.ts";

/**
 * Connections before the first fork, which the user waits for, and in each round after that. The
 * last compiler has had enough after 12,000 messages on Bun (1.4; BUN_JSC_reportCompileTimes tells)
 * and after twice as many in V8 (14.6; --trace-opt). Few connections:
 * from 400 on V8 would compile the beginning of a connection, too, for Unix-domain sockets, and each
 * fork would throw that away at its first client.
 */
const FIRST_CONNECTIONS = 70;
const ROUND_CONNECTIONS = 20;
const ROUNDS = 8;
/** Messages of one client, or as many as a socket holds unread. */
const MESSAGES_EACH = 100;
/** With all parts of what ends an echo: a compiler leaves out what it has never seen. */
const MESSAGES = ["b", "by"].map((end) =>
  new TextEncoder().encode("y by bb ye".repeat(10).slice(end.length) + end)
);
const BYE = new TextEncoder().encode("bye");
/** Milliseconds of a read in vain. */
const WAIT = 1;

/**
 * What comes before the first fork, and rounds, each begun when the next is asked for. Garbage is
 * collected before forks are made: each would do it in memory of its own.
 * @param settings how forks are to work
 */
export async function* warmUp(
  template: TemplateParts,
  settings: CommonSettings,
): AsyncGenerator<void, void> {
  const collect = async (connections: number) => {
    await serveItself(template, settings, connections, true);
    await serveItself(template, settings, 1); // what engines forget with garbage is made anew once
  };
  await collect(FIRST_CONNECTIONS);
  for (let round = 0; round < ROUNDS; round++) {
    yield;
    await serveItself(template, settings, ROUND_CONNECTIONS);
  }
  yield;
  await collect(ROUND_CONNECTIONS);
}

/**
 * Works as a fork does, from its first line to its last, with the built-in handler: a user's
 * would not expect what is sent here. If there are several, one that says nothing comes first, and
 * then nobody for a while: so waits in vain are rehearsed, too.
 * @param collects whether garbage is collected while the last connection is served
 */
async function serveItself(
  template: TemplateParts,
  settings: CommonSettings,
  connections: number,
  collects = false,
): Promise<void> {
  const { runtime, libc } = template;
  const clients = new PacketListener(libc);
  libc.setNonblocking(clients.descriptor); // where nobody is there, that is as after a wait in vain
  const [control, supervisor] = libc.socketPair();
  const [lifeline, peer] = libc.socketPair();
  const at = libc.duplicate(control);
  const listening = [{ descriptor: clients.descriptor, place: 0, isInherited: false }];
  const scores = threadScores(0);
  const scratch = new Uint8Array(65536);
  /** How many have come; the first that says something is number 1. */
  let count = connections > 1 ? 0 : 1;
  const client = () => {
    const socket = clients.connect();
    if (count === 0) return socket;
    // Nobody reads the echo. Each answer is as long as its message, so there is room for as many.
    const send = (bytes: Uint8Array) => libc.send(socket, bytes, libc.constants.MSG_DONTWAIT);
    for (let i = 0; i < MESSAGES_EACH; i++) send(MESSAGES[i % 2]);
    if (count % 2 === 0) send(BYE);
    libc.shutdown(socket, "write");
    return socket;
  };
  let current = client();
  const next = () => {
    libc.receive(supervisor, scratch, libc.constants.MSG_DONTWAIT); // lest what it says fills the socket
    scores.drain(() => true);
    libc.close(current);
    try {
      if (++count <= connections) return void (current = client());
    } catch {
      // No descriptor is free: its forks are colder, and no error.
    }
    libc.send(supervisor, Uint8Array.of(ORDERS.indexOf("leave")));
  };
  const handler: typeof echo = async (connection) => {
    const isSilent = count === 0;
    // While it is served: V8 (14.6) throws away the machine code of what no object is left of, too.
    if (collects && count === connections) queueMicrotask(() => runtime.collectGarbage());
    if (isSilent) (connection as SocketConnection).setIdleTimeout(WAIT);
    try {
      await echo(connection);
    } catch (error) {
      if (!isSilent) throw error;
    } finally {
      // Also after a time limit, lest it waits for a client for ever. The first turn comes before the
      // worker waits in vain, the second one after.
      if (isSilent) setImmediate(() => setImmediate(next));
      else next();
    }
  };
  // Made as a worker's own are, from JSON and of a module: to engines they are of one kind then, and
  // what is compiled for the one fits the other.
  const serving = {
    ...settings.serving,
    messages: false,
    maxConnectionsPerWorker: connections === 1 ? 1 : 0, // or until it is told to leave
    connectionTimeout: 0, // after which each would linger
  };
  const rehearsed = JSON.parse(JSON.stringify({ ...settings, asks: false, serving }));
  const loaded = handlerParts(import.meta.url, { default: handler });
  const begin = prepareFork(
    { ...template, sockets: { listening, end: null } },
    at,
    (channel) =>
      new Work({
        runtime,
        channel,
        settings: rehearsed,
        loaded,
        preludes: [[]],
        blocking: true,
        how: "forked",
        scores: scores.shared,
      }),
    true,
  );
  await begin(1, control, lifeline);
  // The lifeline before its peer, whose end would be this process's.
  for (const descriptor of [clients.descriptor, at, supervisor, lifeline, peer]) {
    libc.close(descriptor);
  }
}
