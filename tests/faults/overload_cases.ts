/** More clients than there is room for. */
import { assertEquals, assertMatch } from "@std/assert";
import { Client, until } from "../tools/client.ts";
import { CLI, Command, descendants, ticks } from "../tools/command.ts";
import { WAYS } from "../server/limits_cases.ts";
import type { Target } from "../tools/targets.ts";

/** Milliseconds for which it is looked whether a loop spins. */
const LOOK = 700;

/** Milliseconds of CPU time that a server and its workers have used. */
function cpuTime(command: Command): number {
  return 10 * ticks([command.child.pid, ...descendants(command.child.pid)]);
}

/** A server that may have so many descriptors. */
export function serveWithin(on: Target, descriptors: number, ...args: string[]): Command {
  const limited = `ulimit -n ${descriptors}; exec "$0" "$@"`;
  return new Command(["serve", "--port", "0", ...args], {
    program: ["bash", "-c", limited, ...on.run, CLI],
  });
}

/** Waits until it neither computes nor writes much, now that nothing can be done. */
export async function isCalm(command: Command): Promise<void> {
  const lines = () => command.stderr.split("\n").filter((line) => line.startsWith("!")).length;
  await until("it uses less than a fifth of a core and writes few lines", async () => {
    const [before, written] = [cpuTime(command), lines()];
    await new Promise((resolve) => setTimeout(resolve, LOOK));
    return cpuTime(command) - before < LOOK / 5 && lines() - written < 10;
  });
}

/** Defines the tests on one runtime. */
export function overloadTests(on: Target, names: string[] = ["multiplex"]): void {
  for (const name of names) {
    // The others wait in the main process.
    const few = name.endsWith("--hand-over") ? ["--max-connections", "4"] : [];
    Deno.test(`${on.name}: serve ${name} with more clients than descriptors stays calm, and recovers`, async () => {
      const command = serveWithin(on, 240, ...WAYS[name], ...few);
      const address = await command.ready();
      const clients: Client[] = [];
      command.child.kill("SIGSTOP"); // so that they come all at once
      for (let i = 0; i < 300; i++) clients.push(await Client.open(address));
      for (const client of clients) client.send("hello").catch(() => {});
      command.child.kill("SIGCONT");
      await until("some are served", () => clients.some((client) => client.received > 0));
      await isCalm(command);
      // Bun and Node accept on their own; Deno lets them wait in the kernel's queue.
      const refuses = on.name !== "deno";
      assertEquals(command.stderr.includes("too few descriptors are left"), refuses);
      await Promise.all(clients.map((client) => client.close()));
      const late = await Client.open(address);
      await late.send("hello bye");
      assertEquals((await late.receiveAll()).length, 6);
      await late.close();
      command.child.kill("SIGTERM");
      assertEquals(await command.exit(), 0);
    });
  }

  Deno.test(`${on.name}: serve says at the start that there are too few descriptors`, async () => {
    const command = serveWithin(on, 240, "--model", "multiplex", "--max-connections", "1000");
    await command.ready();
    command.child.kill("SIGTERM");
    assertEquals(await command.exit(), 0);
    assertMatch(command.stderr, /^! no more than 176 connections at once, .*ulimit -n$/m);
  });
}
