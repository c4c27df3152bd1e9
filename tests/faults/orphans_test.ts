/** As PID 1, which every orphan is handed to. */
import { assertEquals } from "@std/assert";
import { Client, until } from "../tools/client.ts";
import { CLI, Command, descendants } from "../tools/command.ts";
import { target } from "../tools/targets.ts";

/** A PID namespace of its own; it takes privileges that not everybody has. */
const NAMESPACE = ["unshare", "--pid", "--fork", "--mount-proc"] as const;
let possible = false;
try {
  possible = (await new Deno.Command(NAMESPACE[0], {
    args: [...NAMESPACE.slice(1), "true"],
    stderr: "null",
  }).output()).success;
} catch {
  // There is no such command.
}

for (const name of ["deno", "bun", "node"] as const) {
  for (const model of name === "deno" ? ["process"] : ["multiplex"]) {
    Deno.test({
      name: `${name}: serve --model ${model} as PID 1 reaps orphans, and no child of its own`,
      ignore: !possible, // needs a PID namespace: root, or user namespaces
      async fn() {
        const handler = new URL("../fixtures/handlers/orphans.ts", import.meta.url).href;
        const { run } = await target(name);
        const options = ["--model", model, "--spares", "1", "--handler", handler];
        const command = new Command(["serve", "--port", "0", ...options], {
          program: [...NAMESPACE, ...run, CLI],
        });
        const address = await command.ready();
        for (let i = 0; i < 3; i++) {
          const client = await Client.open(address);
          assertEquals(new TextDecoder().decode(await client.receiveAll()), "exit 7");
          await client.close();
        }
        const zombies = () =>
          descendants(command.child.pid).filter((pid) => {
            try {
              return /^State:\tZ/m.test(Deno.readTextFileSync(`/proc/${pid}/status`));
            } catch {
              return false; // reaped meanwhile
            }
          });
        const sleeping = () =>
          descendants(command.child.pid).filter((pid) => {
            try {
              return Deno.readTextFileSync(`/proc/${pid}/comm`) === "sleep\n";
            } catch {
              return false;
            }
          });
        await until(
          "no orphan runs or is a zombie",
          () => sleeping().length === 0 && zombies().length === 0,
        );
        Deno.kill(descendants(command.child.pid)[0], "SIGTERM");
        assertEquals(await command.exit(), 0);
      },
    });
  }
}
