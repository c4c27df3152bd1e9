/** `connect`, for a person or a pipe. */
import { assert, assertEquals, assertMatch } from "@std/assert";
import type { Socket } from "node:net";
import { until } from "../tools/client.ts";
import { CLI, end } from "../tools/command.ts";
import { onEachRuntime } from "../tools/on_each_runtime.ts";
import { withPeer } from "../tools/peer.ts";

/**
 * The lesson's server: what arrives together is one message, it is padded with NULs,
 * and one that contains "bye" is the last, two seconds before the end.
 */
function lesson(client: Socket): void {
  let last = false;
  client.on("data", (bytes: Uint8Array) => {
    if (last) return;
    last = new TextDecoder().decode(bytes).includes("bye");
    if (last) setTimeout(() => client.destroy(), 2000);
    else client.write(padded(bytes));
  });
  client.on("end", () => {
    if (!last) client.destroy();
  });
}

function padded(bytes: Uint8Array): Uint8Array {
  const message = new Uint8Array(100);
  message.set(bytes);
  return message;
}

/** Echoes all, whatever it is, and closes after the client. */
function echo(client: Socket): void {
  client.pipe(client);
}

await onEachRuntime(({ on, test, run, serve }) => {
  const [program, ...before] = [...on.run, CLI];
  /** The command at the end of a pipe, or before one. */
  const piped = (line: string, port: number) =>
    run([], { program: ["bash", "-c", line, "-", program, ...before, "connect", `${port}`] });

  test("connect talks to the lesson's server, and keeps its NULs in a pipe", () =>
    withPeer(lesson, async (port) => {
      const client = run(["connect", `127.0.0.1:${port}`]);
      await client.input("hello\nagain\nbye\n");
      assertEquals(await client.exit(), 0, client.stderr);
      const pad = "\0".repeat(94);
      assertEquals(client.stdout, `hello\n${pad}again\n${pad}`);
      assertEquals(client.stderr, "");
    }));

  test("connect sends what is piped to its end, whatever it says", () =>
    withPeer(echo, async (port) => {
      const client = run(["connect", String(port)]);
      const text = "first\nsay goodbye to Bob\nthird\nfourth";
      await client.input(text);
      assertEquals(await client.exit(), 0, client.stderr);
      assertEquals(client.stdout, text);
    }));

  test("connect says how much a server that closes first was not sent", async () => {
    const server = serve();
    const { port } = await server.ready() as { port: number };
    const client = run(["connect", "--host", "127.0.0.1", "--port", String(port)]);
    await client.input("hello\nbye\nthird\nfourth");
    assertEquals(await client.exit(), 1);
    assertEquals(client.stdout, "hello\n");
    assertEquals(
      client.stderr,
      "trivet: the server closed the connection: 12 bytes were not sent\n",
    );
    const endless = piped('(echo bye; yes) | "$@"', port);
    assertEquals(await endless.exit(), 1);
    assertMatch(endless.stderr, /^trivet: .*closed.*: at least \d+ bytes were not sent\n$/);
    const whole = run(["connect", "127.0.0.1", String(port)]);
    await whole.input("hello\nbye\n");
    assertEquals(await whole.exit(), 0, whole.stderr);
    assertEquals([whole.stdout, whole.stderr], ["hello\n", ""]);
    await end(server);
  });

  test("connect tells a server that answers and closes from one that only closes", () =>
    withPeer((client) => client.once("data", () => client.end("an answer")), async (port) => {
      // The end of the input is there from the beginning.
      const client = piped('exec "$@" <<< "a question"', port);
      assertEquals(await client.exit(), 0, client.stderr);
      assertEquals([client.stdout, client.stderr], ["an answer", ""]);
      const open = run(["connect", String(port)]);
      await open.input("a question\n");
      await until("its line", () => open.stderr === "trivet: the server closed the connection\n");
      assertEquals(await open.exit(), 1);
    }));

  test("connect takes a reset in the middle of an answer for an error", () => {
    let peer: Socket;
    return withPeer((client) => {
      peer = client.once("data", () => client.write("part"));
    }, async (port) => {
      const client = run(["connect", String(port)]);
      await client.input("a question\n");
      await client.endInput();
      // A reset may take what has not been read.
      await until("the part", () => client.stdout === "part");
      peer.resetAndDestroy();
      assertEquals(await client.exit(), 1);
      assertEquals(client.stdout, "part");
      assertEquals(client.stderr, "trivet: the server reset the connection\n");
    });
  });

  test("connect says the same of a server that resets at once, whenever it sees it", () =>
    withPeer((client) => client.resetAndDestroy(), async (port) => {
      for (let i = 0; i < 5; i++) {
        const client = run(["connect", String(port)]);
        assertEquals(await client.exit(), 1);
        assertEquals(client.stderr, "trivet: the server reset the connection\n");
      }
    }));

  test("connect waits for one answer in vain, not for each", () =>
    withPeer((client) => client.resume().on("end", () => client.end()), async (port) => {
      const client = run(["connect", String(port)]);
      await client.input("a line\n".repeat(500)); // at one second each, more than the test has
      assertEquals(await client.exit(), 0, client.stderr);
    }));

  test("connect sends what has no lines in bounded memory, and what has many soon", async () => {
    const most: number[] = [];
    let bytes = 0;
    let pid = 0;
    const count = (client: Socket) => {
      client.on("data", (chunk: Uint8Array) => bytes += chunk.length);
      client.on("end", () => {
        const status = Deno.readTextFileSync(`/proc/${pid}/status`);
        most.push(Number(/^VmHWM:\s+(\d+)/m.exec(status)![1]));
        client.end();
      });
    };
    const file = await Deno.makeTempFile();
    await withPeer(count, async (port) => {
      for (const size of [8, 128]) {
        await Deno.truncate(file, size * 1024 * 1024);
        bytes = 0;
        const client = piped(`exec "$@" < ${file}`, port);
        pid = client.child.pid;
        assertEquals(await client.exit(), 0, client.stderr);
        assertEquals(bytes, size * 1024 * 1024);
      }
    });
    // In KiB: a garbage collector may leave some of it, but not half of what was sent more.
    const [few, many] = most;
    assert(many - few < 60 * 1024, `${few} KiB for 8 MiB, ${many} KiB for 128 MiB`);
    await withPeer(echo, async (port) => {
      await Deno.writeTextFile(file, "a line, and after it many others\n".repeat(200_000));
      const client = piped(`exec "$@" < ${file}`, port);
      assertEquals(await client.exit(), 0, client.stderr);
      assert(client.stdout === await Deno.readTextFile(file), "it is not what was sent");
    });
    await Deno.remove(file);
  });

  test("connect says what is wrong with its input and its output", () =>
    withPeer(echo, async (port) => {
      const folder = piped('exec "$@" < /tmp', port);
      assertEquals(await folder.exit(), 1);
      assertEquals(folder.stderr, "trivet: Cannot read standard input: it is a folder\n");
      const full = piped('echo hello | "$@" > /dev/full', port);
      assertEquals(await full.exit(), 1);
      assertMatch(full.stderr, /^trivet: Cannot write to standard output: .*no space left.*\n$/i);
    }));

  test("connect ends without a word when nobody reads what it prints", () =>
    withPeer(echo, async (port) => {
      // Whoever would read has ended before anything is printed.
      const line = 'exec 3> >(true); wait $!; (yes hello | head -99) | "$@" >&3';
      const client = piped(`${line}; exit \${PIPESTATUS[1]}`, port);
      assertEquals(await client.exit(), 141, client.stderr);
      assertEquals(client.stderr, "");
    }));

  test("connect at a terminal ends after a line with bye, and hides NULs", () =>
    withPeer((client) => {
      client.on("data", (bytes: Uint8Array) => client.write(padded(bytes)));
      client.on("end", () => client.end("farewell"));
    }, async (port) => {
      const line = [program, ...before, "connect", `[::ffff:127.0.0.1]:${port}`].join(" ");
      const client = run(["-qec", line, "/dev/null"], { program: ["script"] });
      await client.input("hello\n");
      // The terminal shows what is typed, and then what comes.
      await until("the answer", () => client.stdout.split("hello\r\n").length === 3);
      await client.input("so goodbye\n");
      await until("the last answer", () => client.stdout.includes("farewell"));
      await client.status;
      assertEquals(await client.exit(), 0, client.stdout);
      assert(!client.stdout.includes("\0"), "NULs were printed");
    }));

  test("connect at a terminal says on a line of its own that the server has closed", () =>
    withPeer((client) => client.end("no end of a line"), async (port) => {
      const line = [program, ...before, "connect", String(port)].join(" ");
      const client = run(["-qec", line, "/dev/null"], { program: ["script"] });
      await until("its line", () => client.stdout.includes("closed the connection"));
      assertEquals(await client.exit(), 1);
      assertEquals(
        client.stdout,
        "no end of a line\r\ntrivet: the server closed the connection\r\n",
      );
    }));

  test("connect takes an IPv6 address in brackets, and with a scope", async () => {
    const server = serve("--host", "::1");
    const { port } = await server.ready() as { port: number };
    for (const words of [[`[::1]:${port}`], ["::1%lo", `${port}`], [`[::1%lo]:${port}`]]) {
      const client = run(["connect", ...words]);
      await client.input("hello\n");
      assertEquals(await client.exit(), 0, client.stderr);
      assertEquals(client.stdout, "hello\n");
    }
    await end(server);
  });
});
