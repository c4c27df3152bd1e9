/**
 * Serves and runs the cases inside the runtime that runs this, whichever it is:
 * MODEL, HANDLER ("" for the built-in one), and a way: "shared", "started" for the same
 * without a fork, "handed over", or "workers", two of them with many connections each. With a
 * folder of certificates after it all of it is encrypted. A line of JSON for each case: what it
 * was, and why it failed.
 */
import { readFileSync } from "node:fs";
import process from "node:process";
import { type ModelName, serve, type ServerEvent } from "../../mod.ts";
import { modelIn } from "../../src/server/models.ts";
import { Client } from "../tools/client.ts";
import { CASES } from "./cases.ts";

const [model, handler, way, certificates] = process.argv.slice(2) as [
  ModelName,
  string,
  string,
  string | undefined,
];
const tell = (name: string, error?: unknown) =>
  console.log(JSON.stringify({ name, error: error && String((error as Error).stack ?? error) }));

async function step(name: string, run: () => void | Promise<void>): Promise<void> {
  try {
    await run();
    tell(name);
  } catch (error) {
    tell(name, error);
  }
}

function must(holds: boolean, what: string): void {
  if (!holds) throw new Error(what);
}

const events: ServerEvent[] = [];
const options = {
  model,
  port: 0,
  linger: 10_000,
  shutdownTimeout: 60_000,
  handOver: way === "handed over",
  ...(way === "started" ? { fork: false } : {}),
  workers: way === "workers" ? 2 : 0,
  onEvent: (event: ServerEvent) => void events.push(event),
  ...(certificates ? { tls: { cert: `${certificates}/0.pem`, key: `${certificates}/0.key` } } : {}),
};
if (certificates) Client.ca = readFileSync(`${certificates}/ca.pem`, "utf8");
const server = await (handler ? serve(options, handler) : serve(options));
// Each of these workers has to be started; resources/idle_workers_test.ts lets many more come to them.
const isEach = model === "thread" || model === "process";
const few = handler || way !== "shared" || certificates ? 12 : 50;
const size = isEach ? { clients: 8, resets: 200 } : { clients: few, resets: 20 * few };
for (const { name, not, run } of CASES) {
  if (!not?.[model]) await step(name, () => run(server.addr, size)); // else the case has the reason
}
await server.shutdown();

const of = <T extends ServerEvent["type"]>(type: T) =>
  events.filter((event): event is Extract<ServerEvent, { type: T }> => event.type === type);
await step("each connection was told of as it was asked for", () => {
  const ids = (type: "accepted" | "closed") => of(type).map(({ id }) => id).sort();
  must(ids("closed").join() === ids("accepted").join(), "accepted and closed differ");
  must(new Set(ids("accepted")).size === ids("accepted").length, "an id came twice");
});
await step("connections were where the model says", () => {
  const kind = modelIn(options.workers, model)!.where;
  must(of("accepted").every(({ worker }) => worker.kind === kind), `one was not in ${kind}`);
  const sockets = of("listening")[0].sockets;
  const shared = way === "handed over" ? way : "shared";
  must(sockets === (kind === "main" ? undefined : shared), `the sockets were ${sockets}`);
});
await step("workers were forked where they could be", () => {
  const forks = model === "process" && way === "shared" && !handler &&
    !certificates;
  const started = of("worker_started");
  must(started.every(({ forked = false }) => forked === forks), JSON.stringify(started));
});
await step("no worker ended but those that left", () => {
  const ended = of("worker_exited").filter(({ reason }) => reason !== "exit");
  must(ended.length === 0, JSON.stringify(ended));
});
process.exit(0);
