/** Where what the command prints cannot be written. */
import { assert, assertEquals, assertMatch } from "@std/assert";
import { until, visit } from "../tools/client.ts";
import { CLI, end } from "../tools/command.ts";
import { onEachRuntime } from "../tools/on_each_runtime.ts";

/** Whoever would read has ended before anything is printed. */
const UNREAD = 'exec 3> >(true); wait $!; "$@" >&3';

await onEachRuntime(({ on, test, run }) => {
  const shell = (line: string, args: string[]) =>
    run(args, { program: ["bash", "-c", line, "-", ...on.run, CLI] });

  for (const line of [UNREAD, '"$@" > /dev/full']) {
    test(`serve serves, and says where in its log, as ${line}`, async () => {
      const folder = await Deno.makeTempDir();
      const path = `${folder}/socket`;
      // The shell's own process is not the server: so it is told by its group.
      const server = run(["serve", "--unix", path], {
        program: ["setsid", "bash", "-c", `trap : TERM; ${line}`, "-", ...on.run, CLI],
      });
      let ended = false;
      server.status.then(() => ended = true);
      const said = () => server.stderr.includes(`listening on unix:${path}\n`);
      await until("its line", () => said() || ended);
      assertMatch(server.log, /^! standard output cannot be written \(.*\), the server goes on/m);
      await visit({ transport: "unix", path });
      Deno.kill(-server.child.pid, "SIGTERM");
      assertEquals(await server.exit(), 0, server.stderr);
      assertEquals([...Deno.readDirSync(folder)], []);
      await Deno.remove(folder);
    });
  }

  test("serve serves and ends though nobody reads a pipe that is full", async () => {
    const folder = await Deno.makeTempDir();
    const path = `${folder}/socket`;
    const fill = 'mkfifo "$0"; exec 3<>"$0"; head -c 65536 /dev/zero >&3; exec "$@" >&3';
    await using server = run(["serve", "--unix", path], {
      program: ["bash", "-c", fill, `${folder}/pipe`, ...on.run, CLI],
    });
    const visited = () => visit({ transport: "unix", path }).then(() => true, () => false);
    await until("it serves", visited);
    await end(server);
    await Deno.remove(folder, { recursive: true });
  });

  test("what nobody reads any more, and what does not fit, end with a code of their own", async () => {
    const unread = shell(UNREAD, ["serve", "--help"]);
    assertEquals(await unread.exit(), 141);
    assertEquals(unread.stderr, "");
    const full = shell('"$@" > /dev/full', ["--version"]);
    assertEquals(await full.exit(), 1);
    assert(/^trivet: .*no space left.*\n$/i.test(full.stderr), full.stderr);
    const mute = shell('"$@" 2> /dev/full', ["serve", "--nope"]);
    assertEquals(await mute.exit(), 2);
  });
});
