import { assert, assertEquals, assertThrows } from "@std/assert";
import { isLocal, parsePlace } from "../../../src/status/place.ts";
import { settle } from "../../../src/server/settings.ts";
import { test } from "../../tools/unit.ts";

const tcp = (hostname: string, port: number) => ({ transport: "tcp", hostname, port } as const);

test("a place is an address, a port, a path or the page's URL", () => {
  for (
    const text of ["9000", "127.0.0.1:9000", "http://127.0.0.1:9000", "http://127.0.0.1:9000/"]
  ) {
    assertEquals(parsePlace(text), tcp("127.0.0.1", 9000));
  }
  assertEquals(parsePlace("[::1]:9000"), tcp("::1", 9000));
  for (const text of ["unix:/run/x", "/run/x"]) {
    assertEquals(parsePlace(text), { transport: "unix", path: "/run/x" });
  }
  assertEquals(parsePlace("unix:x"), { transport: "unix", path: "x" });
  for (const text of ["", "x", "unix:", "::1:9000", "[x]:1", "h:99999", "http://x", "a/b", "h:"]) {
    assertThrows(() => parsePlace(text), TypeError);
  }
});

test("only what this machine alone reaches is local", () => {
  for (const host of ["127.0.0.1", "127.9.9.9", "::1", "localhost"]) assert(isLocal(tcp(host, 1)));
  for (const host of ["0.0.0.0", "::", "192.0.2.1", "localhost.example", "127.0.0.1.example"]) {
    assert(!isLocal(tcp(host, 1)), host);
  }
});

for (
  const [options, said] of [
    [{ status: "0.0.0.0:9000" }, /others can reach it.*--status-public/],
    [{ status: "x" }, /no address: write HOST:PORT/],
    [{ status: "9000", statusMode: 0o600 }, /it is for a Unix socket/],
    [{ statusPublic: true }, /give status an address too/],
    [{ status: true, statusMode: 0o600 }, /give status an address too/],
    [{ status: false }, /it must be a string or true/],
  ] as const
) {
  test(`serve() refuses ${JSON.stringify(options)}`, () => {
    const error = assertThrows(() => settle(options as never), TypeError);
    assert(said.test(error.message), error.message);
  });
}

test("an address that others reach is taken where that is asked for", () => {
  const { status, statusMode } = settle({ status: "0.0.0.0:9000", statusPublic: true });
  assertEquals([status, statusMode], [tcp("0.0.0.0", 9000), 0o600]);
  assertEquals(settle({}).status, null);
  assertEquals(settle({ status: true }).status, "kept");
});
