import { serve, type ServerEvent } from "../mod.ts";
import { MODELS } from "../src/models.ts";
import type { ModelName } from "../src/handler.ts";
import { assertEquals } from "@std/assert";
import { CASES } from "./conformance_cases.ts";

const HANDLERS = {
  "built in": undefined,
  timers: new URL("./handlers/timers.ts", import.meta.url),
  streams: new URL("./handlers/streams.ts", import.meta.url),
  "another socket": new URL("./handlers/other_socket.ts", import.meta.url),
};

for (const model of Object.keys(MODELS) as ModelName[]) {
  for (const [name, handler] of Object.entries(HANDLERS)) {
    Deno.test(`${model}, ${name}`, async (t) => {
      const events: ServerEvent[] = [];
      const server = await serve(
        {
          model,
          port: 0,
          linger: 500,
          shutdownTimeout: 5000,
          onEvent: (e) => events.push(e),
        },
        handler,
      );
      try {
        for (const { name, not, run } of CASES) {
          if (not?.[model]) continue; // named in the case, with the reason
          await t.step(name, () => run(server.addr));
        }
      } finally {
        await server.shutdown();
      }
      const ids = (type: string) =>
        events.flatMap((e) => e.type === type && "id" in e ? [e.id] : [])
          .sort();
      await t.step("each accepted has exactly one closed", () => {
        assertEquals(ids("closed"), ids("accepted"));
        assertEquals(new Set(ids("accepted")).size, ids("accepted").length);
      });
    });
  }
}
