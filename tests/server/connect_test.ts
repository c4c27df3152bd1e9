/** How connect() says that it cannot. */
import { assert, assertEquals } from "@std/assert";
import { Command } from "../tools/command.ts";
import { target } from "../tools/targets.ts";

const PROGRAM = new URL("../fixtures/servers/connect_errors.ts", import.meta.url).pathname;

for (const name of ["deno", "bun", "node", "node24"] as const) {
  const { run } = await target(name);
  Deno.test(`${name}: connect() fails with the same codes and words on every runtime`, async () => {
    await using command = new Command([PROGRAM], { program: run });
    assertEquals(await command.exit(), 0, command.stderr);
    const lines = command.stdout.trimEnd().split("\n");
    assertEquals(lines.slice(0, 2), [
      "ECONNREFUSED Cannot connect to 127.0.0.1:1: nobody listens there",
      "ECONNREFUSED Cannot connect to [::1]:1: nobody listens there",
    ]);
    // A machine without a name server cannot know.
    const unknown = "Cannot connect to nosuchhost.invalid:1:";
    assert(
      lines[2] === `ENOTFOUND ${unknown} no host has that name` ||
        lines[2] === `EAI_AGAIN ${unknown} no name server answers`,
      lines[2],
    );
    assertEquals(lines[3], "ENOENT Cannot connect to unix:/nowhere/socket: no such socket");
    assertEquals(lines.slice(5), [
      "ENOTFOUND Cannot connect to [127.0.0.1]:1: no host has that name",
      `ENOTFOUND Cannot connect to ${"x".repeat(300)}:1: no host has that name`,
      "ENOTDIR Cannot connect to unix:/proc/version/socket: no such socket",
    ]);
    assert(/^ENAMETOOLONG Cannot connect to unix:\/x+: a socket's path .*$/.test(lines[4]));
  });
}
