/** What the options of `serve` promise, seen from outside. */
import { assertEquals } from "@std/assert";
import { MODELS } from "../../src/server/models.ts";
import { Client, greeted, until } from "../tools/client.ts";
import { descendants, end } from "../tools/command.ts";
import { onEachRuntime } from "../tools/on_each_runtime.ts";
import { retried } from "../tools/retried.ts";

/** Whether a process has the socket of this inode open. */
function holds(pid: number, inode: string): boolean {
  const folder = `/proc/${pid}/fd`;
  const isIt = ({ name }: Deno.DirEntry) => {
    try {
      return Deno.readLinkSync(`${folder}/${name}`) === `socket:[${inode}]`;
    } catch {
      return false; // closed meanwhile
    }
  };
  try {
    return [...Deno.readDirSync(folder)].some(isIt);
  } catch {
    return false; // it has ended meanwhile
  }
}

/** The inode of the server's end of a client's connection, see proc_net_tcp(5). */
function serverEnd(client: Client, port: number): string {
  const hex = (n: number) => n.toString(16).toUpperCase().padStart(4, "0");
  const [mine, theirs] = [hex(port), hex(client.socket.localPort!)];
  const line = Deno.readTextFileSync("/proc/net/tcp").split("\n").find((line) => {
    const [, local, remote] = line.trim().split(/\s+/);
    return local?.endsWith(`:${mine}`) && remote?.endsWith(`:${theirs}`);
  });
  return line!.trim().split(/\s+/)[9];
}

await onEachRuntime(({ test, run }) => {
  const serve = (...args: string[]) => run(["serve", "--port", "0", "--spares", "1", ...args]);

  for (const model of Object.keys(MODELS)) {
    test(`serve --model ${model}: connections are open where it says, and --linger bounds the wait for a client that stays`, async () => {
      await using command = serve("--model", model, "--linger", "0.2");
      const first = await greeted(await command.ready());
      const before = descendants(command.child.pid);
      const clients = model === "iterative"
        ? [first]
        : [first, await greeted(await command.ready())];
      const { port } = await command.ready() as { port: number };
      const main = command.child.pid;
      for (const client of clients) {
        const inode = serverEnd(client, port);
        const holders = [main, ...descendants(main)].filter((pid) => holds(pid, inode));
        assertEquals(holders.length, 1, `open in ${holders}`);
        assertEquals(holders[0] === main, model !== "process");
      }
      if (model !== "process") assertEquals([...before, ...descendants(main)], []);
      await first.send("bye");
      await first.receiveAll(); // FIN has come; this side stays open
      await until("its end", () => /^- /m.test(command.log));
      await end(command, ...clients);
    });

    test(`serve --model ${model} --idle-timeout ends a silent connection, and says so`, async () => {
      await using command = serve("--model", model, "--idle-timeout", "0.3");
      // A pause of the machine may end a connection before anything is said on it.
      const client = await retried(async () => greeted(await command.ready()));
      await until("the end", () => client.ended || client.error !== null);
      await until("its line", () => / 5 in, 5 out, .*timeout/.test(command.stderr));
      await end(command, client);
    });

    if (model !== "iterative") {
      test(`serve --model ${model} --max-connections 2 keeps a third client waiting, not refused`, async () => {
        await using command = serve("--model", model, "--max-connections", "2");
        const clients = [
          await greeted(await command.ready()),
          await greeted(await command.ready()),
        ];
        const third = await Client.open(await command.ready());
        await third.send("third");
        await clients[0].send("first");
        assertEquals(await clients[0].receiveText(5), "first");
        assertEquals(third.received, 0);
        await clients[0].close();
        assertEquals(await third.receiveText(5), "third");
        await end(command, clients[1], third);
      });
    }
  }

  test("serve --model iterative keeps a second client waiting behind a silent one", async () => {
    await using command = serve("--model", "iterative");
    const address = await command.ready();
    const silent = await Client.open(address);
    const second = await Client.open(address);
    await second.send("hello");
    await new Promise((resolve) => setTimeout(resolve, 300));
    assertEquals(second.received, 0);
    await silent.close();
    assertEquals(await second.receiveText(5), "hello");
    await second.close();
    command.child.kill("SIGTERM");
    assertEquals(await command.exit(), 0);
  });
});
