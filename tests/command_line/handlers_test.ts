/** What handlers may do, and what is said of one that cannot be served. */
import { assert, assertEquals, assertMatch } from "@std/assert";
import { MODELS } from "../../src/server/models.ts";
import { Client, until } from "../tools/client.ts";
import { onEachRuntime } from "../tools/on_each_runtime.ts";

const NAMES = Object.keys(MODELS);

await onEachRuntime(({ test, run, serve }) => {
  for (const model of NAMES) {
    test(`serve --model ${model} runs a handler, and its error ends one connection`, async () => {
      const args = ["--port", "0", "--spares", "1", "--handler", "throws_on_boom.ts"];
      await using command = run(["serve", "--model", model, ...args], {
        cwd: new URL("../fixtures/handlers", import.meta.url).pathname,
      });
      const address = await command.ready();
      const one = await Client.open(address);
      await one.send("boom\x1b[31m");
      await one.receiveUntilReset();
      const two = await Client.open(address);
      await two.send("fine");
      assertEquals(await two.receiveText(4), "fine");
      await two.close();
      await until(
        "the log says why",
        () => command.stderr.includes("error: boom, on purpose"),
      );
      command.child.kill("SIGTERM");
      assertEquals(await command.exit(), 0);
    });

    for (
      const [module, line] of [
        [
          "no_default.ts",
          "its default export must be a function, and is missing",
        ],
        [
          "not_a_function.ts",
          "its default export must be a function, and is a string",
        ],
        ["throws_at_load.ts", "broken at load"],
        ["not_there.ts", "not_there.ts"],
      ]
    ) {
      test(`serve --model ${model} says in one line what is wrong with ${module}`, async () => {
        await using command = run([
          "serve",
          "--port",
          "0",
          "--model",
          model,
          "--handler",
          module,
        ], {
          cwd: new URL("../fixtures/handlers", import.meta.url).pathname,
        });
        assertEquals(await command.exit(), 1);
        assertEquals(command.stdout, "");
        assert(command.stderr.includes(line), command.stderr);
        assertEquals(
          command.stderr.trimEnd().split("\n").length,
          1,
          command.stderr,
        );
      });
    }
  }

  for (const model of [...NAMES, "process --hand-over"]) {
    test(`serve --model ${model}: what a handler starts inherits no socket`, async () => {
      const handler = new URL("../fixtures/handlers/inherits.ts", import.meta.url).href;
      await using command = serve("--model", ...model.split(" "), "--handler", handler);
      const client = await Client.open(await command.ready());
      const list = new TextDecoder().decode(await client.receiveAll());
      await client.close();
      assertMatch(list, / -> /); // it has listed something
      // 0 to 2 are its own; some runtimes make them of sockets.
      assert(!/ ([3-9]|\d\d+) -> (socket|anon_inode):/.test(list), list);
      command.child.kill("SIGTERM");
      assertEquals(await command.exit(), 0);
    });
  }

  test("serve --model multiplex serves others while a handler writes without end", async () => {
    await using command = serve(
      "--handler",
      new URL("../fixtures/handlers/endless.ts", import.meta.url).href,
    );
    const address = await command.ready();
    const flood = await Client.open(address);
    await flood.send("flood");
    await until("the flood comes", () => flood.received > 1000);
    const client = await Client.open(address);
    for (const word of ["one", "two"]) {
      await client.send(word);
      assertEquals(await client.receiveText(3), word);
    }
    await client.close();
    await flood.close();
    command.child.kill("SIGTERM");
    assertEquals(await command.exit(), 0);
  });

  for (const model of ["multiplex", "thread", "process --hand-over"]) {
    test(`serve --model ${model}: either side may send FIN first, and the other goes on`, async () => {
      const handler = new URL("../fixtures/handlers/half_closes.ts", import.meta.url).href;
      await using command = serve("--model", ...model.split(" "), "--handler", handler);
      const address = await command.ready();
      const ours = await Client.open(address);
      await ours.send("after");
      ours.halfClose();
      assertEquals(new TextDecoder().decode(await ours.receiveAll()), "after");
      await ours.close();
      const theirs = await Client.open(address);
      await theirs.send("first");
      await theirs.receiveAll();
      await theirs.send("late");
      theirs.halfClose();
      await until("both are closed", () => command.log.split("\n- ").length === 3);
      await theirs.close();
      command.child.kill("SIGTERM");
      assertEquals(await command.exit(), 0);
      assertMatch(command.stderr, / 5 in, 5 out, [\d.]+ s\n/);
      assertMatch(command.stderr, / 9 in, 0 out, [\d.]+ s\n/); // no error
    });
  }

  test("what was written before close() comes, though it is read later", async () => {
    await using command = serve(
      "--handler",
      new URL("../fixtures/handlers/closes.ts", import.meta.url).href,
    );
    const client = await Client.open(await command.ready());
    client.socket.pause();
    await client.send("x");
    await until("it is closed", () => command.log.includes("\n- "));
    client.socket.resume();
    assertEquals((await client.receiveAll()).length, 256 << 10);
    await client.close();
    assertEquals(client.error, null);
    command.child.kill("SIGTERM");
    assertEquals(await command.exit(), 0);
  });
});
