/** One connection, which somebody else has accepted: `trivet inetd`. */
import { assertEquals, assertMatch } from "@std/assert";
import type { TcpAddress } from "../../mod.ts";
import { without } from "../examples/real_clients.ts";
import { Authority, noOpenssl } from "../tools/certificates.ts";
import { Client, until } from "../tools/client.ts";
import { CLI, Command, type CommandOptions } from "../tools/command.ts";
import { onEachRuntime } from "../tools/on_each_runtime.ts";
import { target } from "../tools/targets.ts";

const HANDLERS = new URL("../fixtures/handlers/", import.meta.url).pathname;
const INETD = new URL("../fixtures/servers/small_inetd.ts", import.meta.url).pathname;
const node = await target("node");

/** How the processes that the small inetd has started ended, when so many have. */
async function ends(command: Command, count = 1): Promise<string[]> {
  const all = () => [...command.stdout.matchAll(/^ended (.*)$/gm)].map(([, how]) => how);
  await until("the end", () => all().length >= count);
  return all();
}

/** Ends the small inetd: what was written to standard error is all there. */
async function ended(command: Command): Promise<void> {
  command.child.kill("SIGTERM");
  await command.exit();
}

/** Says hello, gets that answer and nothing else, and leaves. */
async function saysHello(client: Client, answer: string): Promise<void> {
  await client.send("hello");
  assertEquals(await client.receiveText(answer.length), answer);
  client.halfClose();
  assertEquals(await client.receiveAll(), new Uint8Array());
  await client.close();
}

await onEachRuntime(({ on, test, run }) => {
  const inetd = (
    errors: "client" | "log",
    args: string[],
    { place = "0", ...options }: CommandOptions & { place?: string } = {},
  ) =>
    new Command([errors, place, ...on.run, CLI, "inetd", ...args], {
      program: [...node.run, INETD],
      ...options,
    });

  for (const [kind, file] of [["blocking", "faults_blocking.ts"], ["non-blocking", "faults.ts"]]) {
    test(`inetd serves one connection with a ${kind} handler, and its log goes to standard error`, async () => {
      await using command = inetd("log", ["--handler", HANDLERS + file]);
      const address = await command.ready();
      const [one, two] = [await Client.open(address), await Client.open(address)];
      for (const client of [one, two]) {
        await client.send("hello");
        assertEquals(await client.receiveText(5), "hello");
      }
      await until(
        "its line",
        () => command.log.split("\n").filter((l) => l.startsWith("+")).length === 2,
      );
      one.halfClose();
      assertEquals(await one.receiveAll(), new Uint8Array());
      await one.close();
      assertEquals(await ends(command), ["0"]);
      await two.send("throws");
      await two.receiveUntilReset();
      assertEquals(await ends(command, 2), ["0", "1"]);
      await until(
        "their lines",
        () => /^- .* 5 in, 5 out/m.test(command.log) && /thrown on purpose/.test(command.log),
      );
    });
  }

  test("inetd lets nothing but the protocol come to the client", async () => {
    await using command = inetd("client", ["--handler", `${HANDLERS}logs.ts`, "--verbose"]);
    const client = await Client.open(await command.ready());
    await saysHello(client, "hello");
    assertEquals(await ends(command), ["0"]);
    await ended(command);
    assertEquals(command.stderr, "");
  });

  test("inetd's standard input is empty, and not the connection", async () => {
    await using command = inetd("log", ["--handler", `${HANDLERS}reads_input.ts`]);
    const client = await Client.open(await command.ready());
    await saysHello(client, "0 byteshello");
    assertEquals(await ends(command), ["0"]);
  });

  test("what a handler prints is in the log", async () => {
    await using command = inetd("log", ["--handler", `${HANDLERS}logs.ts`]);
    const client = await Client.open(await command.ready());
    await saysHello(client, "hello");
    await ends(command);
    await until("its line", () => /^5 bytes have come$/m.test(command.log));
  });

  Deno.test({
    name: `${on.name}: inetd encrypts, and a client that does not is nobody's mistake`,
    ignore: noOpenssl !== null,
    async fn() {
      using authority = new Authority();
      const { cert, key } = authority.issue("inetd");
      await using command = inetd("log", ["--tls-cert", cert, "--tls-key", key]);
      const address = await command.ready() as TcpAddress;
      const to = ["-connect", `127.0.0.1:${address.port}`, "-CAfile", authority.cert];
      await using client = new Command(["s_client", "-quiet", ...to], { program: ["openssl"] });
      await client.input("hello bye");
      assertEquals([await client.exit(), client.stdout], [0, "hello "]);
      const plain = await Client.open(address);
      await plain.send("hello bye");
      await until("its end", () => plain.ended || plain.closed);
      await plain.close();
      assertEquals(await ends(command, 2), ["0", "0"]);
      await until("its line", () => /^- .* 9 in, 6 out/m.test(command.log));
      await using wrong = inetd("log", ["--tls-cert", key, "--tls-key", key]);
      await (await Client.open(await wrong.ready())).receiveUntilReset();
      assertEquals(await ends(wrong), ["1"]);
      await until("its line", () => /^trivet: Cannot encrypt with what is in /m.test(wrong.stderr));
    },
  });

  test("inetd tells a client of no mistake, and the log of each", async () => {
    for (
      const [args, code, line] of [
        [["--prot", "1"], "2", /^trivet: unknown option --prot/m],
        [["--handler", "/nobody/is/here.ts"], "1", /^trivet: Cannot load the handler/m],
      ] as const
    ) {
      await using quiet = inetd("client", [...args]);
      const client = await Client.open(await quiet.ready());
      assertEquals(await client.receiveUntilReset(), new Uint8Array());
      await client.close();
      assertEquals(await ends(quiet), [code]);
      await ended(quiet);
      assertEquals(quiet.stderr, "");
      await using loud = inetd("log", [...args]);
      const other = await Client.open(await loud.ready());
      await other.receiveUntilReset();
      await other.close();
      assertEquals(await ends(loud), [code]);
      await until("its line", () => line.test(loud.stderr));
    }
  });

  test("inetd takes the ends from the socket, or from who accepted it", async () => {
    const handler = ["--handler", `${HANDLERS}tells_ends.ts`];
    const env = {
      TCPREMOTEIP: "192.0.2.7",
      TCPREMOTEPORT: "77",
      TCPLOCALIP: "192.0.2.1",
      TCPLOCALPORT: "25",
    };
    await using tcp = inetd("log", handler, { env });
    const address = await tcp.ready() as TcpAddress;
    const client = await Client.open(address);
    const { localPort } = client.socket;
    client.halfClose();
    const told = new TextDecoder().decode(await client.receiveAll());
    const own = `127.0.0.1:${localPort} 127.0.0.1:${address.port} process process`;
    assertEquals(told, own);
    await client.close();

    const folder = Deno.makeTempDirSync();
    for (
      const [variables, ends] of [
        [env, "192.0.2.7:77 192.0.2.1:25"],
        [
          { REMOTE_ADDR: "2001:db8::7", REMOTE_PORT: "77", ...env },
          "[2001:db8::7]:77 192.0.2.1:25",
        ],
        [{ TCPREMOTEIP: "somebody", TCPREMOTEPORT: "77" }, `unix: unix:${folder}/socket`],
      ] as const
    ) {
      await using unix = inetd("log", handler, { env: variables, place: `${folder}/socket` });
      const client = await Client.open(await unix.ready());
      client.halfClose();
      const told = new TextDecoder().decode(await client.receiveAll());
      assertEquals(told, `${ends} process process`);
      await client.close();
      unix.child.kill("SIGTERM");
      await unix.exit();
      await Deno.remove(`${folder}/socket`).catch(() => {});
    }
    Deno.removeSync(folder, { recursive: true });
  });

  test("inetd lets its connection finish after SIGTERM, and a killed one's is reset", async () => {
    await using command = inetd("log", ["--shutdown-timeout", "600"]);
    const address = await command.ready();
    const pids = () => [...command.stdout.matchAll(/^started (\d+)$/gm)].map(([, pid]) => +pid);
    for (const [n, signal] of (["SIGTERM", "SIGKILL"] as const).entries()) {
      const client = await Client.open(address);
      await client.send("one");
      assertEquals(await client.receiveText(3), "one");
      await until("its PID", () => pids().length === n + 1);
      Deno.kill(pids()[n], signal);
      if (signal === "SIGKILL") await client.receiveUntilReset();
      else {
        await client.send("two");
        assertEquals(await client.receiveText(3), "two");
        await client.send("bye");
        await client.receiveAll();
      }
      await client.close();
      assertEquals((await ends(command, n + 1))[n], signal === "SIGKILL" ? signal : "0");
    }
  });

  test("inetd without a connection says so in one line", async () => {
    await using command = run(["inetd"]);
    assertEquals(await command.exit(), 2);
    assertMatch(command.stderr, /^trivet: descriptor 0 is no connection: .*\n$/);
  });

  Deno.test({
    name: `${on.name}: inetd is started by socat${without("socat")}`,
    ignore: without("socat") !== "",
    async fn() {
      const folder = Deno.makeTempDirSync();
      const path = `${folder}/socket`;
      const words = [...on.run, CLI, "inetd"].join(" ");
      await using command = new Command(
        [`UNIX-LISTEN:${path},fork`, `EXEC:${words},nofork`],
        { program: ["socat"] },
      );
      // Its file is there before it listens.
      const opened = () => Client.open({ transport: "unix", path }).catch(() => null);
      let client: Client | null = null;
      await until("it listens", async () => (client = await opened()) !== null);
      await client!.send("hello bye");
      assertEquals(new TextDecoder().decode(await client!.receiveAll()), "hello ");
      await client!.close();
      command.child.kill("SIGTERM");
      await command.exit();
      Deno.removeSync(folder, { recursive: true });
    },
  });
});

Deno.test("inetd without a C library says so, and not to the client", async () => {
  const old = await target("node24");
  for (const errors of ["log", "client"]) {
    await using command = new Command([errors, "0", ...old.run, CLI, "inetd"], {
      program: [...node.run, INETD],
    });
    const client = await Client.open(await command.ready());
    assertEquals(await client.receiveAll(), new Uint8Array());
    await client.close();
    assertEquals(await ends(command), ["1"]);
    const line = /^(trivet: Cannot serve descriptor 0: it needs the C library: .*\n)?$/;
    await ended(command);
    assertMatch(command.stderr, line);
    assertEquals(command.stderr === "", errors === "client");
  }
});
