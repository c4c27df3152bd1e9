/** Where Node keeps what it has compiled, which it runs the next time. */
import { assertEquals } from "@std/assert";
import { CLI, Command } from "../tools/command.ts";
import { target } from "../tools/targets.ts";

const [node] = (await target("node")).run;
const program = ["env", "-u", "NODE_COMPILE_CACHE", node, CLI] as const;

/** How many files and folders are kept, if the folder's mode was this; null: it was not there. */
async function kept(mode: number | null, cacheMode = 0o700): Promise<number> {
  const cache = await Deno.makeTempDir();
  try {
    const folder = `${cache}/trivet`;
    if (mode !== null) {
      await Deno.mkdir(folder);
      await Deno.chmod(folder, mode);
    }
    await Deno.chmod(cache, cacheMode);
    const env = { XDG_CACHE_HOME: cache };
    await using command = new Command(["--help"], { program: [...program], env });
    assertEquals(await command.exit(), 0);
    assertEquals(command.stderr, "");
    assertEquals((await Deno.stat(folder)).mode! & 0o777, mode ?? 0o700);
    return [...Deno.readDirSync(folder)].length;
  } finally {
    await Deno.remove(cache, { recursive: true });
  }
}

Deno.test("a command keeps what Node compiles, in a folder that is the user's alone", async () => {
  assertEquals(await kept(null), 1);
  assertEquals(await kept(0o700, 0o755), 1);
});

Deno.test("nothing is kept, and so run, where somebody else can write", async () => {
  assertEquals(await kept(0o777), 0);
  assertEquals(await kept(0o755), 0); // Node's own folder in it has what the umask leaves
  assertEquals(await kept(null, 0o777), 0);
});
