/** What a socket that pushes gives to whoever reads later than it came. */
import { assertEquals } from "@std/assert";
import { PushSocket } from "../../../src/runtimes/push_socket.ts";
import { bytes, failure, state, test, text } from "../../tools/unit.ts";

const NOWHERE = { transport: "unix", path: "" } as const;

class Pushed extends PushSocket<{ pause(): void; resume(): void }> {
  protected resetNow(): void {}
  protected readonly descriptor = undefined;
  readonly localAddr = NOWHERE;
  readonly remoteAddr = NOWHERE;

  constructor() {
    super({ pause() {}, resume() {} }, false);
  }

  write(bytes: Uint8Array): number {
    return bytes.length;
  }
  closeWrite(): void {}
  close(): void {}
}

/** What each read gives until one gives no bytes. */
async function readAll(socket: Pushed): Promise<string[]> {
  const results = [];
  for (;;) {
    const buffer = new Uint8Array(4);
    const read = Promise.try(() => socket.read(buffer));
    const outcome = await state(read);
    const length = outcome === "resolved" ? await read : null;
    results.push(length === null ? outcome : text(buffer.subarray(0, length)));
    if (length === null) return results;
  }
}

test("the end is the end, also where the runtime has closed before all was read", async () => {
  const socket = new Pushed();
  socket.received(bytes("abcdef"));
  socket.ended();
  socket.failed(failure("EBADF")); // Node says `close` after `end`
  assertEquals(await readAll(socket), ["abcd", "ef", "resolved"]);
});

test("what came before a reset is given first, and then the reset", async () => {
  const socket = new Pushed();
  socket.received(bytes("abcdef"));
  socket.failed(failure("ECONNRESET"));
  assertEquals(await readAll(socket), ["abcd", "ef", "ECONNRESET"]);
});
