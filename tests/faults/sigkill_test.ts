/** SIGKILL of a worker, and of the main process. */
import { assertEquals } from "@std/assert";
import { Client, until } from "../tools/client.ts";
import { alive, descendants, signal, ticks } from "../tools/command.ts";
import { onEachRuntime } from "../tools/on_each_runtime.ts";

const FAULTS = new URL("../fixtures/handlers/faults.ts", import.meta.url).pathname;

await onEachRuntime(({ test, serve }) => {
  test("serve --model process survives SIGKILL of a worker: one connection ends", async () => {
    await using command = serve("--model", "process");
    const address = await command.ready();
    const clients = [await Client.open(address), await Client.open(address)];
    for (const client of clients) {
      await client.send("x");
      await client.receiveText(1);
    }
    let pids: number[] = [];
    await until("both are logged", () => {
      pids = [...command.stderr.matchAll(/on process (\d+)/g)].map((m) => Number(m[1]));
      return pids.length === 2;
    });
    assertEquals(new Set(pids).size, 2);
    Deno.kill(pids[0], "SIGKILL");
    const closed = await Promise.race(clients.map(async (client) => {
      await client.receiveAll().catch(() => {});
      return client;
    }));
    const other = clients.find((client) => client !== closed)!;
    await other.send("still");
    assertEquals(await other.receiveText(5), "still");
    const newcomer = await Client.open(address);
    await newcomer.send("new");
    assertEquals(await newcomer.receiveText(3), "new");
    for (const client of [...clients, newcomer]) await client.close();
    command.child.kill("SIGTERM");
    assertEquals(await command.exit(), 0);
  });

  for (const way of ["process", "process --hand-over"]) {
    test(`SIGKILL of the main process ends a worker that loops, under ${way}`, async () => {
      await using command = serve("--model", ...way.split(" "), "--handler", FAULTS);
      const client = await Client.open(await command.ready());
      await client.send("loops");
      let pids: number[] = [];
      await until("it loops", () => {
        pids = descendants(command.child.pid);
        return pids.some((pid) => ticks([pid]) > 100);
      });
      command.child.kill("SIGKILL");
      try {
        await until("workers are gone", () => !pids.some(alive));
      } finally {
        for (const pid of pids.filter(alive)) signal(pid, "SIGKILL");
      }
      await command.exit();
      await client.close();
    });
  }

  for (const model of ["thread", "process"]) {
    test(`serve --model ${model} leaves no orphans after SIGKILL`, async () => {
      await using command = serve("--model", model);
      await command.ready();
      const pids = descendants(command.child.pid);
      assertEquals(pids.length > 0, model === "process");
      command.child.kill("SIGKILL");
      await command.exit();
      await until("workers are gone", () => !pids.some(alive));
    });
  }
});
