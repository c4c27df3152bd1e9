/** A shutdown under a stream of clients. */
import { assert, assertEquals } from "@std/assert";
import { Client } from "../tools/client.ts";
import { CLI, Command } from "../tools/command.ts";
import { WAYS } from "./limits_cases.ts";
import type { Target } from "../tools/targets.ts";

const CLIENTS = 8;

/** Defines the tests on one runtime. */
export function shutdownTests(on: Target, names: string[]): void {
  for (const name of names) {
    Deno.test(`${on.name}: serve ${name} at SIGTERM serves who has come, refuses who comes, and resets nobody`, async () => {
      const args = [
        ...WAYS[name] ?? ["--model", name],
        "--spares",
        String(CLIENTS),
        "--log",
        "none",
      ];
      const command = new Command(["serve", "--port", "0", ...args], {
        program: [...on.run, CLI],
      });
      const address = await command.ready();
      let served = 0, refused = 0, reset = 0;
      const stream = async () => {
        for (;;) {
          let client;
          try {
            client = await Client.open(address);
          } catch (error) {
            if ((error as { code?: string }).code !== "ECONNREFUSED") reset++;
            else refused++;
            return;
          }
          try {
            await client.send("hello bye");
            assertEquals((await client.receiveAll()).length, 6);
            if (++served === 300) command.child.kill("SIGTERM");
          } catch {
            reset++;
          }
          await client.close();
        }
      };
      await Promise.all(Array.from({ length: CLIENTS }, stream));
      assertEquals(await command.exit(), 0);
      console.log(`    ${name}: ${served} served, ${refused} refused, ${reset} reset`);
      assert(served >= 300 && refused > 0);
      assertEquals(reset, 0);
    });
  }
}
