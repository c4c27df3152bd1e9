/**
 * A TCP proxy: what a client sends goes to another server, and what that
 * server answers comes back.
 *
 * It shows `connect` and `pipe`. One pipe for each direction is all: a
 * half-close travels like the bytes before it, a slow reader slows down its
 * writer, and a reset of either side is a reset for the other.
 *
 * With PROXY_HEADER=v1 or v2 the upstream server is told first whose connection
 * it is; it must expect that (`--proxy-protocol`).
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
import { connect, encodeProxyHeader, type Handler, pipe } from "../mod.ts";

/** Where everything goes: `HOST:PORT`. A mistake ends the server at its start. */
const upstreamAddress = parseAddress(process.env.UPSTREAM ?? "127.0.0.1:8888");
const headerVersion = parseVersion(process.env.PROXY_HEADER);

/** Connects this client to the upstream server until both have finished. */
const proxy: Handler = async (client, context) => {
  // A client that leaves, and a shutdown, wait for no upstream that does not answer.
  const signal = AbortSignal.any([context.gone, context.signal]);
  const upstream = await connect({ ...upstreamAddress, signal });
  try {
    if (headerVersion !== null) {
      const { remoteAddr: source, localAddr: destination } = client;
      await upstream.write(encodeProxyHeader({ version: headerVersion, source, destination }));
    }
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

function parseVersion(text: string | undefined): 1 | 2 | null {
  if (text === undefined || text === "") return null;
  if (text === "v1" || text === "v2") return text === "v1" ? 1 : 2;
  throw new Error(`PROXY_HEADER is v1 or v2: not "${text}"`);
}
