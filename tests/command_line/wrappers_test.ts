/**
 * A signal to a server that something else has started, and that reaches it twice: the
 * whole process group gets it, and the wrapper forwards it.
 */
import { assert, assertEquals } from "@std/assert";
import config from "../../deno.json" with { type: "json" };
import { checkoutPackages } from "../../scripts/tools/npm.ts";
import { runtimes } from "../../scripts/tools/runtimes.ts";
import { Client, greeted, until } from "../tools/client.ts";
import { alive, CLI, Command, descendants, signal as send } from "../tools/command.ts";
import { retried } from "../tools/retried.ts";

const ROOT = new URL("../..", import.meta.url).pathname;
/** npx may ask the registry. */
const SLOW = 300_000;
const { bun, node } = await runtimes();
await checkoutPackages();

/** A project in which the package is installed, and the pinned runtimes are on PATH. */
async function project(): Promise<{ folder: string; env: Record<string, string> }> {
  const folder = await Deno.makeTempDir();
  const bin = `${folder}/node_modules/.bin`;
  await Deno.mkdir(bin, { recursive: true });
  await Deno.writeTextFile(
    `${folder}/package.json`,
    JSON.stringify({ private: true, scripts: { serve: `bun ${CLI} serve` } }),
  );
  await Deno.writeTextFile(`${bin}/trivet`, `#!/usr/bin/env node\nimport "${CLI}";\n`);
  await Deno.chmod(`${bin}/trivet`, 0o755);
  const programs = `${folder}/bin`;
  await Deno.mkdir(programs);
  for (const [name, path] of [["bun", bun], ["bunx", bun], ["node", node]]) {
    await Deno.symlink(path, `${programs}/${name}`);
  }
  return { folder, env: { PATH: `${programs}:${Deno.env.get("PATH")}` } };
}

const deno = Deno.execPath();
const run = ["run", "-A", CLI];
const README = await Deno.readTextFile(`${ROOT}/README.md`);

/** The wrappers, with the signals to try: some forward both, and some none. */
const WRAPPERS: [string, string[], Deno.Signal[]][] = [
  ["timeout", ["timeout", "600", deno, ...run, "serve"], ["SIGTERM"]],
  ["deno task", [deno, "task", "--cwd", ROOT, "serve"], ["SIGTERM", "SIGINT"]],
  ["bun run", ["bun", "run", "serve"], ["SIGTERM", "SIGINT"]],
  ["bunx --bun", ["bunx", "--bun", "trivet", "serve"], ["SIGTERM", "SIGINT"]],
  ["npx", ["npx", "trivet", "serve"], ["SIGINT"]],
  ["npx deno", ["npx", "-y", /deno@[\d.]+/.exec(README)![0], ...run, "serve"], ["SIGTERM"]],
];

assertEquals(config.tasks.serve, "deno run -A cli.ts serve");

/** Sends the signal to the process group while a connection is open, which must go on. */
async function signalled(words: string[], signal: Deno.Signal): Promise<void> {
  const { folder, env } = await project();
  const options = ["--port", "0", "--shutdown-timeout", "600"];
  // setsid: the group is the wrapper's own.
  const program: [string, ...string[]] = ["setsid", ...words];
  await using command = new Command(options, { cwd: folder, env, program });
  let family: number[] = [];
  try {
    const address = await command.ready(SLOW);
    const client = await greeted(address);
    family = [command.child.pid, ...descendants(command.child.pid)];
    Deno.kill(-command.child.pid, signal);
    const refused = () =>
      Client.open(address).then((late) => late.close().then(() => false), () => true);
    await until("newcomers are refused", refused);
    // A while, for what is still to be forwarded.
    for (let i = 0; i < 20; i++) {
      await client.send("still");
      assertEquals(await client.receiveText(5), "still");
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
    await client.close();
    await until("nothing is left running", () => !family.some(alive));
    await command.exit();
    assert(!command.stderr.includes("timeout is over"), command.stderr);
  } finally {
    await Client.closeAll();
    for (const pid of family.filter(alive)) send(pid, "SIGKILL");
    await command.exit();
    await Deno.remove(folder, { recursive: true });
  }
}

for (const [name, words, signals] of WRAPPERS) {
  for (const signal of signals) {
    // A wrapper that is paused forwards the signal so late that it is another one.
    Deno.test(`${name}: one ${signal} to the process group lets an open connection finish`, () =>
      retried(() => signalled(words, signal), 3));
  }
}
