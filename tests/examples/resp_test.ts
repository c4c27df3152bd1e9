import { assertEquals, assertMatch } from "@std/assert";
import { Client } from "../tools/client.ts";
import { answered, ask, ends, type ExampleCase, ITERATIVE_WAITS } from "./example.ts";
import { portOf, run, tool, without } from "./real_clients.ts";
import { exampleTests } from "./run_example.ts";

/** A command as clients send it. */
function command(...words: string[]): string {
  return `*${words.length}\r\n` + words.map((word) => {
    const { length } = new TextEncoder().encode(word);
    return `$${length}\r\n${word}\r\n`;
  }).join("");
}

const RESP: readonly ExampleCase[] = [
  {
    name: "a pipeline is answered in its order, inline commands too",
    async run({ address }) {
      const client = await Client.open(address);
      const commands: [string, string][] = [
        ["PING\r\n", "+PONG\r\n"],
        [command("ping", "you"), "$3\r\nyou\r\n"],
        [command("ECHO", "grüße"), "$7\r\ngrüße\r\n"],
        [command("SET", "a", "1"), "+OK\r\n"],
        [command("INCR", "a"), ":2\r\n"],
        ["  get   a \n", "$1\r\n2\r\n"],
        [command("GET", "nothing"), "$-1\r\n"],
        [command("LPUSH", "list", "x", "ü"), ":2\r\n"],
        [command("LPUSH", "list", "z"), ":3\r\n"],
        [command("LRANGE", "list", "0", "1"), "*2\r\n$1\r\nz\r\n$2\r\nü\r\n"],
        [command("LRANGE", "list", "-1", "99"), "*1\r\n$1\r\nx\r\n"],
        [command("LRANGE", "list", "2", "1"), "*0\r\n"],
        ...["", "k".repeat(16), "k".repeat(17), "kü".repeat(9)].flatMap((word) =>
          [
            [command("SET", word, word), "+OK\r\n"],
            [command("GET", word), command(word).slice("*1\r\n".length)],
          ] as [string, string][]
        ),
        [command("SET", "n", "0".repeat(20) + "41"), "+OK\r\n"],
        [command("INCR", "n"), ":42\r\n"],
        [command("DEL", "a", "list", "list"), ":2\r\n"],
        ["*0\r\n\r\n" + command("GET", "a"), "$-1\r\n"],
      ];
      const all = commands.map(([sent]) => sent).join("");
      const replies = commands.map(([, reply]) => reply).join("");
      await ask(client, all, replies);
      for (const byte of new TextEncoder().encode(all)) await client.send(new Uint8Array([byte]));
      await answered(client, replies);
      await ask(client, command("QUIT"), "+OK\r\n");
      await ends(client);
    },
  },
  {
    name: "a command that cannot be done gets an error, and the next one is done",
    async run({ address }) {
      const client = await Client.open(address);
      await ask(client, command("FLY"), "-ERR unknown command 'FLY'\r\n");
      const wrong = "-ERR wrong number of arguments for 'GET' command\r\n";
      await ask(client, command("GET"), wrong);
      await ask(client, command("SET", "word", "one"), "+OK\r\n");
      await ask(
        client,
        command("INCR", "word"),
        "-ERR value is not an integer or out of range\r\n",
      );
      await client.send(command("LPUSH", "word", "x"));
      assertMatch(await client.receiveText(10), /^-WRONGTYPE/);
      await client.close();
    },
  },
  {
    name: "what is no command at all gets an error, and the end",
    async run({ address }) {
      for (const wrong of ["*1\r\n?3\r\n", "*x\r\n", "*1\r\n$9999999999\r\n", "*9999\r\n"]) {
        const client = await Client.open(address);
        await client.send("PING\r\n" + wrong);
        const text = new TextDecoder().decode(await client.receiveAll());
        assertMatch(text, /^\+PONG\r\n-ERR Protocol error: .+\r\n$/);
        await client.close();
        assertEquals(client.error, null);
      }
    },
  },
  {
    name: "bytes that are no text come back as they are, a large value too",
    async run({ address }) {
      const client = await Client.open(address);
      const value = Uint8Array.from({ length: 300_000 }, (_, i) => i * 7 ^ i >> 8);
      const header = new TextEncoder().encode(`*3\r\n$3\r\nSET\r\n$3\r\nbin\r\n$300000\r\n`);
      await client.send(header);
      await client.send(value);
      await ask(client, "\r\n", "+OK\r\n");
      await ask(client, command("GET", "bin"), "$300000\r\n");
      assertEquals(await client.receive(value.length), value);
      await answered(client, "\r\n");
      await client.close();
    },
  },
  {
    name: "clients share one store",
    not: { iterative: ITERATIVE_WAITS },
    async run({ address }) {
      const [one, two] = await Promise.all([Client.open(address), Client.open(address)]);
      await ask(one, command("SET", "shared", "yes"), "+OK\r\n");
      await ask(two, command("GET", "shared"), "$3\r\nyes\r\n");
      await one.close();
      await two.close();
    },
  },
  {
    name: `redis-cli is answered${without("redis-cli")}`,
    not: tool("redis-cli"),
    async run({ address }) {
      const cli = async (...args: string[]) => {
        const { stdout } = await run("redis-cli", ["-p", portOf(address), ...args]);
        return stdout.trim();
      };
      assertEquals(await cli("PING"), "PONG");
      assertEquals(await cli("ECHO", "two  words"), "two  words");
      assertEquals(await cli("INCR", "none\n"), "1");
    },
  },
  {
    name: `redis-benchmark is served${without("redis-benchmark")}`,
    not: { ...tool("redis-benchmark"), iterative: "its clients are many at once" },
    async run({ address }) {
      for (const depth of ["1", "16"]) {
        const { code, stdout } = await run("redis-benchmark", [
          ...["-p", portOf(address), "-t", "ping,set,get,incr,lpush", "-c", "2"],
          ...["-n", "500", "-P", depth, "--csv"],
        ]);
        assertEquals(code, 0, stdout);
        assertEquals(stdout.match(/^"(PING_INLINE|PING_MBULK|SET|GET|INCR|LPUSH)"/gm)?.length, 6);
      }
    },
  },
];

exampleTests({ file: "resp.ts", models: ["multiplex", "iterative"], cases: RESP });
