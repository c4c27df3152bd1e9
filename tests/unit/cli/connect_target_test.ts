/** Whom `connect` calls, from what people write. */
import { assertEquals, assertThrows } from "@std/assert";
import { CONNECT_OPTIONS } from "../../../src/cli/connect_options.ts";
import { target } from "../../../src/cli/connect_target.ts";
import { parseOptions } from "../../../src/cli/options.ts";
import { UsageError } from "../../../src/cli/usage_error.ts";
import { test } from "../../tools/unit.ts";

const called = (line: string) => target(parseOptions(line.split(" "), CONNECT_OPTIONS));

const RIGHT: Record<string, [string, number]> = {
  "localhost": ["localhost", 8888],
  "localhost 1": ["localhost", 1],
  "localhost:1": ["localhost", 1],
  "127.0.0.1:65535": ["127.0.0.1", 65535],
  "8888": ["127.0.0.1", 8888],
  ":9": ["127.0.0.1", 9],
  "::1": ["::1", 8888],
  "::1 9": ["::1", 9],
  "[::1]": ["::1", 8888],
  "[::1] 9": ["::1", 9],
  "[::1]:9": ["::1", 9],
  "[fe80::1%eth0]:9": ["fe80::1%eth0", 9],
  "fe80::1%eth0": ["fe80::1%eth0", 8888],
  "--host ::1": ["::1", 8888],
  "--host [::1] --port 9": ["[::1]", 9],
  "--port 9": ["127.0.0.1", 9],
  "--port 9 localhost": ["localhost", 9],
  "--host localhost 9": ["localhost", 9],
};

for (const [line, [hostname, port]] of Object.entries(RIGHT)) {
  test(`connect ${line} calls ${hostname}, port ${port}`, () => {
    assertEquals(called(line), { transport: "tcp", hostname, port });
  });
}

test("connect takes a socket's path as an option, and as a server prints it", () => {
  assertEquals(called("--unix /a:b"), { transport: "unix", path: "/a:b" });
  assertEquals(called("unix:/a:b"), { transport: "unix", path: "/a:b" });
});

const WRONG: Record<string, string> = {
  "localhost:0": `not "0"`,
  "localhost:": `not ""`,
  "localhost 65536": `not "65536"`,
  "99999": `not "99999"`,
  "localhost x": `not "x"`,
  "8888 9": `"8888" is a port: write HOST PORT`,
  "localhost:1 2": `the port is given twice: "1" and "2"`,
  "localhost --host 127.0.0.1": `the host is given twice`,
  "1 --port 2": `the port is given twice`,
  "a b c": `unexpected "c"`,
  "a:b:c": `"a:b:c" is no IPv6 address; with a port it is written [::1]:8888`,
  "[::1": `"[::1" is no IPv6 address`,
  "[localhost]:1": `"localhost" is no IPv6 address`,
  "[]": `"" is no IPv6 address`,
  "--unix /a localhost": "--unix goes without",
  "--unix /a --port 1": "--unix goes without",
  "": "a host is an address or a name, and this is empty",
  "unix:": "unix: goes before a path",
  "--host 127.0.0.1:80": `--host 127.0.0.1:80: it has a port in it; give that with --port`,
  "--host [::1]:80": `--host [::1]:80: it has a port in it; give that with --port`,
  "tcp://127.0.0.1:8888": `"tcp://127.0.0.1:8888" is a URL: write HOST:PORT`,
  "--host http://a": `--host http://a: it is a URL; give its host alone, and its port with --port`,
  "/tmp/x/c.s": `"/tmp/x/c.s" is a path: write --unix /tmp/x/c.s`,
  "./c.s 80": `"./c.s" is a path: write --unix ./c.s`,
  "--host ./c.s": `--host ./c.s: it is a path; give it with --unix`,
  "--port 0": "--port is a whole number from 1 to 65535",
};

for (const [line, message] of Object.entries(WRONG)) {
  test(`connect ${line} is refused`, () => {
    assertThrows(() => called(line), UsageError, message);
  });
}
