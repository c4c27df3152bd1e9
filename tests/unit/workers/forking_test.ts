import { assertEquals, assertThrows } from "@std/assert";
import { SystemError } from "../../../src/connection/errors.ts";
import { Libc } from "../../../src/posix/libc.ts";
import { runtime } from "../../../src/runtimes/deno.ts";
import { ForkingStarter } from "../../../src/workers/forking.ts";
import type { ProcessSetup } from "../../../src/workers/process_worker.ts";
import { openDescriptors, testAlone } from "../../tools/alone.ts";
import { failure } from "../../tools/unit.ts";

testAlone(
  import.meta.url,
  "a runtime that cannot be started leaves nothing open, and the next may become the template",
  () => {
    const libc = new Libc(runtime);
    const [listening, other] = libc.socketPair();
    const connections: unknown[] = [];
    const refusing = {
      ...runtime,
      startProcess(...args: Parameters<typeof runtime.startProcess>): never {
        connections.push(args[6]);
        throw failure("EAGAIN");
      },
    };
    const socket = { descriptor: listening, place: 0, isInherited: false };
    const sockets = { listening: [socket], end: null };
    const common = { handler: "file:///handler.ts" } as ProcessSetup["common"];
    const starter = new ForkingStarter({
      ...{ runtime: refusing, libc, sockets, common, workerArgs: [], sharing: null },
    });
    const before = openDescriptors();
    for (let number = 1; number <= 3; number++) {
      assertThrows(
        () => starter.start(number, { onMessage: () => {}, onExit: () => {} }),
        SystemError,
      );
    }
    assertEquals(openDescriptors(), before);
    assertEquals(connections, ["forks", "forks", "forks"]);
    for (const descriptor of [listening, other]) libc.close(descriptor);
    libc.unload();
  },
);
