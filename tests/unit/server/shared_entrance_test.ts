/** A listening socket that workers share. */
import { assertRejects } from "@std/assert";
import { getAvailablePort } from "@std/net/get-available-port";
import { detect } from "../../../src/runtimes/detect.ts";
import { settle } from "../../../src/server/settings.ts";
import { SharedEntrance } from "../../../src/server/shared_entrance.ts";
import { failure, test } from "../../tools/unit.ts";

test("an entrance without memory for its scoreboard leaves nobody listening", async () => {
  const runtime = await detect();
  const port = getAvailablePort();
  const settings = settle({ model: "process", port, status: true });
  const { serving } = settings;
  const binding = SharedEntrance.bind({
    runtime: {
      ...runtime,
      openLibrary(functions) {
        if ("memfd_create" in functions) throw failure("EMFILE");
        return runtime.openLibrary(functions);
      },
    },
    where: "process",
    places: [{ address: { transport: "tcp", hostname: "127.0.0.1", port }, number: 0 }],
    settings,
    common: { handler: "file:///none.ts", reports: true, asks: false, serving },
  });
  await assertRejects(() => binding, Error, "EMFILE");
  Deno.listen({ hostname: "127.0.0.1", port }).close();
});
