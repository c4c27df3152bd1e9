/** Limits, seen from outside. */
import { assert, assertEquals, assertMatch } from "@std/assert";
import { Client, until } from "../tools/client.ts";
import { CLI, Command } from "../tools/command.ts";
import type { Target } from "../tools/targets.ts";

/** Each model, and each way for clients to reach its workers. */
export const WAYS: Record<string, string[]> = {
  multiplex: ["--model", "multiplex"],
  thread: ["--model", "thread"],
  process: ["--model", "process"],
  "multiplex --workers": ["--model", "multiplex", "--workers", "2"],
  "process --hand-over": ["--model", "process", "--hand-over"],
};

/** Defines the tests on one runtime. */
export function limitsTests(on: Target, names: string[] = ["thread", "process"]): void {
  const serve = (...args: string[]) =>
    new Command(["serve", "--port", "0", ...args], { program: [...on.run, CLI] });

  for (const name of names) {
    Deno.test(`${on.name}: serve ${name} refuses who is too many, and lets in who comes when one has left`, async () => {
      const command = serve(
        ...WAYS[name],
        ...["--max-connections", "3", "--over-limit", "refuse"],
        ...["--max-connections-per-source", "2"],
      );
      const address = await command.ready();
      const open: Client[] = [];
      /** Whether it is served; who is not has been closed. */
      const served = async (from: string) => {
        const client = await Client.open(address, from);
        client.send("hello").catch(() => {});
        await until(
          "it is answered or closed",
          () => client.received > 0 || client.ended || client.closed,
        );
        if (client.received > 0) open.push(client);
        else await client.close();
        return client.received > 0;
      };
      const lines = () => command.stderr.split("\n").filter((line) => line.startsWith("- ")).length;
      assert(await served("127.0.0.1"));
      assert(await served("127.0.0.1"));
      assert(!await served("127.0.0.1"), "a third from one address");
      assert(await served("127.0.0.2"));
      assert(!await served("127.0.0.3"), "a fourth");
      await open.shift()!.close();
      await until("its end is told", () => lines() === 1);
      assert(await served("127.0.0.1"), "when one has left");
      const begin = performance.now();
      for (let i = 0; i < 50; i++) assert(!await served("127.0.0.3"));
      const seconds = (performance.now() - begin) / 1000;
      for (const client of open) await client.close();
      command.child.kill("SIGTERM");
      assertEquals(await command.exit(), 0);
      assertMatch(
        command.stderr,
        /refused 127\.0\.0\.1:\d+: too many connections from its address/,
      );
      const floods = command.stderr.split("\n").filter((line) =>
        line.endsWith("too many connections")
      );
      const count = floods.reduce(
        (sum, line) => sum + 1 + Number(/and (\d+) more/.exec(line)?.[1] ?? 0),
        0,
      );
      assertEquals(count, 51);
      // The fourth's, one a second, and what waits at the end.
      assert(floods.length <= seconds + 4, floods.join("\n"));
    });
  }

  Deno.test(`${on.name}: serve iterative refuses whoever comes while it has a client`, async () => {
    const command = serve("--model", "iterative", "--over-limit", "refuse");
    const address = await command.ready();
    const talk = async () => {
      const client = await Client.open(address);
      await client.send("hello");
      assertEquals(await client.receiveText(5), "hello");
      return client;
    };
    const first = await talk();
    const second = await Client.open(address);
    await until("it is closed", () => second.ended || second.closed);
    assertEquals(second.received, 0);
    await second.close();
    await first.close();
    await until("the first one's end is told", () => /^- /m.test(command.stderr));
    await (await talk()).close();
    command.child.kill("SIGTERM");
    assertEquals(await command.exit(), 0);
    assertMatch(command.stderr, /refused 127\.0\.0\.1:\d+: too many connections$/m);
  });
}
