/** What a server holds and uses, read from /proc. */
import { assert, assertEquals } from "@std/assert";
import { MODELS } from "../../src/server/models.ts";
import { Client, until, visit } from "../tools/client.ts";
import { CLI, Command, type CommandOptions, descendants, ticks } from "../tools/command.ts";
import type { Target } from "../tools/targets.ts";

/** Defines the tests on one runtime. */
export function resourcesTests(on: Target): void {
  const test = (name: string, fn: () => void | Promise<void>) =>
    Deno.test(`${on.name}: ${name}`, fn);
  const run = (args: string[], options: CommandOptions = {}) =>
    new Command(args, { ...(options.flags ? {} : { program: [...on.run, CLI] }), ...options });

  const SOME = 200, MANY = 2000;
  /** How often it is looked at until it grows no more. */
  const ROUNDS = 4;

  // With its usual heap Node collects so seldom that after 16,000 connections
  // it holds three times what it held after 200, and then no more.
  const env: Record<string, string> = on.name === "node"
    ? { NODE_OPTIONS: "--max-semi-space-size=1 --max-old-space-size=32" }
    : {};

  /**
   * As many workers from the beginning as there may be, so that what is measured
   * is leaks and not growth.
   */
  function fixed(model: string): string[] {
    const { where } = MODELS[model as keyof typeof MODELS];
    return where === "main" ? [] : ["--max-connections", "4"];
  }

  interface Held {
    processes: number;
    threads: number;
    descriptors: number;
    kilobytes: number;
  }

  /** What a process and all that it started hold. */
  function held(pid: number): Held {
    const pids = [pid, ...descendants(pid)];
    const sum = (of: (pid: number) => number) => pids.reduce((total, pid) => total + of(pid), 0);
    const entries = (path: string) => [...Deno.readDirSync(path)].length;
    return {
      processes: pids.length,
      threads: sum((pid) => entries(`/proc/${pid}/task`)),
      descriptors: sum((pid) => entries(`/proc/${pid}/fd`)),
      kilobytes: sum((pid) => {
        // Of mapped files each process has a share that changes when others come and go.
        const text = Deno.readTextFileSync(`/proc/${pid}/smaps_rollup`);
        return Number(/^Pss_Anon:\s+(\d+)/m.exec(text)![1]);
      }),
    };
  }

  const counts = ({ processes, descriptors }: Held) => ({ processes, descriptors });

  /** What it holds once it starts nothing and ends nothing any more. */
  async function settled(pid: number): Promise<Held> {
    let now = held(pid);
    await until("it stands still", async () => {
      const last = now;
      await new Promise((resolve) => setTimeout(resolve, 300));
      now = held(pid);
      return now.threads === last.threads && Math.abs(now.kilobytes - last.kilobytes) < 1024 &&
        JSON.stringify(counts(now)) === JSON.stringify(counts(last));
    });
    return now;
  }

  for (const model of Object.keys(MODELS)) {
    test(`serve --model ${model} holds after ${MANY} connections what it held after ${SOME}`, async () => {
      const command = run(["serve", "--port", "0", "--model", model, ...fixed(model)], { env });
      const address = await command.ready();
      const serve = async (count: number) => {
        for (let i = 0; i < count; i++) {
          await visit(address);
        }
        const lines = () =>
          command.stderr.split("\n").filter((line) => line.startsWith("- ")).length;
        served += count;
        await until("all are closed", () => lines() === served);
      };
      let served = 0;
      await serve(SOME);
      const before = await settled(command.child.pid);
      // For each process: what grows is what each compiles and has not collected yet.
      const room = Math.max(before.kilobytes / 10, before.processes * (8 << 10));
      // What leaks grows each time, and what has only not been collected does not.
      const seen = [before.kilobytes];
      for (let round = 0; round < ROUNDS; round++) {
        await serve(MANY - SOME);
        let after = held(command.child.pid);
        await until("descriptors, processes and threads are back", () => {
          after = held(command.child.pid);
          // Deno ends threads of its own pool when they have been idle for ten seconds.
          return after.threads <= before.threads &&
            JSON.stringify(counts(after)) === JSON.stringify(counts(before));
        }).catch(() => assertEquals(after, before));
        seen.push(after.kilobytes);
        if (after.kilobytes <= seen[round] + room) break;
      }
      assert(seen.at(-1)! <= seen.at(-2)! + room, `${seen.join(", ")} KiB`);
      console.log(`    ${model}: ${seen.join(", ")} KiB`);
      command.child.kill("SIGTERM");
      assertEquals(await command.exit(), 0);
    });
  }

  for (const model of Object.keys(MODELS)) {
    test(`serve --model ${model} grows less than 16 MiB for a client that never reads`, async () => {
      const command = run(["serve", "--port", "0", "--model", model, ...fixed(model)]);
      const address = await command.ready();
      const client = await Client.open(address);
      await client.send("x".repeat(1 << 16));
      await client.receive(1 << 16);
      client.socket.pause();
      const before = (await settled(command.child.pid)).kilobytes;
      const chunk = new Uint8Array(1 << 20).fill(0x78);
      let most = before;
      // It hands over 256 MiB, of which the kernel takes what it has room for.
      for (let i = 0; i < 256; i++) {
        client.send(chunk).catch(() => {});
        if (i % 32 === 31) {
          await new Promise((resolve) => setTimeout(resolve, 50));
          most = Math.max(most, held(command.child.pid).kilobytes);
        }
      }
      console.log(`    ${model}: ${before} KiB, at most ${most}`);
      assert(most < before + (16 << 10), `${before} KiB became ${most}`);
      await client.close();
      const next = await Client.open(address);
      await next.send("next bye");
      assertEquals((await next.receiveAll()).length, 5);
      await next.close();
      command.child.kill("SIGTERM");
      assertEquals(await command.exit(), 0);
    });

    test(`serve --model ${model} computes next to nothing while nobody is there`, async () => {
      const command = run(["serve", "--port", "0", "--model", model]);
      await command.ready();
      const pids = () => [command.child.pid, ...descendants(command.child.pid)];
      const workers = model === "process" ? 5 : 1;
      await until("all workers", () => pids().length === workers);
      // A busy loop would use 100 ticks of a second; they settle within some.
      await until("a second with at most 3 ticks", async () => {
        const before = ticks(pids());
        await new Promise((resolve) => setTimeout(resolve, 1000));
        return ticks(pids()) - before <= 3;
      });
      command.child.kill("SIGTERM");
      assertEquals(await command.exit(), 0);
    });
  }

  test("50 idle workers leave one after another, and no client is refused, reset or left waiting", () =>
    Promise.all(["thread", "process"].map(async (model) => {
      const command = run(["serve", "--port", "0", "--model", model, "--verbose"]);
      const address = await command.ready();
      const many = await Promise.all(Array.from({ length: 46 }, () => Client.open(address)));
      await Promise.all(many.map(async (client) => {
        await client.send("x");
        await client.receive(1, 60_000);
      }));
      const count = (text: string) => command.stderr.split(text).length - 1;
      await until("50 workers", () => count("is ready") >= 50, 60_000);
      await Promise.all(many.map((client) => client.close()));
      let slowest = 0;
      let clients = 0;
      while (count("has left") < count("is ready") - 6) {
        const start = performance.now();
        const client = await Client.open(address);
        await client.send("hello bye");
        assertEquals((await client.receiveAll()).length, 6);
        await client.close();
        assertEquals(client.error, null);
        slowest = Math.max(slowest, performance.now() - start);
        assert(++clients < 2000, `only ${count("has left")} workers have left`);
        await new Promise((resolve) => setTimeout(resolve, 50));
      }
      console.log(
        `    ${model}: ${count("has left")} left; ${clients} clients, ` +
          `the slowest was served in ${Math.round(slowest)} ms`,
      );
      command.child.kill("SIGTERM");
      assertEquals(await command.exit(), 0);
    })).then(() => {}));

  test("serve --model thread takes as many clients as descriptors allow, and stays", async () => {
    const child = new Deno.Command("sh", {
      args: [
        "-c",
        `ulimit -n 120; exec ${on.run.join(" ")} "${CLI}" serve --model thread --port 0`,
      ],
      stdout: "piped",
      stderr: "null",
    }).spawn();
    const reader = child.stdout.pipeThrough(new TextDecoderStream()).getReader();
    const port = Number((await reader.read()).value!.trim().split(":")[1]);
    const address = { transport: "tcp", hostname: "127.0.0.1", port } as const;
    const clients = await Promise.all(Array.from({ length: 30 }, () => Client.open(address)));
    await Promise.all(clients.map((client) => client.send("x")));
    const answered = () => clients.filter((client) => client.received === 1);
    await until("7 are answered", () => answered().length === 7);
    for (const client of answered()) {
      await client.send("bye");
      await client.receiveAll();
      await client.close();
    }
    await until("the next 7 are answered", () => answered().length >= 7);
    for (const client of clients) await client.close();
    child.kill("SIGTERM");
    assertEquals((await child.status).code, 0);
    await reader.cancel();
  });
}
