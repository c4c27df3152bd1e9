/** `trivet status`: once, again and again, and where nobody answers. */
import { assert, assertEquals, assertMatch } from "@std/assert";
import { serve as api } from "../../mod.ts";
import { greeted, until } from "../tools/client.ts";
import { end } from "../tools/command.ts";
import { withFullQueue } from "../tools/full_queue.ts";
import { onEachRuntime } from "../tools/on_each_runtime.ts";
import { statusOf, statusPlace } from "../tools/status.ts";

await onEachRuntime(({ on, test, serve, run }) => {
  test("trivet status asks a server that has not answered once more: it may have ended", async () => {
    // What has not been read when it closes makes its end a reset.
    for (const read of [1, 65536]) {
      const gone = Deno.listen({ hostname: "127.0.0.1", port: 0 });
      await using command = run(["status", `${gone.addr.port}`]);
      const client = await gone.accept();
      const { port } = gone.addr;
      gone.close();
      // Deno's close may be over before the kernel's is, and a client is reset then.
      await until(
        "nobody listens",
        () => Deno.connect({ port }).then((late) => (late.close(), false), () => true),
      );
      await client.read(new Uint8Array(read));
      client.close();
      assertEquals(await command.exit(), 1);
      assertMatch(command.stderr, /nobody listens there\n$/);
    }
  });

  test("trivet status tells of a server once, as JSON, again and again, and why it cannot", async () => {
    const server = serve("--model", "process", "--status", "127.0.0.1:0");
    const address = await server.ready();
    const place = await statusPlace(server);
    const { port } = place;
    const client = await greeted(address);
    await until("it knows of the client, and a spare waits", async () => {
      const { open, scoreboard } = await statusOf(place);
      return open === 1 && /^R_\.+$/.test(scoreboard);
    });
    const once = run(["status", `${port}`]);
    assertEquals(await once.exit(), 0);
    assertMatch(once.stdout, /^127\.0\.0\.1:\d+ {2}serving {2}process, handler echo, /);
    assertMatch(once.stdout, /^1 of 64 connections, 0 waiting/m);
    assertMatch(once.stdout, /^R_\.+$/m);
    assertMatch(once.stdout, new RegExp(`^127\\.0\\.0\\.1:${client.socket.localPort} `, "m"));
    assert(!once.stdout.includes("\x1b"));

    const json = run(["status", "--json", `http://127.0.0.1:${port}/`]);
    assertEquals(await json.exit(), 0);
    assertEquals(JSON.parse(json.stdout).open, 1);

    const watch = run(["status", "--watch", "--interval", "0.1", `127.0.0.1:${port}`]);
    await until("three lines", () => watch.stdout.split("\n").length > 3);
    assertMatch(watch.stdout, /^\d\d:\d\d:\d\d 1 open, 0 waiting, .* 1 accepted, 0 ended, /);
    await end(server, client);
    assertEquals(await watch.exit(), 1);
    assertMatch(watch.stderr, /^trivet: Cannot connect to .*: nobody listens there\n$/);
  });

  if (on.name !== "deno") return; // the same code decides on each

  test("trivet status says in one line why it cannot tell, also of who never answers or says anything", async () => {
    for (const [args, code, said] of USES) {
      await using command = run(["status", ...args]);
      assertEquals(await command.exit(), code, command.stderr);
      assertMatch(command.stderr, said);
    }
    await withFullQueue(async (port) => {
      await using command = run(["status", `${port}`]);
      assertEquals(await command.exit(), 1);
      assertMatch(command.stderr, /^trivet: Cannot connect to .*: no answer in 5 s\n$/);
    });
    let answer = "HTTP/1.1 403 No\r\n\r\n\x1b]0;mine\x07\n";
    const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
    const answering = (async () => {
      for await (const connection of listener) {
        await connection.read(new Uint8Array(1000));
        await connection.write(new TextEncoder().encode(answer));
        connection.close();
      }
    })();
    const { port } = listener.addr as Deno.NetAddr;
    const refused = run(["status", `${port}`]);
    assertEquals(await refused.exit(), 1);
    assert(!refused.stderr.includes("\x1b"), JSON.stringify(refused.stderr));
    await using server = await api({ port: 0, status: true, onEvent: () => {} });
    const status = { ...server.status(), runtimeVersion: "\x1b]0;mine\x07" };
    answer = `HTTP/1.1 200 OK\r\n\r\n${JSON.stringify(status)}`;
    const told = run(["status", `${port}`]);
    assertEquals(await told.exit(), 0);
    assert(!told.stdout.includes("\x1b"), JSON.stringify(told.stdout));
    listener.close();
    await answering;
  });
});

const USES: readonly [string[], number, RegExp][] = [
  [[], 2, /^trivet: say whom to ask: trivet status ADDR/],
  [["x"], 2, /no address: write HOST:PORT, PORT or unix:PATH\n$/],
  [["1", "2"], 2, /unexpected "2"/],
  [["--interval", "2", "9000"], 2, /--interval goes with --watch/],
  [["unix:/nowhere/x"], 1, /^trivet: Cannot connect to unix:\/nowhere\/x: no such socket\n$/],
];

Deno.test({
  name: "trivet status --watch at a terminal draws over itself, and q ends it",
  async fn() {
    const path = await Deno.makeTempFile();
    await Deno.remove(path);
    const server = await api({ port: 0, status: `unix:${path}`, onEvent: () => {} });
    const cli = new URL("../../cli.ts", import.meta.url).pathname;
    const inside = `${Deno.execPath()} run -A ${cli} status --watch --interval 0.2 unix:${path}`;
    const child = new Deno.Command("script", {
      args: ["-qefc", inside, "/dev/null"],
      stdin: "piped",
      stdout: "piped",
    }).spawn();
    let out = "";
    const reading = (async () => {
      for await (const text of child.stdout.pipeThrough(new TextDecoderStream())) out += text;
    })();
    await until("three looks", () => out.split("q ends it").length > 3);
    assert(
      out.includes("\x1b[?1049h") && !out.includes("\x1b[2J"),
      "it clears the screen: it flickers",
    );
    // The server goes, and whoever comes in its place never answers.
    await server.close();
    await until("it is gone", () => out.includes("no such socket; as it was last:"));
    out = "";
    const next = await api({ port: 0, status: `unix:${path}`, onEvent: () => {} });
    await until("it is back", () => out.includes("q ends it"));
    await next.close();
    const silent = Deno.listen({ transport: "unix", path });
    using _asking = await silent.accept();
    const pressed = performance.now();
    const writer = child.stdin.getWriter();
    await writer.write(new TextEncoder().encode("q"));
    assertEquals((await child.status).code, 0);
    assert(performance.now() - pressed < 4000, "it waits for the answer first");
    silent.close();
    await writer.close().catch(() => {});
    await reading;
    assert(out.endsWith("\x1b[?25h\x1b[?1049l"), JSON.stringify(out.slice(-100)));
  },
});
