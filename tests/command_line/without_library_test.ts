/** Where no C library can be opened, and where the runtime is too old. */
import { assertEquals, assertMatch } from "@std/assert";
import { Client } from "../tools/client.ts";
import { CLI, Command } from "../tools/command.ts";
import { target } from "../tools/targets.ts";

const NO_FFI = {
  flags: ["--no-prompt", "--allow-net", "--allow-run", "--allow-env", "--allow-read"],
};
const node24 = { program: [...(await target("node24")).run, CLI] as [string, ...string[]] };
const WAYS = [["Deno without --allow-ffi", NO_FFI], ["Node 24", node24]] as const;

for (const [name, options] of WAYS) {
  Deno.test(`${name}: serve --model thread says in one line what it needs`, async () => {
    await using command = new Command(["serve", "--port", "0", "--model", "thread"], options);
    assertEquals(await command.exit(), 1);
    assertMatch(
      command.stderr,
      /^trivet: .*it needs the C library: run (Deno with --allow-ffi|Node 26.9 or newer).*\n$/,
    );
  });

  for (const model of ["multiplex", "iterative", "process"]) {
    Deno.test(`${name}: serve --model ${model} serves, and says how`, async () => {
      await using command = new Command(["serve", "--port", "0", "--model", model], options);
      const client = await Client.open(await command.ready());
      await client.send("hello\nbye\n");
      assertEquals(new TextDecoder().decode(await client.receiveAll()), "hello\n");
      await client.close();
      command.child.kill("SIGTERM");
      assertEquals(await command.exit(), 0);
      assertEquals(command.stderr.includes("sockets are handed over"), model === "process");
    });
  }
}

Deno.test("serve --model process says which way the sockets go where both can be had", async () => {
  for (const [flag, line] of [["--hand-over", /handed over/], ["--verbose", /share the listen/]]) {
    const args = ["serve", "--port", "0", "--model", "process", flag as string];
    await using command = new Command(args);
    await command.ready();
    command.child.kill("SIGTERM");
    assertEquals(await command.exit(), 0);
    assertMatch(command.stderr, line as RegExp);
  }
});

Deno.test("serve says what it needs to limit the memory of workers", async () => {
  const flags = ["--no-prompt", "--allow-net", "--allow-run", "--allow-env", "--allow-read"];
  const args = ["serve", "--port", "0", "--model", "process", "--max-worker-memory", "100"];
  await using command = new Command(args, { flags });
  assertEquals(await command.exit(), 1);
  assertMatch(command.stderr, /^trivet: Cannot limit the workers' memory: .* on Deno -A\n$/);
});

/** Makes a runtime say that it is older than it is; Bun lets nobody do that. */
const OLDER = {
  deno: ["--preload", 'Object.defineProperty(Deno, "version", { value: { deno: "2.8.3" } })'],
  node: [
    "--import",
    'Object.defineProperty(process, "versions", { value: { ...process.versions, node: "22.18.0" } })',
  ],
};

for (const [name, [flag, code]] of Object.entries(OLDER)) {
  Deno.test(`${name}: a command says in one line that the runtime is too old`, async () => {
    const [program, ...run] = (await target(name as keyof typeof OLDER)).run;
    await using command = new Command(["serve", "--port", "0"], {
      program: [program, ...run, flag, `data:text/javascript,${encodeURIComponent(code)}`, CLI],
    });
    assertEquals(await command.exit(), 1);
    assertMatch(
      command.stderr,
      /^trivet: Trivet needs (Deno 2.9|Node 24.0) or newer: this is (2.8.3|22.18.0)\n$/,
    );
  });
}
