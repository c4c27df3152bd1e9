/**
 * Lets forks do what an engine does for itself — collect garbage of all kinds, compile, make
 * regular expressions and WebAssembly, overflow the stack — to show whether one ever hangs.
 *
 *     deno run -A scripts/soak/forks.ts --seconds 60
 * @module
 */
import { parseArgs } from "@std/cli/parse-args";
import { delay } from "../../src/connection/delay.ts";
import { Client } from "../../tests/tools/client.ts";
import { Command } from "../../tests/tools/command.ts";
import { target } from "../../tests/tools/targets.ts";

const HANDLER = new URL("../../tests/fixtures/handlers/forked.ts", import.meta.url).href;
const CLI = new URL("../../cli.ts", import.meta.url).pathname;
/** Milliseconds that an answer may take, on a machine that others use. */
const LONGEST = 20_000;

const given = parseArgs(Deno.args, { string: ["runtimes", "seconds", "workers"] });
const { runtimes = "deno,bun,node", seconds = "60", workers = "10" } = given as Record<
  string,
  string | undefined
>;

async function ask(client: Client, what: string): Promise<unknown> {
  await client.send(`${what}\n`);
  let text = "";
  while (!text.endsWith("\n")) text += await client.receiveText(1, LONGEST);
  return JSON.parse(text);
}

/** The work that took longest, milliseconds. */
let slowest = { kind: "", took: 0 };

/** One client, and so one fork, until the time is over. */
async function visit(address: Parameters<typeof Client.open>[0], end: number): Promise<number> {
  const client = await Client.open(address);
  const kinds = await ask(client, "list") as string[];
  let answers = 0;
  while (performance.now() < end) {
    const kind = kinds[Math.floor(Math.random() * kinds.length)];
    const start = performance.now();
    const answer = await ask(client, `work: ${kind}`);
    if (answer !== kind) throw new Error(`"${kind}" was answered with ${answer}`);
    const took = performance.now() - start;
    if (took > slowest.took) slowest = { kind, took };
    answers++;
    await delay(0);
  }
  await client.close();
  return answers;
}

for (const name of runtimes.split(",") as ("deno" | "bun" | "node")[]) {
  const { run: [program, ...args] } = await target(name);
  const serve = ["serve", "--port", "0", "--model", "process", "--log", "json"];
  await using command = new Command([], {
    program: [program, ...args, CLI, ...serve, "--handler", HANDLER],
  });
  const address = await command.ready();
  const end = performance.now() + Number(seconds) * 1000;
  slowest = { kind: "", took: 0 };
  const visits = Array.from({ length: Number(workers) }, () => visit(address, end));
  const answers = (await Promise.all(visits)).reduce((sum, count) => sum + count, 0);
  command.child.kill("SIGTERM");
  const code = await command.exit();
  const ends = command.stderr.split("\n").filter((line) => line.includes('"worker_exited"'))
    .filter((line) => !line.includes('"reason":"exit"'));
  console.log(
    `${name}: ${answers} answers by ${workers} forks in ${seconds} s, the slowest ` +
      `after ${Math.round(slowest.took)} ms (${slowest.kind}); ` +
      `${ends.length} workers ended; exit ${code}`,
  );
  if (code !== 0 || ends.length > 0) Deno.exitCode = 1;
}
