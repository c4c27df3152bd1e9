/** Workers of which there are too many, once their clients have left. */
import { assert, assertEquals } from "@std/assert";
import { Client, until } from "../tools/client.ts";
import { onEachRuntime } from "../tools/on_each_runtime.ts";

await onEachRuntime(({ test, run }) => {
  test("50 idle workers leave one after another, and no client is refused, reset or left waiting", () =>
    Promise.all(["thread", "process"].map(async (model) => {
      const command = run(["serve", "--port", "0", "--model", model, "--verbose"]);
      const address = await command.ready();
      const many = await Promise.all(Array.from({ length: 46 }, () => Client.open(address)));
      await Promise.all(many.map(async (client) => {
        await client.send("x");
        await client.receive(1, 60_000);
      }));
      const count = (text: string) => command.stderr.split(text).length - 1;
      await until("50 workers", () => count("is ready") >= 50, 60_000);
      await Promise.all(many.map((client) => client.close()));
      let slowest = 0;
      let clients = 0;
      while (count("has left") < count("is ready") - 6) {
        const start = performance.now();
        const client = await Client.open(address);
        await client.send("hello bye");
        assertEquals((await client.receiveAll()).length, 6);
        await client.close();
        assertEquals(client.error, null);
        slowest = Math.max(slowest, performance.now() - start);
        assert(++clients < 2000, `only ${count("has left")} workers have left`);
        await new Promise((resolve) => setTimeout(resolve, 50));
      }
      console.log(
        `    ${model}: ${count("has left")} left; ${clients} clients, ` +
          `the slowest was served in ${Math.round(slowest)} ms`,
      );
      command.child.kill("SIGTERM");
      assertEquals(await command.exit(), 0);
    })).then(() => {}));
});
