/** Workers that may do less than the server. */
import { assertEquals, assertMatch, assertRejects } from "@std/assert";
import { serve, type ServeOptions } from "../../mod.ts";
import { Client, within } from "../tools/client.ts";
import { CLI, Command } from "../tools/command.ts";
import { target } from "../tools/targets.ts";

const HANDLER = new URL("../fixtures/handlers/tries_all.ts", import.meta.url);

/** What a handler could do, told by itself; it must echo too. */
async function tried(options: ServeOptions): Promise<Record<string, string>> {
  const server = await serve({ model: "process", port: 0, spares: 1, ...options }, HANDLER);
  const client = await Client.open(server.addr);
  let line = "";
  while (!line.endsWith("\n")) line += await client.receiveText(1);
  await client.send("hello");
  assertEquals(await client.receiveText(5), "hello");
  client.halfClose();
  assertEquals((await client.receiveAll()).length, 0);
  await client.close();
  await within("the end", server.shutdown());
  return JSON.parse(line);
}

Deno.test("a worker without any permission echoes, and can do nothing else", async () => {
  const came = await tried({ workerPermissions: [] });
  assertEquals(Object.keys(came).length, 12);
  assertEquals(new Set(Object.values(came)), new Set(["refused"]), JSON.stringify(came));
});

Deno.test("a worker has the permissions that it is given, and no others", async () => {
  const came = await tried({ workerPermissions: ["--allow-read=/etc", "--allow-env=PATH"] });
  const allowed = Object.keys(came).filter((what) => came[what] === "allowed");
  assertEquals(allowed, ["read a file", "read a file by node:fs", "look at the environment"]);
});

Deno.test("without the option a worker may do what the server may", async () => {
  const came = await tried({});
  assertEquals(came["read a file"], "allowed");
  assertEquals(came["open a library"], "allowed");
});

Deno.test("a handler that a restricted worker cannot load is named", async () => {
  const missing = new URL("../fixtures/handlers/no_such.ts", import.meta.url);
  const options: ServeOptions = { model: "process", port: 0, spares: 1, workerPermissions: [] };
  await assertRejects(() => serve(options, missing), Error, "Cannot load the handler file:");
});

for (
  const [flags, line] of [
    [["--allow-ffi"], /with --allow-ffi there is no restriction/],
    [["--allow-all"], /with --allow-all there is no restriction/],
    [["-A"], /"-A" is no permission flag of Deno/],
    [["--allow-everything"], /"--allow-everything" is no permission flag of Deno/],
    [["none", "--allow-read"], /none goes without other permissions/],
  ] as const
) {
  Deno.test(`--worker-permissions ${flags.join(" and ")} gets one clear line`, async () => {
    const given = flags.map((flag) => `--worker-permissions=${flag}`);
    await using command = new Command(["serve", "--model", "process", "--port", "0", ...given]);
    assertEquals(await command.exit(), 2);
    assertMatch(command.stderr, line);
    assertMatch(command.stderr, /^trivet: .*\n$/);
  });
}

Deno.test("workers are given no more than the server holds", async () => {
  await using command = new Command(
    ["serve", "--model", "process", "--port", "0", "--worker-permissions=--allow-read=/etc"],
    { flags: ["--no-prompt", "--allow-net", "--allow-run", "--allow-read=."] },
  );
  assertEquals(await command.exit(), 1);
  assertMatch(command.stderr, /this process does not hold --allow-read=\/etc itself/);
});

for (const name of ["bun", "node"] as const) {
  const { run } = await target(name);
  Deno.test(`${name}: --worker-permissions says that it is Deno's`, async () => {
    await using command = new Command(
      ["serve", "--model", "process", "--port", "0", "--worker-permissions", "none"],
      { program: [...run, CLI] },
    );
    assertEquals(await command.exit(), 1);
    assertMatch(command.stderr, /^trivet: .*run Trivet on Deno\n$/);
  });
}

Deno.test("--worker-permissions under thread says that only a process can", async () => {
  await using command = new Command(
    ["serve", "--model", "thread", "--port", "0", "--worker-permissions", "none"],
  );
  assertEquals(await command.exit(), 2);
  assertMatch(command.stderr, /^trivet: .*only a process has permissions of its own.*\n$/);
});
