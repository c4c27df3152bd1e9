import { Client } from "../tools/client.ts";
import { answered, ask, ends, type ExampleCase, ITERATIVE_WAITS } from "./example.ts";
import { exampleTests } from "./run_example.ts";

const KEY_VALUE: readonly ExampleCase[] = [
  {
    name: "many commands in one segment are answered one by one",
    async run({ address }) {
      const client = await Client.open(address);
      await client.send(
        "SET a 1\nSET b two  words \nGET a\nGET b\nKEYS\nset a\nDEL a\nDEL a\nGET a\nkeys\nQUIT\nGET b\n",
      );
      await answered(
        client,
        "OK\nOK\nVALUE 1\nVALUE two  words \nKEYS a b\nERROR it is SET key value\nOK\nNONE\nNONE\nKEYS b\nBYE\n",
      );
      await ends(client);
    },
  },
  {
    name: "a command may be split anywhere, in a character too",
    async run({ address }) {
      const client = await Client.open(address);
      const command = new TextEncoder().encode("SET grün größer 🌍\r\n");
      for (let at = 1; at < command.length; at++) {
        // The answer to KEYS says that the first part has been read.
        const first = new Uint8Array([
          ...new TextEncoder().encode("KEYS\n"),
          ...command.subarray(0, at),
        ]);
        await ask(client, first, at === 1 ? "KEYS\n" : "KEYS grün\n");
        await ask(client, command.subarray(at), "OK\n");
        await ask(client, "GET grün\n", "VALUE größer 🌍\n");
      }
      await ask(client, "QUIT\n", "BYE\n");
      await ends(client);
    },
  },
  {
    name: "a line that is too long gets one error, and the next one is a command again",
    async run({ address }) {
      const client = await Client.open(address);
      const value = "x".repeat(1024 - "SET a \n".length);
      await ask(client, `SET a ${value}\n`, "OK\n");
      await ask(client, `SET b ${value}x\n`, "ERROR a line has at most 1024 bytes\n");
      await ask(
        client,
        `SET c ${"y".repeat(1_000_000)}\nKEYS\nGET a\n`,
        `ERROR a line has at most 1024 bytes\nKEYS a\nVALUE ${value}\n`,
      );
      // The error does not wait for the end of the line.
      await ask(client, "z".repeat(5000), "ERROR a line has at most 1024 bytes\n");
      await ask(client, "zzz\nDEL a\n", "OK\n");
      client.halfClose();
      await ends(client);
    },
  },
  {
    name: "a line without an end is no command",
    async run({ address }) {
      const client = await Client.open(address);
      await client.send("KEYS\nSET a 1");
      client.halfClose();
      await answered(client, "KEYS\n");
      await ends(client);
    },
  },
  {
    name: "a wrong command gets an error, and a store has an end",
    async run({ address }) {
      const client = await Client.open(address);
      await ask(client, "\n", "ERROR the commands are SET, GET, DEL, KEYS and QUIT\n");
      await ask(client, "FLY a b\n", "ERROR the commands are SET, GET, DEL, KEYS and QUIT\n");
      await ask(client, "GET\nDEL\n", "ERROR it is GET key\nERROR it is DEL key\n");
      let commands = "";
      for (let i = 0; i < 1000; i++) commands += `SET ${i} ${i}\n`;
      await ask(client, commands, "OK\n".repeat(1000));
      await ask(client, "SET more 1\nSET 999 new\n", "ERROR the store is full\nOK\n");
      await client.close();
    },
  },
  {
    name: "a store ends with its connection",
    async run({ address }) {
      // More than there are workers, so that one of them gets a second client.
      for (let i = 0; i < 8; i++) {
        const client = await Client.open(address);
        await ask(client, "KEYS\nSET mine 1\nQUIT\n", "KEYS\nOK\nBYE\n");
        await ends(client);
      }
    },
  },
  {
    name: "two clients do not see each other's store",
    not: { iterative: ITERATIVE_WAITS },
    async run({ address }) {
      const [one, two] = await Promise.all([Client.open(address), Client.open(address)]);
      await ask(one, "SET a one\n", "OK\n");
      await ask(two, "GET a\nSET a two\n", "NONE\nOK\n");
      await ask(one, "GET a\n", "VALUE one\n");
      await one.close();
      await two.close();
    },
  },
];

exampleTests({ file: "key_value.ts", cases: KEY_VALUE });
