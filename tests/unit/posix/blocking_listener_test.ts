/** What a worker listens on, and what its connections have from it. */
import { assertEquals } from "@std/assert";
import { BlockingListener } from "../../../src/posix/blocking_listener.ts";
import { Libc } from "../../../src/posix/libc.ts";
import { listen } from "../../../src/posix/listening_socket.ts";
import { detect } from "../../../src/runtimes/detect.ts";
import { bytes, test } from "../../tools/unit.ts";

const runtime = await detect();
const ANYWHERE = { transport: "tcp", hostname: "127.0.0.1", port: 0 } as const;

test("a connection has its own times, whatever another program tells its listening socket", async () => {
  const libc = new Libc(runtime);
  const { SO_RCVTIMEO, SO_SNDTIMEO } = libc.constants;
  const descriptor = listen(libc, ANYWHERE, 8);
  libc.setNonblocking(descriptor);
  const [end, other] = libc.socketPair();
  const opened = [descriptor, end, other];
  let held = -1;
  const listener = new BlockingListener(libc, {
    sockets: { listening: [{ descriptor, place: 0, isInherited: true }], end },
    blocking: true,
    adopt: () => {
      throw new Error("It blocks");
    },
    shallLeave: () => false,
    hold: (accepted) => opened.push(held = accepted),
    release: () => {},
  });
  const times = [];
  try {
    for (const seconds of [1, 5, 0]) {
      libc.setTimeout(descriptor, "receive", 1000 * seconds);
      libc.setTimeout(descriptor, "send", 1000 * seconds);
      const client = libc.startConnect(libc.localAddress(descriptor));
      opened.push(client);
      let connection;
      while (!connection) connection = await listener.accept();
      connection.setIdleTimeout(3000);
      while (libc.send(client, bytes("x")) === null);
      await connection.read(new Uint8Array(9));
      await connection.write(bytes("x"));
      times.push([libc.option(held, SO_RCVTIMEO), libc.option(held, SO_SNDTIMEO)]);
    }
  } finally {
    for (const each of opened) libc.close(each);
    libc.unload();
  }
  assertEquals(times, [[3, 3], [3, 3], [3, 3]]);
});
