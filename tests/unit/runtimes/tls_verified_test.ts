import { assertEquals } from "@std/assert";
import { verifiedBy } from "../../../src/runtimes/tls_verified.ts";
import { test } from "../../tools/unit.ts";

test("what was verified by one set of authorities is not by another", () => {
  verifiedBy("A").add("1", Infinity);
  assertEquals([verifiedBy("A").has("1"), verifiedBy("A").has("2")], [true, false]);
  assertEquals(verifiedBy("B").has("1"), false);
});

test("certificates that have ended do not stay for ever", () => {
  const verified = verifiedBy("short");
  verified.add("ended", Date.now() - 1);
  verified.add("good", Date.now() + 60_000);
  for (let i = 0; i < 3000; i++) verified.add(`${i}`, Date.now() - 1);
  assertEquals([verified.has("ended"), verified.has("good")], [false, true]);
});

test("what was verified stays so when an authority is added, and not when one is taken away", () => {
  const [a, b, c] = ["A", "B", "C"].map((name) =>
    `-----BEGIN CERTIFICATE-----\n${name}\n-----END CERTIFICATE-----\n`
  );
  verifiedBy(a + b).add("1", Infinity);
  const known = [a + c + b, a, b + c].map((all) => verifiedBy(all).has("1"));
  assertEquals(known, [true, false, false]);
});
