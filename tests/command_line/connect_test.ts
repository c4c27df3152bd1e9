/** `connect`, for a person or a pipe. */
import { assertEquals } from "@std/assert";
import { until } from "../tools/client.ts";
import { CLI } from "../tools/command.ts";
import { onEachRuntime } from "../tools/on_each_runtime.ts";

await onEachRuntime(({ on, test, run, serve }) => {
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
});
