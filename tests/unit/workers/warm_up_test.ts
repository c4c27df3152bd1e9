/** What a process serves itself before it is forked. */
import { assertEquals } from "@std/assert";
import { Libc } from "../../../src/posix/libc.ts";
import { detect } from "../../../src/runtimes/detect.ts";
import { settle } from "../../../src/server/settings.ts";
import { warmUp } from "../../../src/workers/warm_up.ts";
import { test, withClock } from "../../tools/unit.ts";

test("a round of warming up ends, also where every connection is open for too long", async () => {
  const runtime = await detect();
  const libc = new Libc(runtime);
  const { serving } = settle({ model: "process", connectionTimeout: 1 });
  try {
    // Each look at the clock is a second later, as on a machine that pauses.
    await withClock(async () => {
      const rounds = warmUp(runtime, libc, {
        serving: { ...serving, proxies: [null], tls: [null], access: null },
        reports: false,
      });
      assertEquals((await rounds.next()).done, false);
      await rounds.return();
    }, 1000);
  } finally {
    libc.unload();
  }
});
