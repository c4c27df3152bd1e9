/** Workers of which there are too many, once their clients have left. */
import { assert, assertEquals } from "@std/assert";
import { Client, until } from "../tools/client.ts";
import { onEachRuntime } from "../tools/on_each_runtime.ts";

/** Several looks' worth: at each, one of eight that are too many leaves. */
const WORKERS = 24;
/** Workers that stay. */
const SPARES = 2;

await onEachRuntime(({ test, run }) => {
  test(`${WORKERS} idle workers leave one after another, and no client is refused, reset or left waiting`, () =>
    Promise.all(["thread", "process"].map(async (model) => {
      const spares = ["--spares", String(SPARES)];
      await using command = run(["serve", "--port", "0", "--model", model, "--verbose", ...spares]);
      const address = await command.ready();
      const clients = Array.from({ length: WORKERS - SPARES }, () => Client.open(address));
      const many = await Promise.all(clients);
      await Promise.all(many.map(async (client) => {
        await client.send("x");
        await client.receive(1, 60_000);
      }));
      const count = (text: string) => command.stderr.split(text).length - 1;
      await until("all workers", () => count("is ready") >= WORKERS, 60_000);
      await Promise.all(many.map((client) => client.close()));
      let slowest = 0;
      let visits = 0;
      while (count("has left") < count("is ready") - SPARES - 2) {
        const start = performance.now();
        const client = await Client.open(address);
        await client.send("hello bye");
        assertEquals((await client.receiveAll()).length, 6);
        await client.close();
        assertEquals(client.error, null);
        slowest = Math.max(slowest, performance.now() - start);
        assert(++visits < 2000, `only ${count("has left")} workers have left`);
        await new Promise((resolve) => setTimeout(resolve, 50));
      }
      console.log(
        `    ${model}: ${count("has left")} left; ${visits} clients, ` +
          `the slowest was served in ${Math.round(slowest)} ms`,
      );
      command.child.kill("SIGTERM");
      assertEquals(await command.exit(), 0);
    })).then(() => {}));
});
