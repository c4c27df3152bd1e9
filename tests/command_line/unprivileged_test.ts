/** The command as a user who is not root; where the tests run as root, as another one. */
import { assert, assertEquals, assertMatch } from "@std/assert";
import { Client, until, visit } from "../tools/client.ts";
import { CLI, Command, descendants, ticks } from "../tools/command.ts";
import { target } from "../tools/targets.ts";

/** A program's first words that make it another user's. */
const AS_NOBODY = Deno.uid() === 0 ? ["setpriv", "--reuid=65534", "--clear-groups"] : [];

/** Sets the limit of a process on how many processes and threads its user may have. */
async function limitProcesses(pid: number, limit: string) {
  const args = [...AS_NOBODY, "prlimit", "--pid", String(pid), `--nproc=${limit}:`];
  const { success } = await new Deno.Command("env", { args }).output();
  assert(success, "prlimit failed");
}

Deno.test("node: serve --model process waits calmly while no process can be started, and recovers", async () => {
  const { run } = await target("node");
  await using command = new Command(
    ["serve", "--log", "json", "--port", "0", "--model", "process", "--no-fork", "--spares", "1"],
    { program: ["env", ...AS_NOBODY, ...run, CLI] },
  );
  const address = await command.ready();
  const { pid } = command.child;
  const refusals = () => command.stderr.match(/could not start: [^"]*EAGAIN/g)?.length ?? 0;
  const limits = await Deno.readTextFile(`/proc/${pid}/limits`);
  const [most] = limits.match(/(?<=^Max processes +)\S+/m)!;
  await limitProcesses(pid, "1");
  const before = ticks([pid]);
  const began = performance.now();
  Deno.kill(descendants(pid)[0], "SIGKILL");
  // A worker that dies while it waits in accept may take one more client with it.
  await until("it is gone", () => command.stderr.includes("SIGKILL"));
  const client = await Client.open(address);
  await client.send("hello bye");
  await until("it is refused again and again", () => refusals() > 2);
  const [used, times] = [(ticks([pid]) - before) / 100, refusals()];
  const seconds = (performance.now() - began) / 1000; // of which they were not more
  assert(used < 0.5 + seconds / 2, `${used} s of a processor in ${seconds} s`);
  assert(times <= 2 + seconds, command.stderr);
  await limitProcesses(pid, most);
  assertEquals((await client.receiveAll()).length, 6);
  await client.close();
  command.child.kill("SIGTERM");
  assertEquals(await command.exit(), 0);
});

// Deno would need a cache that such a user can read.
for (const name of ["bun", "node"] as const) {
  const { run } = await target(name);
  const serve = (...args: string[]) =>
    new Command(["serve", "--log", "none", ...args], {
      program: ["env", ...AS_NOBODY, ...run, CLI],
    });

  Deno.test(`${name}: serve says in one line that a port below 1024 is not for everybody`, async () => {
    await using command = serve("--port", "42");
    assertEquals(await command.exit(), 1);
    assertMatch(
      command.stderr,
      /^trivet: Cannot listen on 127\.0\.0\.1:42: permission denied.*\n$/,
    );
  });

  for (const model of ["multiplex", "process"]) {
    Deno.test(`${name}: serve --model ${model} ends at SIGTERM also for a user who is not root`, async () => {
      await using command = serve("--port", "0", "--model", model, "--spares", "1");
      await visit(await command.ready());
      command.child.kill("SIGTERM");
      assertEquals(await command.exit(), 0);
      assertEquals(command.stderr, "");
    });
  }
}
