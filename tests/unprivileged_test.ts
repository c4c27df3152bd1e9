/** The command as a user who is not root; where the tests run as root, as another one. */
import { assertEquals, assertMatch } from "@std/assert";
import { Client } from "./client.ts";
import { CLI, Command } from "./command.ts";
import { target } from "./targets.ts";

/** A program's first words that make it another user's. */
const AS_NOBODY = Deno.uid() === 0 ? ["setpriv", "--reuid=65534", "--clear-groups"] : [];

// Deno would need a cache that such a user can read.
for (const name of ["bun", "node"] as const) {
  const { run } = await target(name);
  const serve = (...args: string[]) =>
    new Command(["serve", "--log", "none", ...args], {
      program: ["env", ...AS_NOBODY, ...run, CLI],
    });

  Deno.test(`${name}: serve says in one line that a port below 1024 is not for everybody`, async () => {
    const command = serve("--port", "42");
    assertEquals(await command.exit(), 1);
    assertMatch(
      command.stderr,
      /^trivet: Cannot listen on 127\.0\.0\.1:42: permission denied.*\n$/,
    );
  });

  for (const model of ["multiplex", "process"]) {
    Deno.test(`${name}: serve --model ${model} ends at SIGTERM also for a user who is not root`, async () => {
      const command = serve("--port", "0", "--model", model, "--spares", "1");
      const client = await Client.open(await command.ready());
      await client.send("hello bye");
      assertEquals((await client.receiveAll()).length, 6);
      await client.close();
      command.child.kill("SIGTERM");
      assertEquals(await command.exit(), 0);
      assertEquals(command.stderr, "");
    });
  }
}
