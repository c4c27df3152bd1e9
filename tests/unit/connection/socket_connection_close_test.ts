/** `closeWrite()` and `close()`. */
import { assertEquals } from "@std/assert";
import { within } from "../../tools/client.ts";
import { bytes, failure, settle, test, unhandled } from "../../tools/unit.ts";
import { code, open, read } from "./over_fake_socket.ts";

for (const kind of ["loop", "blocking"] as const) {
  test(`${kind}: closeWrite comes after the writes before it, and reading goes on`, async () => {
    const { socket, connection } = open(kind);
    socket.take = () => 1;
    void connection.write(bytes("ab"));
    void connection.write(bytes("cd"));
    const first = connection.closeWrite();
    const second = connection.closeWrite();
    assertEquals(await code(connection.write(bytes("late"))), "EPIPE");
    await within("FIN", Promise.all([first, second]));
    await within("FIN again", connection.closeWrite());
    assertEquals(socket.log, ["write a", "write b", "write c", "write d", "FIN"]);
    assertEquals(await code(connection.write(bytes("later"))), "EPIPE");
    assertEquals(await code(connection.write(new Uint8Array(0))), "EPIPE");
    socket.arrive("still");
    assertEquals(await read(connection), "still");
  });

  test(`${kind}: closeWrite after a failed write rejects with its code and sends nothing`, async () => {
    const { socket, connection } = open(kind);
    socket.writeError = failure("ECONNRESET");
    await code(connection.write(bytes("x")));
    assertEquals(await code(connection.closeWrite()), "ECONNRESET");
    assertEquals(socket.fins, 0);
  });

  test(`${kind}: close is idempotent, and later calls reject with EBADF`, async () => {
    const { socket, connection } = open(kind);
    socket.arrive("unread");
    connection.close();
    connection.close();
    assertEquals(socket.closes, 1);
    assertEquals(await code(read(connection)), "EBADF");
    assertEquals(await code(connection.write(bytes("x"))), "EBADF");
    assertEquals(await code(connection.write(new Uint8Array(0))), "EBADF");
    assertEquals(await code(connection.closeWrite()), "EBADF");
    assertEquals([socket.reads, socket.received, socket.fins], [0, "", 0]);
  });

  test(`${kind}: close wins over a reset, an end and a failed write`, async () => {
    const ended = open(kind);
    ended.socket.arrive(null);
    await read(ended.connection);
    ended.connection.close();
    assertEquals(await code(read(ended.connection)), "EBADF");

    const reset = open(kind);
    reset.socket.arrive(failure("ECONNRESET"));
    reset.socket.writeError = failure("EPIPE");
    await code(read(reset.connection));
    await code(reset.connection.write(bytes("x")));
    reset.connection.close();
    assertEquals(await code(read(reset.connection)), "EBADF");
    assertEquals(await code(reset.connection.write(bytes("x"))), "EBADF");
  });

  test(`${kind}: a write that nobody awaits may come after the connection was closed`, async () => {
    const { connection } = open(kind);
    connection.close();
    assertEquals(await unhandled(() => void connection.write(bytes("x"))), []);
  });
}

test("loop: close rejects all that is pending with EBADF", async () => {
  const { socket, connection } = open("loop");
  socket.take = () => 0;
  const pending = [
    read(connection),
    connection.write(bytes("a")),
    connection.write(bytes("b")),
    connection.closeWrite(),
  ];
  await settle();
  connection.close();
  assertEquals(await Promise.all(pending.map(code)), ["EBADF", "EBADF", "EBADF", "EBADF"]);
  assertEquals([socket.received, socket.fins, socket.closes], ["", 0, 1]);
});

test("loop: a pending read rejects with EBADF though the socket ends it well", async () => {
  for (const end of [null, 1]) {
    const { socket, connection } = open("loop");
    socket.onClose = end;
    const pending = read(connection);
    connection.close();
    assertEquals(await code(pending), "EBADF");
    assertEquals(connection.bytesRead, 0);
  }
});

test("loop: a read that a handler left behind is no unhandled rejection when it closes", async () => {
  for (const end of [failure("ECLOSED"), null, 1]) {
    const { socket, connection } = open("loop");
    socket.onClose = end;
    const errors = await unhandled(() => {
      void connection.read(new Uint8Array(10));
      connection.close();
    });
    assertEquals(errors, [], `the socket ended it with ${end}`);
  }
});
