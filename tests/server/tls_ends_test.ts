/** How connections that are encrypted end, and what else happens to them as to others. */
import { assert, assertEquals, assertMatch } from "@std/assert";
import { Client, greeted, until } from "../tools/client.ts";
import { type Command, end } from "../tools/command.ts";
import { onEachRuntime } from "../tools/on_each_runtime.ts";
import type { Breaker } from "../tools/tls_breaker.ts";
import { type Encrypted, testEncrypted } from "../tools/tls_server.ts";

const HALF = new URL("../fixtures/handlers/half_closes.ts", import.meta.url).pathname;
const LINES = new URL("../fixtures/handlers/asks_lines.ts", import.meta.url).pathname;
const MB = 1 << 20;

function kilobytes(pid: number): number {
  return Number(/^VmRSS:\s+(\d+)/m.exec(Deno.readTextFileSync(`/proc/${pid}/status`))![1]);
}

await onEachRuntime((runtime) => {
  const { on, run } = runtime;

  function test(
    name: string,
    args: string[],
    fn: (command: Command, address: Encrypted["address"], breaker: () => Breaker) => Promise<void>,
  ): void {
    const start = (...tls: string[]) => run(["serve", "--port", "0", ...tls, ...args]);
    testEncrypted(
      runtime,
      name,
      start,
      ({ command, address, breaker }) => fn(command, address, breaker),
    );
  }

  const told = (command: Command, what: RegExp) => until(`${what}`, () => what.test(command.log));

  test(
    "an end that nobody has said is an error, after all that came",
    ["--verbose"],
    async (command, _address, makeBreaker) => {
      await using breaker = makeBreaker();
      await breaker.all(["end without a word", 3]);
      await told(command, /(5 in, 5 out, .*\(error: EPROTO: .*close_notify[^]*){3}/);
      // What was sent is shown as it was, and not encrypted.
      assertMatch(command.log, /hello/);
      await end(command);
    },
  );

  test(
    "what is written after the other end has ended",
    ["--handler", HALF],
    async (command, address) => {
      const client = await Client.open(address);
      await client.send("word");
      client.halfClose();
      if (on.name === "bun") {
        await told(command, /\(error: EPIPE: .*TLS on this runtime closes both/);
      } else {
        assertEquals(new TextDecoder().decode(await client.receiveAll()), "word");
      }
      // The server's half first is the same on all.
      const other = await Client.open(address);
      await other.send("first");
      assertEquals((await other.receiveAll()).length, 0);
      await end(command, client, other);
    },
  );

  const times: [string, string[], RegExp][] = [
    ["--idle-timeout", ["0.5"], /\(timeout\)/],
    ["--connection-timeout", ["0.5"], /\(timeout\)/],
    ["--first-byte-timeout", ["0.5"], /\(timeout: no first byte within 0\.5 s\)/],
    ["--min-rate", ["100", "--min-rate-grace", "0.5", "--handler", LINES], /\(timeout: /],
  ];
  for (const [option, values, reason] of times) {
    test(
      `${option} ends a client that is encrypted`,
      [option, ...values],
      async (command, address) => {
        // Again if the machine pauses for so long in its handshake.
        const client = await Client.open(address).catch(() => Client.open(address));
        await until("its end", async () => {
          if (option === "--min-rate" && !client.closed) client.send("x").catch(() => {});
          await new Promise((resolve) => setTimeout(resolve, 50));
          return client.closed;
        });
        await told(command, reason);
        await end(command);
      },
    );
  }

  test("a shutdown waits for those that are open, and ends those that stay", [
    "--shutdown-timeout",
    "4",
  ], async (command, address) => {
    const [stays, leaves] = [await greeted(address), await greeted(address)];
    command.child.kill("SIGTERM");
    await leaves.send("last bye");
    assertEquals(new TextDecoder().decode(await leaves.receiveAll()), "last ");
    await leaves.close();
    await until("its end", () => stays.closed);
    assertEquals(await command.exit(), 0);
    assertMatch(command.log, /\(shutdown/);
  });

  test(
    "40 MiB come back as they were, and a slow reader costs no memory",
    [],
    async (command, address) => {
      const client = await greeted(address);
      const before = kilobytes(command.child.pid);
      const piece = Uint8Array.from({ length: MB }, (_, i) => i * 7 % 97);
      client.pause();
      let sent = 0;
      const sending = (async () => {
        for (; sent < 40; sent++) await client.send(piece);
      })();
      let last = -1;
      await until("it is held back", async () => {
        const same = sent === last;
        last = sent;
        await new Promise((resolve) => setTimeout(resolve, 300));
        return same && sent === last;
      });
      assert(sent < 30, `${sent} MiB were taken, and nobody read`);
      const more = kilobytes(command.child.pid) - before;
      assert(more < 40 * 1024, `${more} KiB`);
      client.resume();
      for (let i = 0; i < 40; i++) {
        const got = await client.receive(MB);
        assert(got.every((byte, at) => byte === piece[at]), `MiB ${i}`);
      }
      await sending;
      assert(kilobytes(command.child.pid) - before < 100 * 1024);
      await end(command, client);
    },
  );
});
