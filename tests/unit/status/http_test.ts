import { assert, assertEquals } from "@std/assert";
import {
  encodeResponse,
  isOwnHost,
  LARGEST_REQUEST,
  parseRequest,
  plain,
} from "../../../src/status/http.ts";
import { test, text } from "../../tools/unit.ts";

const REQUEST = "GET /status.json?x=1 HTTP/1.1\r\nHost: 127.0.0.1:80\r\nAccept:  a\r\nACCEPT: b\t";

test("a request has a method, a path without its query, and headers by name", () => {
  const { method, path, headers } = parseRequest(REQUEST)!;
  assertEquals([method, path], ["GET", "/status.json"]);
  assertEquals([...headers], [["host", "127.0.0.1:80"], ["accept", "a, b"]]);
});

for (
  const wrong of [
    "",
    "GET",
    "GET /",
    "GET / HTTP/2",
    "GET  / HTTP/1.1",
    "GET / HTTP/1.1 ",
    "GET http://x/ HTTP/1.1",
    "GET /\u0000 HTTP/1.1",
    "G\u00e9T / HTTP/1.1",
    "GET / HTTP/1.1\r\n folded: x",
    "GET / HTTP/1.1\r\nname : x",
    "GET / HTTP/1.1\r\n: x",
    "GET / HTTP/1.1\r\nno colon",
    "GET / HTTP/1.1\r\nHost: a\nb",
    "GET / HTTP/1.1\nHost: a",
  ]
) {
  test(`${JSON.stringify(wrong)} is no request`, () => assertEquals(parseRequest(wrong), null));
}

test("a head of 8 KiB is looked through in its length, whatever is in it", () => {
  const spaces = " ".repeat(LARGEST_REQUEST - 100);
  const took = () => {
    const begin = performance.now();
    assertEquals(parseRequest(`GET / HTTP/1.1\r\nA:${spaces}\x01`), null);
    assertEquals(
      parseRequest(`GET / HTTP/1.1\r\nA: x${spaces}x \t`)!.headers.get("a"),
      `x${spaces}x`,
    );
    assertEquals(parseRequest(`GET / HTTP/1.1\r\nA:${spaces}`)!.headers.get("a"), "");
    return performance.now() - begin;
  };
  // In the others the machine may have paused.
  assert(Math.min(...Array.from({ length: 5 }, took)) < 500, "it stops the main process");
});

test("only an address and localhost are this machine's own names", () => {
  for (const host of ["127.0.0.1", "127.0.0.1:80", "[::1]:9000", "localhost", "LOCALHOST:1"]) {
    assert(isOwnHost(host), host);
  }
  for (
    const host of [
      ...[undefined, "", "evil.example", "127.0.0.1.evil.example", "localhost.evil.example:80"],
      ...["[::1", "[evil]", "127.0.0.1:80:80", "127.0.0.1, evil.example", "localhost@evil"],
    ]
  ) assert(!isOwnHost(host), host);
});

test("an answer has no body for HEAD, and may be kept, framed and guessed by nobody", () => {
  const whole = text(encodeResponse(plain(200, "live"), "GET"));
  assert(whole.startsWith("HTTP/1.1 200 OK\r\n") && whole.endsWith("\r\n\r\nlive\n"));
  for (const field of ["no-store", "nosniff", "frame-ancestors 'none'", "Connection: close"]) {
    assert(whole.includes(field), field);
  }
  assert(!/access-control/i.test(whole));
  assertEquals(text(encodeResponse(plain(200, "live"), "HEAD")), whole.slice(0, -5));
});
