/** A bad end looks like one: what was written comes, and then a reset, not FIN. */
import { assert, assertEquals } from "@std/assert";
import type { Address } from "../../mod.ts";
import { Client, until } from "../tools/client.ts";
import { descendants } from "../tools/command.ts";
import { events } from "../tools/log_lines.ts";
import { onEachRuntime } from "../tools/on_each_runtime.ts";

const handler = (name: string) => new URL(`../fixtures/handlers/${name}`, import.meta.url).pathname;
const LARGE = 1 << 20;

const WAYS: readonly (readonly [args: string, file: string])[] = [
  ["multiplex", "ends.ts"],
  ["multiplex --workers 1", "ends.ts"],
  ["thread", "ends.ts"],
  ["process", "ends.ts"],
  ["process --hand-over", "ends.ts"],
  ["thread", "ends_blocking.ts"],
  ["process", "ends_blocking.ts"],
];

async function says(word: string, address: Address): Promise<Client> {
  const client = await Client.open(address);
  await client.send(word);
  return client;
}

await onEachRuntime(({ test, run, serve }) => {
  for (const [args, file] of WAYS) {
    const blocking = file === "ends_blocking.ts";
    const way = `${args}${blocking ? ", blocking" : ""}`;
    const start = (...more: string[]) =>
      serve(
        ...["--model", ...args.split(" "), "--log", "json", "--linger", "20"],
        ...["--handler", handler(file), ...more],
      );

    test(`whatever breaks off under ${way} is reset, and what was written before comes`, async () => {
      await using command = start();
      const address = await command.ready();
      const ended = (reason: RegExp) =>
        events(command).filter(({ type, reason: why, error }) =>
          type === "closed" && reason.test(`${why} ${error ?? ""}`)
        ).length;

      const good = await says("returns", address);
      assertEquals((await good.receiveAll()).length, LARGE);
      await good.close();
      assertEquals(good.error, null);

      const throws = await says("throws", address);
      assertEquals((await throws.receiveUntilReset()).length, LARGE);
      await until("the report", () => ended(/^error thrown on purpose/) === 1);

      // Without the C library nothing tells how much is on its way to a slow client.
      if (!args.includes("--hand-over")) {
        const slow = await Client.open(address);
        slow.socket.pause();
        await slow.send("throws");
        await new Promise((resolve) => setTimeout(resolve, 600));
        slow.socket.resume();
        assertEquals((await slow.receiveUntilReset()).length, LARGE);
      }

      await (await says("resets at once", address)).receiveUntilReset();
      const twice = await says("reads twice", address);
      if (!blocking) await twice.receiveUntilReset();
      else await twice.close();
      const others = await says("returns", address);
      assertEquals((await others.receiveAll()).length, LARGE);
      await others.close();

      if (!blocking) {
        // Gone, though no read waits: by a reset, and unread bytes do not hide it.
        const waits = await says("waits", address);
        await waits.receive(LARGE);
        await waits.send("unread");
        const before = ended(/^handler /);
        await waits.reset();
        await until("the handler's end", () => ended(/^handler /) > before);
      } else {
        const waits = await says("waits", address);
        assertEquals((await waits.receiveUntilReset()).length, LARGE);
        await until("the error", () => ended(/^error ENOTSUP: A blocking handler has no/) === 1);
      }

      if (/process|workers/.test(args) && !args.includes("--hand-over")) {
        const killed = await says("hello", address);
        await killed.receive(LARGE);
        const { localPort } = killed.socket;
        let pid = 0;
        await until("its worker", () => {
          const accepted = events(command).find(({ type, remoteAddr }) =>
            type === "accepted" && remoteAddr?.port === localPort
          );
          return (pid = accepted?.worker?.id ?? 0) > 0;
        });
        assert(descendants(command.child.pid).includes(pid));
        Deno.kill(pid, "SIGKILL");
        await killed.receiveUntilReset();
      }
      command.child.kill("SIGTERM");
      assertEquals(await command.exit(), 0);
    });
  }

  for (
    const [model, file] of [["multiplex", "ends.ts"], ["process", "ends_blocking.ts"]] as const
  ) {
    const usual = ["--port", "0", "--spares", "1", "--shutdown-timeout", "0.1"];
    test(`a timeout and the end of a shutdown are resets under ${model}, ${file}`, async () => {
      // A pause of the machine is shorter.
      const args = ["--model", model, "--handler", handler(file), "--idle-timeout", "2"];
      await using command = run(["serve", ...usual, ...args]);
      const address = await command.ready();
      const silent = await says("hello", address);
      assertEquals((await silent.receiveUntilReset()).length, LARGE);
      const open = await says("hello", address);
      await open.receive(LARGE);
      command.child.kill("SIGTERM");
      await open.receiveUntilReset();
      await command.exit();
    });
  }
});
