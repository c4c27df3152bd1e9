/** Standard streams that nobody reads any more, or that were never open. */
import { assert, assertEquals } from "@std/assert";
import { greeted, until, visit } from "../tools/client.ts";
import { alive, CLI, Command, descendants, end } from "../tools/command.ts";
import { onEachRuntime } from "../tools/on_each_runtime.ts";

const LOGS = new URL("../fixtures/handlers/logs.ts", import.meta.url).href;

/** The child of a shell that runs this program. */
function childOf(shell: number, program: string): number | undefined {
  return descendants(shell).find((pid) => {
    try {
      return Deno.readTextFileSync(`/proc/${pid}/cmdline`).startsWith(program);
    } catch {
      return false; // it has ended meanwhile
    }
  });
}

await onEachRuntime(({ on, test, run }) => {
  for (const way of ["process", "process --hand-over"]) {
    test(`serve ${way} | head -1: a handler's console.log ends nobody`, async () => {
      await using command = run(
        ["serve", "--port", "0", "--spares", "1", "--model", ...way.split(" "), "--handler", LOGS],
        { program: ["sh", "-c", '"$@" | head -n 1', "sh", ...on.run, CLI] },
      );
      const address = await command.ready();
      const server = childOf(command.child.pid, on.run[0])!;
      await until("nobody reads", () => childOf(command.child.pid, "head") === undefined);
      const client = await greeted(address);
      for (const word of ["one", "two", "three"]) {
        await client.send(word);
        assertEquals(await client.receiveText(word.length), word);
      }
      await client.close();
      Deno.kill(server, "SIGTERM");
      await command.exit();
      await until("the end", () => !alive(server));
      assert(!command.stderr.includes("EPIPE"), command.stderr);
    });
  }

  for (const model of ["multiplex", "process"]) {
    test(`serve --model ${model} does not need its standard streams`, async () => {
      const folder = await Deno.makeTempDir();
      const path = `${folder}/socket`;
      await using command = new Command([
        "serve",
        "--unix",
        path,
        "--model",
        model,
        "--spares",
        "1",
      ], {
        program: ["sh", "-c", 'exec "$@" <&- >&- 2>&-', "sh", ...on.run, CLI],
      });
      const visited = () => visit({ transport: "unix", path }).then(() => true, () => false);
      await until("it serves", visited); // its file is there before it listens
      for (let n = 0; n < 2; n++) await visit({ transport: "unix", path });
      await end(command);
      assertEquals([...Deno.readDirSync(folder)], []);
      await Deno.remove(folder);
    });
  }
});
