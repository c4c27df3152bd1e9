import { assertEquals } from "@std/assert";
import { Libc } from "../../../src/posix/libc.ts";
import { PacketListener } from "../../../src/posix/packet_listener.ts";
import { runtime } from "../../../src/runtimes/deno.ts";
import { test } from "../../tools/unit.ts";

test("each read gives what one write has sent, and then the end", () => {
  const libc = new Libc(runtime);
  const listener = new PacketListener(libc);
  const client = listener.connect();
  for (const length of [3, 1, 2]) libc.send(client, new Uint8Array(length));
  libc.shutdown(client, "write");
  const { descriptor } = libc.accept(listener.descriptor, false)!;
  const lengths = [1, 2, 3, 4].map(() => libc.receive(descriptor, new Uint8Array(100)));
  assertEquals(lengths, [3, 1, 2, 0]);
  for (const each of [descriptor, client, listener.descriptor]) libc.close(each);
  libc.unload();
});
