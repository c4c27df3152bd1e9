/** Events as lines. */
import { assert, assertEquals } from "@std/assert";
import { formatEvent, type ServerEvent } from "../../../mod.ts";
import { formatJson } from "../../../src/log/format_json.ts";
import { bytes, test } from "../../tools/unit.ts";

const client = {
  time: 0,
  id: "1.1",
  remoteAddr: { transport: "tcp", hostname: "127.0.0.1", port: 5000 },
  worker: { kind: "main", id: 0 },
} as const;
const closed = {
  ...client,
  type: "closed",
  bytesRead: 1,
  bytesWritten: 2,
  milliseconds: 3,
  reason: "error",
} as const;

function message(bytes: Uint8Array, length = bytes.length): ServerEvent {
  return { ...client, type: "message", bytes, length };
}

/** What of a line stands for the message. */
function shown(event: ServerEvent): string {
  return formatEvent(event)!.replace(/^.*? bytes /, "");
}

/** The bytes that it stands for: what is in quotes, read back. */
function readBack(quoted: string): Uint8Array {
  const bytes: number[] = [];
  const pieces = /\\x(..)|\\u(....)|\\(.)|([^])/gu;
  for (const [, byte, unit, short, plain] of quoted.slice(1, -1).matchAll(pieces)) {
    if (byte) bytes.push(parseInt(byte, 16));
    else {
      const text = unit
        ? String.fromCharCode(parseInt(unit, 16))
        : short
        ? ({ n: "\n", r: "\r", t: "\t" }[short] ?? short)
        : plain;
      bytes.push(...new TextEncoder().encode(text));
    }
  }
  return Uint8Array.from(bytes);
}

test("an error's stack is below its line, indented; not that of an error of the system", () => {
  const stack = "TypeError: no\x1b[31m such\n    at fn (file:///h.ts:3:5)\n    at \x07 (x)";
  const line = "- 127.0.0.1:5000 #1.1 1 in, 2 out, 0.003 s";
  assertEquals(
    formatEvent({ ...closed, error: "no\x1b[31m such", stack }),
    `${line} (error: no\\x1b[31m such)\n    at fn (file:///h.ts:3:5)\n    at \\x07 (x)`,
  );
  assertEquals(
    formatEvent({ ...closed, error: "ENOENT: none", code: "ENOENT", stack }),
    `${line} (error: ENOENT: none)`,
  );
  const code = "ERR_INVALID_ARG_TYPE"; // of Node, and no name of POSIX
  assertEquals(formatEvent({ ...closed, error: "no", code, stack })!.split("\n").length, 3);
  const { worker } = client;
  const unhandled = formatEvent({ type: "unhandled", time: 0, worker, error: "no", stack })!;
  assert(unhandled.startsWith("! main: nobody handled: no\n    at fn"), unhandled);
});

test("of an error without a place the errors below it are shown whole", () => {
  const stack = "AggregateError: all\nOne of its errors: Error: one\n    at fn (file:///h.ts:3:5)";
  assertEquals(
    formatEvent({ ...closed, error: "AggregateError: all", stack })!.split("\n").slice(1),
    ["    One of its errors: Error: one", "    at fn (file:///h.ts:3:5)"],
  );
});

test("where a worker has died, its connection's line has no counts", () => {
  const { bytesRead: _, bytesWritten: __, ...unknown } = closed;
  const lost = { ...unknown, reason: "worker", error: "SIGKILL" } as const;
  assertEquals(formatEvent(lost), "- 127.0.0.1:5000 #1.1 0.003 s (worker: SIGKILL)");
});

test("a message is shown as its characters, and can be read back whatever its bytes are", () => {
  const text = '中文, größer, 👋 "quoted" \\n and \\x41';
  assertEquals(
    shown(message(new TextEncoder().encode(text))),
    `"${text.replace(/["\\]/g, "\\$&")}"`,
  );
  const controls = "\x1b[31m\r\n\t\x00\x7f \x9b \u2028\u202e\ufeff";
  assertEquals(
    shown(message(new TextEncoder().encode(controls))),
    '"\\x1b[31m\\r\\n\\t\\x00\\x7f \\u009b \\u2028\\u202e\ufeff"',
  );
  const broken = "\xff\xc0\x80 \xe4\xb8 \xed\xa0\x80 \xf4\x90\x80\x80 \xf0\x9f\x91";
  assertEquals(
    shown(message(bytes(broken))),
    '"\\xff\\xc0\\x80 \\xe4\\xb8 \\xed\\xa0\\x80 \\xf4\\x90\\x80\\x80 \\xf0\\x9f\\x91"',
  );
  const random = crypto.getRandomValues(new Uint8Array(200));
  const all = [new TextEncoder().encode(text + controls), bytes(broken), random];
  for (const bytes of all) assertEquals(readBack(shown(message(bytes))), bytes);
});

test("a long message is cut between two characters", () => {
  const text = "x" + "中".repeat(100);
  assertEquals(shown(message(new TextEncoder().encode(text))), `"x${"中".repeat(66)}"…`);
});

test("JSON has strings whole and bytes in base64, and nothing that a terminal obeys", () => {
  const error = "long ".repeat(100) + "\x1b[31m \x9b31m \u202e 中文";
  const line = formatJson({ ...closed, error });
  assertEquals(JSON.parse(line), { ...closed, error });
  // deno-lint-ignore no-control-regex -- control characters are what it looks for
  assert(!/[\x00-\x1f\x7f-\x9f\u202e]/.test(line), line);
  const all = Uint8Array.from({ length: 256 }, (_, i) => i);
  const { bytes } = JSON.parse(formatJson(message(all)));
  assertEquals(Uint8Array.from(atob(bytes), (c) => c.charCodeAt(0)), all);
});

test("what strangers do to each port that is encrypted is shown when all is, a certificate always", () => {
  const refused = { ...client, type: "refused", count: 1 } as const;
  for (const reason of ["tls_none", "tls_handshake", "tls_timeout"] as const) {
    assertEquals(formatEvent({ ...refused, reason }), null);
    assert(formatEvent({ ...refused, reason }, { verbose: true })?.startsWith("! refused 127."));
    assert(formatJson({ ...refused, reason }).includes(reason));
  }
  assertEquals(
    formatEvent({ ...refused, reason: "tls_certificate", error: "it has shown none" }),
    "! refused 127.0.0.1:5000: no certificate that is trusted (it has shown none)",
  );
});
