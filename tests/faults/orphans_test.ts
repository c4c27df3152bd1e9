/** As PID 1, which every orphan is handed to. */
import { assertEquals } from "@std/assert";
import { Client, until } from "../tools/client.ts";
import { CLI, Command, descendants, signal } from "../tools/command.ts";
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
        await using command = new Command(["serve", "--port", "0", ...options], {
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

for (const name of ["deno", "bun", "node"] as const) {
  Deno.test({
    name: `${name}: as PID 1, forks that are killed leave no zombie, nor does what forked them`,
    ignore: !possible, // needs a PID namespace: root, or user namespaces
    async fn() {
      const { run } = await target(name);
      const options = ["--model", "process", "--spares", "2", "--log", "json"];
      await using command = new Command(["serve", "--port", "0", ...options], {
        program: [...NAMESPACE, ...run, CLI],
      });
      const address = await command.ready();
      const [main] = descendants(command.child.pid);
      const parents = () => descendants(main).filter((pid) => descendants(pid).length > 0);
      await until("it forks", () => parents().length === 1);
      const [template] = parents();
      const client = await Client.open(address);
      await client.send("hello");
      assertEquals(await client.receiveText(5), "hello");
      const workers = descendants(template);
      Deno.kill(template, "SIGKILL");
      await client.send("again"); // its worker is an orphan, and goes on
      assertEquals(await client.receiveText(5), "again");
      for (const pid of workers) signal(pid, "SIGKILL"); // one that was not ready may have ended
      await client.receiveAll().catch(() => {}); // a reset
      await client.close();
      await until("they are gone", () => ![template, ...workers].some((pid) => exists(pid)));
      await (await Client.open(address)).close(); // others have come
      Deno.kill(main, "SIGTERM");
      assertEquals(await command.exit(), 0);
    },
  });
}

/** Whether there is such a process; a zombie is one. */
function exists(pid: number): boolean {
  try {
    Deno.statSync(`/proc/${pid}`);
    return true;
  } catch {
    return false;
  }
}
