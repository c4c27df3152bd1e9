/** A server that encrypts, and clients that break off or send what nobody should. */
import { assert, assertEquals } from "@std/assert";
import { portOf } from "../examples/real_clients.ts";
import { Authority, noOpenssl } from "../tools/certificates.ts";
import { Client, until, visit } from "../tools/client.ts";
import { end } from "../tools/command.ts";
import { onEachRuntime } from "../tools/on_each_runtime.ts";
import { Breaker } from "../tools/tls_breaker.ts";

/** Those of whom no handler hears, and those whom it serves until they break. */
const BEFORE = [
  ...["text", "http", "ssh", "random", "record", "mutated", "long", "reset at once"],
  ...["reset in the handshake", "end in the handshake"],
];
const SERVED = [
  ...["end without a word", "reset later", "half a record", "garbage", "garbage record"],
  ...["wrong MAC", "hello again"],
];

function descriptors(pid: number): number {
  return [...Deno.readDirSync(`/proc/${pid}/fd`)].length;
}

await onEachRuntime(({ on, test, serve }) => {
  const name = "1,000 clients that break in every way at the same time leave nothing behind";
  if (noOpenssl !== null) {
    return Deno.test({ name: `${on.name}: ${name}: not run, ${noOpenssl}`, ignore: true, fn() {} });
  }
  test(name, async () => {
    using authority = new Authority();
    const { cert, key } = authority.issue("localhost", { names: ["localhost"] });
    const args = ["--tls-cert", cert, "--tls-key", key, "--tls-handshake-timeout", "60"];
    await using command = serve(...args, "--linger", "1");
    const address = await command.ready();
    Client.ca = Deno.readTextFileSync(authority.cert);
    try {
      await visit(address);
      const { pid } = command.child;
      const before = descriptors(pid);
      await using breaker = new Breaker(portOf(address), authority.cert);
      const kinds = [...BEFORE, ...SERVED].map((kind): [string, number] => [kind, 60]);
      const ends = await breaker.all(...kinds, ["byte by byte", 20], ["cut records", 25]);
      const asked = { "byte by byte: echoed": 20, "cut records: echoed": 25 };
      assertEquals(
        ends,
        kinds.reduce((all, [kind]) => ({ ...all, [`${kind}: closed`]: 60 }), asked),
      );
      await visit(address);
      await until("descriptors are given back", () => descriptors(pid) <= before);
      const lines = (start: string) =>
        command.log.split("\n").filter((line) => line.startsWith(start));
      await until("each end is told", () => lines("+ ").length === lines("- ").length);
      assert(!command.log.includes("nobody handled"), command.log);
      const bad = lines("- ").filter((line) => line.includes("(error: ")).length;
      assert(bad >= 6 * 60, `${bad} of those that were served ended with an error`);
      await end(command);
    } finally {
      Client.ca = null;
    }
  });
});
