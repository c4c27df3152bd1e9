/** What the log says of a handler's errors, and of a runtime's warnings. */
import { assert, assertEquals, assertMatch } from "@std/assert";
import { Client, until } from "../tools/client.ts";
import { CLI, Command, end } from "../tools/command.ts";
import { onEachRuntime } from "../tools/on_each_runtime.ts";
import { target } from "../tools/targets.ts";
import { WAYS } from "../tools/ways.ts";

const FAULTS = new URL("../fixtures/handlers/faults.ts", import.meta.url).pathname;
const LINES = (await Deno.readTextFile(FAULTS)).split("\n");

/** Where the handler throws: the line in the fixture. */
function lineOf(text: string): number {
  return LINES.findIndex((line) => line.includes(text)) + 1;
}

async function told(command: Command, fault: string): Promise<void> {
  const client = await Client.open(await command.ready());
  await client.send(fault);
  await client.receiveUntilReset();
}

function events(command: Command) {
  return command.stderr.trim().split("\n").map((line) => JSON.parse(line));
}

await onEachRuntime(({ test, serve }) => {
  test("serve shows below a connection's line where its handler has thrown", async () => {
    await using command = serve("--handler", FAULTS);
    await told(command, "throws");
    await told(command, "fails");
    await end(command);
    assertMatch(command.log, /^- .*\(error: thrown on purpose\)\n {4}at .*faults\.ts:\d+:\d+/m);
    assertMatch(command.stderr, /\(error: ENOENT: .*\)\n(?! )/); // one line
  });

  for (const [way, args] of Object.entries(WAYS)) {
    test(`serve --model ${way} tells what a handler has thrown, and where`, async () => {
      await using command = serve(...args, "--handler", FAULTS, "--log", "json");
      await told(command, "fails");
      await told(command, "throws much");
      await end(command);
      // Two workers may tell of them in either order.
      const closed = events(command).filter(({ type }) => type === "closed");
      assertEquals(closed.length, 2);
      const [[failed], [much]] = [true, false].map((isOne) =>
        closed.filter(({ code }) => (code === "ENOENT") === isOne)
      );
      assert(failed.stack.includes(`faults.ts:${lineOf('code: "ENOENT"')}:`), failed.stack);
      assertMatch(much.error, /^x+…$/);
      assert(much.error.length + much.stack.length < 10_000, "the error was not cut");
      assert(much.stack.includes(`faults.ts:${lineOf("5_000_000")}:`), much.stack.slice(-1000));
      assertEquals(events(command)[0].type, "listening");
    });
  }
});

const { run: [node] } = await target("node");

for (const model of ["multiplex", "thread", "process"]) {
  Deno.test(`node: serve --model ${model} logs what Node warns of as an event, once`, async () => {
    const folder = await Deno.makeTempDir();
    const handler = `${folder}/handler.js`;
    await Deno.writeTextFile(`${folder}/package.json`, "{}");
    await Deno.writeTextFile(handler, "export default () => {};");
    const args = ["serve", "--port", "0", "--model", model, "--log", "json", "--handler", handler];
    await using command = new Command(args, {
      program: [node, CLI],
      env: { NODE_OPTIONS: "--inspect=127.0.0.1:0 --no-deprecation" },
    });
    await command.ready();
    const started = () => command.stderr.split('"worker_started"').length - 1;
    await until("its workers", () => model === "multiplex" || started() >= 4);
    command.child.kill("SIGTERM");
    assertEquals(await command.exit(), 0);
    await Deno.remove(folder, { recursive: true });
    const lines = command.stderr.trim().split("\n");
    const others = lines.filter((line) => !line.startsWith("{"));
    assertEquals(others.filter((line) => !OF_INSPECTOR.test(line)), []);
    assertEquals(others.filter((line) => line.startsWith("Debugger listening")).length, 1);
    const warnings = lines.filter((line) => line.includes('"type":"warning"'));
    assertEquals(warnings.length, 1, command.stderr);
    assertMatch(
      JSON.parse(warnings[0]).message,
      /^\[MODULE_TYPELESS_PACKAGE_JSON\] Warning: .*add/,
    );
  });
}

/** What the main process says of it. */
const OF_INSPECTOR = /^(Debugger listening|For help, see)/;
