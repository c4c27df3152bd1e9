/**
 * A short soak of each model: clients of every kind, workers killed meanwhile,
 * and every connection accounted for. `scripts/soak/soak.ts` runs longer ones.
 */
import { assert, assertEquals } from "@std/assert";
import type { ModelName } from "../../mod.ts";
import { soak } from "../../scripts/soak/run.ts";
import { MODELS } from "../../src/server/models.ts";
import { type Target, target } from "../tools/targets.ts";

const PAIRS: [Target["name"], ModelName][] = [
  ...(Object.keys(MODELS) as ModelName[]).map((model): [Target["name"], ModelName] => [
    "deno",
    model,
  ]),
  ["bun", "process"],
];

/** As many workers from the beginning as there may be: waiting until more have left takes long. */
const FIXED = ["--spares", "8", "--max-connections", "8"];

for (const [name, model] of PAIRS) {
  const { where } = MODELS[model];
  const killed = where === "process" ? ", and its workers killed," : "";
  Deno.test(`${name}: ${model} under 50 clients of all kinds${killed} accounts for each`, async () => {
    const { ledger, slowestAnswer } = await soak({
      model,
      program: (await target(name)).run,
      milliseconds: 2000,
      connections: 50,
      killEvery: where === "process" ? 200 : 0,
      killTemplateEvery: where === "process" ? 3000 : 0,
      kills: where === "process" ? 4 : 0,
      seed: 1,
      answerWithin: 60_000, // 2 s are promised, on a machine that does nothing else
      serve: where === "main" ? [] : FIXED,
    });
    console.log(
      `    ${ledger.total} connections, ${ledger.kills} kills, ` +
        `the slowest answer after one in ${slowestAnswer} ms`,
    );
    assertEquals(ledger.complaints, []);
    assert(ledger.total > 100);
    assertEquals(ledger.kills > 3, where === "process");
  });
}
