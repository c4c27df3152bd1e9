/** What a server inherits from whoever starts it makes no difference. */
import { assert, assertEquals } from "@std/assert";
import { Client, until, visit } from "../tools/client.ts";
import { alive, CLI, Command, descendants, end, signal } from "../tools/command.ts";
import { onEachRuntime } from "../tools/on_each_runtime.ts";
import { target } from "../tools/targets.ts";
import { WAYS } from "../tools/ways.ts";

const ENDS_CHILD = new URL("../fixtures/handlers/ends_child.ts", import.meta.url).href;

const PROGRAM = new URL("../fixtures/servers/program.ts", import.meta.url).pathname;

/** As the worst of managers would start it; env(1) of coreutils. */
const HOSTILE = [
  "env",
  "--ignore-signal=CHLD,PIPE,HUP,INT,TERM",
  "--block-signal=CHLD,HUP,INT,TERM",
] as const;

await onEachRuntime(({ on, test, run }) => {
  for (const [way, flags] of Object.entries(WAYS)) {
    test(`serve ${way} does not mind signals that are ignored or blocked when it starts`, async () => {
      await using command = run(
        ["serve", "--port", "0", "--spares", "1", "--verbose", ...flags, "--handler", ENDS_CHILD],
        { program: [...HOSTILE, ...on.run, CLI] },
      );
      const address = await command.ready();
      const served = async () => {
        const client = await Client.open(address);
        assertEquals(new TextDecoder().decode(await client.receiveAll()), "SIGTERM");
        await client.close();
      };
      await served();
      // The first one may leave for another by itself.
      for (let killed = false; !killed;) {
        const worker = descendants(command.child.pid).find(alive);
        if (worker === undefined) break;
        signal(worker, "SIGKILL");
        const how = () =>
          new RegExp(`process (?:${worker}|0) (has left|ended: \\w+)`).exec(command.log);
        await until("it is gone", () => how() !== null);
        killed = how()![1] === "ended: SIGKILL";
        await served();
      }
      command.child.kill("SIGHUP");
      await until("the reload", () => /^(! not )?reloaded/m.test(command.log));
      command.child.kill("SIGTERM");
      assertEquals(await command.exit(), 0);
      assert(!command.stderr.includes("nobody handled"), command.stderr);
    });
  }

  test("serve() in a program that ignores SIGCHLD sees how its workers end", async () => {
    await using program = new Command([JSON.stringify({ model: "process", spares: 1 })], {
      program: ["env", "--ignore-signal=CHLD", ...on.run, PROGRAM],
    });
    const address = await program.ready();
    await visit(address);
    const forks = () => /^forked: (\d+)$/m.exec(program.stderr);
    await until("a fork", () => forks() !== null);
    Deno.kill(Number(forks()![1]), "SIGKILL");
    await until("it is gone", () => program.stderr.includes("ended: SIGKILL\n"));
    await visit(address);
    program.child.kill("SIGTERM");
    assertEquals(await program.exit(), 0);
  });
});

Deno.test("node: what is only the main process's of its flags reaches no worker, nor its value", async () => {
  const { run: [program] } = await target("node");
  const flags = ["--inspect-port", "9330", "--import", "data:text/javascript,"];
  await using command = new Command(
    ["serve", "--port", "0", "--model", "process", "--spares", "1"],
    {
      program: [program, ...flags, CLI],
    },
  );
  await visit(await command.ready());
  await end(command);
});
