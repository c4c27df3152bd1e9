/** The code in the guide to handlers. */
import { assert, assertEquals } from "@std/assert";
import { serve } from "../../mod.ts";
import { Client } from "../tools/client.ts";

const ROOT = new URL("../..", import.meta.url);

Deno.test("the code in docs/handlers.md type-checks, and its first handler echoes", async () => {
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
    const { code, stderr } = await new Deno.Command(Deno.execPath(), {
      args: ["check", ...files],
      env: { NO_COLOR: "1" },
    }).output();
    assertEquals(code, 0, new TextDecoder().decode(stderr));

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

Deno.test("deno check catches the mistakes that docs/handlers.md names", async () => {
  const file = await Deno.makeTempFile({ suffix: ".ts" });
  await Deno.writeTextFile(
    file,
    `import type { Handler } from "${new URL("mod.ts", ROOT).href}";
    const handler: Handler = async (connection) => {
      await connection.read(1024);
      await connection.write("hello");
      await connection.wirte(new Uint8Array(1));
    };
    export default handler;`,
  );
  const { code, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["check", file],
    env: { NO_COLOR: "1" },
  }).output();
  const text = new TextDecoder().decode(stderr);
  assertEquals(code, 1, text);
  assertEquals(text.match(/^TS\d+ \[ERROR\]/gm)?.length, 3, text);
  await Deno.remove(file);
});
