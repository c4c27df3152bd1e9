import { assert, assertEquals, assertMatch } from "@std/assert";
import { until } from "../tools/client.ts";
import { alive, CLI, Command, type CommandOptions, descendants } from "../tools/command.ts";
import { target } from "../tools/targets.ts";

const server = (name: string) =>
  `${Deno.execPath()} run -A ${
    new URL(`../fixtures/servers/${name}.ts`, import.meta.url).pathname
  }`;
const PLAIN = `plain=${server("plain_server")} {port}`;
const faulty = (fault: string) => `${fault}=${server("faulty_server")} ${fault} {port}`;
/** How often a measurement that a pause of the machine may spoil is tried. */
const TRIES = 10;
const SHORT = ["--seconds", "0.2", "--rounds", "1"];

/** A good server that answered nobody in the time that counts: it was paused. */
const PAUSED = /^! (multiplex|thread|process): (no answer|it did not)|^! plain: no answer/m;

/** The command, ended: its exit code and what it wrote. Again if the machine has paused. */
async function bench(
  args: string[],
  options: CommandOptions = {},
  tries = TRIES,
): Promise<Command & { code: number }> {
  const command = await benchOnce(args, options);
  const spoiled = tries > 1 && PAUSED.test(command.stdout);
  return spoiled ? await bench(args, options, tries - 1) : command;
}

async function benchOnce(
  args: string[],
  options: CommandOptions,
): Promise<Command & { code: number }> {
  const command = new Command(["bench", ...args], options);
  try {
    return Object.assign(command, { code: await command.exit(300_000) });
  } finally {
    await gone(command);
  }
}

/** None of its processes is left; if one is, it is ended, and the test fails. */
async function gone(command: Command, family: number[] = []): Promise<void> {
  const left = [...family, ...descendants(command.child.pid)];
  try {
    await until("its processes are gone", () => !left.some(alive));
  } finally {
    for (const pid of left.filter(alive)) Deno.kill(pid, "SIGKILL");
  }
}

/** The line of a server, which begins with its name; empty if there is none. */
function row(stdout: string, name: string): string {
  return stdout.split("\n").find((line) =>
    line.startsWith(`${name} `) || line.startsWith(`! ${name}:`)
  ) ??
    "";
}

Deno.test("bench compares models with a peer under every kind of load", async () => {
  const file = await Deno.makeTempFile();
  const page = `${file}.html`;
  try {
    const scenarios = "message,stream,connect,idle";
    const { code, stdout, stderr } = await bench([
      ...["--models", "multiplex", "--peer", PLAIN, "--scenario", scenarios],
      ...["--connections", "3", ...SHORT, "--json", file, "--report", page],
    ]);
    assertEquals(code, 0, stderr + stdout);
    const text = await Deno.readTextFile(page);
    const result = JSON.parse(await Deno.readTextFile(file));
    const line = /^trivet bench --models multiplex --peer 'plain=.* \{port\}' --scenario /m;
    assertMatch(stdout, line);
    assertMatch(result.command, line);
    assertMatch(text, /<code>trivet bench --models multiplex --peer &#39;plain=/);
    assertEquals(
      result.scenarios.map(({ scenario }: { scenario: string }) => scenario),
      scenarios.split(","),
    );
    const [message, stream, connect, idle] = result.scenarios;
    for (const { servers } of [message, stream, idle]) {
      assertEquals(servers.map(({ error }: { error: string | null }) => error), [null, null]);
    }
    for (const one of message.servers) {
      assert(one.messagesPerSecond > 0 && one["p99.9Microseconds"] >= one.p50Microseconds, stdout);
      assert(one.cpuMicrosecondsPerMessage > 0 && one.threads >= one.processes, stdout);
    }
    assert(stream.servers.every((one: Record<string, number>) => one.megabytesPerSecond > 0));
    assert(connect.servers[0].connectionsPerSecond > 0);
    assertMatch(connect.servers[1].error, /^it did not close a connection after "bye"$/);
    assertEquals(idle.servers[0].connections, 3);
    assert(idle.servers[0].runs[0].load.busy < 0.2, "clients that are silent need a processor");
    const { scoreboard, open } = message.servers[0].runs.at(-1).board;
    assertEquals([scoreboard, open], ["RRR", 3]);
    assertMatch(text, /Who was where with 3 clients, at the end of the last run/);
    assertMatch(text, /<svg[\s\S]*<\/html>\n$/);
    assertMatch(stderr, /^\[1\/8\] message ×3 multiplex: [\d,.]+ messages\/s$/m);
  } finally {
    await Deno.remove(file);
    await Deno.remove(page).catch(() => {});
  }
});

Deno.test("bench: a peer that goes wrong is a row that says so; wrong bytes exit 1", async () => {
  const peers = ["flips", "doubles", "mute", "slow", "dies"].map(faulty);
  peers.push("absent=/nowhere/to/be/found {port}", "silent=sleep 0.1 # {port}");
  const { code, stdout, stderr } = await bench([
    ...["--models", "multiplex", "--runtimes", "deno", ...SHORT],
    ...peers.flatMap((peer) => ["--peer", peer]),
  ]);
  assertEquals(code, 1, stderr + stdout);
  const words = stdout.replace(/\n {2}/g, " ");
  assertMatch(stdout, /^multiplex +[\d,.]+ +- +1\.00 +█+/m);
  assertMatch(
    words,
    /^! flips: wrong bytes: byte 99 of a message was 0x.. and came back as 0x..; bench needs a server that echoes what it gets$/m,
  );
  assertMatch(stdout, /^! doubles: wrong bytes: /m);
  assertMatch(
    stdout,
    /^! mute: no answer came on any of 50 connections within \d+ s; bench needs/m,
  );
  assertMatch(
    words,
    /^! slow: no answer came in the 0.2 s that count, though some came before: it needs more --seconds$/m,
  );
  assertMatch(stdout, /^! dies: died: exit code 7: out of luck$/m);
  assertMatch(stdout, /^! absent: did not start: exit code 127: /m);
  assertMatch(stdout, /^! silent: did not start: exit code 0$/m);
});

Deno.test("bench: a handler that does not echo is told what bench needs", async () => {
  const handler = new URL("../fixtures/handlers/tells_local.ts", import.meta.url).pathname;
  const { code, stdout } = await bench([
    ...["--models", "multiplex", "--handler", handler, "--connections", "1", ...SHORT],
  ]);
  assertEquals(code, 1, stdout);
  const words = stdout.replace(/\n {2}/g, " ");
  assertMatch(
    words,
    /^! multiplex: wrong bytes: .*bench needs a handler that echoes what it gets$/m,
  );
});

Deno.test("bench: a runtime that is not on PATH is a row that says so", async () => {
  const { code, stdout } = await bench([
    "--models",
    "multiplex",
    "--runtimes",
    "node,bun",
    ...SHORT,
  ], {
    env: { PATH: "/nowhere" },
  });
  assertEquals(code, 1, "none could be measured");
  assertMatch(stdout, /^! multiplex node: did not start: node is not on PATH$/m);
  assertMatch(stdout, /^! multiplex bun: did not start: bun is not on PATH$/m);
});

Deno.test("bench --scenario blocked shows who waits for whom", async () => {
  const iterative = /^iterative +over 2 s +([3-9]\d\d ms|\d[.\d]* s) +server died$/;
  const process = /^process( +[\d.]+ [µm]s){3}$/;
  let all = "";
  // While the machine pauses, everybody waits.
  for (let tries = TRIES; tries > 0; tries--) {
    const { code, stdout, stderr } = await bench([
      ...["--scenario", "blocked", "--models", "iterative,process", "--rounds", "1"],
    ]);
    assertEquals(code, 0, stderr + stdout);
    if (iterative.test(row(stdout, "iterative")) && process.test(row(stdout, "process"))) return;
    all += stdout;
  }
  assert(false, all);
});

Deno.test("bench: Ctrl-C ends it with what it has, and 130", async () => {
  await using command = new Command([
    ...["bench", "--models", "multiplex", "--seconds", "0.2", "--rounds", "50"],
  ]);
  let family: number[] = [];
  try {
    const measured = () => command.stderr.match(/: [\d,.]+ messages\/s$/gm)?.length ?? 0;
    await until("two runs have figures", () => measured() >= 2);
    family = descendants(command.child.pid);
    command.child.kill("SIGINT");
    assertEquals(await command.exit(), 130);
    assertMatch(command.stdout, /stopped before its end\n/);
    assertMatch(command.stdout, /^multiplex +[\d,.]+ +±/m);
  } finally {
    await gone(command, family);
  }
});

for (const name of ["deno", "bun", "node"] as const) {
  const { run } = await target(name);
  // A peer is started alike on all of them.
  for (const server of name === "deno" ? ["cli.ts", "plain_server.ts"] : ["cli.ts"]) {
    Deno.test(`${name}: bench that is killed leaves no ${server} behind`, async () => {
      const often = [
        "--models",
        "multiplex",
        "--peer",
        PLAIN,
        "--seconds",
        "0.2",
        "--rounds",
        "99",
      ];
      await using command = new Command(["bench", ...often], { program: [...run, CLI] });
      let family: number[] = [];
      try {
        await until(`${server} has its clients`, () => {
          family = descendants(command.child.pid);
          return family.some((pid) => isServing(pid, server));
        });
        command.child.kill("SIGKILL");
        await command.exit();
      } finally {
        await gone(command, family);
      }
    });
  }
}

/** Whether it is a process of that script, with the 50 clients that it is measured with. */
function isServing(pid: number, script: string): boolean {
  try {
    return Deno.readTextFileSync(`/proc/${pid}/cmdline`).includes(`/${script}\0`) &&
      [...Deno.readDirSync(`/proc/${pid}/fd`)].length > 50;
  } catch {
    return false; // it has ended meanwhile
  }
}

Deno.test("bench: a mistake in its command line is one line, and 2", async () => {
  const mistakes: [string[], RegExp][] = [
    [["--models", "multiplex,many"], /--models is one of .*: not "many"/],
    [["--peer", "nameless"], /--peer is NAME=COMMAND/],
    [["--peer", "mine=./server"], /--peer mine: its command does not say \{port\}/],
    [["--peer", "a=b {port}", "--peer", "a=c {port}"], /--peer a is given twice/],
    [["--connections", "1,0"], /--connections is a whole number from 1 to 100000: not "0"/],
    [["--seconds", "0"], /--seconds is a number of seconds from 0.1 to 3600: not "0"/],
    [["more"], /unexpected "more"; see bench --help/],
  ];
  for (const [args, message] of mistakes) {
    const { code, stdout, stderr } = await bench(args);
    assertEquals([code, stdout], [2, ""], stderr);
    assertMatch(stderr, message);
    assertEquals(stderr.split("\n").length, 2, stderr);
  }
});

Deno.test("bench: a file that cannot be written is told before anything is measured", async () => {
  for (
    const [option, path, why] of [
      ["--json", "/nowhere/x.json", "its folder does not exist"],
      ["--report", "/tmp", "it is a folder"],
    ]
  ) {
    const { code, stderr } = await bench([...SHORT, option, path]);
    assertEquals([code, stderr], [1, `trivet: Cannot write ${path}: ${why}\n`]);
  }
});

Deno.test("bench that measures nothing leaves the files of the last time; a bad handler is told once", async () => {
  const folder = await Deno.makeTempDir();
  const file = `${folder}/bench.json`;
  await Deno.writeTextFile(file, "of the last time");
  const missing = `${folder}/a/long/way/from/here/`.padEnd(170, "x") + ".ts";
  const { code, stdout, stderr } = await bench(["--handler", missing, "--json", file]);
  assertEquals([code, stdout], [1, ""]);
  assertMatch(stderr, /^trivet: Cannot load the handler file:\S+: .*not found.*\n$/m);
  assertEquals(stderr.split("Cannot load").length, 2, stderr);
  assertEquals(await Deno.readTextFile(file), "of the last time");
  assertEquals([...Deno.readDirSync(folder)].length, 1);
  await Deno.remove(folder, { recursive: true });
});

for (const name of ["bun", "node"] as const) {
  const { run } = await target(name);
  Deno.test(`bench measures on ${name}`, async () => {
    const args = ["--models", "multiplex", "--peer", PLAIN, "--scenario", "message", ...SHORT];
    const { code, stdout, stderr } = await bench(args, { program: [...run, CLI] });
    assertEquals(code, 0, stderr + stdout);
    assertMatch(row(stdout, "multiplex"), / 1\.00 /);
    assertMatch(row(stdout, "plain"), /^plain +[\d,.]+ /);
  });
}

Deno.test("bench on Node without node:ffi says in one line what it needs", async () => {
  const { run } = await target("node24");
  const { code, stdout, stderr } = await bench(SHORT, { program: [...run, CLI] });
  assertEquals([code, stdout], [1, ""]);
  assertEquals(
    stderr,
    "trivet: bench cannot measure here: it needs the C library: run Node 26.9 or newer\n",
  );
});

/**
 * What each model reached against the runtime's own plain server, 8 connections
 * × 100 bytes, on 2 cores: docs/measurements.md. Under half of it, something is
 * broken.
 */
const USUAL: Record<string, number> = { multiplex: 1, thread: 0.6, process: 0.6 };

Deno.test("no model falls under half of its usual speed", async () => {
  const file = await Deno.makeTempFile();
  try {
    const best: Record<string, number> = {};
    const slow = () => Object.keys(USUAL).filter((name) => !(best[name] >= USUAL[name] / 2));
    for (let n = 0; n < TRIES && slow().length > 0; n++) {
      const models = ["--models", slow().join(","), "--peer", PLAIN];
      const { code, stderr } = await bench([
        ...models,
        ...["--connections", "8", "--seconds", "0.25", "--rounds", "1", "--json", file],
      ]);
      assertEquals(code, 0, stderr);
      const { servers } = JSON.parse(await Deno.readTextFile(file)).scenarios[0];
      const plain = servers.at(-1).messagesPerSecond;
      for (const { name, messagesPerSecond } of servers) {
        const share = messagesPerSecond / plain;
        if (!(best[name] >= share)) best[name] = share;
      }
    }
    assertEquals(slow(), [], JSON.stringify(best));
  } finally {
    await Deno.remove(file);
  }
});
