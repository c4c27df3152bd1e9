/** Clients that come to a place that encrypts and do not begin, or not go on. */
import { assert, assertEquals } from "@std/assert";
import { until, visit } from "../tools/client.ts";
import { end } from "../tools/command.ts";
import { onEachRuntime } from "../tools/on_each_runtime.ts";
import { openSockets } from "../tools/open_sockets.ts";
import type { Breaker } from "../tools/tls_breaker.ts";
import { type Encrypted, testEncrypted } from "../tools/tls_server.ts";
import { WAYS } from "../tools/ways.ts";

await onEachRuntime((runtime) => {
  const { on, serve } = runtime;

  function test(
    name: string,
    args: string[],
    fn: (address: Encrypted["address"], breaker: Breaker) => Promise<void>,
    check: (log: string) => void = () => {},
  ): void {
    const start = (...tls: string[]) => serve(...tls, "--linger", "1", ...args);
    testEncrypted(runtime, name, start, async ({ command, address, breaker: make }) => {
      {
        await using breaker = make();
        await fn(address, breaker);
      }
      await end(command);
      assert(!command.log.includes("nobody handled"), command.log);
      check(command.log);
    });
  }

  const patient = ["--tls-handshake-timeout", "600"];
  test("1,000 silent clients delay nobody", patient, async (address, breaker) => {
    await breaker.hold(["silent", 500], ["half", 500]);
    // They would wait for ten minutes.
    await visit(address);
  });

  const ways = on.name === "deno" ? ["multiplex", "thread", "process"] : ["multiplex", "thread"];
  for (const way of ways) {
    const few = way === "multiplex" ? [] : ["--max-connections", "2"];
    const args = [...WAYS[way], ...few, "--tls-handshake-timeout", "1"];
    test(
      `${way}: silent clients go after the handshake's time, and free their workers`,
      args,
      async (address, breaker) => {
        await breaker.hold(["silent", 2], ["half", 2]);
        // Again if the machine pauses for so long in its handshake.
        await visit(address).catch(() => visit(address));
        const { port } = address as { port: number };
        await until("they are gone", () => openSockets(port) === 0);
      },
      (log) => assertEquals(log.match(/^\+ /gm)?.length, 1, log),
    );
  }
});
