/** What the options of `serve` promise, seen from outside. */
import { assert, assertEquals, assertMatch } from "@std/assert";
import { MODELS } from "../../src/server/models.ts";
import { Client, until } from "../tools/client.ts";
import { CLI, Command, type CommandOptions, descendants } from "../tools/command.ts";
import type { Target } from "../tools/targets.ts";

/** Defines the tests on one runtime. */
export function serveOptionsTests(on: Target): void {
  const test = (name: string, fn: () => void | Promise<void>) =>
    Deno.test(`${on.name}: ${name}`, fn);
  const run = (args: string[], options: CommandOptions = {}) =>
    new Command(args, { ...(options.flags ? {} : { program: [...on.run, CLI] }), ...options });

  const NAMES = Object.keys(MODELS);
  const serve = (...args: string[]) => run(["serve", "--port", "0", "--spares", "1", ...args]);

  async function end(command: Command, ...clients: Client[]) {
    for (const client of clients) await client.close();
    command.child.kill("SIGTERM");
    assertEquals(await command.exit(), 0);
  }

  async function greeted(command: Command): Promise<Client> {
    const client = await Client.open(await command.ready());
    await client.send("hello");
    assertEquals(await client.receiveText(5), "hello");
    return client;
  }

  /** What comes of it when it succeeds, which it must within some tries. */
  async function retried<T>(attempt: () => Promise<T>, tries = 5): Promise<T> {
    for (; tries > 1; tries--) {
      try {
        return await attempt();
      } catch {
        // The last try says why.
      }
    }
    return await attempt();
  }

  /** The inodes of the sockets that a process has open. */
  function sockets(pid: number): Set<string> {
    const inodes = new Set<string>();
    for (const { name } of Deno.readDirSync(`/proc/${pid}/fd`)) {
      try {
        const inode = /^socket:\[(\d+)\]$/.exec(Deno.readLinkSync(`/proc/${pid}/fd/${name}`))?.[1];
        if (inode) inodes.add(inode);
      } catch {
        // Closed meanwhile.
      }
    }
    return inodes;
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

  for (const model of NAMES) {
    test(`serve --model ${model}: its connections are open where the model says`, async () => {
      const command = serve("--model", model);
      const first = await greeted(command);
      const before = descendants(command.child.pid);
      const clients = model === "iterative" ? [first] : [first, await greeted(command)];
      const { port } = await command.ready() as { port: number };
      const main = command.child.pid;
      for (const client of clients) {
        const inode = serverEnd(client, port);
        const holders = [main, ...descendants(main)].filter((pid) => sockets(pid).has(inode));
        assertEquals(holders.length, 1, `open in ${holders}`);
        assertEquals(holders[0] === main, model !== "process");
      }
      if (model !== "process") assertEquals([...before, ...descendants(main)], []);
      await end(command, ...clients);
    });

    test(`serve --model ${model} --idle-timeout ends a silent connection, and says so`, async () => {
      const command = serve("--model", model, "--idle-timeout", "0.3");
      // A pause of the machine may end a connection before anything is said on it.
      const client = await retried(() => greeted(command));
      await until("the end", () => client.ended || client.error !== null);
      await until("its line", () => / 5 bytes in, 5 out, .* idle|timeout/.test(command.stderr));
      await end(command, client);
    });

    test(`serve --model ${model} --linger bounds the wait for a client that stays`, async () => {
      const command = serve("--model", model, "--linger", "0.2");
      const client = await greeted(command);
      await client.send("bye");
      await client.receiveAll(); // FIN has come; this side stays open
      await until("its end", () => /^- /m.test(command.stderr));
      await end(command, client);
    });

    test(`serve --model ${model} --log json gives an object a line`, async () => {
      const command = serve("--model", model, "--log", "json");
      const client = await greeted(command);
      await end(command, client);
      const events = command.stderr.trim().split("\n").map((line) => JSON.parse(line));
      for (const type of ["listening", "accepted", "closed", "shutdown"]) {
        assertEquals(events.filter((event) => event.type === type).length, 1, type);
      }
      assert(events.every(({ time }) => Number.isInteger(time)));
      const closed = events.find(({ type }) => type === "closed");
      assertEquals([closed.bytesRead, closed.bytesWritten, closed.reason], [5, 5, "handler"]);
    });

    test(`serve --model ${model} --verbose shows messages with control characters escaped`, async () => {
      const command = serve("--model", model, "--verbose");
      const client = await Client.open(await command.ready());
      await client.send("\x1b[31mred\n" + "x".repeat(1000));
      await client.receive(1009);
      await until("the message", () => command.stderr.includes("[31mred"));
      assert(!command.stderr.includes("\x1b"), "an escape character went to the log");
      const line = command.stderr.split("\n").find((line) => line.includes("[31mred"))!;
      assert(line.length < 400, line);
      await end(command, client);
    });

    test(`serve --model ${model} --log none writes nothing but the ready line`, async () => {
      const command = serve("--model", model, "--log", "none");
      await end(command, await greeted(command));
      assertEquals(command.stderr, "");
      assertMatch(command.stdout, /^listening on 127\.0\.0\.1:\d+\n$/);
    });

    if (model !== "iterative") {
      test(`serve --model ${model} --max-connections 2 keeps a third client waiting, not refused`, async () => {
        const command = serve("--model", model, "--max-connections", "2");
        const clients = [await greeted(command), await greeted(command)];
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

    test(`serve --model ${model}: a log that nobody reads stalls no client`, async () => {
      const command = new Deno.Command(on.run[0], {
        args: [...on.run.slice(1), CLI, "serve", "--port", "0", "--verbose", "--model", model],
        stdout: "piped",
        stderr: "piped",
      }).spawn();
      const reader = command.stdout.pipeThrough(new TextDecoderStream()).getReader();
      const port = Number((await reader.read()).value!.trim().split(":")[1]);
      const client = await Client.open({ transport: "tcp", hostname: "127.0.0.1", port });
      const message = "\0".repeat(200); // four characters each in the log
      for (let i = 0; i < 4000; i++) { // 3 MB of log: beyond the pipe and what may wait
        await client.send(message);
        await client.receive(message.length);
      }
      await client.close();
      command.kill("SIGTERM");
      let log = "";
      for await (const text of command.stderr.pipeThrough(new TextDecoderStream())) log += text;
      assertEquals((await command.status).code, 0);
      assertMatch(log, / lines of this log were dropped/);
      await reader.cancel();
    });

    test(`serve --model ${model} is ready soon, and gone soon after a second signal`, async () => {
      const times = [];
      for (let round = 0; round < 3; round++) {
        const start = performance.now();
        const waits = ["--shutdown-timeout", "600"]; // longer than anything is waited for here
        const command = run(["serve", "--port", "0", "--model", model, ...waits]);
        await command.ready();
        times.push(performance.now() - start);
        if (round < 2) await end(command);
        else {
          const client = await greeted(command);
          command.child.kill("SIGTERM");
          await until("the first is seen", () => command.stderr.includes("shutting down"));
          const start = performance.now();
          command.child.kill("SIGTERM");
          assertEquals(await command.exit(), 143);
          const gone = Math.round(performance.now() - start);
          console.log(`    ${model}: ready in ${Math.round(times.sort((a, b) => a - b)[1])} ms`);
          console.log(`    ${model}: gone ${gone} ms after the second signal`);
          await client.close();
        }
      }
    });
  }
}
