/** Who asks for a server's status, and how: nobody can change, read or harm what is not theirs. */
import { assert, assertEquals, assertMatch } from "@std/assert";
import { serve, type ServerEvent } from "../../mod.ts";
import { Authority, noOpenssl } from "../tools/certificates.ts";
import { Client, greeted, until, visit } from "../tools/client.ts";
import { end } from "../tools/command.ts";
import { onEachRuntime } from "../tools/on_each_runtime.ts";
import { exchange, get, statusOf, statusPlace } from "../tools/status.ts";

const hasPromtool = await new Deno.Command("promtool", { args: ["--version"] }).output()
  .then(() => true, () => false);

/** What promtool has to say of metrics. */
async function complaints(metrics: string): Promise<string> {
  const child = new Deno.Command("promtool", {
    args: ["check", "metrics"],
    stdin: "piped",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  const writer = child.stdin.getWriter();
  await writer.write(new TextEncoder().encode(metrics));
  await writer.close();
  const { stdout, stderr } = await child.output();
  return new TextDecoder().decode(stdout) + new TextDecoder().decode(stderr);
}

/** Bytes that begin like a request, and go wrong somewhere. */
function malformed(random: () => number): Uint8Array {
  const parts = ["GET", "POST", " ", "/", "/metrics", "HTTP/1.1", "\r\n", "\n", "\r", "Host", ":"];
  parts.push("127.0.0.1", "\0", "é", "\x1b[31m", "%", "?", "Content-Length: 99", "chunked", "\t");
  const bytes: number[] = [];
  for (let n = Math.floor(random() * 30); n >= 0; n--) {
    if (random() < 0.2) bytes.push(Math.floor(random() * 256));
    else bytes.push(...new TextEncoder().encode(parts[Math.floor(random() * parts.length)]));
  }
  return Uint8Array.from([...bytes, ...new TextEncoder().encode(random() < 0.7 ? "\r\n\r\n" : "")]);
}

await onEachRuntime(({ on, test, serve, run }) => {
  test("serve --status answers its own names and GET only, and nothing too large", async () => {
    await using command = serve("--status", "127.0.0.1:0");
    const place = await statusPlace(command);
    const of = async (request: string) => (await exchange(place, request)).status;
    for (const path of ["/", "/status.json", "/metrics", "/live", "/ready"]) {
      assertEquals((await get(place, path)).status, 200, path);
      assertEquals((await get(place, path, "Host: evil.example")).status, 403, path);
      const { status, head } = await exchange(
        place,
        `POST ${path} HTTP/1.1\r\nHost: [::1]\r\n\r\n`,
      );
      assertEquals([status, /^Allow: GET, HEAD$/m.test(head)], [405, true]);
    }
    assertEquals(await of("GET / HTTP/1.1\r\n\r\n"), 403);
    assertEquals(await of("OPTIONS * HTTP/1.1\r\nHost: localhost\r\n\r\n"), 400);
    assertEquals((await get(place, "/elsewhere")).status, 404);
    assertEquals((await get(place, "/status.json?reload=1&x")).status, 200);
    assertEquals(await of(`GET /${"x".repeat(9000)} HTTP/1.1\r\nHost: localhost\r\n\r\n`), 413);
    const head = await exchange(place, "HEAD /status.json HTTP/1.0\r\nHost: 127.0.0.1\r\n\r\n");
    assertEquals([head.status, head.body], [200, ""]);
    assert(!/access-control/i.test(head.head), head.head);
    await end(command);
  });

  // All of it is the same code but who accepts, which a few show.
  const most = on.name === "deno" ? 1000 : 200;
  test(`serve --status closes whoever asks for nothing, and goes on at ${most} malformed requests`, async () => {
    await using command = serve("--model", "process", "--status", "127.0.0.1:0");
    const place = await statusPlace(command);
    const address = await command.ready();
    const served = await greeted(address);
    let seed = 1;
    const random = () => (seed = seed * 48271 % 2147483647) / 2147483647;
    const silent: Client[] = [];
    for (let n = 0; n < most; n++) {
      const client = await Client.open(place);
      client.send(malformed(random)).catch(() => {});
      // Some stay: they are the first to go when others come.
      if (n % 20 === 0) silent.push(client);
      else client.halfClose();
      if (n % 100 === 99) assertEquals((await statusOf(place)).open, 1);
    }
    await until(
      "all are closed but 8",
      () => silent.filter(({ closed, ended }) => !closed && !ended).length <= 8,
    );
    await until(
      "all are closed after five seconds",
      () => silent.every(({ closed, ended }) => closed || ended),
      15_000,
    );
    await served.send("bye");
    await served.receiveAll();
    await visit(address);
    await Client.closeAll();
    await end(command);
    assert(!/nobody handled/.test(command.stderr), command.stderr);
  });

  test("serve --status on an address that cannot be had says so, and exits with 1", async () => {
    const taken = Deno.listen({ hostname: "127.0.0.1", port: 0 });
    const { port } = taken.addr as Deno.NetAddr;
    await using command = run(["serve", "--port", "0", "--status", `${port}`]);
    assertEquals(await command.exit(), 1);
    assertMatch(command.stderr, /^trivet: Cannot listen on 127\.0\.0\.1:\d+: it is in use/m);
    taken.close();
  });
});

Deno.test({
  name: `/metrics is clean for promtool${hasPromtool ? "" : " (promtool is not installed)"}`,
  ignore: !hasPromtool,
  async fn() {
    const events: ServerEvent[] = [];
    using authority = noOpenssl === null ? new Authority() : null;
    const tls = authority?.issue("x", { names: ["*.x.example"] }) ?? false;
    await using server = await serve({
      listen: ["127.0.0.1:0", { at: "127.0.0.1:0", tls }],
      status: "127.0.0.1:0",
      onEvent: (event) => void events.push(event),
    });
    const status = events.flatMap((event) => event.type === "listening" ? event.status! : [])[0];
    await visit(server.addr);
    await until("it is told", () => server.status().totals.closed === 1);
    const plain = await get(status, "/metrics");
    assertEquals(await complaints(plain.body), "");
    assertMatch(plain.head, /^Content-Type: text\/plain; version=0\.0\.4/m);
    const ends =
      /^trivet_tls_certificate_expiry_timestamp_seconds\{certificate="\*\.x\.example"\} \d{10}$/m;
    if (tls) assertMatch(plain.body, ends);
    assertMatch(plain.body, /^trivet_connections_closed_total\{reason="handler"\} 1$/m);
    assertMatch(plain.body, /^trivet_connection_duration_seconds_bucket\{le="86400"\} 1$/m);
    const accept = "Host: localhost\r\nAccept: application/openmetrics-text;version=1.0.0";
    const open = await get(status, "/metrics", accept);
    assertMatch(open.head, /^Content-Type: application\/openmetrics-text; version=1\.0\.0/m);
    assert(open.body.endsWith("# EOF\n"));
    assertMatch(open.body, /^# TYPE trivet_connections_accepted counter$/m);
    assertMatch(open.body, /^trivet_connections_accepted_total 1$/m);
  },
});
