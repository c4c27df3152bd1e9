/**
 * What a server holds after many connections: what it held after some. The models
 * stand in two test files, because each of them takes 15 seconds on each runtime,
 * and the tests of one file run in turn.
 */
import { assert, assertEquals } from "@std/assert";
import type { ModelName, TcpAddress } from "../../mod.ts";
import { until } from "../tools/client.ts";
import { onEachRuntime } from "../tools/on_each_runtime.ts";
import { fixed, held, settled } from "./held.ts";

const SOME = 200, MANY = 2000;
/** How often it is looked at until it grows no more. */
const ROUNDS = 4;

/** The visit of tools/client.ts over Deno's own client, which takes a fraction of its time. */
async function visit({ hostname, port }: TcpAddress): Promise<void> {
  using conn = await Deno.connect({ hostname, port });
  await conn.write(HELLO_BYE);
  let echo = "";
  for (let n; (n = await conn.read(buffer)) !== null;) {
    echo += decoder.decode(buffer.subarray(0, n));
  }
  assertEquals(echo, "hello ");
}

const HELLO_BYE = new TextEncoder().encode("hello bye");
const buffer = new Uint8Array(100);
const decoder = new TextDecoder();

/** Defines the tests of these models. */
export function leakTests(models: ModelName[]): Promise<void> {
  return onEachRuntime(({ on, test, run }) => {
    // With its usual heap Node collects so seldom that after 16,000 connections
    // it holds three times what it held after 200, and then no more.
    const env: Record<string, string> = on.name === "node"
      ? { NODE_OPTIONS: "--max-semi-space-size=1 --max-old-space-size=32" }
      : {};

    for (const model of models) {
      test(`serve --model ${model} holds after ${MANY} connections what it held after ${SOME}`, async () => {
        await using command = run(["serve", "--port", "0", "--model", model, ...fixed(model)], {
          env,
        });
        const address = await command.ready() as TcpAddress;
        const serve = async (count: number) => {
          for (let i = 0; i < count; i++) {
            await visit(address);
          }
          const lines = () =>
            command.log.split("\n").filter((line) => line.startsWith("- ")).length;
          served += count;
          await until("all are closed", () => lines() === served);
        };
        let served = 0;
        await serve(SOME);
        const before = await settled(command.child.pid);
        // For each process: what grows is what each compiles and has not collected yet.
        const room = Math.max(before.kilobytes / 10, before.processes * (8 << 10));
        // What leaks grows each time, and what has only not been collected does not.
        const seen = [before.kilobytes];
        for (let round = 0; round < ROUNDS; round++) {
          await serve(MANY - SOME);
          let after = held(command.child.pid);
          await until("descriptors, processes and threads are back", () => {
            after = held(command.child.pid);
            // Deno ends threads of its own pool when they have been idle for ten seconds, and
            // a process that forks has closed what it needed to warm up.
            return after.threads <= before.threads && after.descriptors <= before.descriptors &&
              after.processes === before.processes;
          }).catch(() => assertEquals(after, before));
          seen.push(after.kilobytes);
          if (after.kilobytes <= seen[round] + room) break;
        }
        assert(seen.at(-1)! <= seen.at(-2)! + room, `${seen.join(", ")} KiB`);
        console.log(`    ${model}: ${seen.join(", ")} KiB`);
        command.child.kill("SIGTERM");
        assertEquals(await command.exit(), 0);
      });
    }
  });
}
