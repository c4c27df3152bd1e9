/** From `--tls-…` to what `serve()` is called with. */
import { assertEquals, assertThrows } from "@std/assert";
import { parseOptions } from "../../../src/cli/options.ts";
import { SERVE_OPTIONS } from "../../../src/cli/serve_options.ts";
import { serveSettings } from "../../../src/cli/serve_settings.ts";
import { UsageError } from "../../../src/cli/usage_error.ts";
import { test } from "../../tools/unit.ts";

const settings = (...args: string[]) => serveSettings(parseOptions(args, SERVE_OPTIONS));
const PAIR = ["--tls-cert", "c.pem", "--tls-key", "k.pem"];

test("--tls-… are the option tls, and a place may go without", () => {
  assertEquals(settings().tls, undefined);
  const { tls, listen } = settings(
    ...[...PAIR, "--tls-cert", "d.pem", "--tls-key", "l.pem"],
    ...["--tls-client-ca", "ca.pem", "--tls-client-auth", "request", "--tls-crl", "crl.pem"],
    ...["--tls-alpn", "irc,x", "--tls-min", "1.3", "--tls-handshake-timeout", "0.5"],
    ...["--listen", "1", "--listen", "2,tls=off", "--listen", "3,proxy-protocol=::1,10.0.0.0/8"],
    ...["--listen", "4,tls=off,proxy-protocol=off", "--listen", "5,proxy-protocol=::1,::2,tls=off"],
  );
  assertEquals(tls, {
    ...{ cert: ["c.pem", "d.pem"], key: ["k.pem", "l.pem"] },
    ...{ clientCa: "ca.pem", clientAuth: "request", crl: "crl.pem" },
    ...{ alpn: ["irc", "x"], minVersion: "TLSv1.3", handshakeTimeout: 500 },
  });
  assertEquals(listen, [
    "1",
    { at: "2", tls: false },
    { at: "3", proxyProtocol: ["::1", "10.0.0.0/8"] },
    { at: "4", tls: false, proxyProtocol: [] },
    { at: "5", tls: false, proxyProtocol: ["::1", "::2"] },
  ]);
});

test("what is wrong with --tls-… is said in one line", () => {
  const mistakes: [string[], string][] = [
    [["--tls-cert", "c.pem"], "--tls-cert goes with --tls-key"],
    [["--tls-key", "k.pem"], "--tls-key goes with --tls-cert"],
    [["--tls-min", "1.3"], "--tls-min goes with --tls-cert"],
    [
      [...PAIR, "--tls-cert", "d.pem"],
      "--tls-cert and --tls-key go in pairs, and these are 2 and 1",
    ],
    [[...PAIR, "--tls-crl", "crl.pem"], "--tls-crl goes with --tls-client-ca"],
    [[...PAIR, "--tls-client-auth", "request"], "--tls-client-auth goes with --tls-client-ca"],
    [[...PAIR, "--tls-client-auth", "maybe"], "--tls-client-auth is one of require, request"],
    [[...PAIR, "--tls-min", "1.1"], "--tls-min is one of 1.2, 1.3"],
    [[...PAIR, "--tls-handshake-timeout", "0"], "--tls-handshake-timeout is a number of seconds"],
    [[...PAIR, "--tls-alpn", "a,,b"], "Cannot encrypt with this alpn"],
    [
      ["--tls-cert", "c.pem", "--tls-key", "-----BEGIN PRIVATE KEY-----"],
      "--tls-key is a file's path",
    ],
    [[...PAIR, "--listen", "1,tls=off"], "Cannot serve with tls: each place has its own"],
    [[...PAIR, "--listen", "1,tls=on"], "after the address comes proxy-protocol=CIDR, or off, and"],
    [[...PAIR, "--listen", "1,tls=off,::1"], "after the address comes"],
  ];
  for (const [args, line] of mistakes) {
    assertThrows(() => settings(...args), UsageError, line);
  }
});
