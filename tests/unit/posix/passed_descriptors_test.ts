import { assert, assertEquals, assertThrows } from "@std/assert";
import { SystemError } from "../../../src/connection/errors.ts";
import { Libc } from "../../../src/posix/libc.ts";
import { DescriptorPasser } from "../../../src/posix/passed_descriptors.ts";
import { runtime } from "../../../src/runtimes/deno.ts";
import { test } from "../../tools/unit.ts";

test("descriptors go with a message, in its order, and are close-on-exec", () => {
  const libc = new Libc(runtime);
  const [mine, theirs] = libc.socketPair();
  const [one, other] = libc.socketPair();
  const sender = new DescriptorPasser(libc, mine, 2);
  const receiver = new DescriptorPasser(libc, theirs, 2);

  sender.send([1, 4_000_000_000], [one, other]);
  sender.send([2, 0], []);
  assertEquals(receiver.receive(), 2);
  assertEquals([...receiver.message], [1, 4_000_000_000]);
  const [copy, otherCopy] = receiver.descriptors;
  libc.send(copy, Uint8Array.of(7));
  const byte = new Uint8Array(1);
  assertEquals([libc.receive(otherCopy, byte), byte[0]], [1, 7]);
  for (const descriptor of [copy, otherCopy]) {
    assert(/^flags:\t0*2\d{6}/m.test(Deno.readTextFileSync(`/proc/self/fdinfo/${descriptor}`)));
  }
  assertEquals([receiver.receive(), receiver.message[0]], [0, 2]);

  libc.shutdown(mine, "write");
  assertEquals(receiver.receive(), null);
  libc.close(theirs);
  assertEquals(
    assertThrows(() => sender.send([0, 0], []), SystemError).code,
    "EPIPE",
  );
  for (const descriptor of [mine, one, other, copy, otherCopy]) libc.close(descriptor);
  libc.unload();
});

test("a message that finds no room is refused at once", () => {
  const libc = new Libc(runtime);
  const [mine, theirs] = libc.socketPair();
  const sender = new DescriptorPasser(libc, mine, 2);
  const { code } = assertThrows(() => {
    for (;;) sender.send([0, 0], []);
  }, SystemError);
  assertEquals(code, "EAGAIN");
  libc.close(mine);
  libc.close(theirs);
  libc.unload();
});
