/** Trivet imported from a URL, in a process that holds few permissions. */
import { assertEquals } from "@std/assert";
import { MODELS } from "../../src/server/models.ts";
import { until } from "../tools/client.ts";

const ROOT = new URL("../..", import.meta.url);

/** The repository over HTTP on the loopback. */
function host(): { url: string; close(): Promise<void> } {
  const server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen() {} }, async (request) => {
    try {
      const file = new URL("." + new URL(request.url).pathname, ROOT);
      const text = await Deno.readTextFile(file);
      return new Response(text, { headers: { "content-type": "application/typescript" } });
    } catch {
      return new Response("not here", { status: 404 });
    }
  });
  return { url: `http://127.0.0.1:${server.addr.port}/`, close: () => server.shutdown() };
}

const MAIN = `
import { serve } from "TRIVET/mod.ts";
const [model] = Deno.args;
const server = await serve({ model, port: 0 }, new URL("./handler.ts", import.meta.url));
const conn = await Deno.connect({ hostname: "127.0.0.1", port: server.addr.port });
console.log(await new Response(conn.readable).text());
await server.shutdown();
`;

const HANDLER = `
import { greeting } from "greetings";
export default async (connection) => {
  const names = ["read", "write", "net", "env", "run", "ffi", "sys"];
  const held = names.filter((name) => Deno.permissions.querySync({ name }).state === "granted");
  await connection.write(new TextEncoder().encode(greeting + " " + held.join(",")));
};
`;

for (const model of Object.keys(MODELS)) {
  Deno.test(`serve() from a URL under ${model} resolves as the main process does, and holds no more`, async () => {
    const hosted = host();
    const folder = await Deno.makeTempDir();
    const cache = await Deno.makeTempDir();
    try {
      await Deno.mkdir(`${folder}/lib`);
      await Deno.writeTextFile(`${folder}/main.ts`, MAIN.replace("TRIVET/", hosted.url));
      await Deno.writeTextFile(`${folder}/handler.ts`, HANDLER);
      await Deno.writeTextFile(`${folder}/lib/greetings.ts`, 'export const greeting = "hi";');
      await Deno.writeTextFile(
        `${folder}/deno.json`,
        JSON.stringify({ imports: { greetings: "./lib/greetings.ts" } }),
      );
      const importFrom = new URL(hosted.url).host;
      const command = new Deno.Command(Deno.execPath(), {
        args: [
          "run",
          "--no-lock",
          "--no-prompt",
          "--allow-net",
          "--allow-ffi",
          "--allow-run",
          "--allow-env",
          `--allow-read=${folder}`,
          `--allow-import=${importFrom}`,
          `${folder}/main.ts`,
          model,
        ],
        cwd: "/",
        env: { DENO_DIR: cache, NO_COLOR: "1" },
      });
      const { code, stdout, stderr } = await command.output();
      const text = new TextDecoder().decode(stdout);
      assertEquals(text, "hi net,env,run,ffi\n", new TextDecoder().decode(stderr));
      assertEquals(code, 0);
    } finally {
      await hosted.close();
      await Deno.remove(folder, { recursive: true });
      await until("the cache is gone", async () => {
        await Deno.remove(cache, { recursive: true }).catch(() => {});
        return true;
      });
    }
  });
}
