/** What a server tells of its clients, each once and in order, however its workers tell it. */
import { assertEquals } from "@std/assert";
import { Client, until } from "../tools/client.ts";
import { end } from "../tools/command.ts";
import { events, type LogLine } from "../tools/log_lines.ts";
import { onEachRuntime } from "../tools/on_each_runtime.ts";

const FAULTS = new URL("../fixtures/handlers/faults_blocking.ts", import.meta.url).pathname;
/** How many, and which of them come while nobody looks: far more than the workers can tell. */
const [CLIENTS, STOPPED] = [1000, [300, 700]];
/** The same of workers with an event loop, which have larger rings. */
const [MANY_CLIENTS, LONG_STOPPED] = [3000, [300, 2700]];

/** What the server was told to do, and how it then has to end. */
const ENDS = { nothing: "handler", throws: "error" };

await onEachRuntime(({ test, serve }) => {
  const ways = ["thread", "process", "process --no-fork", "multiplex --workers 2"];
  for (const args of ways.map((way) => way.split(" "))) {
    const many = args[0] === "multiplex";
    const [clients, stopped] = many ? [MANY_CLIENTS, LONG_STOPPED] : [CLIENTS, STOPPED];
    test(`serve --model ${args.join(" ")} tells of ${clients} clients that come and go, each once and in order`, async () => {
      const few = ["--max-connections", "4", "--log", "json", "--handler", FAULTS];
      await using command = serve("--model", ...args, ...few);
      const address = await command.ready();
      /** By the client's port, how it has to end. */
      const expected: [number, string][] = [];
      const asking = Array.from({ length: 8 }, async (_, first) => {
        for (let i = first; i < clients; i += 8) {
          const client = await Client.open(address);
          // What a process cannot tell here it sends.
          if (args[0] !== "thread" && i === stopped[0]) command.child.kill("SIGSTOP");
          if (i === stopped[1]) command.child.kill("SIGCONT");
          const what = i % 50 === 0 ? "throws" : "nothing";
          expected.push([client.socket.localPort!, ENDS[what]]);
          await client.send(what);
          client.halfClose();
          await until("its end", () => client.ended || client.closed);
          await client.close();
        }
      });
      await Promise.all(asking);
      await end(command);

      const told = events(command).filter(({ type }) => type === "accepted" || type === "closed");
      const ends = told.flatMap((line): [number, string][] =>
        line.type === "closed" ? [[line.remoteAddr!.port!, line.reason!]] : []
      );
      const sorted = (pairs: [number, string][]) => pairs.map((pair) => pair.join(" ")).sort();
      assertEquals(sorted(ends), sorted(expected));
      // A worker has one at a time, if it has no event loop.
      const has = new Map<number | string, LogLine>();
      for (const line of told) {
        const place = many ? line.id! : line.worker!.id;
        const before = has.get(place);
        if (line.type === "accepted") assertEquals(before, undefined);
        else assertEquals([before?.id, before?.remoteAddr], [line.id, line.remoteAddr]);
        if (line.type === "accepted") has.set(place, line);
        else has.delete(place);
      }
      assertEquals(has.size, 0);
    });
  }
});
