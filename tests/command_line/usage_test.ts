/** What the command says about itself, and about a mistake in its arguments. */
import { assertEquals, assertMatch } from "@std/assert";
import { CLI, Command } from "../tools/command.ts";
import { onEachRuntime } from "../tools/on_each_runtime.ts";
import { target } from "../tools/targets.ts";

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
  [["serve", "--prot", "1"], 2, /--prot; did you mean --port\?/],
  [["serve", "word"], 2, /"word"/],
  [["dance"], 2, /"dance": it is serve, inetd, connect, status or bench/],
  [["srve"], 2, /"srve"; did you mean serve\?/],
  [["version"], 2, /did you mean --version\?/],
  [["--version", "word"], 2, /"word"/],
  [[], 2, /serve, inetd, connect, status or bench/],
  [["serve", "--host", ":::"], 2, /":::": it is no IPv6 address/],
  [["serve", "--host", "localhost:8080"], 2, /--host localhost:8080: .* with --port\n$/],
  [["serve", "--host", "127.0.0.1:80"], 2, /--host 127.0.0.1:80: .* with --port\n$/],
  [["serve", "--host", "tcp://[::1]:80"], 2, /--host tcp:.*it is a URL; .* with --port\n$/],
  [["serve", "--log", "none", "--verbose"], 2, /--verbose goes without --log none/],
  [["serve", "--drain-spread", "11"], 2, /over 11 s .* over at shutdownTimeout, after 10 s/],
  [["serve", "--min-rate", "10", "--unix", "/s"], 2, /minRate on a Unix socket/],
  [["serve", "--min-rate", "10", "--listen", "0", "--listen", "unix:/s"], 2, /minRate on a Unix/],
  [["serve", "--min-rate-grace", "5"], 2, /minRateGrace: give minRate too/],
  [["serve", "--keepalive", "1m"], 2, /--keepalive .* such as 60:10:6: not "1m"/],
  [["serve", "--keepalive", "60:0"], 2, /keepAlive.interval 0: .* from 1000 to /],
  [["serve", "--keepalive", "60", "--unix", "/s"], 2, /keepAlive on a Unix socket/],
  [["serve", "--unix", "/s", "--max-connections-per-source", "1"], 2, /Unix socket.* no source/],
  [["serve", "--model", "process", "--worker-permissions", "read"], 2, /"read" is no permission/],
  [["connect", ""], 2, /this is empty/],
  [["serve", "--model", "thread", "--workers", "2"], 2, /workers under the model "thread"/],
  [["serve", "--handler", "http://"], 1, /the handler "http:\/\/": it is no URL/],
  [["serve", "--host", "nosuchhost.invalid"], 1, /"nosuchhost.invalid"/],
  [["serve", "--unix", "/tmp/" + "x".repeat(200)], 1, /./],
  [["serve", "--unix", "/no/such/folder/socket"], 1, /its folder does not exist/],
  [["connect", "127.0.0.1", "1"], 1, /nobody listens/],
  [["connect", "127.0.0.1", "x"], 2, /PORT/],
];

await onEachRuntime(({ on, test, run, serve }) => {
  // The same code reads options on every runtime; the last five are mostly what the system says.
  for (const [args, code, line] of on.name === "deno" ? MISTAKES : MISTAKES.slice(-5)) {
    test(`"${args.join(" ").slice(0, 60)}" gets one clear line and exit ${code}`, async () => {
      await using command = run(args);
      assertEquals(await command.exit(), code, command.stderr);
      assertMatch(command.stderr, line);
      assertEquals(
        command.stderr.trimEnd().split("\n").length,
        1,
        command.stderr,
      );
    });
  }

  if (on.name !== "bun") { // Bun takes any flag
    test("a flag that the workers' runtime does not know is said once", async () => {
      await using command = serve("--model", "process", "--worker-args=--nope");
      assertEquals(await command.exit(), 1);
      assertEquals(command.stderr.split("--nope").length, 2, command.stderr);
      assertMatch(
        command.stderr,
        /\ntrivet: A worker ended before it was ready: exit code \d+; .* --worker-args\n$/,
      );
    });
  }

  test("--help and --version tell a newcomer", async () => {
    for (
      const [args, text] of [
        [["--version"], /^trivet \d+\.\d+\.\d+ /],
        [["--help"], /trivet serve .* --model MODEL .*trivet connect .* --unix PATH .*--models /s],
        [["serve", "--help"], /--model MODEL/],
        [["connect", "--help"], /--unix PATH/],
      ] as const
    ) {
      await using command = run([...args]);
      assertEquals(await command.exit(), 0);
      assertMatch(command.stdout, text);
    }
  });
});

Deno.test("node: a mistake of a runtime's is not called one of the command line's", async () => {
  const broken =
    "process.getBuiltinModule('node:dns').lookup = () => { throw new TypeError('oh') }";
  const [node] = (await target("node")).run;
  await using command = new Command(["serve", "--port", "0", "--host", "localhost"], {
    program: [node, "--import", `data:text/javascript,${broken}`, CLI],
  });
  assertEquals(await command.exit(), 1);
  assertEquals(command.stderr, "trivet: oh\n");
});

Deno.test("serve says which permission it needs", async () => {
  await using command = new Command(["serve", "--port", "0"], {
    flags: ["--no-prompt", "--allow-read"],
  });
  assertEquals(await command.exit(), 1);
  assertMatch(command.stderr, /^trivet: .*--allow-net.*\n$/);
});
