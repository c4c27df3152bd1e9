/** `trivet status`: once, again and again, and where nobody answers. */
import { assert, assertEquals, assertMatch } from "@std/assert";
import { createServer } from "node:net";
import { greeted, until } from "../tools/client.ts";
import { end } from "../tools/command.ts";
import { onEachRuntime } from "../tools/on_each_runtime.ts";
import { statusPlace } from "../tools/status.ts";

await onEachRuntime(({ test, serve, run }) => {
  test("trivet status asks a server that resets it once more: it may have ended", async () => {
    const gone = createServer((client) => {
      client.resetAndDestroy();
      gone.close();
    });
    await new Promise<void>((resolve) => gone.listen(0, "127.0.0.1", resolve));
    const command = run(["status", `${(gone.address() as { port: number }).port}`]);
    assertEquals(await command.exit(), 1);
    assertMatch(command.stderr, /nobody listens there\n$/);
  });

  test("trivet status tells of a server once, as JSON, again and again, and why it cannot", async () => {
    const server = serve("--model", "process", "--status", "127.0.0.1:0");
    const address = await server.ready();
    const { port } = await statusPlace(server);
    const client = await greeted(address);
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

    for (const [args, code, said] of USES) {
      const command = run(["status", ...args]);
      assertEquals(await command.exit(), code, command.stderr);
      assertMatch(command.stderr, said);
    }
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
    const { serve } = await import("../../mod.ts");
    const path = await Deno.makeTempFile();
    await Deno.remove(path);
    const server = await serve({ port: 0, status: `unix:${path}`, onEvent: () => {} });
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
    const writer = child.stdin.getWriter();
    await writer.write(new TextEncoder().encode("q"));
    assertEquals((await child.status).code, 0);
    await writer.close().catch(() => {});
    await reading;
    assert(out.endsWith("\x1b[?25h\x1b[?1049l"), JSON.stringify(out.slice(-100)));
    await server.close();
  },
});
