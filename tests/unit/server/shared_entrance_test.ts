/** A listening socket that workers share. */
import { assert, assertRejects } from "@std/assert";
import { detect } from "../../../src/runtimes/detect.ts";
import { settle } from "../../../src/server/settings.ts";
import { SharedEntrance } from "../../../src/server/shared_entrance.ts";
import { failure, test } from "../../tools/unit.ts";

test("an entrance without memory for its scoreboard leaves nobody listening", async () => {
  const runtime = await detect();
  // Not a port: whichever is free now may be another test's in a moment.
  const folder = await Deno.makeTempDir();
  const address = { transport: "unix", path: `${folder}/socket` } as const;
  const settings = settle({ model: "process", path: address.path, status: true });
  const { serving } = settings;
  let opened = false;
  const binding = SharedEntrance.bind({
    runtime: {
      ...runtime,
      openLibrary(functions) {
        if ("memfd_create" in functions) {
          opened = runtime.socketFile(address.path) !== "none";
          throw failure("EMFILE");
        }
        return runtime.openLibrary(functions);
      },
    },
    where: "process",
    places: [{ address, number: 0 }],
    settings,
    common: { handler: "file:///none.ts", reports: true, asks: false, serving },
  });
  await assertRejects(() => binding, Error, "EMFILE");
  assert(opened, "it had not listened");
  await assertRejects(() => Deno.connect(address), Error);
  await Deno.remove(folder, { recursive: true });
});
