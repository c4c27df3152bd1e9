import { assert, assertEquals, assertMatch, assertThrows } from "@std/assert";
import type { Address } from "../../../src/connection/connection.ts";
import { parseProxyHeader } from "../../../src/proxy/parse.ts";
import type { ProxyHeader } from "../../../src/proxy/proxy_header.ts";
import { bytes, test } from "../../tools/unit.ts";
import { BLOCK4, INVALID, SSL, tlv, v2, VALID } from "./headers.ts";
import { secondOpinion, utf8 } from "./second_parser.ts";

function end(address: Address | null): string {
  if (address?.transport !== "tcp") return `unix ${address?.path}`;
  const { hostname, port } = address;
  return `${hostname.includes(":") ? new URL(`tcp://[${hostname}]`).host : hostname} ${port}`;
}

function says({ command, source, destination }: ProxyHeader): string {
  return command === "local" ? command : `${end(source)} > ${end(destination)}`;
}

/** The same as the second parser says it. */
function opinion(header: Uint8Array): string {
  let parsed;
  try {
    parsed = parseProxyHeader(header);
  } catch (error) {
    assert(error instanceof SyntaxError);
    return "wrong";
  }
  if (typeof parsed === "number") {
    assert(parsed > header.length, `${parsed} of ${header.length}`);
    return "more";
  }
  const { message, length } = parsed;
  const types = message.command === "local" ? "" : ` ${[...message.tlvs.keys()].join(",")}`;
  return `${says(message)} ${length}${types}`;
}

/** The header, as it was found. */
function parsed(header: string): ProxyHeader {
  const found = parseProxyHeader(bytes(header));
  assert(typeof found !== "number");
  return found.message;
}

for (const [name, header, meaning] of VALID) {
  test(`${name}: says what it says, whole and cut at every byte, and takes no byte of what follows`, () => {
    const whole = bytes(header);
    for (const rest of ["", "x", "\r\n", header, "PROXY TCP4 "]) {
      const found = parseProxyHeader(bytes(header + rest));
      assert(typeof found !== "number", `${found} bytes are wanted`);
      assertEquals(says(found.message), meaning);
      assertEquals(found.message.version, name.startsWith("v1") ? 1 : 2);
      assertEquals(found.length, header.length);
    }
    for (let length = 0; length < header.length; length++) {
      const needs = parseProxyHeader(whole.subarray(0, length));
      assert(typeof needs === "number" && needs > length && needs <= header.length, `${needs}`);
      if (length < 400) assertEquals(secondOpinion(whole.subarray(0, length)), "more");
    }
    assertEquals(opinion(whole), secondOpinion(whole));
  });
}

for (const [name, header] of INVALID) {
  test(`${name}: is refused`, () => {
    assertThrows(() => parseProxyHeader(bytes(header)), SyntaxError);
    assertEquals(secondOpinion(bytes(header)), "wrong");
  });
}

test("what can be no header is refused at its first byte that is wrong", () => {
  for (const start of ["G", "PROXX", "\r\n\r\n\r", "PROXY\r", `${"\r\n\r\n\0\r\nQUIT"}\r`]) {
    assertEquals(opinion(bytes(start)), "wrong");
    assertEquals(opinion(bytes(start.slice(0, -1))), "more");
  }
});

/** One of each kind. */
const MUTATED = new Set([
  "v1 TCP4",
  "v1 TCP6",
  "v1 UNKNOWN",
  "v2 LOCAL with addresses, as a balancer sends it",
  "v2 TCP4 with values",
  "v2 TCP4 with a checksum",
]);

test("all mutations of one byte of a header are what a second parser says", () => {
  let right = 0;
  for (const [name, header] of VALID) {
    if (!MUTATED.has(name)) continue;
    for (let at = 0; at < header.length; at++) {
      const mutant = bytes(header + "payload");
      for (let value = 0; value < 256; value++) {
        mutant[at] = value;
        const mine = opinion(mutant);
        if (mine !== secondOpinion(mutant)) assertEquals(mine, secondOpinion(mutant), name);
        if (mine !== "wrong" && mine !== "more") right++;
      }
    }
  }
  assert(right > 10_000, `only ${right} were headers`);
});

test("10,000 random headers are what a second parser says", () => {
  let seed = 1;
  const random = (below: number) => {
    seed = (Math.imul(seed, 1103515245) + 12345) >>> 0;
    return (seed >>> 8) % below;
  };
  const some = (length: number) =>
    Array.from({ length }, () => String.fromCharCode(random(256))).join("");
  const pick = <T>(all: readonly T[]) => all[random(all.length)];
  const values = () =>
    Array.from({ length: random(5) }, () => tlv(pick([1, 2, 3, 4, 5, 32, 234]), some(random(140))));
  const host = () =>
    pick([
      () => Array.from({ length: pick([4, 4, 4, 3, 5]) }, () => random(300)).join("."),
      () =>
        Array.from({ length: pick([8, 8, 7, 9, 4]) }, () => random(65536).toString(16)).join(":"),
      () => `${random(9999)}::${random(9999)}`,
      () => "::",
      () => pick(["", "::ffff:1.2.3.4", "01.2.3.4", "::1%lo", "1::2::3"]),
    ])();
  const found = new Map<string, number>();
  for (let i = 0; i < 10_000; i++) {
    const header = pick([
      () =>
        v2(
          pick([0x20, 0x21, 0x21, 0x21]),
          pick([0, 0x11, 0x21, 0x31, 0x12, 0x33]),
          some(random(400)),
        ),
      () => v2(0x21, 0x11, BLOCK4 + values().join("")),
      () => v2(0x21, 0x21, some(36) + values().join("") + some(pick([0, 0, 0, 1, 2]))),
      () =>
        `PROXY ${pick(["TCP4", "TCP6", "UNKNOWN", "UDP4"])} ${host()} ${host()} ${random(70_000)} ${
          random(70_000)
        }${pick(["\r\n", "\r\n", "\r\n", "\n", ""])}`,
      () => some(random(120)),
    ])();
    const all = bytes(header + some(random(40)));
    const mine = opinion(all);
    assertEquals(mine, secondOpinion(all));
    const kind = mine.split(" ")[0].replace(/[^a-z].*/, "address");
    found.set(kind, (found.get(kind) ?? 0) + 1);
  }
  for (const kind of ["wrong", "more", "local", "address"]) {
    assert((found.get(kind) ?? 0) > 200, kind);
  }
});

test("values are told, those of TLS too, and unknown ones by their type", () => {
  const more = tlv(0x01, "h2") + tlv(0x02, "b\xc3\xbccher.example") + tlv(0x05, "\0\xff") + SSL;
  const header = parsed(v2(0x21, 0x11, BLOCK4 + more + tlv(0xea, "\x01vpce-0") + tlv(0xea, "2")));
  assertEquals([header.alpn, header.authority], ["h2", "bücher.example"]);
  assertEquals(header.uniqueId, bytes("\0\xff"));
  assertEquals(header.tls, {
    version: "TLSv1.3",
    cipher: "TLS_AES_256_GCM_SHA384",
    cn: "example.com",
    verified: true,
  });
  assertEquals([...header.tlvs.keys()], [0x01, 0x02, 0x05, 0x20, 0xea]);
  assertEquals(header.tlvs.get(0xea), bytes("\x01vpce-0"));
});

test("a client without a certificate, or with a wrong one, is not verified", () => {
  const tls = (client: string, verify: string) =>
    parsed(v2(0x21, 0x11, BLOCK4 + tlv(0x20, client + verify + tlv(0x21, "TLSv1.2")))).tls;
  assertEquals(tls("\x01", "\0\0\0\0"), {
    ...{ version: "TLSv1.2", cipher: null, cn: null, verified: false },
  });
  assertEquals(tls("\x03", "\0\0\0\x01")?.verified, false);
  assertEquals(tls("\x03", "\0\0\0\0")?.verified, true);
  assertEquals(tls("\x05", "\0\0\0\0")?.verified, true);
  assertEquals(tls("\x00", "\0\0\0\0"), null); // it came without TLS
});

test("text that is no UTF-8 is told all the same, and harms nobody", () => {
  const header = parsed(v2(0x21, 0x11, BLOCK4 + tlv(0x02, "a\xff\xfeb") + tlv(0x01, "\xc0")));
  assertEquals([header.authority, header.alpn], [utf8("a\xff\xfeb"), utf8("\xc0")]);
  assertMatch(header.authority!, /^a\ufffd+b$/);
});

test("what was found stays as it is when the bytes are used again", () => {
  const buffer = bytes(v2(0x21, 0x11, BLOCK4 + tlv(0x05, "id")));
  const found = parseProxyHeader(buffer);
  assert(typeof found !== "number");
  buffer.fill(0x7a);
  assertEquals(found.message.uniqueId, bytes("id"));
});
