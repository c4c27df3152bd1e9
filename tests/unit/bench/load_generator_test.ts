import { assert, assertEquals } from "@std/assert";
import { LoadGenerator } from "../../../src/bench/load_generator.ts";
import { Epoll } from "../../../src/posix/epoll.ts";
import { openClock } from "../../../src/posix/clock.ts";
import { Libc } from "../../../src/posix/libc.ts";
import { detect } from "../../../src/runtimes/detect.ts";

const runtime = await detect();
// What it opens of the C library stays open.
const clock = openClock(runtime);

/** Milliseconds of a processor that this thread has used, see proc(5). */
function processorTime(): number {
  return Number(Deno.readTextFileSync("/proc/thread-self/schedstat").split(" ")[0]) / 1e6;
}

Deno.test("a load generator whose server is silent uses no processor", () => {
  // Nobody accepts: the kernel connects its clients, and none gets an answer.
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const libc = new Libc(runtime);
  const epoll = new Epoll(runtime);
  const generator = new LoadGenerator(libc, epoll, clock, {
    load: "message",
    address: { transport: "tcp", hostname: "127.0.0.1", port: listener.addr.port },
    connections: 3,
    size: 100,
    warmup: 0,
    duration: 0,
    control: new SharedArrayBuffer(8),
  });
  try {
    generator.connectAll();
    assertEquals(generator.tally.connected, 3);
    generator.begin();
    const before = processorTime();
    generator.runFor(500, () => false);
    const used = processorTime() - before;
    assert(used < 50, `${used} of 500 ms`);
  } finally {
    generator.close();
    epoll.close();
    libc.unload();
    listener.close();
  }
});
