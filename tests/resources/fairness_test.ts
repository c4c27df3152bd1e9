/**
 * Eight clients that stream as fast as they can, and a ninth that sends 100 bytes
 * at a time, in every model but `iterative`. How fast a server is says nothing
 * here; how it shares what it has does.
 */
import { assert, assertEquals } from "@std/assert";
import type { TcpAddress } from "../../mod.ts";
import type { LoadResult } from "../../src/bench/load_messages.ts";
import { LoadThread } from "../../src/bench/load_thread.ts";
import { detect } from "../../src/runtimes/detect.ts";
import { CLI, Command } from "../tools/command.ts";
import { target } from "../tools/targets.ts";

const STREAMS = 8;
/** Milliseconds: how long the streams are counted, and how long the ninth within that. */
const [COUNTED, OBSERVED] = [500, 300];
/**
 * MiB that the streams may bring for each answer of the ninth: a bound that does
 * not depend on how busy the machine is. It is what a fast one does in 20 ms.
 */
const PATIENCE = 16;
/**
 * A busy machine is unfair now and then, and a loop that is not fair can be lucky:
 * the first verdict that comes three times counts.
 */
const VERDICTS = 3;

const runtime = await detect();
const silent = { warming() {}, measuring() {}, measured() {}, holding() {} };

/** What streams and the ninth get, at the same time; each in a thread of this process. */
async function load(address: TcpAddress): Promise<{ streams: LoadResult; ninth: LoadResult }> {
  const [eight, one] = [new LoadThread(runtime), new LoadThread(runtime)];
  try {
    const streaming = Promise.withResolvers<void>();
    const streams = eight.run(
      {
        load: "stream",
        address,
        connections: STREAMS,
        size: 65536,
        warmup: 100,
        duration: COUNTED,
      },
      { ...silent, measuring: () => streaming.resolve() },
    );
    await Promise.race([streaming.promise, streams]);
    const ninth = one.run(
      { load: "message", address, connections: 1, size: 100, warmup: 50, duration: OBSERVED },
      silent,
    );
    return { streams: await streams, ninth: await ninth };
  } finally {
    eight.close();
    one.close();
  }
}

for (const name of ["deno", "bun", "node"] as const) {
  const { run } = await target(name);
  // Between workers the kernel shares, for the same code on all three.
  for (const model of name === "deno" ? ["multiplex", "thread", "process"] : ["multiplex"]) {
    Deno.test(`${name}: ${model} shares itself between eight streams, and lets a ninth client talk`, async () => {
      const room = ["--max-connections", "9", "--spares", "9", "--linger", "0.1"];
      await using command = new Command(
        ["serve", "--port", "0", "--log", "none", "--model", model, ...room],
        { program: [...run, CLI] },
      );
      const address = await command.ready() as TcpAddress;
      let [fair, unfair] = [0, 0];
      while (fair < VERDICTS && unfair < VERDICTS) {
        const { streams, ninth } = await load(address);
        assertEquals([streams.wrong, ninth.wrong], [0, 0]);
        const share = streams.fewest / (streams.bytes / STREAMS);
        const answers = ninth.count / ninth.milliseconds;
        const perAnswer = streams.bytes / streams.milliseconds / answers / 2 ** 20;
        console.log(
          `    the slowest stream has ${share.toFixed(2)} of the mean; the ninth has an answer ` +
            `for each ${perAnswer.toFixed(1)} MiB of theirs`,
        );
        if (share >= 0.5 && perAnswer <= PATIENCE) fair++;
        else unfair++;
      }
      assert(fair > unfair);
      command.child.kill("SIGTERM");
      assertEquals(await command.exit(), 0);
    });
  }
}
