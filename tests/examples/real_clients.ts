/** Programs that talk to an example, where they are installed. */
import type { Address, ModelName } from "../../mod.ts";
import { MODELS } from "../../src/server/models.ts";
import { within } from "../tools/client.ts";

const missing = new Map<string, boolean>();

function isMissing(program: string): boolean {
  let known = missing.get(program);
  if (known === undefined) {
    const found = new Deno.Command("sh", { args: ["-c", `command -v ${program}`] }).outputSync();
    missing.set(program, known = !found.success);
  }
  return known;
}

/** For the name of a case: why it is not run. */
export function without(program: string): string {
  return isMissing(program) ? `: not run, ${program} is not installed` : "";
}

/** The models under which a case with this program is not run: all, if it is not there. */
export function tool(program: string): Partial<Record<ModelName, string>> {
  if (!isMissing(program)) return {};
  const reason = `${program} is not installed`;
  return Object.fromEntries(Object.keys(MODELS).map((model) => [model, reason]));
}

/** The port of a server, for a command line. */
export function portOf(address: Address): string {
  return String((address as { port: number }).port);
}

/** Runs a program to its end. */
export async function run(
  program: string,
  args: string[],
): Promise<{ code: number; stdout: string; stderr: string }> {
  const output = new Deno.Command(program, { args, stdin: "null" }).output();
  const { code, stdout, stderr } = await within(`${program} ${args.join(" ")}`, output);
  const [out, err] = [stdout, stderr].map((bytes) => new TextDecoder().decode(bytes));
  return { code, stdout: out, stderr: err };
}
