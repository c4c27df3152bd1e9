import { assert, assertEquals, assertThrows } from "@std/assert";
import type { Address } from "../../../src/connection/connection.ts";
import { encodeProxyHeader, type ProxyHeaderOptions } from "../../../src/proxy/encode.ts";
import { parseProxyHeader } from "../../../src/proxy/parse.ts";
import { bytes, test, text } from "../../tools/unit.ts";
import { BLOCK4, BLOCK6, PATHS, tlv, v2 } from "./headers.ts";
import { secondOpinion } from "./second_parser.ts";

const tcp = (hostname: string, port: number): Address => ({ transport: "tcp", hostname, port });
const source = tcp("192.0.2.7", 51234);
const destination = tcp("198.51.100.1", 443);
const six = { source: tcp("2001:db8::7", 51234), destination: tcp("2001:db8::1", 443) };
const unix = (path: string): Address => ({ transport: "unix", path });

const HEADERS: readonly (readonly [ProxyHeaderOptions, string])[] = [
  [{ version: 1, source, destination }, "PROXY TCP4 192.0.2.7 198.51.100.1 51234 443\r\n"],
  [{ version: 1, ...six }, "PROXY TCP6 2001:db8::7 2001:db8::1 51234 443\r\n"],
  [
    { version: 1, source, destination: six.destination },
    "PROXY TCP6 ::ffff:192.0.2.7 2001:db8::1 51234 443\r\n",
  ],
  [{ version: 1 }, "PROXY UNKNOWN\r\n"],
  [{ version: 1, source: unix(""), destination: unix("/run/b") }, "PROXY UNKNOWN\r\n"],
  [{ source, destination }, v2(0x21, 0x11, BLOCK4)],
  [six, v2(0x21, 0x21, BLOCK6)],
  [{ source: unix("/run/a.sock"), destination: unix("/run/b") }, v2(0x21, 0x31, PATHS)],
  [{}, v2(0x20, 0, "")],
  [{ source: null, destination: null }, v2(0x20, 0, "")],
  [
    { source, destination, tlvs: new Map([[2, bytes("x.example")], [0xe0, bytes("")]]) },
    v2(0x21, 0x11, BLOCK4 + tlv(2, "x.example") + tlv(0xe0, "")),
  ],
];

test("a header is what the specification says", () => {
  for (const [options, header] of HEADERS) {
    assertEquals(text(encodeProxyHeader(options)), header, JSON.stringify(options));
  }
});

test("a checksum is one that others find right", () => {
  const tlvs = new Map([[0xe1, bytes("x")]]);
  const header = encodeProxyHeader({ ...six, tlvs, checksum: true });
  assertEquals(secondOpinion(header), "[2001:db8::7] 51234 > [2001:db8::1] 443 63 225");
  assertEquals(text(header.subarray(-7, -4)), "\x03\0\x04");
});

test("what was received can be passed on", () => {
  const tlvs = tlv(1, "h2") + tlv(2, "x.example") + tlv(0x20, "\x01\0\0\0\0") + tlv(0xea, "y");
  const found = parseProxyHeader(bytes(v2(0x21, 0x21, BLOCK6 + tlv(4, "padding") + tlvs)));
  assert(typeof found !== "number");
  assertEquals(text(encodeProxyHeader(found.message)), v2(0x21, 0x21, BLOCK6 + tlvs));
});

test("what a header cannot say is refused", () => {
  const refused: [ProxyHeaderOptions, string][] = [
    [{ source }, "source and destination"],
    [{ source, destination: unix("/s") }, "a TCP end and a Unix socket's"],
    [{ source: tcp("localhost", 1), destination }, '"localhost": it is no numeric address'],
    [{ source: tcp("192.0.2.7", 65536), destination }, "port 65536"],
    [{ version: 3 as 2 }, "version 3"],
    [{ version: 1, tlvs: [[2, bytes("x")]] }, "version 1"],
    [{ version: 1, checksum: true }, "version 1"],
    [{ tlvs: [[256, bytes("x")]] }, "256"],
    [{ tlvs: [[1, "x" as unknown as Uint8Array]] }, "a Uint8Array"],
    [{ tlvs: [[1, new Uint8Array(4096)]] }, "4096 bytes"],
    [{ source: unix("x".repeat(109)), destination: unix("") }, "108 bytes"],
  ];
  for (const [options, why] of refused) {
    assertThrows(() => encodeProxyHeader(options), TypeError, why);
  }
});
