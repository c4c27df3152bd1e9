import { assertEquals, assertRejects } from "@std/assert";
import { errorCode, SystemError } from "../../../src/connection/errors.ts";
import { Libc } from "../../../src/posix/libc.ts";
import type { Runtime } from "../../../src/runtime.ts";
import { listen } from "../../../src/posix/listening_socket.ts";
import { detect } from "../../../src/runtimes/detect.ts";
import { bind } from "../../../src/server/bind.ts";
import { failure, test } from "../../tools/unit.ts";

test("what goes wrong in place of a server that is gone is said in one line", async () => {
  const removed: string[] = [];
  const runtime = {
    os: "linux",
    libraryRefusal: () => "none",
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
  const denied = () =>
    bind(runtime, { transport: "unix", path: "/s" }, null, () => {
      throw failure("EACCES");
    });
  await assertRejects(
    denied,
    SystemError,
    "Cannot listen on unix:/s: permission denied; its folder",
  );
});

Deno.test("bind() opens the socket with its mode and no other, and puts umask back", async () => {
  let mask = 0o022;
  const runtime = {
    os: "linux",
    libraryRefusal: () => "none",
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

Deno.test("of servers that start at once where one has left its socket, one gets the path", async () => {
  const folder = await Deno.makeTempDir();
  const address = { transport: "unix", path: `${folder}/socket` } as const;
  const runtime = await detect();
  const libc = new Libc(runtime);
  try {
    libc.close(listen(libc, address, 1)); // its server is gone, its file is there
    const open = () => listen(libc, address, 64);
    const starts = Array.from({ length: 8 }, () => bind(runtime, address, null, open));
    const ends = await Promise.allSettled(starts);
    const bound = ends.filter(({ status }) => status === "fulfilled");
    const codes = ends.map((end) => end.status === "rejected" && errorCode(end.reason));
    assertEquals(bound.length, 1);
    assertEquals(codes.filter((code) => code === "EADDRINUSE").length, 7);
    (await runtime.connect(address)).close();
    for (const end of ends) if (end.status === "fulfilled") libc.close(end.value);
  } finally {
    libc.unload();
    await Deno.remove(folder, { recursive: true });
  }
});

test("where there is no file, nobody's umask is changed", async () => {
  const umask = () => {
    throw new Error("the whole process has another umask");
  };
  const runtime = { os: "linux", umask } as Partial<Runtime> as Runtime;
  const address = { transport: "tcp", hostname: "127.0.0.1", port: 0 } as const;
  assertEquals(await bind(runtime, address, 0o600, () => "bound"), "bound");
});
