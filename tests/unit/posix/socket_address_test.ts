import { assertEquals, assertThrows } from "@std/assert";
import type { Address } from "../../../src/connection/connection.ts";
import { SystemError } from "../../../src/connection/errors.ts";
import { DARWIN, LINUX } from "../../../src/posix/constants.ts";
import {
  decodeAddress,
  encodeAddress,
  SOCKET_ADDRESS_SIZE,
} from "../../../src/posix/socket_address.ts";
import { test } from "../../tools/unit.ts";

const SYSTEMS = { LINUX, DARWIN };

function bytesOf(...parts: (number | number[])[]): Uint8Array {
  return Uint8Array.from(parts.flat());
}

const zeros = (length: number) => new Array<number>(length).fill(0);

test("an IPv4 address is a struct sockaddr_in", () => {
  const address: Address = { transport: "tcp", hostname: "192.168.1.254", port: 8080 };
  const rest = [0x1f, 0x90, 192, 168, 1, 254, ...zeros(8)];
  assertEquals(encodeAddress(address, LINUX), bytesOf(2, 0, rest));
  assertEquals(encodeAddress(address, DARWIN), bytesOf(16, 2, rest));
});

test("an IPv6 address is a struct sockaddr_in6", () => {
  const address: Address = { transport: "tcp", hostname: "2001:db8::a0b:0", port: 443 };
  const host = [0x20, 0x01, 0x0d, 0xb8, ...zeros(8), 0x0a, 0x0b, 0, 0];
  const rest = [0x01, 0xbb, ...zeros(4), ...host, ...zeros(4)];
  assertEquals(encodeAddress(address, LINUX), bytesOf(10, 0, rest));
  assertEquals(encodeAddress(address, DARWIN), bytesOf(28, 30, rest));
});

test("a Unix path is a struct sockaddr_un with a NUL at its end", () => {
  const address: Address = { transport: "unix", path: "/a" };
  assertEquals(encodeAddress(address, LINUX), bytesOf(1, 0, 0x2f, 0x61, 0));
  assertEquals(encodeAddress(address, DARWIN), bytesOf(5, 1, 0x2f, 0x61, 0));
});

const HOSTS: [string, string][] = [
  ["0.0.0.0", "0.0.0.0"],
  ["127.0.0.1", "127.0.0.1"],
  ["255.255.255.255", "255.255.255.255"],
  ["::", "::"],
  ["::1", "::1"],
  ["1::", "1::"],
  ["fe80::1%eth0", "fe80::1"],
  ["::ffff:127.0.0.1", "::ffff:127.0.0.1"],
  ["2001:DB8::00A1", "2001:db8::a1"],
  ["0:0:0:0:0:0:0:1", "::1"],
  ["1:2:3:4:5:6:7:8", "1:2:3:4:5:6:7:8"],
  ["1:0:0:4:0:0:0:8", "1:0:0:4::8"],
  ["ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"],
];

for (const [name, system] of Object.entries(SYSTEMS)) {
  /** As the kernel does: into a larger buffer, at an offset, with what was there before behind it. */
  const back = (encoded: Uint8Array, length = encoded.length) => {
    const memory = new Uint8Array(SOCKET_ADDRESS_SIZE + 8).fill(0x7a);
    const buffer = memory.subarray(8);
    buffer.set(encoded);
    return decodeAddress(buffer, length, system);
  };

  for (const [hostname, canonical] of HOSTS) {
    test(`${name}: ${hostname} comes back as ${canonical}`, () => {
      for (const port of [0, 1, 255, 256, 65535]) {
        assertEquals(
          back(encodeAddress({ transport: "tcp", hostname, port }, system)),
          { transport: "tcp", hostname: canonical, port },
        );
      }
    });
  }

  test(`${name}: a Unix path comes back, up to the longest`, () => {
    const longest = "/".padEnd(system.SUN_PATH - 1, "x");
    for (const path of ["/tmp/a.sock", "relative", "/tmp/ü 日本.sock", longest]) {
      const address: Address = { transport: "unix", path };
      assertEquals(back(encodeAddress(address, system)), address);
    }
  });

  test(`${name}: a Unix path may fill the structure without a NUL`, () => {
    const encoded = encodeAddress({ transport: "unix", path: "/tmp/abc" }, system);
    assertEquals(back(encoded, encoded.length - 1), { transport: "unix", path: "/tmp/abc" });
    assertEquals(back(encoded, encoded.length - 2), { transport: "unix", path: "/tmp/ab" });
  });

  test(`${name}: a client that has no path has an empty one`, () => {
    const unnamed = encodeAddress({ transport: "unix", path: "/left over" }, system);
    assertEquals(back(unnamed, 2), { transport: "unix", path: "" });
    assertEquals(back(unnamed, 0), { transport: "unix", path: "" });
  });

  test(`${name}: a path that is too long says how long it may be`, () => {
    const most = system.SUN_PATH - 1;
    for (const path of ["x".repeat(most + 1), "ü".repeat(Math.ceil((most + 1) / 2))]) {
      const error = assertThrows(
        () => encodeAddress({ transport: "unix", path }, system),
        SystemError,
        `at most ${most} bytes`,
      );
      assertEquals(error.code, "ENAMETOOLONG");
    }
  });
}

test("the two systems' structures differ where they must", () => {
  const address: Address = { transport: "tcp", hostname: "::1", port: 80 };
  assertEquals([LINUX.AF_INET6, DARWIN.AF_INET6], [10, 30]);
  assertEquals(
    encodeAddress(address, LINUX).subarray(2),
    encodeAddress(address, DARWIN).subarray(2),
  );
  assertEquals([LINUX.SUN_PATH, DARWIN.SUN_PATH], [108, 104]);
});
