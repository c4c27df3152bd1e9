/** Servers that listen in several places, and on sockets that were passed on to them. */
import { assert, assertEquals, assertMatch, assertRejects } from "@std/assert";
import process from "node:process";
import { type Address, serve, type TcpAddress } from "../../mod.ts";
import { without } from "../examples/real_clients.ts";
import { Client, until, visit, within } from "../tools/client.ts";
import { CLI, Command, end } from "../tools/command.ts";
import { onEachRuntime } from "../tools/on_each_runtime.ts";
import { openSockets } from "../tools/open_sockets.ts";
import { SocketUnit } from "../tools/socket_unit.ts";
import { target } from "../tools/targets.ts";
import { WAYS } from "../tools/ways.ts";

const LINGER = 13;
const RCVTIMEO = 20;

/** The addresses of its ready lines. */
function places(stdout: string): Address[] {
  return stdout.trim().split("\n").map((line) => {
    const [, path, hostname, port] = /^listening on (?:unix:(.*)|\[?([^\]]*)\]?:(\d+))$/.exec(
      line,
    )!;
    return path === undefined
      ? { transport: "tcp", hostname, port: Number(port) }
      : { transport: "unix", path };
  });
}

await onEachRuntime(({ test, run }) => {
  for (const [way, args] of Object.entries({ ...WAYS, iterative: ["--model", "iterative"] })) {
    test(`serve --model ${way} listens in several places, each of which is served in its turn`, async () => {
      const folder = await Deno.makeTempDir();
      const wanted = ["127.0.0.1:0", "127.0.0.2:0", "[::1]:0", `unix:${folder}/socket`];
      await using command = run(["serve", ...args, ...wanted.flatMap((at) => ["--listen", at])]);
      await command.ready();
      const all = places(command.stdout);
      assertEquals(all.length, 4);
      for (const at of [...all, ...all]) await visit(at);
      // Whoever is first in one place does not wait for many in another.
      const first = await Client.open(all[0]);
      const crowd = await Promise.all(Array.from({ length: 19 }, () => Client.open(all[0])));
      const one = await Client.open(all[1]);
      const isServed = one.send("hello").then(() => one.receiveText(5));
      if (way === "iterative") {
        // Each has one in the line; the crowd's others come later.
        const { port } = all[1] as TcpAddress;
        await until("both ends are open", () => openSockets(port) === 2);
        await first.close();
      }
      assertEquals(await isServed, "hello");
      await end(command, one, first, ...crowd);
      await assertRejects(() => Deno.lstat(`${folder}/socket`), Deno.errors.NotFound);
      await Deno.remove(folder);
    });
  }
});

Deno.test("all addresses of a name are listened on, on one port; one that is not here is left out", async () => {
  const dns = process.getBuiltinModule("node:dns");
  const { lookup } = dns;
  const several = (_host: string, _options: unknown, done: (...found: unknown[]) => void) =>
    done(null, ["::1", "192.0.2.1", "127.0.0.2", "127.0.0.1"].map((address) => ({ address })));
  dns.lookup = several as unknown as typeof lookup;
  try {
    const server = await serve({ port: 0, hostname: "some.host" });
    const { port } = server.addr;
    const hosts = ["127.0.0.1", "127.0.0.2", "::1"];
    assertEquals(server.addrs, hosts.map((hostname) => ({ transport: "tcp", hostname, port })));
    for (const addr of server.addrs) await visit(addr);
    await within("the end", server.shutdown());
  } finally {
    dns.lookup = lookup;
  }
});

Deno.test("IPv4 and IPv6 may have sockets of their own on one port", async () => {
  for (const model of ["multiplex", "thread"] as const) {
    const echo = new URL("../../src/handler/echo.ts", import.meta.url);
    const onFreePort = async () => {
      const probe = await serve({ port: 0 });
      const { port } = probe.addr;
      await probe.shutdown();
      const server = await serve({ model, listen: [`[::]:${port}`, `0.0.0.0:${port}`] }, echo);
      return { port, server };
    };
    // Again if somebody else has taken it meanwhile.
    const { port, server } = await onFreePort().catch(onFreePort);
    for (const hostname of ["127.0.0.1", "::1"]) await visit({ transport: "tcp", hostname, port });
    await within("the end", server.shutdown());
  }
});

Deno.test("where one of several places cannot be had, none is kept", async () => {
  const taken = await serve({ port: 0 });
  const folder = await Deno.makeTempDir();
  const path = `${folder}/socket`;
  for (const model of ["multiplex", "process"] as const) {
    const echo = new URL("../../src/handler/echo.ts", import.meta.url);
    const listen = [`unix:${path}`, `127.0.0.1:${taken.addr.port}`];
    const { message } = await assertRejects(() => serve({ model, listen }, echo), Error);
    assertMatch(message, /^Cannot listen on 127\.0\.0\.1:\d+: it is in use/);
    await assertRejects(() => Client.open({ transport: "unix", path }), Error);
    await assertRejects(() => Deno.lstat(path), Deno.errors.NotFound);
  }
  await taken.shutdown();
  await Deno.remove(folder);
});

for (const name of ["deno", "bun", "node"] as const) {
  const { run } = await target(name);
  for (const [way, args] of Object.entries(WAYS)) {
    Deno.test(`${name}: serve --model ${way} takes sockets that were passed on, and leaves them as they were`, async () => {
      const unit = new SocketUnit("plain", "other");
      const [plain, other] = unit.addrs;
      const server = unit.start(run, args);
      await server.ready();
      for (const at of [plain, other]) await visit(at);
      assertEquals(await server.stop(), 0, server.stderr);
      // Not shut down, not deaf: who comes between two servers is the next one's.
      const between = await Client.open(other);
      await between.send("hello");
      const next = unit.start(run, [...args, "--listen", "fd:other", "--listen", "127.0.0.1:0"]);
      assertEquals(await between.receiveText(5), "hello");
      await between.close();
      await next.ready();
      await visit(places(next.stdout)[1]);
      assertEquals(await next.stop(), 0, next.stderr);
      assertEquals(unit.option(LINGER), 0);
      assertEquals(unit.option(RCVTIMEO), 0);
      unit.close();
    });
  }
}

for (const name of ["deno", "bun", "node"] as const) {
  const { run } = await target(name);
  Deno.test(`${name}: who waits for a place at a stop is served, by this server or the next`, async () => {
    const unit = new SocketUnit("plain", "other");
    const [plain, other] = unit.addrs;
    const args = ["--model", "iterative", "--linger", "0.1"];
    const server = unit.start(run, args);
    await server.ready();
    const first = await Client.open(plain);
    await first.send("hello");
    assertEquals(await first.receiveText(5), "hello");
    // An event loop may have accepted them already.
    const waiting = await Promise.all([plain, other, other].map((at) => Client.open(at)));
    for (const client of waiting) await client.send("hello\nbye\n");
    Deno.kill(server.child.pid!, "SIGTERM");
    await until("the shutdown", () => server.stderr.includes("shutting down"));
    await first.close();
    assertEquals(await server.exit(), 0, server.stderr);
    const next = unit.start(run, args);
    for (const client of waiting) {
      assertEquals(await client.receiveText(5), "hello");
      await client.close();
    }
    await next.ready();
    assertEquals(await next.stop(), 0, next.stderr);
    unit.close();
  });
}

Deno.test("where sockets are handed over, a crowd that waits in one place holds up nobody in another", async () => {
  const options = ["--model", "process", "--hand-over", "--max-connections", "1", "--backlog", "3"];
  const listen = ["--listen", "127.0.0.1:0", "--listen", "127.0.0.2:0"];
  await using command = new Command(["serve", ...options, ...listen]);
  await command.ready();
  const [here, there] = places(command.stdout);
  const first = await Client.open(here);
  await first.send("hello");
  assertEquals(await first.receiveText(5), "hello");
  const crowd = await Promise.all(Array.from({ length: 4 }, () => Client.open(here)));
  await until("one too many", () => command.log.includes("refused"));
  const one = await Client.open(there);
  await one.send("hello");
  await until("it is accepted, and waits", () => openSockets((there as TcpAddress).port) === 2);
  await first.close();
  assertEquals(await one.receiveText(5), "hello");
  await end(command, one, ...crowd);
});

Deno.test("what is wrong with sockets that were passed on is said in one line", async () => {
  const { run } = await target("deno");
  const unit = new SocketUnit("http");
  const said = async (args: string[], pid?: string) => {
    const server = unit.start(run, args, pid);
    return [await server.exit(), server.stderr] as const;
  };
  for (const args of [["--port", "0"], ["--unix", "/tmp/none"], ["--listen", "127.0.0.1:0"]]) {
    const [code, text] = await said(args);
    assertEquals(code, 2);
    assertMatch(text, /^trivet: sockets were passed on to this process \(LISTEN_FDS\): leave .*\n/);
  }
  const [code, text] = await said(["--listen", "fd:smtp"]);
  assertEquals(code, 1);
  assertMatch(text, /^trivet: Cannot listen on fd:smtp: .* passed on; there are http\n$/);
  const [, none] = await said(["--listen", "fd:1"]);
  assertMatch(none, /^trivet: Cannot listen on fd:1: descriptor 1 is no (stream )?socket\n$/);

  // They are somebody else's: one warning with both PIDs, and the default place.
  const stranger = unit.start(run, ["--listen", "127.0.0.1:0"], "1");
  await stranger.ready();
  await until("the warning", () => stranger.stderr.includes("passed on to the process 1,"));
  assert(stranger.stderr.includes(`this is ${stranger.child.pid}`), stranger.stderr);
  await stranger.stop();
  const nobodys = unit.start(run, ["--listen", "127.0.0.1:0"], "");
  await until("the warning", () => nobodys.stderr.includes("LISTEN_PID says no process"));
  await nobodys.stop();

  const [, twice] = await said(["--listen", "fd:http", "--listen", "fd:3"]);
  assertMatch(twice, /^trivet: Cannot listen twice on fd:3: it is one socket\n$/);
  unit.close();

  await using garbage = new Command(["serve", "--port", "0"], {
    env: { LISTEN_FDS: "many", LISTEN_PID: "1" },
  });
  await garbage.ready();
  await until("the warning", () => garbage.log.includes('LISTEN_FDS is no number: "many"'));
  await end(garbage);
});

Deno.test("what is wrong with --listen is said in one line", async () => {
  for (
    const [args, said] of [
      [["--listen", "8888", "--port", "1"], /--port goes without --listen/],
      [["--listen", "nowhere"], /Cannot listen on nowhere: "nowhere" is no address/],
      [["--listen", "127.0.0.1:9", "--listen", "127.0.0.1:9"], /twice on 127\.0\.0\.1:9/],
      [["--listen", "fd:"], /fd: without a name/],
    ] as const
  ) {
    await using command = new Command(["serve", ...args]);
    assertEquals(await command.exit(), 2);
    assertMatch(command.stderr, said);
  }
});

const ACTIVATE = "systemd-socket-activate";

Deno.test({
  name: `systemd itself passes sockets on${without(ACTIVATE)}`,
  ignore: without(ACTIVATE) !== "",
  async fn() {
    for (const name of ["deno", "bun", "node"] as const) {
      const { run } = await target(name);
      const folder = await Deno.makeTempDir();
      const path = `${folder}/socket`;
      const activate = [ACTIVATE, "-l", path, "-E", "PATH", "-E", "HOME", "--fdname=web"];
      await using command = new Command(["serve", "--model", "process", "--listen", "fd:web"], {
        program: [...activate, ...run, CLI] as unknown as [string, ...string[]],
      });
      const address = { transport: "unix", path } as const;
      // It starts the server when the first client comes.
      let client: Client | null = null;
      await until(
        "it listens",
        async () => (client = await Client.open(address).catch(() => null)) !== null,
      );
      await client!.send("hello");
      assertEquals(await client!.receiveText(5), "hello");
      assertEquals(await command.ready(), address);
      await end(command, client!);
      assert((await Deno.lstat(path)).isSocket, "the manager's file was removed");
      await Deno.remove(folder, { recursive: true });
    }
  },
});
