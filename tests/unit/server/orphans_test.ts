/** As PID 1. */
import { assertEquals } from "@std/assert";
import { endedChild } from "../../../src/posix/children.ts";
import { Libc } from "../../../src/posix/libc.ts";
import { detect } from "../../../src/runtimes/detect.ts";
import { reapForeign } from "../../../src/server/orphans.ts";
import { Client, until } from "../../tools/client.ts";
import { CLI, Command, descendants } from "../../tools/command.ts";
import { target } from "../../tools/targets.ts";
import { delay, test } from "../../tools/unit.ts";

test("a child that the runtime leaves is reaped, one that it reaps itself is not", async () => {
  let ended = [11, 12, 13];
  const reaped: number[] = [];
  const stop = reapForeign(
    {
      ended: () => ended[0] ?? null,
      reap(pid) {
        reaped.push(pid);
        ended = ended.filter((other) => other !== pid);
      },
    },
    20,
    20,
  );
  await delay(30);
  assertEquals(reaped, []); // seen once
  ended = [12, 13]; // the runtime has reaped 11
  await until("the others are reaped", () => ended.length === 0);
  assertEquals(reaped, [12, 13]);
  await delay(30);
  stop();
});

test("a child that has ended is seen, and left for who started it to reap", async () => {
  const libc = new Libc(await detect());
  const child = new Deno.Command("sh", { args: ["-c", "exit 7"] }).spawn();
  let ended = null; // the runtime cannot reap it meanwhile: its thread is busy here
  for (const end = Date.now() + 10_000; ended === null && Date.now() < end;) {
    ended = endedChild(libc);
  }
  assertEquals([ended, endedChild(libc)], [child.pid, child.pid]);
  assertEquals((await child.status).code, 7);
  libc.unload();
});

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
        const handler = new URL("../../handlers/orphans.ts", import.meta.url).href;
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
