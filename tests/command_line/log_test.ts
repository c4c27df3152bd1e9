/** What goes to the log of `serve`, and what becomes of a log that nobody reads. */
import { assert, assertEquals, assertMatch } from "@std/assert";
import { MODELS } from "../../src/server/models.ts";
import { Client, greeted } from "../tools/client.ts";
import { CLI, Command, end } from "../tools/command.ts";
import { onEachRuntime } from "../tools/on_each_runtime.ts";

await onEachRuntime(({ on, test, run }) => {
  const serve = (...args: string[]) => run(["serve", "--port", "0", "--spares", "1", ...args]);

  for (const model of Object.keys(MODELS)) {
    test(`serve --model ${model} --log json gives an object a line`, async () => {
      await using command = serve("--model", model, "--log", "json");
      const client = await greeted(await command.ready());
      await end(command, client);
      const events = command.stderr.trim().split("\n").map((line) => JSON.parse(line));
      for (const type of ["listening", "accepted", "closed", "shutdown"]) {
        assertEquals(events.filter((event) => event.type === type).length, 1, type);
      }
      assert(events.every(({ time }) => Number.isInteger(time)));
      const closed = events.find(({ type }) => type === "closed");
      assertEquals([closed.bytesRead, closed.bytesWritten, closed.reason], [5, 5, "handler"]);
    });

    test(`serve --model ${model} --verbose shows messages as they are, with control characters escaped`, async () => {
      await using command = serve("--model", model, "--verbose");
      const client = await Client.open(await command.ready());
      const bytes = new TextEncoder().encode("\x1b[31mred 中文\n" + "x".repeat(1000));
      await client.send(bytes);
      await client.receive(bytes.length);
      await end(command, client);
      assert(!command.stderr.includes("\x1b"), "an escape character went to the log");
      const line = command.stderr.split("\n").find((line) => line.includes("[31mred"))!;
      assert(line.includes('"\\x1b[31mred 中文\\nxxx'), line);
      assert(line.length < 400, line);
    });

    test(`serve --model ${model} --log none writes nothing but the ready line`, async () => {
      await using command = serve("--model", model, "--log", "none");
      await end(command, await greeted(await command.ready()));
      assertEquals(command.stderr, "");
      assertMatch(command.stdout, /^listening on 127\.0\.0\.1:\d+\n$/);
    });

    test(`serve --model ${model}: a log that nobody reads stalls no client`, async () => {
      const command = new Deno.Command(on.run[0], {
        args: [
          ...on.run.slice(1),
          CLI,
          "serve",
          "--port",
          "0",
          "--spares",
          "1",
          "--verbose",
          "--model",
          model,
        ],
        stdout: "piped",
        stderr: "piped",
      }).spawn();
      const reader = command.stdout.pipeThrough(new TextDecoderStream()).getReader();
      const port = Number((await reader.read()).value!.trim().split(":")[1]);
      // Deno's own client, because it takes a tenth of the time that node:net takes here.
      const client = await Deno.connect({ hostname: "127.0.0.1", port });
      const message = new Uint8Array(200); // four characters each in the log
      const answer = new Uint8Array(200);
      for (let i = 0; i < 4000; i++) { // 3.2 MB of log: beyond the pipe and what may wait
        await client.write(message);
        for (let length = 0; length < message.length;) {
          const n = await client.read(answer);
          assert(n !== null, "the server closed the connection");
          length += n;
        }
      }
      client.close();
      command.kill("SIGTERM");
      let log = "";
      for await (const text of command.stderr.pipeThrough(new TextDecoderStream())) log += text;
      assertEquals((await command.status).code, 0);
      assertMatch(log, / lines of this log were dropped/);
      await reader.cancel();
    });
  }
});

for (const model of Object.keys(MODELS)) {
  Deno.test(`serve --model ${model} colours nothing where there is no terminal`, async () => {
    await using command = new Command(["serve", "--model", model, "--port", "0", "--spares", "1"], {
      env: { NO_COLOR: "" },
    });
    const client = await greeted(await command.ready());
    await client.close();
    command.child.kill("SIGTERM");
    assertEquals(await command.exit(), 0);
    assertMatch(command.log, /^\+ /m);
    assert(!command.stderr.includes("\x1b"));
  });
}
