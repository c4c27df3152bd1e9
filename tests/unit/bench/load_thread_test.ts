/** The load generator's thread, with one that is a fake. */
import { assertEquals } from "@std/assert";
import { LoadThread } from "../../../src/bench/load_thread.ts";
import type { Runtime, StartedWorker } from "../../../src/runtime.ts";
import { settle, test } from "../../tools/unit.ts";

test("a thread gets its task when it listens, and not while its module loads", async () => {
  const got: unknown[] = [];
  let say: (message: unknown) => void = () => {};
  const thread = {
    onMessage: (listener) => void (say = listener),
    onExit() {},
    postMessage: (message) => void got.push(message),
  } as Partial<StartedWorker> as StartedWorker;
  const runtime = { startThread: () => thread } as Partial<Runtime> as Runtime;
  const load = new LoadThread(runtime);
  const silent = { warming() {}, measuring() {}, measured() {}, holding() {} };
  const address = { transport: "tcp", hostname: "127.0.0.1", port: 1 } as const;
  const task = { load: "idle", address, connections: 1, size: 1, warmup: 0, duration: 1 } as const;
  const result = load.run(task, silent);
  await settle();
  assertEquals(got, []);
  say({ type: "ready" });
  await settle();
  assertEquals((got[0] as typeof task).load, "idle");
  say({ type: "result", result: "done" });
  assertEquals(await result as unknown, "done");
});
