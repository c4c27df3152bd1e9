/** PROXY headers, seen from outside: on each runtime, under each model, for both kinds of handlers. */
import { assert, assertEquals, assertMatch } from "@std/assert";
import type { Address } from "../../mod.ts";
import { Client, until } from "../tools/client.ts";
import { type Command, end } from "../tools/command.ts";
import { onEachRuntime } from "../tools/on_each_runtime.ts";
import { get, statusOf, statusPlace } from "../tools/status.ts";
import { WAYS } from "../tools/ways.ts";
import { BLOCK4, tlv, v2 } from "../unit/proxy/headers.ts";
import { bytes } from "../tools/unit.ts";

const fixture = (name: string) => new URL(`../fixtures/handlers/${name}`, import.meta.url).pathname;
const HANDLER = fixture("tells_proxy.ts");
const BLOCKING = fixture("tells_proxy_blocking.ts");

const V1 = "PROXY TCP4 192.0.2.7 198.51.100.1 51234 443\r\n";
const V2 = v2(0x21, 0x11, BLOCK4 + tlv(2, "x.example"));
const PROXIED = ["192.0.2.7:51234", "198.51.100.1:443"];

/** What the handler told of its client, and what it echoed. */
async function talk(client: Client, ...pieces: string[]) {
  for (const piece of pieces) {
    await client.send(bytes(piece));
    await new Promise((resolve) => setTimeout(resolve, 10)); // so that they come apart
  }
  client.halfClose();
  const said = new TextDecoder().decode(await client.receiveAll());
  await client.close();
  const [line, ...rest] = said.split("\n");
  return { ...JSON.parse(line), echo: rest.join("\n") };
}

/** Whether it is closed, and has got nothing. */
async function closed(client: Client): Promise<void> {
  await until("its end", () => client.ended || client.closed);
  assertEquals(client.received, 0);
  await client.close();
}

/** Lines of the log in which somebody was refused for this reason. */
function refused(command: Command, reason: string): string[] {
  return command.log.split("\n").filter((line) => line.startsWith("! ") && line.includes(reason));
}

const ALL: Record<string, string[]> = { ...WAYS, iterative: ["--model", "iterative"] };

await onEachRuntime(({ on, test, serve, run }) => {
  for (const [way, args] of Object.entries(ALL)) {
    const isWorker = way.startsWith("thread") || way.startsWith("process");
    const handlers = isWorker && way !== "process --no-fork" ? [HANDLER, BLOCKING] : [HANDLER];
    for (const handler of handlers) {
      const name = handler === BLOCKING ? `${way}, blocking` : way;
      test(`${name}: a PROXY header gives the client's address to handler and log, and a slow one frees its place`, async () => {
        await using command = serve(
          ...args,
          ...["--handler", handler, "--linger", "60"],
          ...["--proxy-protocol", "127.0.0.0/24", "--proxy-header-timeout", "2"],
          ...(way === "iterative" ? [] : ["--max-connections", "2"]),
          ...["--max-connections-per-source", "1"],
        );
        const address = await command.ready();
        const isRefused = (line: RegExp) => until(`${line}`, () => line.test(command.log));
        // The next one of its address may come when its place is free, and not before.
        let ends = 0;
        const itsEnd = async () => {
          ends++;
          await until("its end", () => command.log.match(/^- /gm)?.length === ends);
        };
        const served = async (...pieces: string[]) => {
          const said = await talk(await Client.open(address), ...pieces);
          await itsEnd();
          return said;
        };
        const proxy = {
          ...{ peer: "127.0.0.1", version: 2, command: "proxy", authority: "x.example" },
          ...{ tls: null, id: null },
        };
        const first = await served(V2 + "hello");
        assertEquals(first, { ends: PROXIED, proxy, echo: "hello" });
        const v1 = { ...proxy, version: 1, authority: null };
        const cut = await served(V1.slice(0, 9), V1.slice(9) + "he", "llo");
        assertEquals(cut, { ends: PROXIED, proxy: v1, echo: "hello" });

        // A check is the balancer's own connection.
        const check = await Client.open(address);
        const own = `127.0.0.1:${check.socket.localPort}`;
        const { port } = address as { port: number };
        const local = { ...v1, version: 2, command: "local" };
        const told = await talk(check, v2(0x20, 0x11, BLOCK4), "x");
        await itsEnd();
        assertEquals(told, { ends: [own, `127.0.0.1:${port}`], proxy: local, echo: "x" });

        // The limit is for each client, and not for the balancer.
        if (way !== "iterative") {
          const held = await Client.open(address);
          await held.send(V1);
          await until("it is served", () => held.received > 0);
          const again = await Client.open(address);
          await again.send(V1);
          await closed(again);
          const another = await served(V1.replace("2.7", "2.8") + "y");
          assertEquals(another.echo, "y");
          await held.close();
          await itsEnd();
          await isRefused(/^! refused 192\.0\.2\.7:51234: .*from its address/m);
        }

        // One that is not trusted, one that sends none, and as many as there are places that send half of one.
        await closed(await Client.open(address, "127.0.1.2"));
        const http = await Client.open(address);
        await http.send("GET / HTTP/1.1\r\n\r\n");
        await closed(http);
        const slow = await Client.open(address);
        const slower = await Client.open(address);
        for (const client of [slow, slower]) await client.send(V1.slice(0, 20));
        const after = await served(V1 + "after");
        assertEquals(after.echo, "after");
        for (const client of [slow, slower]) await closed(client);
        await until("they are told", () => refused(command, "in time").length > 0);
        await isRefused(/^! refused 127\.0\.1\.2:\d+: .*not trusted/m);
        await isRefused(
          /^! refused 127\.0\.0\.1:\d+: no right PROXY header \(what came is no PROXY header\)$/m,
        );

        // Probes that send nothing are counted, and not refused; not two of one address at once.
        // Of the two slow ones, the second may be told a second later.
        const troubles = () => command.log.match(/^! (?!.* in time)/gm)!.length;
        const before = troubles();
        let probes = 0;
        await until("they are counted", async () => {
          const probe = await Client.open(address, `127.0.0.${3 + probes++ % 100}`);
          await (probes % 2 ? probe.close() : probe.reset());
          return command.log.includes("a connection without a byte");
        });
        await end(command);
        assertEquals(troubles(), before, command.log);
        assertMatch(command.log, /^\+ 192\.0\.2\.7:51234 #\S+ on /m);
        assert(!/unhandled|warning|ended:/.test(command.log), command.log);
      });
    }
  }

  test("serve on a Unix socket trusts its clients if it is told so, and knows theirs", async () => {
    const path = `${await Deno.makeTempDir()}/socket`;
    await using command = run([
      ...["serve", "--unix", path, "--handler", HANDLER],
      ...["--proxy-protocol", "unix,10.0.0.0/8", "--max-connections-per-source", "5"],
    ]);
    const address: Address = await command.ready();
    const told = await talk(await Client.open(address), V1, "x");
    assertEquals([told.ends, told.proxy.peer, told.echo], [PROXIED, "unix", "x"]);
    await end(command);
  });

  test("connect --proxy-header and the proxy example send one", async () => {
    await using command = serve("--handler", HANDLER, "--proxy-protocol", "127.0.0.1");
    const { port } = await command.ready() as { port: number };
    for (const version of [1, 2]) {
      const client = run(["connect", `${port}`, "--proxy-header", `v${version}`]);
      await client.input("hello\nbye\n");
      assertEquals(await client.exit(), 0, client.stderr);
      const [line, ...echo] = client.stdout.split("\n");
      const { ends, proxy } = JSON.parse(line);
      assertMatch(ends[0], /^127\.0\.0\.1:\d+$/);
      assertEquals([ends[1], proxy.version, proxy.command], [
        `127.0.0.1:${port}`,
        version,
        "proxy",
      ]);
      assertEquals(echo, ["hello", ""]);

      const env = { UPSTREAM: `127.0.0.1:${port}`, PROXY_HEADER: `v${version}` };
      const example = new URL("../../examples/proxy.ts", import.meta.url).pathname;
      const between = run(["serve", "--port", "0", "--handler", example], { env });
      const address = await between.ready() as { port: number } & Address;
      const direct = await Client.open(address);
      const own = `127.0.0.1:${direct.socket.localPort}`;
      const through = await talk(direct, "x");
      assertEquals(through.ends, [own, `127.0.0.1:${address.port}`]);
      assertEquals([through.proxy.version, through.echo], [version, "x"]);
      await end(between);
    }
    await end(command);
  });

  if (on.name !== "deno") return;

  test("the status counts who was refused by reason, has the client's address, and no byte of a header", async () => {
    await using command = serve(
      ...["--model", "thread", "--handler", BLOCKING, "--status", "0"],
      ...["--proxy-protocol", "127.0.0.1"],
    );
    const address = await command.ready();
    await closed(await Client.open(address, "127.0.1.2"));
    const held = await Client.open(address);
    await held.send(V1);
    await until("it is served", () => held.received > 0);
    const place = await statusPlace(command);
    let status = await statusOf(place);
    await until("all is told", async () => {
      status = await statusOf(place);
      return status.totals.refused.proxy_untrusted > 0 && status.connections.length > 0;
    });
    assertEquals(status.totals.refused, {
      ...{ connections: 0, source: 0, descriptors: 0, denied: 0 },
      ...{ proxy_untrusted: 1, proxy_header: 0, proxy_timeout: 0 },
      ...{ tls_none: 0, tls_handshake: 0, tls_timeout: 0, tls_certificate: 0 },
    });
    assertEquals((status.connections[0].client as { hostname: string }).hostname, "192.0.2.7");
    assertEquals([status.connections[0].bytesRead, status.totals.bytesRead], [0, 0]);
    assertMatch(
      (await get(place, "/metrics")).body,
      /^trivet_connections_refused_total\{reason="proxy_untrusted"\} 1$/m,
    );
    await end(command, held);
  });

  const MISTAKES: [string[], RegExp][] = [
    [["--proxy-protocol", "10.0.0.1/8"], /"10.0.0.1\/8" is no network: write 10.0.0.0\/8\n/],
    [["--proxy-protocol", "10.0.0.0/8,,::1"], /"" is no network/],
    [["--proxy-protocol", "balancer"], /"balancer" is no network/],
    [["--proxy-protocol", "unix"], /on a TCP port/],
    [["--proxy-protocol", "10.0.0.0/8", "--unix", "/run/s"], /on a Unix socket/],
    [["--proxy-header-timeout", "2"], /no PROXY header is expected/],
    [["--proxy-protocol", "::1", "--proxy-header-timeout", "0"], /from 0.001/],
    [["--proxy-protocol", "::1", "--proxy-protocol", "::2"], /is given twice/],
  ];
  for (const [args, line] of MISTAKES) {
    test(`serve ${args.join(" ")} is a mistake, told in one line`, async () => {
      await using command = run(["serve", ...args]);
      assertEquals(await command.exit(), 2, command.stderr);
      assertMatch(command.stderr, line);
      assertEquals(command.stderr.trimEnd().split("\n").length, 1);
    });
  }
});
