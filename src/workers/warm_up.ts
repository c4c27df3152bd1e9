/**
 * Serves this process ten thousand messages, so that what a worker runs is compiled
 * when it is forked: machine code is memory, which each fork has.
 * @module
 */
import echo from "../handler/echo.ts";
import type { Libc } from "../posix/libc.ts";
import { PacketListener } from "../posix/packet_listener.ts";
import type { Runtime } from "../runtime.ts";
import { threadScores } from "../status/scores.ts";
import { ORDERS } from "./encoding.ts";
import { forkedChannel } from "./forked_worker.ts";
import { work } from "./work.ts";
import type { WorkerSettings } from "./worker_settings.ts";

/** How many connections a round has, and how many messages each: fewer than a socket holds unread. */
const CONNECTIONS = 200;
const MESSAGES = 10;
/**
 * Bun's last compiler begins late (1.4), and would like more of them; but clients that come
 * at once would share a processor with the rest.
 */
const ROUNDS = 6;
/** As a client may send them. */
const MESSAGE = new Uint8Array(100).fill(0x2e);

/** What of its settings matters here. */
type WarmUpSettings = Pick<WorkerSettings, "serving" | "reports">;

/**
 * The rounds, and then a collection of garbage, each begun when the next one is asked for: who
 * waits for the first fork waits for one of them.
 * @param settings how its forks are to work
 */
export async function* warmUp(
  runtime: Runtime,
  libc: Libc,
  settings: WarmUpSettings,
): AsyncGenerator<void, void> {
  for (let round = 0; round < ROUNDS; round++) {
    await serveItself(runtime, libc, settings);
    yield;
  }
  runtime.collectGarbage();
}

/**
 * Works as a fork does, with the built-in handler: a user's would not expect what is
 * sent here.
 */
async function serveItself(
  runtime: Runtime,
  libc: Libc,
  { serving, reports }: WarmUpSettings,
): Promise<void> {
  const clients = new PacketListener(libc);
  const [control, supervisor] = libc.socketPair();
  const over = Promise.withResolvers<void>();
  const exit = () => over.resolve() as never;
  const sockets = {
    listening: [{ descriptor: clients.descriptor, place: 0, isInherited: false }],
    end: null,
  };
  const channel = forkedChannel(runtime, libc, sockets, { pid: 0, control, exit });
  const client = () => {
    const socket = clients.connect();
    for (let i = 0; i < MESSAGES; i++) libc.send(socket, MESSAGE);
    libc.shutdown(socket, "write");
    return socket;
  };
  const scores = threadScores(0);
  const scratch = new Uint8Array(65536);
  let count = 0;
  let current = client();
  const next = () => {
    libc.receive(supervisor, scratch, libc.constants.MSG_DONTWAIT); // lest what it says fills the socket
    scores.drain(() => true);
    libc.close(current);
    if (++count < CONNECTIONS) current = client();
    else libc.send(supervisor, Uint8Array.of(ORDERS.indexOf("leave")));
  };
  const handler: typeof echo = async (connection) => {
    try {
      await echo(connection);
    } finally {
      next(); // also after a time limit, lest it waits for a client for ever
    }
  };
  const settings = {
    asks: false,
    reports,
    serving: { ...serving, messages: false, maxConnectionsPerWorker: 0 },
  };
  const makePreludes = () => [[]];
  void work({
    runtime,
    channel,
    settings,
    number: 1,
    handler,
    makePreludes,
    blocking: true,
    scores: scores.shared,
  });
  await over.promise;
  for (const descriptor of [clients.descriptor, control, supervisor]) libc.close(descriptor);
}
