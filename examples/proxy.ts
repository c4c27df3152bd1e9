/**
 * A TCP proxy: what a client sends goes to another server, and what that
 * server answers comes back.
 *
 * It shows `connect` and `pipe`. One pipe for each direction is all: a
 * half-close travels like the bytes before it, a slow reader slows down its
 * writer, and a reset of either side is a reset for the other.
 *
 * For `multiplex`, because it only waits. It waits for two connections, so it
 * is not `blocking`.
 *
 *     deno run -A cli.ts serve
 *     UPSTREAM=127.0.0.1:8888 deno run -A cli.ts serve --handler examples/proxy.ts --port 8889
 *     printf 'hello\nbye\n' | deno run -A cli.ts connect 127.0.0.1 8889
 *
 * prints `hello`, which the first server has echoed through the second.
 * @module
 */
import process from "node:process";
import { connect, type Handler, pipe } from "../mod.ts";

/** Where everything goes: `HOST:PORT`. A mistake ends the server at its start. */
const upstreamAddress = parseAddress(process.env.UPSTREAM ?? "127.0.0.1:8888");

/** Connects this client to the upstream server until both have finished. */
const proxy: Handler = async (client, context) => {
  // A client that leaves, and a shutdown, wait for no upstream that does not answer.
  const signal = AbortSignal.any([context.gone, context.signal]);
  const upstream = await connect({ ...upstreamAddress, signal });
  try {
    await Promise.all([pipe(client, upstream), pipe(upstream, client)]);
  } finally {
    upstream.close();
  }
};
export default proxy;

function parseAddress(text: string) {
  const match = /^(?:\[(.+)\]|([^:]+)):(\d+)$/.exec(text);
  if (!match) throw new Error(`UPSTREAM is HOST:PORT, such as 127.0.0.1:8888: not "${text}"`);
  return { hostname: match[1] ?? match[2], port: Number(match[3]) };
}
