/** Which address a server has, and which one its clients have called. */
import { assertEquals, assertRejects } from "@std/assert";
import { type ModelName, serve } from "../../mod.ts";
import { MODELS } from "../../src/server/models.ts";
import { Client, visit, within } from "../tools/client.ts";

const ECHO = new URL("../../src/handler/echo.ts", import.meta.url);
const NAMES = Object.keys(MODELS) as ModelName[];

for (const model of NAMES) {
  Deno.test(`${model}: a host that is no address is refused`, async () => {
    for (const hostname of ["0.0.0.256", ":::"]) {
      await assertRejects(() => serve({ model, port: 0, hostname }, ECHO), Error, hostname);
    }
  });

  Deno.test(`${model}: IPv6 is served and named`, async () => {
    for (const hostname of ["::1", "[::1]"]) {
      const server = await serve({ model, port: 0, spares: 1, hostname }, ECHO);
      assertEquals((server.addr as { hostname: string }).hostname, "::1");
      await visit(server.addr);
      await server.shutdown();
    }
  });
}

/** Each way to accept, with what it takes beside the model. */
const ACCEPTING: [ModelName, { workers?: number }][] = [
  ...NAMES.map((model): [ModelName, { workers?: number }] => [model, {}]),
  ["multiplex", { workers: 2 }],
];
for (const [model, options] of ACCEPTING) {
  Deno.test(`${model} ${JSON.stringify(options)}: localAddr is what the client called, also of a server on any address`, async () => {
    const handler = new URL("../fixtures/handlers/tells_local.ts", import.meta.url);
    const hosts = [
      ["0.0.0.0", "127.0.0.3", "127.0.0.3"],
      ["127.0.0.2", "127.0.0.2", "127.0.0.2"],
      ["::", "::1", "::1"],
      ["::ffff:0.0.0.0", "127.0.0.4", "::ffff:127.0.0.4"],
    ];
    for (const [hostname, called, seen] of hosts) {
      const server = await serve({ model, port: 0, spares: 1, hostname, ...options }, handler);
      const { port } = server.addr as { port: number };
      const client = await Client.open({ transport: "tcp", hostname: called, port });
      assertEquals(new TextDecoder().decode(await client.receiveAll()), `${seen} ${port}`);
      await client.close();
      await within("the end", server.shutdown());
    }
  });
}
