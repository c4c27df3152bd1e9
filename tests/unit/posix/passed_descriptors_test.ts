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
  const sender = new DescriptorPasser(libc, mine, 8);
  const receiver = new DescriptorPasser(libc, theirs, 8);

  sender.send(new Uint8Array(8).fill(1), [one, other]);
  sender.send(new Uint8Array(8).fill(2), []);
  const first = receiver.receive()!;
  assertEquals(first.message, new Uint8Array(8).fill(1));
  const [copy, otherCopy] = first.descriptors;
  libc.send(copy, Uint8Array.of(7));
  const byte = new Uint8Array(1);
  assertEquals([libc.receive(otherCopy, byte), byte[0]], [1, 7]);
  for (const descriptor of first.descriptors) {
    assert(/^flags:\t0*2\d{6}/m.test(Deno.readTextFileSync(`/proc/self/fdinfo/${descriptor}`)));
  }
  const second = receiver.receive()!;
  assertEquals([second.message[0], second.descriptors], [2, []]);

  libc.shutdown(mine, "write");
  assertEquals(receiver.receive(), null);
  libc.close(theirs);
  assertEquals(
    assertThrows(() => sender.send(new Uint8Array(8), []), SystemError).code,
    "EPIPE",
  );
  sender.close();
  receiver.close();
  for (const descriptor of [mine, one, other, copy, otherCopy]) libc.close(descriptor);
  libc.unload();
});

test("a message that finds no room is refused at once", () => {
  const libc = new Libc(runtime);
  const [mine, theirs] = libc.socketPair();
  const sender = new DescriptorPasser(libc, mine, 8);
  const { code } = assertThrows(() => {
    for (;;) sender.send(new Uint8Array(8), []);
  }, SystemError);
  assertEquals(code, "EAGAIN");
  sender.close();
  libc.close(mine);
  libc.close(theirs);
  libc.unload();
});
