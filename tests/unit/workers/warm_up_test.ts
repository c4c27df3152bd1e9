/** What a process serves itself before it is forked. */
import { assert, assertEquals } from "@std/assert";
import { Libc } from "../../../src/posix/libc.ts";
import { detect } from "../../../src/runtimes/detect.ts";
import { settle } from "../../../src/server/settings.ts";
import { warmUp } from "../../../src/workers/warm_up.ts";
import { test, withClock } from "../../tools/unit.ts";

test("a round of warming up ends, also where every connection is too slow", async () => {
  const runtime = await detect();
  const libc = new Libc(runtime);
  const rehearsed: string[] = [];
  const template = {
    // The tests go on in this process: its loop and its name stay what they are.
    runtime: { ...runtime, becomeFork: () => void rehearsed.push("name") },
    libc,
    random: { renew: () => void rehearsed.push("random") },
    forker: {
      renew: () => void rehearsed.push("loop"),
      pid: runtime.pid,
      exit(_: number, rehearses?: boolean): never {
        assert(rehearses);
        return void rehearsed.push("exit") as never;
      },
    },
    sockets: { listening: [], end: null },
  };
  const { serving } = settle({ model: "process", minRate: 1e9, linger: 0 });
  try {
    // Each look at the clock is a second later, as on a machine that pauses.
    await withClock(async () => {
      const rounds = warmUp(template, {
        handler: import.meta.url,
        asks: false,
        serving: { ...serving, proxies: [null], tls: [null], access: null },
        reports: false,
      });
      assertEquals((await rounds.next()).done, false);
      await rounds.return();
    }, 1000);
  } finally {
    libc.unload();
  }
  // The first connections, and those after the collection of garbage, as a fork would begin and end.
  const once = ["loop", "name", "random", "exit"];
  assertEquals(rehearsed, [...once, ...once]);
});
