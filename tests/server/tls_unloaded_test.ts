/** Nothing is loaded for which no option asks: neither TLS nor what reads PROXY headers and access lists. */
import { assertEquals } from "@std/assert";
import { Command } from "../tools/command.ts";
import { target } from "../tools/targets.ts";

const fixture = (name: string) => new URL(`../fixtures/servers/${name}`, import.meta.url);

// The others do not tell what they have loaded.
const { run } = await target("node");

async function loaded(...args: string[]): Promise<string> {
  await using command = new Command([fixture("loaded_modules.ts").pathname, ...args], {
    program: run,
    env: { NODE_OPTIONS: `--import=${fixture("own_modules_hook.ts")}` },
  });
  assertEquals(await command.exit(), 0, command.stderr);
  return command.stdout;
}

for (
  const [model, workers] of [["multiplex", "0"], ["multiplex", "1"], ["thread", "0"], [
    "process",
    "0",
  ]]
) {
  Deno.test(`node: ${model} with ${workers} workers: without an option nothing of TLS, PROXY or access lists is loaded, where a handler runs or else`, async () => {
    assertEquals(await loaded(model, workers), "handler: \nmain: \n");
  });
}

Deno.test("node: process: what an option asks for is loaded, and nothing else", async () => {
  const options = JSON.stringify({ allow: ["127.0.0.1"] });
  const files = ["connection/networks.ts", "serving/access_prelude.ts"];
  assertEquals(await loaded("process", "0", options), `handler: ${files}\nmain: \n`);
});
