import { assert, assertEquals, assertMatch } from "@std/assert";
import { MODELS } from "../../src/server/models.ts";
import { Client, until, visit } from "../tools/client.ts";
import { alive, CLI, Command, type CommandOptions, descendants } from "../tools/command.ts";
import type { Target } from "../tools/targets.ts";

/** Defines the tests on one runtime. */
export function commandLineTests(on: Target): void {
  const test = (name: string, fn: () => void | Promise<void>) =>
    Deno.test(`${on.name}: ${name}`, fn);
  const run = (args: string[], options: CommandOptions = {}) =>
    new Command(args, { ...(options.flags ? {} : { program: [...on.run, CLI] }), ...options });

  const NAMES = Object.keys(MODELS);
  const WORKERS = ["thread", "process"];
  // One spare: what is tested does not need more, and starts are what costs time.
  // What is open at a shutdown has longer than the machine pauses.
  const USUAL = ["--port", "0", "--spares", "1", "--shutdown-timeout", "600"];
  const serve = (...args: string[]) => run(["serve", ...USUAL, ...args]);

  async function refused(address: { port?: number }): Promise<boolean> {
    try {
      const conn = await Deno.connect({ port: address.port! });
      conn.close();
      return false;
    } catch (error) {
      return error instanceof Deno.errors.ConnectionRefused;
    }
  }

  for (const model of NAMES) {
    const ends: [string, (command: Command) => void][] = [
      ["SIGTERM to the main process", (c) => c.child.kill("SIGTERM")],
      ["SIGINT to every process", (c) => {
        for (const pid of [c.child.pid, ...descendants(c.child.pid)]) {
          Deno.kill(pid, "SIGINT");
        }
      }],
      ["SIGTERM to every process", (c) => {
        for (const pid of [...descendants(c.child.pid), c.child.pid]) {
          Deno.kill(pid, "SIGTERM");
        }
      }],
    ];
    for (const [name, end] of ends) {
      test(`serve --model ${model} lets an open connection finish after ${name}`, async () => {
        const command = serve("--model", model);
        const address = await command.ready();
        const client = await Client.open(address);
        await client.send("one");
        assertEquals(await client.receiveText(3), "one");
        const pids = descendants(command.child.pid);
        end(command);
        await until(
          "newcomers are refused",
          () => refused(address as { port: number }),
        );
        await client.send("two");
        assertEquals(await client.receiveText(3), "two");
        await client.send("bye");
        await client.receiveAll();
        await client.close();
        assertEquals(await command.exit(), 0);
        await until("nothing is left running", () => !pids.some(alive));
      });
    }

    test(`serve --model ${model} ends everything at the second signal`, async () => {
      const command = serve("--model", model);
      const client = await Client.open(await command.ready());
      await client.send("one");
      await client.receiveText(3);
      const pids = descendants(command.child.pid);
      command.child.kill("SIGINT");
      await until(
        "the first is seen",
        () => command.stderr.includes("shutting down"),
      );
      command.child.kill("SIGINT");
      assertEquals(await command.exit(), 130);
      await client.close();
      await until("nothing is left running", () => !pids.some(alive));
    });

    test(`serve --model ${model} ends at once when nobody is connected`, async () => {
      const command = serve("--model", model);
      await command.ready();
      command.child.kill("SIGTERM");
      assertEquals(await command.exit(), 0);
    });

    test(`serve --model ${model} runs a handler, and its error ends one connection`, async () => {
      const command = run([
        "serve",
        "--port",
        "0",
        "--model",
        model,
        "--handler",
        "throws_on_boom.ts",
      ], {
        cwd: new URL("../handlers", import.meta.url).pathname,
      });
      const address = await command.ready();
      const one = await Client.open(address);
      await one.send("boom\x1b[31m");
      await one.receiveAll();
      await one.close();
      const two = await Client.open(address);
      await two.send("fine");
      assertEquals(await two.receiveText(4), "fine");
      await two.close();
      await until(
        "the log says why",
        () => command.stderr.includes("error: boom, on purpose"),
      );
      command.child.kill("SIGTERM");
      assertEquals(await command.exit(), 0);
    });

    for (
      const [module, line] of [
        [
          "no_default.ts",
          "its default export must be a function, and is missing",
        ],
        [
          "not_a_function.ts",
          "its default export must be a function, and is a string",
        ],
        ["throws_at_load.ts", "broken at load"],
        ["not_there.ts", "not_there.ts"],
      ]
    ) {
      test(`serve --model ${model} says in one line what is wrong with ${module}`, async () => {
        const command = run([
          "serve",
          "--port",
          "0",
          "--model",
          model,
          "--handler",
          module,
        ], {
          cwd: new URL("../handlers", import.meta.url).pathname,
        });
        assertEquals(await command.exit(), 1);
        assertEquals(command.stdout, "");
        assert(command.stderr.includes(line), command.stderr);
        assertEquals(
          command.stderr.trimEnd().split("\n").length,
          1,
          command.stderr,
        );
      });
    }
  }

  for (const model of [...NAMES, "process --hand-over"]) {
    test(`serve --model ${model}: what a handler starts inherits no socket`, async () => {
      const handler = new URL("../handlers/inherits.ts", import.meta.url).href;
      const command = serve("--model", ...model.split(" "), "--handler", handler);
      const client = await Client.open(await command.ready());
      const list = new TextDecoder().decode(await client.receiveAll());
      await client.close();
      assertMatch(list, / -> /); // it has listed something
      // 0 to 2 are its own; some runtimes make them of sockets.
      assert(!/ ([3-9]|\d\d+) -> (socket|anon_inode):/.test(list), list);
      command.child.kill("SIGTERM");
      assertEquals(await command.exit(), 0);
    });
  }

  test("serve --model iterative keeps a second client waiting behind a silent one", async () => {
    const command = serve("--model", "iterative");
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

  test("serve --model multiplex serves others while a handler writes without end", async () => {
    const command = serve("--handler", new URL("../handlers/endless.ts", import.meta.url).href);
    const address = await command.ready();
    const flood = await Client.open(address);
    await flood.send("flood");
    await until("the flood comes", () => flood.received > 1000);
    const client = await Client.open(address);
    for (const word of ["one", "two"]) {
      await client.send(word);
      assertEquals(await client.receiveText(3), word);
    }
    await client.close();
    await flood.close();
    command.child.kill("SIGTERM");
    assertEquals(await command.exit(), 0);
  });

  for (const model of ["multiplex", "thread", "process --hand-over"]) {
    test(`serve --model ${model}: either side may send FIN first, and the other goes on`, async () => {
      const handler = new URL("../handlers/half_closes.ts", import.meta.url).href;
      const command = serve("--model", ...model.split(" "), "--handler", handler);
      const address = await command.ready();
      const ours = await Client.open(address);
      await ours.send("after");
      ours.halfClose();
      assertEquals(new TextDecoder().decode(await ours.receiveAll()), "after");
      await ours.close();
      const theirs = await Client.open(address);
      await theirs.send("first");
      await theirs.receiveAll();
      await theirs.send("late");
      theirs.halfClose();
      await until("both are closed", () => command.stderr.split("\n- ").length === 3);
      assertMatch(command.stderr, / 5 in, 5 out, [\d.]+ s\n/);
      assertMatch(command.stderr, / 9 in, 0 out, [\d.]+ s\n/); // no error
      await theirs.close();
      command.child.kill("SIGTERM");
      assertEquals(await command.exit(), 0);
    });
  }

  if (on.name !== "bun") { // Bun takes any flag
    test("a flag that the workers' runtime does not know is said once", async () => {
      const command = serve("--model", "process", "--worker-args=--nope");
      assertEquals(await command.exit(), 1);
      assertEquals(command.stderr.split("--nope").length, 2, command.stderr);
      assertMatch(command.stderr, /\ntrivet: A worker ended before it was ready: exit code \d+\n$/);
    });
  }

  test("what was written before close() comes, though it is read later", async () => {
    const command = serve("--handler", new URL("../handlers/closes.ts", import.meta.url).href);
    const client = await Client.open(await command.ready());
    client.socket.pause();
    await client.send("x");
    await until("it is closed", () => command.stderr.includes("\n- "));
    client.socket.resume();
    assertEquals((await client.receiveAll()).length, 256 << 10);
    await client.close();
    assertEquals(client.error, null);
    command.child.kill("SIGTERM");
    assertEquals(await command.exit(), 0);
  });

  test("serve --model process survives SIGKILL of a worker: one connection ends", async () => {
    const command = serve("--model", "process");
    const address = await command.ready();
    const clients = [await Client.open(address), await Client.open(address)];
    for (const client of clients) {
      await client.send("x");
      await client.receiveText(1);
    }
    let pids: number[] = [];
    await until("both are logged", () => {
      pids = [...command.stderr.matchAll(/on process (\d+)/g)].map((m) => Number(m[1]));
      return pids.length === 2;
    });
    assertEquals(new Set(pids).size, 2);
    Deno.kill(pids[0], "SIGKILL");
    const closed = await Promise.race(clients.map(async (client) => {
      await client.receiveAll().catch(() => {});
      return client;
    }));
    const other = clients.find((client) => client !== closed)!;
    await other.send("still");
    assertEquals(await other.receiveText(5), "still");
    const newcomer = await Client.open(address);
    await newcomer.send("new");
    assertEquals(await newcomer.receiveText(3), "new");
    for (const client of [...clients, newcomer]) await client.close();
    command.child.kill("SIGTERM");
    assertEquals(await command.exit(), 0);
  });

  for (const model of WORKERS) {
    test(`serve --model ${model} leaves no orphans after SIGKILL`, async () => {
      const command = serve("--model", model);
      await command.ready();
      const pids = descendants(command.child.pid);
      assertEquals(pids.length > 0, model === "process");
      command.child.kill("SIGKILL");
      await command.exit();
      await until("workers are gone", () => !pids.some(alive));
    });
  }

  const MISTAKES: [string[], number, RegExp][] = [
    [["serve", "--port", "70000"], 2, /--port .*0 to 65535.*"70000"/],
    [["serve", "--port", "x"], 2, /--port .*"x"/],
    [
      ["serve", "--model", "forked"],
      2,
      /--model .*multiplex, iterative, thread, process.*"forked"/,
    ],
    [["serve", "--max-connections", "0"], 2, /--max-connections .*from 1/],
    [["serve", "--linger", "-1"], 2, /--linger/],
    [["serve", "--idle-timeout", "soon"], 2, /--idle-timeout .*"soon"/],
    [["serve", "--shutdown-timeout", ""], 2, /--shutdown-timeout/],
    [["serve", "--backlog", "1.5"], 2, /--backlog .*whole/],
    [["serve", "--spares", "many"], 2, /--spares/],
    [["serve", "--log", "xml"], 2, /--log .*pretty, json, none/],
    [["serve", "--nope"], 2, /--nope/],
    [["serve", "word"], 2, /"word"/],
    [["dance"], 2, /"dance"/],
    [[], 2, /serve, connect or bench/],
    [["serve", "--host", "nosuchhost.invalid"], 1, /"nosuchhost.invalid"/],
    [["serve", "--unix", "/tmp/" + "x".repeat(200)], 1, /./],
    [["connect", "127.0.0.1", "1"], 1, /nobody listens/],
    [["connect", "127.0.0.1", "x"], 2, /PORT/],
  ];
  // The same code reads options on every runtime; the last four are mostly what the system says.
  for (const [args, code, line] of on.name === "deno" ? MISTAKES : MISTAKES.slice(-4)) {
    test(`"${args.join(" ").slice(0, 60)}" gets one clear line and exit ${code}`, async () => {
      const command = run(args);
      assertEquals(await command.exit(), code, command.stderr);
      assertMatch(command.stderr, line);
      assertEquals(
        command.stderr.trimEnd().split("\n").length,
        1,
        command.stderr,
      );
    });
  }

  for (const model of NAMES) {
    test(`serve --model ${model} says that a port is in use`, async () => {
      const first = serve("--model", model);
      const address = await first.ready() as { port: number };
      const second = run([
        "serve",
        "--model",
        model,
        "--port",
        String(address.port),
      ]);
      assertEquals(await second.exit(), 1);
      assertMatch(second.stderr, /^trivet: Cannot listen on .*in use.*\n$/);
      first.child.kill("SIGTERM");
      await first.exit();
    });

    test(`serve --model ${model} --unix replaces a stale file, not a live one`, async () => {
      const folder = await Deno.makeTempDir();
      const path = `${folder}/socket`;
      const start = () => run(["serve", "--model", model, "--unix", path]);
      const first = start();
      const address = await first.ready();
      const second = start();
      assertEquals(await second.exit(), 1);
      assertMatch(second.stderr, /in use/);
      first.child.kill("SIGKILL");
      await first.exit();
      const third = start();
      await third.ready();
      await visit(address);
      third.child.kill("SIGTERM");
      assertEquals(await third.exit(), 0);
      assertEquals([...Deno.readDirSync(folder)].length, 0);
      await Deno.remove(folder);
    });
  }

  test("connect prints each answer, and ends after bye", async () => {
    const server = serve();
    const { port } = await server.ready() as { port: number };
    const client = run(["connect", "127.0.0.1", String(port)]);
    await client.input("hello\nagain\nbye\n");
    assertEquals(await client.exit(), 0);
    assertEquals(client.stdout, "hello\nagain\n");
    server.child.kill("SIGTERM");
    await server.exit();
  });

  test("connect ends without a word when nobody reads what it prints", async () => {
    const server = serve();
    const { port } = await server.ready() as { port: number };
    const pipe = '(yes hello | head -99; echo bye) | "$@" | true; exit ${PIPESTATUS[1]}';
    const client = run(["connect", "127.0.0.1", String(port)], {
      program: ["bash", "-c", pipe, "-", ...on.run, CLI],
    });
    assertEquals(await client.exit(), 141, client.stderr);
    assertEquals(client.stderr, "");
    server.child.kill("SIGTERM");
    await server.exit();
  });

  test("connect says that the peer is closed", async () => {
    const listener = Deno.listen({ port: 0, hostname: "127.0.0.1" });
    const client = run([
      "connect",
      "127.0.0.1",
      String(listener.addr.port),
    ]);
    (await listener.accept()).close();
    await until("its line", () => client.stderr.includes("peer is closed\n"));
    assertEquals(await client.exit(), 1);
    listener.close();
  });

  test("--help and --version tell a newcomer", async () => {
    for (
      const [args, text] of [
        [["--version"], /^trivet \d+\.\d+\.\d+ /],
        [["--help"], /serve/],
        [["serve", "--help"], /--model MODEL/],
        [["connect", "--help"], /--unix PATH/],
      ] as const
    ) {
      const command = run([...args]);
      assertEquals(await command.exit(), 0);
      assertMatch(command.stdout, text);
    }
  });
}
