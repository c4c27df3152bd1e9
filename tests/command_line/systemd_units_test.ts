/** The units that `serve --print-systemd` prints. */
import { assert, assertEquals, assertMatch } from "@std/assert";
import { dirname } from "node:path";
import { without } from "../examples/real_clients.ts";
import { CLI, Command } from "../tools/command.ts";
import { onEachRuntime } from "../tools/on_each_runtime.ts";

/** The text as files below a folder; returns the service's lines of each name. */
function unpack(text: string, root: string): Record<string, string> {
  const [, ...parts] = text.split(/^# ---- (\/\S+) ----$/m);
  const files: Record<string, string> = {};
  for (let i = 0; i < parts.length; i += 2) {
    const path = root + parts[i];
    Deno.mkdirSync(dirname(path), { recursive: true });
    Deno.writeTextFileSync(path, parts[i + 1]);
    files[parts[i].slice("/etc/systemd/system/".length)] = parts[i + 1];
  }
  return files;
}

/** What a unit assigns to a name, last. */
function valueOf(unit: string, name: string): string | undefined {
  return [...unit.matchAll(new RegExp(`^${name}=(.*)$`, "gm"))].at(-1)?.[1];
}

const ANALYZE = "systemd-analyze";

await onEachRuntime(({ on, test, run }) => {
  const print = async (args: string[], cwd?: string) => {
    await using command = run(["serve", "--print-systemd", ...args], { cwd });
    assertEquals(await command.exit(), 0, command.stderr);
    return command.stdout;
  };

  test("serve --print-systemd prints units with whole paths and the options given", async () => {
    const root = Deno.makeTempDirSync();
    const text = await print(
      [
        ...["--handler", "./h 1%.ts", "--model", "process", "--port", "80"],
        ...["--shutdown-timeout", "0.5", "--tls-cert", "c.pem", "--tls-key", "../k.pem"],
      ],
      root,
    );
    const files = unpack(text, root);
    assertEquals(Object.keys(files), [
      "trivet.service",
      "trivet.socket",
      "trivet.service.d/socket.conf",
    ]);
    const start = valueOf(files["trivet.service"], "ExecStart")!;
    assertMatch(start, /^\/\S+ /);
    const tls = `--tls-cert ${root}/c.pem --tls-key ${dirname(root)}/k.pem`;
    const handler = `--handler "${root}/h 1%%.ts" ${tls}`;
    assert(
      start.endsWith(`${CLI} serve --model process --port 80 ${handler} --shutdown-timeout 0.5`),
      start,
    );
    assertEquals(valueOf(files["trivet.service"], "TimeoutStopSec"), "6");
    assertEquals(valueOf(files["trivet.service"], "AmbientCapabilities"), "CAP_NET_BIND_SERVICE");
    assertEquals(valueOf(files["trivet.socket"], "ListenStream"), "127.0.0.1:80");
    const activated = valueOf(files["trivet.service.d/socket.conf"], "ExecStart")!;
    assert(activated.endsWith(`serve --model process ${handler} --shutdown-timeout 0.5`));
    Deno.removeSync(root, { recursive: true });
  });

  test("several places are lines of one socket unit, and what is said of one goes with its descriptor", async () => {
    const listen = ["127.0.0.1:80,proxy-protocol=10.0.0.0/8", "unix:/run/trivet/s", "9000"];
    const text = await print(listen.flatMap((at) => ["--listen", at]));
    assertEquals(
      [...text.matchAll(/^ListenStream=(.*)$/gm)].map(([, at]) => at),
      ["127.0.0.1:80", "/run/trivet/s", "127.0.0.1:9000"],
    );
    const started = [...text.matchAll(/^ExecStart=.* serve (.*)$/gm)].map(([, words]) => words);
    assertEquals(started, [
      listen.map((at) => `--listen ${at}`).join(" "),
      "--listen fd:3,proxy-protocol=10.0.0.0/8 --listen fd:4 --listen fd:5",
    ]);
  });

  test("the command line of the units is one that serves", async () => {
    const text = await print(["--port", "1"]);
    const start = valueOf(text.split("# ----")[1], "ExecStart")!.split(" ");
    assertEquals(start.splice(-2), ["--port", "1"]);
    const [program, ...args] = start;
    await using command = new Command([...args, "--port", "0"], {
      program: [program],
      cwd: "/",
    });
    await command.ready();
    command.child.kill("SIGTERM");
    assertEquals(await command.exit(), 0);
  });

  Deno.test({
    name: `${on.name}: systemd takes the units${without(ANALYZE)}`,
    ignore: without(ANALYZE) !== "",
    async fn() {
      for (const args of [[], ["--unix", "/run/trivet/a b", "--unix-mode", "0660"]]) {
        const root = Deno.makeTempDirSync();
        unpack(await print(args), root);
        const folder = `${root}/etc/systemd/system`;
        const { code, stderr } = await new Deno.Command(ANALYZE, {
          args: ["verify", "--man=no", `${folder}/trivet.service`, `${folder}/trivet.socket`],
          env: { SYSTEMD_UNIT_PATH: `${folder}:`, SYSTEMD_LOG_LEVEL: "warning" },
        }).output();
        const lines = new TextDecoder().decode(stderr).split("\n");
        // Before 253 it says that it does not know notify-reload, and has taken notify.
        const own = lines.filter((line) => /trivet/.test(line) && !/notify-reload/.test(line));
        assertEquals([code, own], [0, []]);
        Deno.removeSync(root, { recursive: true });
      }
    },
  });
});

Deno.test("serve --print-systemd says what suits no service", async () => {
  for (
    const [args, line] of [
      [["--port", "0"], /goes without port 0/],
      [["--unix", "/tmp/socket"], /a service has a \/tmp of its own/],
      [["--model", "iterative", "--workers", "2"], /Cannot serve with workers/],
    ] as const
  ) {
    await using command = new Command(["serve", "--print-systemd", ...args]);
    assertEquals(await command.exit(), 2);
    assertMatch(command.stderr, line);
    assertEquals(command.stdout, "");
  }
});

Deno.test("a server that can tell systemd nothing is not waited for", async () => {
  const flags = ["--no-prompt", "--allow-net", "--allow-env", "--allow-read"];
  await using command = new Command(["serve", "--print-systemd"], { flags });
  assertEquals(await command.exit(), 0);
  assertEquals(valueOf(command.stdout, "Type"), "exec");
  assertMatch(command.stdout, /ExecStart=\S+ run --allow-read --allow-net --allow-env /);
});

Deno.test("systemd listens where the server would", async () => {
  for (
    const [args, listens, more] of [
      [["--unix", "/run/trivet/socket", "--unix-mode", "0660"], ["/run/trivet/socket"], [
        "SocketMode=0660",
        "RuntimeDirectory=trivet",
        "RuntimeDirectoryPreserve=yes",
      ]],
      [["--unix", "/srv/100%/socket"], ["/srv/100%%/socket"], ["ReadWritePaths=/srv/100%%"]],
      [["--host", "::1", "--port", "7"], ["[::1]:7"], ["NoDelay=yes"]],
    ] as const
  ) {
    await using command = new Command(["serve", "--print-systemd", ...args]);
    assertEquals(await command.exit(), 0);
    const all = [...command.stdout.matchAll(/^ListenStream=(.*)$/gm)].map(([, where]) => where);
    assertEquals(all, [...listens]);
    const lines = command.stdout.split("\n");
    assertEquals(more.filter((line) => !lines.includes(line)), []);
  }
});
