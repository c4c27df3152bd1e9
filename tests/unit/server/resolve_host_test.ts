import { assertEquals } from "@std/assert";
import { resolveInOrder } from "../../../src/server/resolve_host.ts";
import { test } from "../../tools/unit.ts";

/** The order of a name's addresses, which the system gives in this one. */
function order(...addresses: string[]): Promise<string[]> {
  return resolveInOrder({ lookup: () => Promise.resolve(addresses) }, "some.host");
}

test("a name's addresses have the same order, in whatever order they come, and each is once", async () => {
  assertEquals(await order("::1", "127.0.0.1"), ["127.0.0.1", "::1"]);
  assertEquals(await order("127.0.0.1", "::1"), ["127.0.0.1", "::1"]);
  assertEquals(await order("10.0.0.10", "10.0.0.9", "10.0.0.10"), ["10.0.0.9", "10.0.0.10"]);
  assertEquals(await order("::2", "::1"), ["::1", "::2"]);
  assertEquals(await order("::1", "::1"), ["::1"]);
});

test("an address is its own, and nobody is asked", async () => {
  const lookup = () => Promise.reject(new Error("was asked"));
  for (const hostname of ["127.0.0.1", "::1"]) {
    assertEquals(await resolveInOrder({ lookup }, hostname), [hostname]);
  }
});
