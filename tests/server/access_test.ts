/** Who may be a client: `allow` and `deny`. */
import { assert, assertEquals, assertMatch, assertRejects } from "@std/assert";
import { serve } from "../../mod.ts";
import { Client, until, visit, within } from "../tools/client.ts";
import { Command, end } from "../tools/command.ts";
import { onEachRuntime } from "../tools/on_each_runtime.ts";
import { WAYS } from "../tools/ways.ts";

/** Whether a client from there is served; otherwise it was closed at once. */
async function isServed(address: { port: number }, from: string): Promise<boolean> {
  const client = await Client.open({ transport: "tcp", hostname: "127.0.0.1", ...address }, from);
  try {
    await client.send("hello");
    return await client.receiveText(5) === "hello";
  } catch {
    return false;
  } finally {
    await client.close();
  }
}

/** More networks than a process can be told in an argument, which Linux limits to 128 KiB. */
const MANY = Array.from({ length: 20_000 }, (_, i) => `198.18.${i >> 8}.${i & 255}\n`).join("");

await onEachRuntime(({ on, test, serve }) => {
  for (const [way, args] of Object.entries(WAYS)) {
    // Beside the reading of a file it is the same code on each.
    if (on.name !== "deno" && way !== "multiplex --workers") continue;
    test(`serve --model ${way} lets in whom --allow names and --deny does not, and reads its file again`, async () => {
      const file = await Deno.makeTempFile();
      await Deno.writeTextFile(file, `127.0.0.7  # for now\n\n${MANY}`);
      const lists = ["--allow", "127.0.0.0/29", "--deny", `127.0.0.2,@${file}`];
      await using command = serve(
        ...args,
        ...lists,
        "--log",
        "json",
        "--max-connections-per-source",
        "9",
      );
      const address = await command.ready() as { port: number };
      const served = async (...from: string[]) => {
        const those = [];
        for (const source of from) if (await isServed(address, source)) those.push(source);
        return those;
      };
      const all = ["127.0.0.1", "127.0.0.2", "127.0.0.3", "127.0.0.7", "127.0.0.8"];
      assertEquals(await served(...all), ["127.0.0.1", "127.0.0.3"]);
      await until("a refusal in the log", () => command.stderr.includes('"reason":"denied"'));

      await Deno.writeTextFile(file, `${MANY}127.0.0.3\n`);
      command.child.kill("SIGHUP");
      await until("the reload", () => command.stderr.includes('"reloaded"'));
      assertEquals(await served(...all), ["127.0.0.1", "127.0.0.7"]);

      await Deno.writeTextFile(file, "nobody\n");
      command.child.kill("SIGHUP");
      const failed = /"reload_failed".*Cannot read the networks in \S+: \\"nobody\\" is no network/;
      await until("that it failed", () => failed.test(command.stderr));
      assertEquals(await served(...all), ["127.0.0.1", "127.0.0.7"]);
      await end(command);
      await Deno.remove(file);
    });
  }
});

Deno.test("clients of Unix sockets are named unix", async () => {
  const folder = await Deno.makeTempDir();
  const path = `${folder}/socket`;
  for (const [allow, isLetIn] of [[["unix"], true], [["127.0.0.1"], false]] as const) {
    const server = await serve({ path, allow: [...allow] });
    if (isLetIn) await visit(server.addr);
    else {
      const client = await Client.open(server.addr);
      assertEquals(
        await within("its end", client.receiveAll().catch(() => null)),
        new Uint8Array(0),
      );
      await client.close();
    }
    await server.shutdown();
  }
  await Deno.remove(folder);
});

Deno.test("what is wrong with --allow and --deny is said in one line, before anybody listens", async () => {
  for (
    const [args, code, said] of [
      [["--allow", "10.0.0.1/8"], 2, /Cannot serve with allow: .* write 10\.0\.0\.0\/8\n$/],
      [["--deny", "everybody"], 2, /Cannot serve with deny: "everybody" is no network/],
      [["--allow", "@/nowhere/file"], 1, /Cannot read the networks in \/nowhere\/file: .*ENOENT/],
      [["--allow", "@/dev/null"], 1, /Cannot serve with allow: its files name nobody/],
    ] as const
  ) {
    await using command = new Command(["serve", "--port", "0", ...args]);
    assertEquals(await command.exit(), code, command.stderr);
    assertMatch(command.stderr, said);
    assert(command.stdout === "");
  }
  await assertRejects(() => serve({ allow: ["10.0.0.1/8"] }), TypeError, "10.0.0.0/8");
});
