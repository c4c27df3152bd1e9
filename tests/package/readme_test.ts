/** What the README tells people to type. */
import { assert, assertEquals, assertMatch } from "@std/assert";
import config from "../../deno.json" with { type: "json" };
import { Client, until, within } from "../tools/client.ts";
import { Command, descendants } from "../tools/command.ts";

const ROOT = new URL("../..", import.meta.url).pathname;
const README = await Deno.readTextFile(`${ROOT}/README.md`);

/** The blocks of one language, in order. */
function blocks(language: string): string[] {
  return [...README.matchAll(/^```(\w+)\n([\s\S]*?)^```$/gm)]
    .filter((match) => match[1] === language).map((match) => match[2]);
}

const commands = blocks("sh").flatMap((block) => block.trim().split("\n"));

/** Runs a line in a shell; the port that the README names is `port`. */
async function shell(line: string, port: number): Promise<string> {
  const command = new Deno.Command("sh", {
    args: [
      "-c",
      line.replace("8888", String(port)).replace(/connect$/, `connect 127.0.0.1 ${port}`),
    ],
    cwd: ROOT,
    env: { NO_COLOR: "1" },
    stderr: "piped",
  });
  const { code, stdout, stderr } = await within(line, command.output(), 300_000);
  assertEquals(code, 0, new TextDecoder().decode(stderr));
  return new TextDecoder().decode(stdout);
}

async function has(program: string): Promise<boolean> {
  return (await new Deno.Command("sh", { args: ["-c", `command -v ${program}`] }).output()).success;
}

Deno.test("the README's commands are those that its tests run", () => {
  const version = /deno@[\d.]+/.exec(README)![0];
  assertEquals(commands, [
    `npx -y ${version} run -A cli.ts serve`,
    `npx -y ${version} task test`,
    "printf 'hello\\nbye\\n' | nc 127.0.0.1 8888",
    `printf 'hello\\nbye\\n' | npx -y ${version} run -A cli.ts connect`,
    "deno run -A cli.ts serve --handler ./shout.ts --model process",
    "deno run -A cli.ts bench",
    // package_test.ts runs the rest.
    "deno run -A cli.ts serve",
    "bun cli.ts serve",
    "npm install && node cli.ts serve",
    "deno task package && npm pack ./build/npm",
    "npm pkg set type=module",
    `npm install ./trivet-${config.version}.tgz`,
    "npx trivet serve --model process",
    "bunx --bun trivet serve --model process",
  ]);
  assertEquals(version, `deno@${Deno.version.deno}`);
  assertMatch(config.tasks.test, /^DENO_JOBS=\d+ deno test .*tests\/$/);
  assert(README.includes("`deno run -A cli.ts serve` and `deno task test`"));
});

Deno.test("the README's first command serves, and its clients get their hello", async () => {
  const child = new Deno.Command("sh", {
    args: ["-c", `${commands[0]} --port 0`],
    cwd: ROOT,
    env: { NO_COLOR: "1" },
    stdout: "piped",
    stderr: "null",
  }).spawn();
  let stdout = "";
  const reading = (async () => {
    for await (const text of child.stdout.pipeThrough(new TextDecoderStream())) stdout += text;
  })();
  await until("the ready line", () => stdout.includes("\n"), 300_000);
  assertMatch(stdout, /^listening on 127\.0\.0\.1:\d+\n$/);
  const port = Number(stdout.trim().split(":")[1]);
  if (await has("nc")) assertEquals(await shell(commands[2], port), "hello\n");
  else console.log("    nc is not installed here: the client of the tests stands for it");
  const client = await Client.open({ transport: "tcp", hostname: "127.0.0.1", port });
  await client.send("hello\nbye\n");
  client.halfClose();
  assertEquals(new TextDecoder().decode(await client.receiveAll()), "hello\n");
  await client.close();
  assertEquals(await shell(commands[3], port), "hello\n");
  // npx passes no signal on, so the server itself is told.
  const server = descendants(child.pid).at(-1) ?? child.pid;
  Deno.kill(server, "SIGTERM");
  await within("its end", child.status);
  await reading;
});

Deno.test("the README's handler and program work as they stand there", async () => {
  const folder = await Deno.makeTempDir();
  const [handler, program] = blocks("ts");
  const local = (text: string) =>
    text.replaceAll("./mod.ts", new URL("../../mod.ts", import.meta.url).href);
  await Deno.writeTextFile(`${folder}/shout.ts`, local(handler));
  const args = commands[4].split(" ").slice(5);
  await using command = new Command(["serve", ...args, "--port", "0"], { cwd: folder });
  const client = await Client.open(await command.ready());
  await client.send("shout");
  assertEquals(await client.receiveText(5), "SHOUT");
  // Its buffer is full in the middle of a character.
  await client.send("a".repeat(1020) + "中文");
  assertEquals(await client.receiveText(1026), "A".repeat(1020) + "中文");
  await client.close();
  command.child.kill("SIGTERM");
  assertEquals(await command.exit(), 0);

  await Deno.writeTextFile(`${folder}/main.ts`, local(program).replace("8888", "0"));
  const { code, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", "--check", `${folder}/main.ts`],
    env: { NO_COLOR: "1" },
  }).output();
  assertEquals(code, 0, new TextDecoder().decode(stderr));
  await Deno.remove(folder, { recursive: true });
});

Deno.test("the README's bench measures", async () => {
  const line = commands.find((command) => command.endsWith("bench"))!;
  // A second: while the machine pauses nothing is measured.
  const short = line.replace("deno", Deno.execPath()) +
    " --models multiplex --connections 2 --seconds 1 --rounds 1";
  assertMatch(await shell(short, 0), /multiplex/);
});
