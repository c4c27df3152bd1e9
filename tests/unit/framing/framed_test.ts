/** What is read, wherever it is cut. */
import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import { Framed, type FramedOptions, TooLong, UnexpectedEnd } from "../../../mod.ts";
import { bytes, failure, state, test, text } from "../../tools/unit.ts";
import { cuts, open } from "./over_fake_socket.ts";

/** What reads give until the end or an error: text, and errors by their class. */
async function all(
  io: Framed,
  read: (io: Framed) => Promise<string | Uint8Array | null>,
): Promise<string[]> {
  const got: string[] = [];
  for (;;) {
    try {
      const message = await read(io);
      if (message === null) return got;
      got.push(typeof message === "string" ? message : text(message));
    } catch (error) {
      if (!(error instanceof Error)) throw error;
      if (error instanceof UnexpectedEnd) {
        return [...got, `${error.name} ${text(error.partial)} ${error.expected}`];
      }
      if (error instanceof TooLong) return [...got, `${error.name} ${error.limit} ${error.seen}`];
      got.push(error.name);
    }
  }
}

const parseDigits = (bytes: Uint8Array, start: number) => {
  const length = bytes[start] - 0x30; // a digit, and so many bytes
  const end = start + 1 + length;
  return bytes.length >= end
    ? { message: bytes.subarray(start + 1, end), length: length + 1 }
    : length + 1;
};

interface Case {
  readonly name: string;
  readonly input: string;
  readonly options?: FramedOptions;
  read(io: Framed): Promise<string | Uint8Array | null>;
  readonly gives: string[];
}

const CASES: readonly Case[] = [
  {
    name: "lines end with LF or CRLF, and the end is between them",
    input: "one\n\r\ntwo\r\n\r\r\n \n",
    read: (io) => io.readLine(),
    gives: ["one", "", "two", "\r", " "],
  },
  {
    name: "a line is UTF-8, and one that is not is taken",
    input: "gr\xc3\xbc\xc3\x9fe\n\xef\xbb\xbfx\n\xc3\n\xef\xbf\xbd\nnext\n",
    read: (io) => io.readLine(),
    gives: ["grüße", "\ufeffx", "TypeError", "\ufffd", "next"],
  },
  {
    name: "a line's bytes may be any",
    input: "\xff\xfe\x00\n\n",
    read: (io) => io.readLineBytes(),
    gives: ["\xff\xfe\x00", ""],
  },
  {
    name: "a strict line must not end with LF alone, and is taken if it does",
    input: "one\r\ntwo\nthree\r\n",
    read: (io) => io.readLine({ strict: true }),
    gives: ["one", "SyntaxError", "three"],
  },
  {
    name: "a line that the end cuts is none",
    input: "one\ntw",
    read: (io) => io.readLine(),
    gives: ["one", "UnexpectedEnd tw null"],
  },
  {
    name: "a delimiter may begin in vain",
    input: "a\r\r\n\r\r\n\r\nb\r\n\r\n\r\n\r\n",
    read: (io) => io.readUntil(bytes("\r\n\r\n")),
    gives: ["a\r\r\n\r", "b", ""],
  },
  {
    name: "a delimiter that never comes whole",
    input: "aab;aaab-aab",
    read: (io) => io.readUntil(bytes("aab-")),
    gives: ["aab;a", "UnexpectedEnd aab null"],
  },
  {
    name: "frames have a length of 4 bytes",
    input: "\0\0\0\x03abc\0\0\0\0\0\0\0\x01d",
    read: (io) => io.readFrame(),
    gives: ["abc", "", "d"],
  },
  {
    name: "frames of 1 byte",
    input: "\x02ab\0\x01c",
    read: (io) => io.readFrame({ bytes: 1 }),
    gives: ["ab", "", "c"],
  },
  {
    name: "frames of 2 bytes, the least first, with their header",
    input: "\x05\0abc\x02\0\x01\0",
    read: (io) =>
      io.readFrame({ bytes: 2, littleEndian: true, includesHeader: true }).catch(
        (error) =>
          error instanceof SyntaxError
            ? io.readExactly(2).then(() => "no such length")
            : Promise.reject(error),
      ),
    gives: ["abc", "", "no such length"],
  },
  {
    name: "frames of 8 bytes",
    input: "\0\0\0\0\0\0\0\x02ab",
    read: (io) => io.readFrame({ bytes: 8 }),
    gives: ["ab"],
  },
  {
    name: "a frame that the end cuts is none",
    input: "\x01a\x03bc",
    read: (io) => io.readFrame({ bytes: 1 }),
    gives: ["a", "UnexpectedEnd \x03bc 4"],
  },
  {
    name: "a length that the end cuts is none",
    input: "\0\x01a\0",
    read: (io) => io.readFrame({ bytes: 2 }),
    gives: ["a", "UnexpectedEnd \0 2"],
  },
  {
    name: "exactly so many bytes, as often as there are any",
    input: "abcdefgh",
    read: async (io) => await io.peek(1) === null ? null : await io.readExactly(3),
    gives: ["abc", "def", "UnexpectedEnd gh 3"],
  },
  {
    name: "a buffer is filled, and none of it is taken that is not whole",
    input: "abcdefgh",
    read: async (io) => await io.peek(1) === null ? null : await io.readExactly(new Uint8Array(3)),
    gives: ["abc", "def", "UnexpectedEnd gh 3"],
  },
  {
    name: "messages of another form",
    input: "3abc0" + "1d" + "2ef",
    read: (io) => io.readMessage(parseDigits),
    gives: ["abc", "", "d", "ef"],
  },
  {
    name: "a message of another form that the end cuts is none",
    input: "1a3bc",
    read: (io) => io.readMessage(parseDigits),
    gives: ["a", "UnexpectedEnd 3bc null"],
  },
  {
    name: "a line may have as many bytes as the limit, with its end",
    input: "1234\n12345\n",
    options: { maxLine: 5 },
    read: (io) => io.readLine(),
    gives: ["1234", "TooLong 5 5"],
  },
  {
    name: "lines that are too long are skipped",
    input: "1234\n12345\n1\n1234567890\n\n123456",
    options: { maxLine: 5, onTooLong: "skip" },
    read: (io) => io.readLine(),
    gives: ["1234", "1", ""],
  },
  {
    name: "what is too long before a delimiter is skipped",
    input: "12--12345---1--",
    options: { maxLine: 5, onTooLong: "skip" },
    read: (io) => io.readUntil(bytes("--")),
    gives: ["12", "-1"],
  },
  {
    name: "a frame that declares too much is an error at once",
    input: "\x02ab\xff",
    options: { maxFrame: 2 },
    read: (io) => io.readFrame({ bytes: 1 }),
    gives: ["ab", "TooLong 2 255"],
  },
  {
    name: "frames that are too long are skipped",
    input: "\x02ab\x03abc\x01d\x09abc",
    options: { maxFrame: 2, onTooLong: "skip" },
    read: (io) => io.readFrame({ bytes: 1 }),
    gives: ["ab", "d"],
  },
  {
    name: "a message of another form is too long as soon as it says so",
    input: "1a9",
    options: { maxFrame: 4 },
    read: (io) => io.readMessage(parseDigits),
    gives: ["a", "TooLong 4 10"],
  },
];

for (const { name, input, options, read, gives } of CASES) {
  for (const kind of ["loop", "blocking"] as const) {
    test(`${kind}: ${name}, cut anywhere`, async () => {
      for (const parts of cuts(input)) {
        const { socket, io } = open(kind, options);
        socket.arrive(...parts, null);
        const got = await all(io, read);
        // How much of a line was seen depends on how it came.
        const same = got.map((line) => line.replace(/^(TooLong 5) \d+$/, "$1 5"));
        assertEquals(same, gives, JSON.stringify(parts));
      }
    });
  }
}

test("what is returned stays as it is, whatever is read later", async () => {
  const { socket, io } = open("loop");
  const expected: string[] = [];
  const got: Uint8Array[] = [];
  for (let i = 0; i < 3000; i++) {
    const payload = String(i).repeat(i % 40);
    expected.push(payload);
    socket.arrive(
      String.fromCharCode(payload.length) + payload.slice(0, i % 7),
      payload.slice(i % 7),
    );
    got.push((await io.readFrame({ bytes: 1 }))!);
  }
  assertEquals(got.map(text), expected);
});

test("what a parser returns stays as it is, whatever is read later", async () => {
  const { socket, io } = open("loop");
  const expected: string[] = [];
  const got: Uint8Array[] = [];
  for (let i = 0; i < 3000; i++) {
    const payload = String(i).repeat(2).slice(0, i % 9);
    expected.push(payload, "x");
    socket.arrive(payload.length + payload.slice(0, i % 4), payload.slice(i % 4) + "1x");
    got.push((await io.readMessage(parseDigits))!, (await io.readMessage(parseDigits))!);
  }
  assertEquals(got.map(text), expected);
});

for (const kind of ["loop", "blocking"] as const) {
  test(`${kind}: messages that have come are read together, cut anywhere`, async () => {
    const parse = (bytes: Uint8Array, start: number) => {
      if (bytes[start] === 0x21) throw new SyntaxError("!");
      const found = parseDigits(bytes, start);
      return typeof found === "number" ? found : { ...found, message: text(found.message) };
    };
    for (const parts of cuts("3abc02de1f!")) {
      const { socket, io } = open(kind, {});
      socket.arrive(...parts);
      const got: string[] = [];
      while (got.length < 4) got.push(...(await io.readMessages(parse))!);
      assertEquals(got, ["abc", "", "de", "f"], JSON.stringify(parts)); // one is empty, and no end
      await assertRejects(() => io.readMessages(parse), SyntaxError);
    }
    const { socket, io } = open(kind, {});
    socket.arrive("1a1b3c", null);
    assertEquals(await io.readMessages(parse), ["a", "b"]);
    await assertRejects(() => io.readMessages(parse), UnexpectedEnd);
    const ended = open(kind, {});
    ended.socket.arrive("1a", null);
    assertEquals([await ended.io.readMessages(parse), await ended.io.readMessages(parse)], [
      ["a"],
      null,
    ]);
  });
}

test("a message that lies in one read is not copied", async () => {
  const { socket, io } = open("loop");
  socket.arrive("one;two;three;");
  const [one, two] = [await io.readUntil(bytes(";")), await io.readUntil(bytes(";"))];
  assert(one!.buffer === two!.buffer);
  assert((await io.peek(3))!.buffer === two!.buffer);
});

test("a large message costs memory as it comes, and gives it back", async () => {
  const { socket, io } = open("loop", { maxFrame: 1 << 30 });
  const rooms: number[] = [];
  const read = socket.read.bind(socket);
  socket.read = (buffer) => {
    rooms.push(buffer.buffer.byteLength);
    return read(buffer);
  };
  socket.arrive("\x3f\xff\xff\xff", ..."x".repeat(100));
  const waits = io.readFrame();
  assertEquals(await state(waits), "pending");
  assert(Math.max(...rooms) <= 4096, `${rooms}`);
  socket.arrive("y".repeat(1 << 20), null);
  await assertRejects(() => waits, UnexpectedEnd);
  assert(Math.max(...rooms) <= 4 << 20, `${rooms}`);

  const next = open("loop");
  next.socket.arrive("\0\x08\0\0" + "z".repeat(1 << 19), "\0\0\0\x01");
  assertEquals((await next.io.readFrame())!.length, 1 << 19);
  const room = next.socket.read.bind(next.socket);
  let last = 0;
  next.socket.read = (buffer) => {
    last = buffer.buffer.byteLength;
    return room(buffer);
  };
  assertEquals(await state(next.io.readFrame()), "pending");
  assert(last <= 65536, `${last}`);
});

/** Each read, as a loop calls it that goes on until it gives null. */
const READS: readonly ((io: Framed) => unknown)[] = [
  (io) => io.readLine(),
  (io) => io.readLineBytes(),
  (io) => io.readUntil(bytes(";")),
  (io) => io.readExactly(4),
  (io) => io.readExactly(new Uint8Array(4)),
  (io) => io.readFrame(),
  (io) => io.readMessage(parseDigits),
  (io) => io.peek(1),
];

/** Calls it again and again; more often than any loop that is right. */
function withoutEnd(call: () => unknown): void {
  for (let i = 0; i < 100_000; i++) call();
}

test("a second read throws EBUSY at once, and ends the connection", async () => {
  for (const read of READS) {
    const { socket, io } = open("loop");
    const first = io.readLine();
    assertThrows(() => io.rest(), Error, "Another read");
    // As a loop in which `await` is missing, which sees no rejection.
    assertThrows(() => withoutEnd(() => read(io)), Error, "`await`");
    assertEquals(await state(first), "EBUSY");
    assertEquals(socket.log, ["read", "reset"]);
  }
});

test("reads without end at the end, or of what is too long, end the connection", async () => {
  for (const read of READS) {
    const { socket, io } = open("loop");
    socket.arrive(null);
    assertEquals(await io.readLine(), null);
    const given: Promise<unknown>[] = [];
    assertThrows(
      () => withoutEnd(() => given.push(read(io) as Promise<unknown>)),
      Error,
      "`await`",
    );
    await Promise.allSettled(given);
    assertEquals(socket.log, ["read", "reset"]);
  }
  const { socket, io } = open("loop", { maxLine: 3 });
  socket.arrive("12345\n");
  let calls = 0;
  let last = "";
  while (socket.closes === 0 && ++calls < 100_000) {
    try {
      await io.readLine();
    } catch (error) {
      last = (error as Error).message;
    }
  }
  assertEquals([socket.closes, last.includes("`await`")], [1, true]);
});

test("whoever goes on reading at the end, whatever that throws, does not keep the thread", async () => {
  const { socket, io, connection } = open("loop");
  socket.arrive(null);
  for (const read of [() => io.readLine(), () => connection.read(new Uint8Array(1))]) {
    let hadTurn = false;
    let timer: ReturnType<typeof setTimeout> | undefined;
    for (let i = 0; i < 100_000 && !hadTurn; i++) {
      // When the connection has been ended, and not before.
      if (socket.closes > 0) timer ??= setTimeout(() => hadTurn = true, 0);
      try {
        await read();
      } catch {
        // It goes on.
      }
    }
    assert(hadTurn);
  }
});

test("peeks and empty messages, however many, are no loop if something is taken between", async () => {
  const { socket, io } = open("loop");
  socket.arrive("\n".repeat(30_000), null);
  for (let i = 0; i < 30_000; i++) {
    await io.peek(1);
    await io.readExactly(0);
    assertEquals(await io.readLine(), "");
  }
  assertEquals([await io.readLine(), socket.closes], [null, 0]);
});

test("what came before a reset is read first", async () => {
  const { socket, io } = open("loop");
  socket.arrive("one\ntw", failure("ECONNRESET"));
  assertEquals(await io.readLine(), "one");
  assertEquals(await state(io.readLine()), "ECONNRESET");
  assertEquals(text(await io.readExactly(2)), "tw");
});

test("too long is too long again, and nothing is taken, unless it is skipped", async () => {
  const { socket, io } = open("loop", { maxLine: 4 });
  socket.arrive("12345\n");
  await assertRejects(() => io.readLine(), TooLong, "may have 4 bytes");
  await assertRejects(() => io.readLine(), TooLong);
  assertEquals(await io.readLine({ max: 6 }), "12345");
});

test("whoever is told of a message that is too long is told once and at once, and can answer", async () => {
  const told: number[] = [];
  const { socket, io } = open("loop", {
    maxLine: 4,
    onTooLong: async (error) => {
      told.push(error.limit);
      await io.writeLine("no");
    },
  });
  socket.arrive("12345");
  const line = io.readLine();
  assertEquals(await state(line), "pending");
  assertEquals(socket.received, "no\n");
  socket.arrive("67", "89\nab\n");
  assertEquals(await line, "ab");
  assertEquals(told, [4]);
});

test("a length that cannot be is too long, and nothing is allocated", async () => {
  for (const [bytes, header] of [[4, "\xff\xff\xff\xff"], [8, "\xff".repeat(8)]] as const) {
    const { socket, io } = open("loop");
    socket.arrive(header);
    const error = await assertRejects(() => io.readFrame({ bytes }), TooLong);
    assertEquals(error.limit, 1 << 20);
  }
  const { io } = open("loop");
  await assertRejects(() => io.readExactly(0xffffffff), TooLong);
  await assertRejects(() => io.peek(0xffffffff), TooLong);
  for (const wrong of [-1, 1.5, NaN, Infinity]) {
    await assertRejects(() => io.readExactly(wrong), RangeError);
    await assertRejects(() => io.peek(wrong), RangeError);
  }
});

test("there is no read without a limit", async () => {
  for (const wrong of [0, -1, 1.5, NaN, Infinity, "1024" as unknown as number]) {
    assertThrows(() => open("loop", { maxLine: wrong }), RangeError, "maxLine");
    assertThrows(() => open("loop", { maxFrame: wrong }), RangeError, "maxFrame");
    const { socket, io } = open("loop");
    socket.arrive("x\n");
    await assertRejects(() => io.readLine({ max: wrong }), RangeError, "max");
  }
});

test("a gigabyte without a newline is an error, or skipped, in bounded memory", async () => {
  for (const onTooLong of ["error", "skip"] as const) {
    const { socket, io } = open("loop", { onTooLong });
    let left = 1 << 30;
    let largest = 0;
    socket.read = (buffer) => {
      largest = Math.max(largest, buffer.buffer.byteLength);
      if (left === 0) return null;
      const length = Math.min(left, buffer.length);
      left -= length;
      return length;
    };
    if (onTooLong === "error") await assertRejects(() => io.readLine(), TooLong);
    else assertEquals(await io.readLine(), null);
    assert(largest <= 1 << 17, `${largest}`);
    assertEquals(left === 0, onTooLong === "skip");
  }
});

test("leaving a loop over lines early loses nothing", async () => {
  const { socket, io } = open("loop");
  socket.arrive("one\ntwo\nthree\n", null);
  for await (const line of io.lines()) {
    if (line === "two") break;
  }
  assertEquals(await all(io, (io) => io.readLine()), ["three"]);
});

test("rest hands what is left back to read, before the end and before an error", async () => {
  for (const end of [null, failure("ECONNRESET")]) {
    const { socket, io, connection } = open("loop");
    socket.arrive("one\ntwo", end);
    assertEquals(await io.readLine(), "one");
    await state(io.readLine()); // it sees the end
    assertEquals(io.rest(), connection);
    const buffer = new Uint8Array(2);
    assertEquals([await connection.read(buffer), text(buffer)], [2, "tw"]);
    assertEquals(await connection.read(buffer), 1);
    assertEquals(buffer[0], "o".charCodeAt(0));
    assertEquals(await state(connection.read(buffer)), end ? "ECONNRESET" : "resolved");
    assertEquals(connection.bytesRead, 7);
  }
});

test("rest hands what is left to streams, with what a prelude has left", async () => {
  const { socket, connection } = open("loop");
  connection.handOn(bytes("a;" + "b".repeat(3000)));
  const io = new Framed(connection);
  assertEquals(text((await io.readUntil(bytes(";")))!), "a");
  const { readable } = io.rest();
  socket.arrive("c", null);
  assertEquals((await new Response(readable).text()).replace(/b{3000}/, "B"), "Bc");
});

test("a connection that is none of Trivet's is read too, but not handed back", async () => {
  const { socket, connection } = open("loop");
  const io = new Framed({
    localAddr: connection.localAddr,
    remoteAddr: connection.remoteAddr,
    read: (buffer) => connection.read(buffer),
    write: (bytes) => connection.write(bytes),
    closeWrite: () => connection.closeWrite(),
    close: () => connection.close(),
    reset: () => connection.reset(),
    tls: null,
    startTls: () => connection.startTls(),
    readable: null as unknown as ReadableStream,
    writable: null as unknown as WritableStream,
  }, { collect: true });
  socket.arrive("one\n");
  assertEquals(await io.readLine(), "one");
  await io.writeLine("two");
  assertEquals(socket.received, "two\n"); // nobody would write at the end what is held back
  assertThrows(() => io.rest(), TypeError);
});
