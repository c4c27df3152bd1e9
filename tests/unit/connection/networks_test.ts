import { assert, assertEquals, assertThrows } from "@std/assert";
import type { Address } from "../../../src/connection/connection.ts";
import { Networks } from "../../../src/connection/networks.ts";
import { test } from "../../tools/unit.ts";

const at = (hostname: string): Address => ({ transport: "tcp", hostname, port: 1 });
const unix: Address = { transport: "unix", path: "" };

/** Networks, what is in them, and what is not. */
const CASES: readonly (readonly [string[], string[], string[]])[] = [
  [["10.0.0.0/8"], ["10.0.0.0", "10.255.255.255", "::ffff:10.1.2.3"], ["11.0.0.0", "::a00:1"]],
  [["192.0.2.7"], ["192.0.2.7", "::ffff:192.0.2.7"], ["192.0.2.6", "192.0.2.8"]],
  [["192.0.2.6/31"], ["192.0.2.6", "192.0.2.7"], ["192.0.2.5", "192.0.2.8"]],
  [["172.16.0.0/12"], ["172.16.0.1", "172.31.255.255"], ["172.32.0.0", "172.15.255.255"]],
  [["0.0.0.0/0"], ["127.0.0.1", "255.255.255.255"], ["::1"]],
  [["::/0"], ["::1", "2001:db8::1"], ["127.0.0.1", "::ffff:127.0.0.1"]],
  [["2001:db8::/33"], ["2001:db8:7fff::1"], ["2001:db8:8000::1", "2001:db9::1"]],
  [["fe80::1"], ["fe80::1", "fe80::1%eth0"], ["fe80::2"]],
  [["::ffff:10.0.0.0/104"], ["10.1.2.3", "::ffff:10.1.2.3"], ["11.0.0.0"]],
  [["10.0.0.0/8", "::1", "127.0.0.1"], ["10.0.0.1", "::1", "127.0.0.1"], ["127.0.0.2"]],
  [[], [], ["127.0.0.1"]],
];

test("an address is in its networks and in no other, whichever way it is written", () => {
  for (const [texts, inside, outside] of CASES) {
    const networks = new Networks(texts);
    for (const host of inside) assertEquals(networks.has(at(host)), true, `${host} in ${texts}`);
    for (const host of outside) assertEquals(networks.has(at(host)), false, `${host} in ${texts}`);
    assertEquals(networks.has(unix), false);
  }
  const all = new Networks(["unix", "10.0.0.0/8"]);
  assertEquals([all.has(unix), all.has(at("10.1.1.1")), all.has(at("127.0.0.1"))], [
    ...[true, true, false],
  ]);
});

test("what is no network is refused, and a mistake is told with what would be right", () => {
  const wrong: [string, string][] = [
    ["10.0.0.1/8", "write 10.0.0.0/8"],
    ["2001:db8::1/64", "write 2001:db8::/64"],
    ["10.0.0.0/33", "from 0 to 32"],
    ["::/129", "from 0 to 128"],
    ["10.0.0.0/08", "from 0 to 32"],
    ["10.0.0.0/", "from 0 to 32"],
    ["10.0.0.0/8/8", "it is an address"],
    ["10.0.0/8", "it is an address"],
    ["010.0.0.0/8", "it is an address"],
    ["localhost", "it is an address"],
    ["unix:/path", "it is an address"],
    ["", "it is an address"],
    [" 10.0.0.0/8", "it is an address"],
  ];
  for (const [text, why] of wrong) {
    assertThrows(() => new Networks(["::1", text]), TypeError, why);
  }
});

test("whether an address is in one of 100,000 networks is known as soon as of one", () => {
  const many = Array.from(
    { length: 100_000 },
    (_, i) => `11.${i >> 13}.${i >> 5 & 255}.${i * 8 & 255}/29`,
  );
  const [one, all] = [new Networks(many.slice(-1)), new Networks(many)];
  const took = (networks: Networks) => {
    const begin = performance.now();
    for (let i = 0; i < 1000; i++) networks.has(at("127.0.0.1"));
    return performance.now() - begin;
  };
  // In the others the machine may have paused.
  const least = (networks: Networks) =>
    Math.min(...Array.from({ length: 5 }, () => took(networks)));
  // Whoever goes through them all takes some thousand times as long.
  const [short, long] = [least(one), least(all)];
  assert(long < 100 * short + 100, `${long} ms, and of one ${short} ms`);
  assertEquals([all.has(at("11.12.52.250")), all.has(at("12.0.0.0"))], [true, false]);
});
