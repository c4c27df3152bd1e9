import { assert } from "@std/assert";
import { Client } from "../tools/client.ts";
import { ask, ends, type ExampleCase, ITERATIVE_WAITS } from "./example.ts";
import { exampleTests } from "./run_example.ts";

/** By Python's hashlib: SHA-256, 100,000 times. */
const HASHES = {
  hello: "70ef65897fbe9afb5dfe8c825327057d1e174e0dfc3d299c340aeb35adcadfe3\n",
  "hello and a CR": "e0eb2ccc56b55decceff4f0657b81ce17307471562cd3831adc02e596b1a5071\n",
  "hel, a CR, lo": "7cbcc39cd3c5982b74a0617ea8fb9dfbbfbedb0591f6732939e330dd15206b31\n",
  grüße: "18babfe6b44ae868426932bb49ee0e2caced7361a2aef61c47fcd51955a59e59\n",
  "10,000 a": "bda5dd39b8f99b47e77faa0c83005067f63379f6617c54021961d0c486e3e33a\n",
};

/** More lines than are hashed while the machine pauses for ten seconds. */
const MANY = 150;

const HASH: readonly ExampleCase[] = [
  {
    name: "lines are hashed, wherever they are split",
    async run({ address }) {
      const client = await Client.open(address);
      const [before, after] = ["hello\ngr\xc3", "\xbc\xc3\x9fe\n"].map((text) =>
        Uint8Array.from(text, (c) => c.charCodeAt(0))
      );
      await ask(client, before, HASHES.hello);
      await ask(client, after, HASHES.grüße);
      await ask(client, "a".repeat(10_000) + "\n", HASHES["10,000 a"]);
      client.halfClose();
      await ends(client);
    },
  },
  {
    name: "a CR before the newline belongs to the line's end, also where they come apart",
    async run({ address }) {
      const client = await Client.open(address);
      // With each answer the beginning of the next line has been read.
      await ask(client, "hello\r\nhello\r", HASHES.hello);
      await ask(client, "\nhello\r\r\nhel\r", HASHES.hello + HASHES["hello and a CR"]);
      await ask(client, "lo\n", HASHES["hel, a CR, lo"]);
      await client.close();
    },
  },
  {
    name: "a client with one line does not wait for one with many",
    not: { iterative: ITERATIVE_WAITS, multiplex: "one thread hashes for all" },
    async run({ address }) {
      const many = await Client.open(address);
      await many.send("hello\n".repeat(MANY));
      const one = await Client.open(address);
      await ask(one, "hello\n", HASHES.hello);
      const done = many.received / HASHES.hello.length;
      assert(done < MANY - 1, `${done} of ${MANY} lines came first`);
      await many.reset();
      await one.close();
    },
  },
];

exampleTests({ file: "hash.ts", cases: HASH });
