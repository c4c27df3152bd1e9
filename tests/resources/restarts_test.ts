/**
 * Servers that are restarted, reloaded and killed while clients come: behind a manager's socket,
 * and behind a proxy. `scripts/soak/restarts.ts` and `scripts/soak/behind_proxy.ts` run longer.
 */
import { assert, assertEquals } from "@std/assert";
import { behindProxy } from "../../scripts/soak/behind_proxy.ts";
import { restart } from "../../scripts/soak/restarts.ts";
import { without } from "../examples/real_clients.ts";

for (
  const [runtime, args] of [
    ["deno", ["--model", "process"]],
    ["bun", ["--model", "multiplex"]],
    ["node", ["--model", "multiplex", "--workers", "2"]],
  ] as const
) {
  Deno.test(`${runtime}: serve ${args.join(" ")} is restarted under its manager's socket, and no client is refused or cut`, async () => {
    const { visits, codes } = await restart({
      runtime,
      args: [...args, "--shutdown-timeout", "60"],
      restarts: 2,
      rate: 100,
      serves: 500,
    });
    assertEquals(visits.filter(({ error }) => error !== null), []);
    assert(visits.length > 100, `${visits.length} clients came`);
    assertEquals(codes, [0, 0, 0]);
  });
}

Deno.test({
  name:
    `servers behind HAProxy are reloaded, restarted and killed, and only a killed one's clients see it${
      without("haproxy")
    }`,
  ignore: without("haproxy") !== "",
  async fn() {
    const { visits, failed, strangers, noise, shares } = await behindProxy({
      proxy: "haproxy",
      runtime: "deno",
      args: ["--model", "process", "--shutdown-timeout", "60"],
      rate: 100,
      rounds: 1,
      every: 300,
    });
    assertEquals({ failed, strangers, noise }, { failed: [], strangers: [], noise: [] });
    assert(visits > 100 && shares.every((share) => share > 0), `${visits} clients: ${shares}`);
  },
});
