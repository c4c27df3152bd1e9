/**
 * One soak: clients of all kinds against one server, workers killed meanwhile,
 * and in the end the accounts.
 * @module
 */
import type { ModelName, ServerEvent } from "../../mod.ts";
import { delay } from "../../src/connection/delay.ts";
import { alive, descendants } from "../../tests/tools/command.ts";
import { anyKind, type Habits, type Kind, type Visit, visit } from "./clients.ts";
import { Ledger } from "./ledger.ts";
import { type Sample, steadiness } from "./memory.ts";
import { type Held, Server } from "./server.ts";

/** What a soak is like. */
export interface Settings {
  readonly model: ModelName;
  /** The runtime and its arguments. */
  readonly program: readonly [string, ...string[]];
  readonly milliseconds: number;
  /** Clients at once. */
  readonly connections: number;
  /** Milliseconds between two kills of a worker process; 0 for none. */
  readonly killEvery: number;
  /** Milliseconds between two kills of the process that forks workers; 0 for none. */
  readonly killTemplateEvery: number;
  /** It goes on until so many are killed, however slowly it goes. */
  readonly kills?: number;
  readonly seed: number;
  /** Milliseconds within which a new client must be answered after a kill. */
  readonly answerWithin: number;
  /** More options of `serve`. */
  readonly serve: readonly string[];
  /** Told how it goes, once a second. */
  readonly onProgress?: (line: string) => void;
}

/** What came of it. */
export interface Outcome {
  readonly ledger: Ledger;
  readonly before: Held;
  readonly after: Held;
  /** Connections in a second. */
  readonly rate: number;
  /** Milliseconds, from a kill to a new client's first answer. */
  readonly slowestAnswer: number;
  /** How memory was, in words. */
  readonly memory: readonly string[];
}

/**
 * Seconds without a byte after which the server ends a connection: more than a
 * busy machine lets a client that is not silent wait for its turn.
 */
const IDLE_TIMEOUT = 15;
/** Idle workers leave one after another, and a runtime's own threads after 10 s. */
const SETTLE_WITHIN = 90_000;
/** Milliseconds that a client may have to wait in the queue. */
const PATIENCE = 60_000;
const SECOND = 1000;

/** Runs it to its end; whatever is wrong is among the ledger's complaints. */
export async function soak(settings: Settings): Promise<Outcome> {
  const { model, connections, killEvery } = settings;
  const ledger = new Ledger();
  const random = seeded(settings.seed);
  const habits: Habits = { random, pace: model === "iterative" ? 0.05 : 1, patience: PATIENCE };
  const server = new Server(
    settings.program,
    ["--model", model, "--idle-timeout", String(IDLE_TIMEOUT), ...settings.serve],
    (event: ServerEvent) => ledger.event(event),
    (line) => ledger.complain(`the server writes: ${line}`),
  );
  const port = await server.port;
  const call = async (kind: Kind): Promise<Visit | null> => {
    try {
      return await visit(port, kind, habits, (visit) => ledger.connected(visit));
    } catch (error) {
      ledger.complain(`a client could not connect: ${(error as Error).message}`);
      return null;
    }
  };
  const calls = new Set<Promise<unknown>>();
  let done = 0;

  await eachWorkerHasServed(call, server);
  const before = server.held();
  const began = performance.now();
  const samples: Sample[] = [];
  let slowestAnswer = 0;
  const end = began + settings.milliseconds;

  const { kills = 0 } = settings;
  const client = async (kind: () => Kind, until = end, leastKills = kills) => {
    while (performance.now() < until || ledger.kills < leastKills) {
      await call(kind());
      done++;
    }
  };
  const everySecond = setInterval(() => {
    ledger.settle();
    const held = server.held();
    const seconds = (performance.now() - began) / SECOND;
    samples.push({ seconds, done, main: held.main, worker: held.worker });
    settings.onProgress?.(
      `${Math.round(seconds)} s: ${done} connections, ${ledger.kills} kills, ` +
        `${ledger.complained} complaints; ${held.processes} processes, ${held.threads} threads, ` +
        `${held.descriptors} descriptors, ${mebibytes(held.main)} and ${
          mebibytes(held.worker)
        } MiB`,
    );
  }, SECOND);
  const kill = async () => {
    const pids = [...server.workers];
    if (pids.length === 0) return;
    const pid = pids[Math.floor(random() * pids.length)];
    server.workers.delete(pid);
    ledger.killing(pid);
    Deno.kill(pid, "SIGKILL");
    const time = Date.now();
    const newcomer = await call("good");
    done++;
    // Another kill may have hit it.
    if (newcomer?.answered) slowestAnswer = Math.max(slowestAnswer, newcomer.answered - time);
  };
  const killing = killEvery > 0
    ? setInterval(() => {
      const call = kill().finally(() => calls.delete(call));
      calls.add(call);
    }, killEvery)
    : undefined;
  const killingTemplates = settings.killTemplateEvery > 0
    ? setInterval(() => {
      for (const pid of server.templates()) Deno.kill(pid, "SIGKILL");
    }, settings.killTemplateEvery)
    : undefined;
  const clients = Array.from({ length: connections }, () => client(() => anyKind(random)));
  // It would keep all others of an iterative server waiting, and a short run from its end.
  if (model !== "iterative") clients.push(client(() => "patient", end - IDLE_TIMEOUT * SECOND, 0));
  await Promise.all(clients);
  clearInterval(killing);
  clearInterval(killingTemplates);
  await Promise.all(calls);
  const rate = done / ((performance.now() - began) / SECOND);

  const after = await settled(server, before);
  clearInterval(everySecond);
  for (const what of ["processes", "threads", "descriptors"] as const) {
    if (after[what] > before[what]) {
      ledger.complain(`${before[what]} ${what} before, ${after[what]} after`);
    }
  }
  if (slowestAnswer > settings.answerWithin) {
    ledger.complain(`a new client was answered ${slowestAnswer} ms after a kill`);
  }
  const memory = steadiness(samples, (text) => ledger.complain(text));
  await stop(server, ledger);
  ledger.settle(true);
  return { ledger, before, after, rate, slowestAnswer, memory };
}

/** Serves some clients one after another, so that what is measured is not what starts with the first. */
async function eachWorkerHasServed(
  call: (kind: Kind) => Promise<Visit | null>,
  server: Server,
): Promise<void> {
  let before = -1;
  // Spares are started before they are needed: wait until no more of them come.
  for (let calm = 0; calm < 24; before = server.workers.size) {
    await call("good");
    await delay(50);
    calm = server.workers.size === before ? calm + 1 : 0;
  }
  for (let i = 0; i < 50; i++) await call("good");
}

/** What it holds once it holds no more than before; or what it still holds after a while. */
async function settled(server: Server, before: Held): Promise<Held> {
  const end = performance.now() + SETTLE_WITHIN;
  for (;;) {
    const now = server.held();
    const back = now.processes <= before.processes && now.threads <= before.threads &&
      now.descriptors <= before.descriptors;
    if (back || performance.now() > end) return now;
    await delay(100);
  }
}

/** Ends the server as an operator does. */
async function stop(server: Server, ledger: Ledger): Promise<void> {
  const children = descendants(server.pid);
  Deno.kill(server.pid, "SIGTERM");
  const { code } = await server.end();
  if (code !== 0) ledger.complain(`the server's exit code is ${code}`);
  for (const pid of children.filter(alive)) {
    ledger.complain(`process ${pid} has outlived the server`);
  }
}

function mebibytes(kilobytes: number): string {
  return (kilobytes / 1024).toFixed(1);
}

/** Numbers from 0 to 1, the same for the same seed (mulberry32). */
function seeded(seed: number): () => number {
  let state = seed | 0;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}
