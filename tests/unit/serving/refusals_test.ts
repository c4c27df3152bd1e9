/** Which clients are let in. */
import { assert, assertEquals } from "@std/assert";
import type { Address } from "../../../src/connection/connection.ts";
import type { RefusalReason } from "../../../src/events.ts";
import { Refusals, sourceOf } from "../../../src/serving/refusals.ts";
import { test } from "../../tools/unit.ts";

const tcp = (hostname: string): Address => ({ transport: "tcp", hostname, port: 50_000 });

test("a source is an IPv4 address, however written, or an IPv6 /64", () => {
  const same = (...hosts: string[]) =>
    assertEquals(new Set(hosts.map((host) => sourceOf(tcp(host)))).size, 1, hosts.join());
  same("192.0.2.7", "::ffff:192.0.2.7", "::ffff:c000:207");
  same("2001:db8:1:2::1", "2001:db8:1:2:ffff:ffff:ffff:ffff", "2001:DB8:1:2:0::9");
  const hosts = [
    "192.0.2.7",
    "192.0.2.8",
    "2001:db8:1:2::1",
    "2001:db8:1:3::1",
    "::1",
    "::1:0:0:0:1",
  ];
  assertEquals(new Set(hosts.map((host) => sourceOf(tcp(host)))).size, hosts.length);
  assertEquals(sourceOf({ transport: "unix", path: "/socket" }), null);
});

function refusals(connections: number, perSource: number) {
  const refused: RefusalReason[] = [];
  const onRefused = (_: Address, reason: RefusalReason) => void refused.push(reason);
  return { door: new Refusals({ connections, perSource, onRefused }), refused };
}

test("a client beyond a limit is refused until another leaves, and takes no place", () => {
  const { door, refused } = refusals(3, 2);
  const [a, b] = [tcp("192.0.2.1"), tcp("192.0.2.2")];
  assertEquals([a, a, a, b, b].map((address) => door.admit(address)), [
    true,
    true,
    false,
    true,
    false,
  ]);
  assertEquals(refused, ["source", "connections"]);
  door.leave(b);
  assertEquals(door.admit(a), false);
  door.leave(a);
  assertEquals([door.admit(b), door.admit(a), door.admit(a)], [true, true, false]);
});

test("connections over a Unix socket have no source", () => {
  const { door } = refusals(Infinity, 1);
  const address = { transport: "unix", path: "" } as const;
  for (let i = 0; i < 5; i++) assert(door.admit(address));
  for (let i = 0; i < 5; i++) door.leave(address);
});
