/** Without TLS nothing of it is loaded. */
import { assertEquals } from "@std/assert";
import { Command } from "../tools/command.ts";
import { target } from "../tools/targets.ts";

const PROGRAM = new URL("../fixtures/servers/loaded_modules.ts", import.meta.url).pathname;

// The others do not tell what of their own they have loaded.
const { run } = await target("node");
for (const [model, workers] of [["multiplex", "0"], ["multiplex", "1"], ["thread", "0"]]) {
  Deno.test(`node: ${model} with ${workers} workers: without TLS no module of it is loaded, where a handler runs or else`, async () => {
    const command = new Command([PROGRAM, model, workers], { program: run });
    assertEquals(await command.exit(), 0, command.stderr);
    assertEquals(command.stdout, "handler: \nmain: \n");
  });
}
