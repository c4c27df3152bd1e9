import { assertEquals } from "@std/assert";
import { endedChild } from "../../../src/posix/children.ts";
import { Libc } from "../../../src/posix/libc.ts";
import { detect } from "../../../src/runtimes/detect.ts";
import { testAlone } from "../../tools/alone.ts";
import { DEADLINE } from "../../tools/client.ts";

// Of others' children too it is told.
const name = "a child that has ended is seen, and left for who started it to reap";
testAlone(import.meta.url, name, async () => {
  const libc = new Libc(await detect());
  const child = new Deno.Command("sh", { args: ["-c", "exit 7"] }).spawn();
  let ended = null; // the runtime cannot reap it meanwhile: its thread is busy here
  for (const end = Date.now() + DEADLINE; ended === null && Date.now() < end;) {
    ended = endedChild(libc);
  }
  assertEquals([ended, endedChild(libc)], [child.pid, child.pid]);
  assertEquals((await child.status).code, 7);
  libc.unload();
});
