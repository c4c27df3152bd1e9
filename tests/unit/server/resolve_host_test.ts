import { assertEquals } from "@std/assert";
import type { Runtime } from "../../../src/runtime.ts";
import { resolveHost } from "../../../src/server/resolve_host.ts";
import { test } from "../../tools/unit.ts";

/** Where a server listens for a name that has these addresses, and what is left. */
async function resolved(...addresses: string[]): Promise<string[]> {
  const runtime = { lookup: () => Promise.resolve(addresses) } as Partial<Runtime> as Runtime;
  const tcp = { transport: "tcp", hostname: "some.host", port: 1 } as const;
  const { address, others } = await resolveHost(runtime, tcp);
  return [(address as typeof tcp).hostname, ...others];
}

test("of a name's addresses the same is taken, in whatever order they come", async () => {
  assertEquals(await resolved("::1", "127.0.0.1"), ["127.0.0.1", "::1"]);
  assertEquals(await resolved("127.0.0.1", "::1"), ["127.0.0.1", "::1"]);
  assertEquals(await resolved("10.0.0.10", "10.0.0.9", "10.0.0.10"), ["10.0.0.9", "10.0.0.10"]);
  assertEquals(await resolved("::2", "::1"), ["::1", "::2"]);
});

test("a name's only address is taken, and an address is its own", async () => {
  assertEquals(await resolved("::1", "::1"), ["::1"]);
  const runtime = {} as Runtime;
  for (const hostname of ["127.0.0.1", "::1"]) {
    const address = { transport: "tcp", hostname, port: 1 } as const;
    assertEquals(await resolveHost(runtime, address), { address, others: [] });
  }
});
