/**
 * A TCP port that nobody listens on, for a server that is to be told one.
 * @module
 */
import { getAvailablePort } from "@std/net/get-available-port";
import type { Runtime } from "../runtime.ts";

/** A port that was free a moment ago. */
export async function freePort(runtime: Runtime): Promise<number> {
  try {
    return getAvailablePort();
  } catch (error) {
    if (!(error instanceof ReferenceError)) throw error;
  }
  // It asks Deno for one, so that elsewhere the runtime's own listener does.
  const listener = await runtime.listen({ transport: "tcp", hostname: "127.0.0.1", port: 0 }, 1);
  const { addr } = listener;
  listener.close();
  return addr.transport === "tcp" ? addr.port : 0;
}
