/** The code in the guide to handlers. */
import { assert, assertEquals } from "@std/assert";
import { serve } from "../../mod.ts";
import { Client } from "../tools/client.ts";

const ROOT = new URL("../..", import.meta.url);

/** What the guide says that it catches: three lines. */
const MISTAKES = `import type { Handler } from "${new URL("mod.ts", ROOT).href}";
const handler: Handler = async (connection) => {
  await connection.read(1024);
  await connection.write("hello");
  await connection.wirte(new Uint8Array(1));
};
export default handler;
`;

Deno.test("deno check passes the code in docs/handlers.md and catches the mistakes that it names, and its first handler echoes", async () => {
  const guide = await Deno.readTextFile(new URL("docs/handlers.md", ROOT));
  const blocks = [...guide.matchAll(/^```ts\n([\s\S]*?)^```$/gm)].map((match) => match[1]);
  assert(blocks.length > 0);
  const folder = await Deno.makeTempDir();
  try {
    const files = blocks.map((_, i) => `${folder}/${i}.ts`);
    for (const [i, file] of files.entries()) {
      const text = blocks[i].replaceAll('"./mod.ts"', `"${new URL("mod.ts", ROOT).href}"`);
      await Deno.writeTextFile(file, text);
    }
    const mistakes = `${folder}/mistakes.ts`;
    await Deno.writeTextFile(mistakes, MISTAKES);
    // Together, because most of a check is its beginning.
    const { code, stderr } = await new Deno.Command(Deno.execPath(), {
      args: ["check", ...files, mistakes],
      env: { NO_COLOR: "1" },
    }).output();
    const text = new TextDecoder().decode(stderr);
    assertEquals(code, 1, text);
    assertEquals(text.match(/^TS\d+ \[ERROR\]/gm)?.length, 3, text);
    const places = text.match(/ at file:\S+/g)!;
    assertEquals(places.filter((place) => place.includes("/mistakes.ts:")).length, 3, text);

    const server = await serve({ port: 0 }, files[0]);
    const client = await Client.open(server.addr);
    await client.send("hello\n");
    assertEquals(await client.receiveText(6), "hello\n");
    await client.close();
    await server.shutdown();
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});
