import type { ModelName } from "../../mod.ts";
import { Client, until } from "../tools/client.ts";
import { ask, type ExampleCase, refused } from "./example.ts";
import { exampleTests } from "./run_example.ts";

/** What a line of the crash example ends. */
type Ends = "nothing" | "connection" | "server";

function crash(
  line: string,
  ends: Record<ModelName, Ends>,
  reported: RegExp,
  exitCode: number,
): ExampleCase {
  const models = Object.keys(ends) as ModelName[];
  return {
    name: `${line} ends what the header says`,
    ends: Object.fromEntries(
      models.filter((model) => ends[model] === "server").map((model) => [model, exitCode]),
    ),
    async run({ address, model, log }) {
      const other = model === "iterative" ? null : await Client.open(address);
      if (other) await ask(other, "hello\n", "hello\n");
      const client = await Client.open(address);
      await ask(client, "hello\n", "hello\n");
      const logged = log().length;
      const sent = line + (line === "throw" ? "\r\n" : "\n"); // telnet's line is the same
      await ask(client, sent, sent);

      if (ends[model] === "nothing") {
        await until("the report", () => reported.test(log().slice(logged)));
        await ask(client, "still here\n", "still here\n");
      } else {
        await until("the connection's end", () => client.ended || client.closed);
      }
      await client.close();

      if (ends[model] === "server") {
        if (other) await until("the other's end", () => other.ended || other.closed);
        await until("nobody listens", () => refused(address));
      } else {
        await until("the report", () => reported.test(log().slice(logged)));
        if (other) await ask(other, "still here\n", "still here\n");
        const next = await Client.open(address);
        await ask(next, "hello\n", "hello\n");
        await next.close();
      }
      await other?.close();
    },
  };
}

const CRASH: readonly ExampleCase[] = [
  {
    name: "lines come back, wherever they are split",
    async run({ address }) {
      const client = await Client.open(address);
      await ask(client, "one\ntwo\nth", "one\ntwo\n");
      await ask(client, "row\n", "throw\n");
      await client.receiveUntilReset();
    },
  },
  {
    name: "a line without an end ends its connection",
    async run({ address, log }) {
      const client = await Client.open(address);
      await client.send("x".repeat(10_000));
      await client.receiveUntilReset();
      await until("the report", () => log().includes("a line without an end"));
    },
  },
  crash(
    "throw",
    {
      multiplex: "connection",
      iterative: "connection",
      thread: "connection",
      process: "connection",
    },
    /"reason":"error","error":"thrown on purpose"/,
    0,
  ),
  crash(
    "late",
    { multiplex: "nothing", iterative: "nothing", thread: "connection", process: "connection" },
    /late on purpose/,
    0,
  ),
  crash(
    "exit",
    { multiplex: "server", iterative: "server", thread: "connection", process: "connection" },
    /"reason":"worker","error":"exit code 3"/,
    3,
  ),
  crash(
    "kill",
    { multiplex: "server", iterative: "server", thread: "server", process: "connection" },
    /"reason":"worker","error":"SIGKILL"/,
    128 + 9,
  ),
];

exampleTests({ file: "crash.ts", crashes: true, cases: CRASH });
