/** What docs/deployment.md shows for containers is what the command takes, and does. */
import { assert, assertEquals, assertMatch } from "@std/assert";
import { Client, until } from "../tools/client.ts";
import { CLI, Command } from "../tools/command.ts";
import { events } from "../tools/log_lines.ts";
import { target } from "../tools/targets.ts";

const DOCS = await Deno.readTextFile(new URL("../../docs/deployment.md", import.meta.url));

/** The only block of that language. */
function block(language: string): string {
  const [one, second] = DOCS.matchAll(
    new RegExp(`^\`\`\`${language}\\n([\\s\\S]*?)^\`\`\`$`, "gm"),
  );
  assert(one && !second);
  return one[1];
}

Deno.test("the container of the docs is probed, drained and ended as they say", async () => {
  const dockerfile = block("dockerfile");
  const line = (name: string) =>
    JSON.parse(new RegExp(`^${name} (\\[.*\\])$`, "m").exec(dockerfile)![1]) as string[];
  assertEquals(line("ENTRYPOINT"), ["node", "node_modules/trivet/cli.js", "serve"]);
  const args = line("CMD").map((word) => word.replace("0.0.0.0", "127.0.0.1").replace("9090", "0"));
  const option = (name: string) => Number(args[args.indexOf(name) + 1]);

  const manifest = block("yaml");
  const grace = Number(/terminationGracePeriodSeconds: (\d+)/.exec(manifest)![1]);
  assert(option("--drain-delay") + option("--shutdown-timeout") < grace);
  assertMatch(manifest, /containerPort: 8888 \}[\s\S]*containerPort: 9090 \}/);

  const folder = await Deno.makeTempDir();
  await Deno.writeTextFile(`${folder}/package.json`, `{"type": "module"}`);
  await Deno.writeTextFile(
    `${folder}/handler.js`,
    "export default (connection) => connection.readable.pipeTo(connection.writable);",
  );
  const { run: [node] } = await target("node");
  await using command = new Command(["serve", ...args, "--port", "0"], {
    program: [node, CLI],
    cwd: folder,
  });
  const address = await command.ready();
  const statusPort = () => events(command, "listening")[0]?.status?.port;
  await until("its log to say where", () => statusPort() !== undefined);
  const probe = async (path: string) => {
    const response = await fetch(`http://127.0.0.1:${statusPort()}${path}`);
    await response.body?.cancel();
    return response.status;
  };
  for (const [, path] of manifest.matchAll(/path: (\/\w+)/g)) assertEquals(await probe(path), 200);
  command.child.kill("SIGTERM");
  await until("it is not ready", async () => await probe("/ready") === 503);
  assertEquals(await probe("/live"), 200);
  const late = await Client.open(address);
  await late.send("still here");
  assertEquals(await late.receiveText(10), "still here");
  await late.close();
  assertEquals(await command.exit(), 0);
  await Deno.remove(folder, { recursive: true });
});
