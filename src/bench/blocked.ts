/**
 * The scenario `blocked`: how long a second client waits for its answer behind
 * one that is silent, one that computes, and one that crashes.
 * @module
 */
import { delay } from "../connection/delay.ts";
import { errorMessage } from "../connection/errors.ts";
import type { SocketConnection } from "../connection/socket_connection.ts";
import { moduleBeside } from "../module_beside.ts";
import type { Runtime } from "../runtime.ts";
import { COMPUTING } from "./blocked_handler.ts";
import type { Contestant } from "./contestants.ts";
import type { RunningServer } from "./running_server.ts";

/** What the first client does; `word` is what it sends. */
export const CASES = [
  { key: "silent", word: "silent", heading: "behind a\nsilent client" },
  { key: "computes", word: "compute", heading: `behind one that\ncomputes ${COMPUTING} ms` },
  { key: "crashes", word: "crash", heading: "behind one\nthat crashes" },
] as const;

/** The name of a case. */
export type CaseKey = typeof CASES[number]["key"];

/** Microseconds until the answer, or in words why there was none. */
export type Wait = number | string;

/** The waits of one round, or why there are none. */
export type BlockedOutcome =
  | { readonly waits: Readonly<Record<CaseKey, Wait>> }
  | { readonly error: string };

/** Milliseconds after which a client gives up. */
const GIVE_UP = 2000;
/** What is said of a client that has given up. */
const NEVER = `over ${GIVE_UP / 1000} s`;
/** What is said where the server was gone. */
const DEAD = "server died";
/** What is said of peers, whose handler is not ours. */
const NOT_KNOWN = "-";

const HANDLER = moduleBeside("./blocked_handler", import.meta.url).href;

/** Runs the cases, each on a server that is fresh. */
export async function measureBlocked(
  runtime: Runtime,
  contestant: Contestant,
  signal: AbortSignal,
): Promise<BlockedOutcome> {
  const waits: Record<CaseKey, Wait> = { silent: NEVER, computes: NOT_KNOWN, crashes: NOT_KNOWN };
  for (const { key, word } of CASES) {
    if (key !== "silent" && !contestant.isOurs) continue;
    let server: RunningServer;
    try {
      server = await contestant.start(HANDLER, signal);
    } catch (error) {
      return { error: errorMessage(error) };
    }
    try {
      waits[key] = await secondClient(runtime, server, word);
    } catch (error) {
      return { error: errorMessage(error) };
    } finally {
      await server.stop();
    }
    if (signal.aborted) return { error: "stopped" };
  }
  return { waits };
}

async function secondClient(runtime: Runtime, server: RunningServer, word: string): Promise<Wait> {
  const first = await runtime.connect(server.address);
  try {
    const answer = await ask(first, word);
    if (answer !== word && word !== "crash") {
      throw new Error(
        answer === null
          ? "no answer came to the first client"
          : "wrong bytes came to the first client",
      );
    }
    if (word === "crash") await ended(first);
    if (word === "compute") void ended(first).then(() => first.close());
    const start = performance.now();
    let second;
    try {
      second = await runtime.connect(server.address);
    } catch {
      return DEAD;
    }
    try {
      const text = await ask(second, "hello");
      if (text === "hello") return (performance.now() - start) * 1000;
      await delay(100); // a server that has died is known to have
      return server.ended() === null ? NEVER : DEAD;
    } finally {
      second.close();
    }
  } finally {
    first.close();
  }
}

/** What comes back for a line; null if nothing does in time. */
async function ask(connection: SocketConnection, word: string): Promise<string | null> {
  const timeout = Promise.withResolvers<null>();
  const timer = setTimeout(() => timeout.resolve(null), GIVE_UP);
  const answer = async () => {
    const line = new TextEncoder().encode(`${word}\n`);
    await connection.write(line);
    const buffer = new Uint8Array(line.length);
    let length = 0;
    while (length < buffer.length) {
      const n = await connection.read(buffer.subarray(length));
      if (n === null) return null;
      length += n;
    }
    return new TextDecoder().decode(buffer).trim();
  };
  try {
    return await Promise.race([answer().catch(() => null), timeout.promise]);
  } finally {
    clearTimeout(timer);
  }
}

/** Resolves when the first client sees its connection's end, or would have given up. */
async function ended(connection: SocketConnection): Promise<void> {
  const timeout = Promise.withResolvers<void>();
  const timer = setTimeout(timeout.resolve, GIVE_UP);
  const end = async () => {
    const buffer = new Uint8Array(64);
    while (await connection.read(buffer) !== null);
  };
  await Promise.race([end().catch(() => {}), timeout.promise]);
  clearTimeout(timer);
}
