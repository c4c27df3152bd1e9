/** What a service manager such as systemd is told, by the protocol of sd_notify. */
import { assert, assertEquals, assertMatch } from "@std/assert";
import { monotonicMicroseconds } from "../../src/posix/clock.ts";
import { runtime } from "../../src/runtimes/deno.ts";
import { Client, greeted, until } from "../tools/client.ts";
import { Command, end } from "../tools/command.ts";
import { FakeManager } from "../tools/manager.ts";
import { onEachRuntime } from "../tools/on_each_runtime.ts";
import { WAYS } from "../tools/ways.ts";

const HANDLERS = new URL("../fixtures/handlers/", import.meta.url).pathname;
const GOOD = "export default () => {};";

await onEachRuntime(({ test, run }) => {
  const serve = (manager: FakeManager, args: string[], env: Record<string, string> = {}) =>
    run(["serve", "--port", "0", "--spares", "1", ...args], {
      env: { NOTIFY_SOCKET: manager.place, ...env },
    });

  test("a manager is told that the server serves, reloads, how much it does, and that it stops", async () => {
    using manager = new FakeManager();
    const folder = Deno.makeTempDirSync();
    const handler = `${folder}/handler.ts`;
    Deno.writeTextFileSync(
      handler,
      "export default async (c) => void await c.read(new Uint8Array(9));",
    );
    await using command = serve(manager, ["--model", "process", "--handler", handler]);
    const [ready, at] = await manager.find("READY", "1");
    assertEquals([at, ready.MAINPID], [0, `${command.child.pid}`]);
    const address = await command.ready();

    // A datagram for both: without the time the manager waits for another one.
    const before = monotonicMicroseconds(runtime);
    command.child.kill("SIGHUP");
    const [reloading, begun] = await manager.find("RELOADING", "1", 1);
    const time = BigInt(reloading.MONOTONIC_USEC);
    assert(before <= time && time <= monotonicMicroseconds(runtime));
    const [reloaded, done] = await manager.find("READY", "1", begun);
    assertMatch(reloaded.STATUS, /^reloaded; 0 connections/);

    Deno.writeTextFileSync(handler, "export default 1;");
    command.child.kill("SIGHUP");
    const [, again] = await manager.find("RELOADING", "1", done);
    const [failed, over] = await manager.find("READY", "1", again);
    assertMatch(failed.STATUS, /^not reloaded: Cannot use the handler .*; 0 connections/);

    const client = await Client.open(address);
    await until(
      "a connection is told",
      () =>
        manager.told.slice(over + 1).some((each) =>
          /^not reloaded: .*; 1 connection, [12] workers?$/.test(each.STATUS)
        ),
    );

    command.child.kill("SIGTERM");
    const [stopping, stop] = await manager.find("STOPPING", "1");
    assert(Number(stopping.EXTEND_TIMEOUT_USEC) > 0);
    assertMatch(stopping.STATUS, /^shutting down; /);
    await client.send("bye");
    await client.close();
    assertEquals(await command.exit(), 0);
    const after = manager.told.slice(stop + 1);
    assertEquals(after.filter((each) => "READY" in each || "RELOADING" in each), []);
    Deno.removeSync(folder, { recursive: true });
  });

  test("a manager is told how much a server does that logs nothing", async () => {
    using manager = new FakeManager();
    await using command = serve(manager, ["--model", "process", "--log", "none"]);
    const client = await greeted(await command.ready());
    const tells = (status: RegExp, from: number) =>
      until("the status", () => manager.told.slice(from).some((each) => status.test(each.STATUS)));
    await tells(/^1 connection, /, 0);
    const from = manager.told.length;
    await client.reset();
    await tells(/^0 connections, /, from);
    await end(command);
  });

  test("a manager is told of a reload where there can be none, at an abstract address", async () => {
    using manager = new FakeManager(`@trivet-${crypto.randomUUID()}`);
    await using command = serve(manager, []);
    const [, at] = await manager.find("READY", "1");
    await command.ready();
    command.child.kill("SIGHUP");
    const [, begun] = await manager.find("RELOADING", "1", at);
    const [told] = await manager.find("READY", "1", begun);
    assertMatch(told.STATUS, /^not reloaded: Cannot reload under the model "multiplex"/);
    await end(command);
  });

  test("a watchdog hears of the server with READY=1, and from then on", async () => {
    using manager = new FakeManager();
    await using command = serve(manager, [], { WATCHDOG_USEC: "200000" });
    const [first] = await manager.find("READY", "1");
    assertEquals(first.WATCHDOG, "1");
    await until("five more", () => manager.told.filter((each) => "WATCHDOG" in each).length > 5);
    await command.ready();
    await end(command);
  });

  test("a watchdog that is another process's hears nothing", async () => {
    using manager = new FakeManager();
    const env = { WATCHDOG_USEC: "100000", WATCHDOG_PID: "1" };
    await using command = serve(manager, [], env);
    const client = await greeted(await command.ready());
    await until("its status", () => manager.told.some((each) => each.STATUS === "1 connection"));
    await end(command, client);
    assertEquals(manager.told.filter((each) => "WATCHDOG" in each), []);
  });

  for (const [name, args] of Object.entries(WAYS)) {
    test(`${name}: neither a handler nor what it starts has the manager's variables`, async () => {
      using manager = new FakeManager();
      const env = { WATCHDOG_USEC: "60000000", WATCHDOG_PID: "1" };
      const handler = `${HANDLERS}tells_env.ts`;
      await using command = serve(manager, [...args, "--handler", handler], env);
      const client = await Client.open(await command.ready());
      const told = new TextDecoder().decode(await client.receiveAll());
      assertEquals(JSON.parse(told), { own: [], started: [] });
      await end(command, client);
    });
  }

  const unusable = [["a path where nobody is", "/nobody/is/here", "ENOENT"], [
    "a vsock",
    "vsock:2:1",
    "EAFNOSUPPORT",
  ]];
  for (const [what, place, code] of unusable) {
    test(`${what} is a warning, once, and the server serves`, async () => {
      await using command = run(["serve", "--port", "0"], { env: { NOTIFY_SOCKET: place } });
      const client = await greeted(await command.ready());
      command.child.kill("SIGHUP");
      await until("the reload's line", () => command.log.includes("not reloaded"));
      await end(command, client);
      const lines = command.log.split("\n").filter((line) => line.includes("service manager"));
      assertEquals(lines.length, 1, command.log);
      assert(lines[0].includes(`is told nothing: NOTIFY_SOCKET=${place}: ${code}`), lines[0]);
    });
  }
});

Deno.test("a stop signal before the server is ready is told too", async () => {
  using manager = new FakeManager();
  const folder = Deno.makeTempDirSync();
  const handler = `${folder}/handler.ts`;
  const loading = `${folder}/loading`;
  Deno.writeTextFileSync(
    handler,
    `Deno.writeTextFileSync(${JSON.stringify(loading)}, ""); await new Promise(() => {}); ${GOOD}`,
  );
  await using command = new Command(["serve", "--port", "0", "--handler", handler], {
    env: { NOTIFY_SOCKET: manager.place },
  });
  await until("it loads", () => {
    try {
      return Deno.statSync(loading).isFile;
    } catch {
      return false;
    }
  });
  command.child.kill("SIGTERM");
  const [, at] = await manager.find("STOPPING", "1");
  assertEquals(at, 0);
  Deno.removeSync(folder, { recursive: true });
});

Deno.test("without a C library one line says that the manager is told nothing", async () => {
  const flags = ["--no-prompt", "--allow-net", "--allow-env", "--allow-read"];
  await using command = new Command(["serve", "--port", "0"], {
    flags,
    env: { NOTIFY_SOCKET: "/run/systemd/notify" },
  });
  await end(command, await greeted(await command.ready()));
  assertMatch(
    command.log,
    /the service manager is told nothing: it needs the C library: run Deno with --allow-ffi\n/,
  );
});
