/** What a signal ends, and what it lets finish. */
import { assertEquals } from "@std/assert";
import { MODELS } from "../../src/server/models.ts";
import { Client, greeted, until } from "../tools/client.ts";
import { alive, type Command, descendants, end, insist, signal as send } from "../tools/command.ts";
import { onEachRuntime } from "../tools/on_each_runtime.ts";

/** Milliseconds: for twice as long the same signal is the same one, see src/cli/stop_signals.ts. */
const MOMENT = 100;

async function refused(address: { port?: number }): Promise<boolean> {
  try {
    const conn = await Deno.connect({ port: address.port! });
    conn.close();
    return false;
  } catch (error) {
    return error instanceof Deno.errors.ConnectionRefused;
  }
}

await onEachRuntime(({ on, test, serve }) => {
  for (const model of Object.keys(MODELS)) {
    const signals: [string, (command: Command) => void | Promise<void>][] = [
      ["SIGTERM to the main process", (c) => c.child.kill("SIGTERM")],
      ["SIGINT to every process", (c) => {
        for (const pid of [c.child.pid, ...descendants(c.child.pid)]) {
          send(pid, "SIGINT");
        }
      }],
      ["SIGTERM to every process, three times within a moment", async (c) => {
        // Looked for once: a look takes long on a busy machine, and later it is another signal.
        const all = [...descendants(c.child.pid), c.child.pid];
        const begin = performance.now();
        for (let i = 0; i < 3; i++) {
          const inTime = () => i === 0 || performance.now() - begin < MOMENT;
          for (const pid of all) if (inTime()) send(pid, "SIGTERM");
          await new Promise((resolve) => setTimeout(resolve, 5));
        }
      }],
    ];
    for (const [name, signal] of signals) {
      test(`serve --model ${model} lets an open connection finish after ${name}`, async () => {
        await using command = serve("--model", model);
        const address = await command.ready();
        const client = await Client.open(address);
        await client.send("one");
        assertEquals(await client.receiveText(3), "one");
        const pids = descendants(command.child.pid);
        await signal(command);
        await until(
          "newcomers are refused",
          () => refused(address as { port: number }),
        );
        await client.send("two");
        assertEquals(await client.receiveText(3), "two");
        await client.send("bye");
        await client.receiveAll();
        await client.close();
        assertEquals(await command.exit(), 0);
        await until("nothing is left running", () => !pids.some(alive));
      });
    }

    test(`serve --model ${model} ends everything at the second signal`, async () => {
      await using command = serve("--model", model);
      const client = await Client.open(await command.ready());
      await client.send("one");
      await client.receiveText(3);
      const pids = descendants(command.child.pid);
      command.child.kill("SIGINT");
      await until(
        "the first is seen",
        () => command.stderr.includes("shutting down"),
      );
      await insist(command, "SIGINT");
      assertEquals(await command.exit(), 130);
      await client.close();
      await until("nothing is left running", () => !pids.some(alive));
    });

    test(`serve --model ${model} takes no notice of SIGUSR1, SIGUSR2 and SIGPIPE`, async () => {
      await using command = serve("--model", model);
      const client = await greeted(await command.ready());
      const pids = [command.child.pid, ...descendants(command.child.pid)];
      // Deno's debugger can be had from half a second after the start on (2.9.2).
      for (let round = 0; round < (on.name === "deno" ? 8 : 1); round++) {
        for (const signal of ["SIGUSR1", "SIGUSR2", "SIGPIPE"] as const) {
          for (const pid of pids) Deno.kill(pid, signal);
          await client.send("still");
          assertEquals(await client.receiveText(5), "still");
        }
        await new Promise((resolve) => setTimeout(resolve, 100));
      }
      assertEquals(pids.filter(alive), pids);
      await end(command, client);
      assertEquals(command.stderr.match(/debugger|ended/i), null, command.stderr);
    });

    test(`serve --model ${model} ends at once when nobody is connected`, async () => {
      await using command = serve("--model", model);
      await command.ready();
      command.child.kill("SIGTERM");
      assertEquals(await command.exit(), 0);
    });

    test(`serve --model ${model} is ready soon, and gone soon after a second signal`, async () => {
      const start = performance.now();
      await using command = serve("--model", model);
      const address = await command.ready();
      console.log(`    ${model}: ready in ${Math.round(performance.now() - start)} ms`);
      const client = await greeted(address);
      command.child.kill("SIGTERM");
      await until("the first is seen", () => command.stderr.includes("shutting down"));
      const first = performance.now();
      await insist(command, "SIGTERM");
      assertEquals(await command.exit(), 143);
      const gone = Math.round(performance.now() - first);
      console.log(`    ${model}: gone ${gone} ms after the first of many signals`);
      await client.close();
    });
  }
});
