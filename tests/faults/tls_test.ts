/** A server that encrypts, and clients that break off or send what nobody should. */
import { assert, assertEquals } from "@std/assert";
import { until, visit } from "../tools/client.ts";
import { end } from "../tools/command.ts";
import { onEachRuntime } from "../tools/on_each_runtime.ts";
import { testEncrypted } from "../tools/tls_server.ts";

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

await onEachRuntime((runtime) => {
  const name = "1,000 clients that break in every way at the same time leave nothing behind";
  const start = (...tls: string[]) =>
    runtime.serve(...tls, "--tls-handshake-timeout", "60", "--linger", "1");
  testEncrypted(runtime, name, start, async ({ command, address, breaker: makeBreaker }) => {
    await visit(address);
    const { pid } = command.child;
    const before = descriptors(pid);
    await using breaker = makeBreaker();
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
    const bad = () => lines("- ").filter((line) => line.includes("(error: ")).length;
    await until(
      "each end is told, and of six kinds that were served that it was an error",
      () => lines("+ ").length === lines("- ").length && bad() >= 6 * 60,
    );
    await end(command);
    assert(!command.log.includes("nobody handled"), command.log);
  });
});
