import { assertEquals, assertRejects } from "@std/assert";
import { SystemError } from "../../../src/connection/errors.ts";
import type { Runtime } from "../../../src/runtime.ts";
import { bind } from "../../../src/server/bind.ts";
import { failure, test } from "../../tools/unit.ts";

test("what goes wrong in place of a server that is gone is said in one line", async () => {
  const removed: string[] = [];
  const runtime = {
    os: "linux",
    socketFile: () => ({ inode: 7 }),
    connect: () => Promise.reject(failure("ECONNREFUSED")),
    removeFile: (path: string) => void removed.push(path),
  } as Partial<Runtime> as Runtime;
  const failures = [failure("EADDRINUSE"), failure("EPERM")];
  const error = await assertRejects(
    () =>
      bind(
        runtime,
        { transport: "unix", path: "/socket" },
        null,
        () => Promise.reject(failures.shift()!),
      ),
    SystemError,
    "Cannot listen on unix:/socket: permission denied",
  );
  assertEquals([error.code, removed], ["EPERM", ["/socket"]]);
});

Deno.test("bind() opens the socket with its mode and no other, and puts umask back", async () => {
  let mask = 0o022;
  const runtime = {
    os: "linux",
    umask(next: number) {
      const before = mask;
      mask = next;
      return before;
    },
  } as Runtime;
  const address = { transport: "unix", path: "/socket" } as const;
  assertEquals(await bind(runtime, address, 0o660, () => mask), 0o117);
  assertEquals(mask, 0o022);
  const fails = () => {
    throw new Error("no");
  };
  await assertRejects(() => bind(runtime, address, 0o600, fails), Error, "no");
  assertEquals(mask, 0o022);
  assertEquals(await bind(runtime, address, null, () => mask), 0o022);
});
