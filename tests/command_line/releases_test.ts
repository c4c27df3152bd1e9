/**
 * A release that is switched and removed below its server, as deployments do it. All
 * paths have characters in them that mean something in a URL.
 */
import { assert, assertEquals } from "@std/assert";
import { Client, until } from "../tools/client.ts";
import { Command, end } from "../tools/command.ts";
import { onEachRuntime } from "../tools/on_each_runtime.ts";
import { WAYS } from "../tools/ways.ts";

const ROOT = new URL("../../", import.meta.url);

/** A handler that says which release it is, and stays. */
const HANDLER = `import { name } from "./name.mjs";
export default async (connection) => {
  await connection.write(new TextEncoder().encode(name));
  await connection.read(new Uint8Array(1));
};`;

/** Two releases of it, and a link to the first. */
async function deploy(folder: string): Promise<string> {
  for (const name of ["one", "two"]) {
    await Deno.mkdir(`${folder}/${name}`, { recursive: true });
    await Deno.writeTextFile(`${folder}/${name}/name.mjs`, `export const name = "${name}";`);
    await Deno.writeTextFile(`${folder}/${name}/handler.mjs`, HANDLER);
  }
  await Deno.symlink("one", `${folder}/current`);
  return `${folder}/current`;
}

/**
 * A checkout of Trivet, as far as it is needed to run: one for all tests, because
 * runtimes compile what they have not seen at a path before.
 */
const home = await Deno.makeTempDir();
const checkout = `${home}/a #b%20 ü/trivet`;
Deno.test.beforeAll(() => checkOut(checkout));
Deno.test.afterAll(() => Deno.remove(home, { recursive: true }));

async function checkOut(folder: string): Promise<void> {
  await Deno.mkdir(folder, { recursive: true });
  const parts = ["src", "std", "cli.ts", "mod.ts", "deno.json", "package.json"];
  const { success } = await new Deno.Command("cp", { args: ["-R", ...parts, folder], cwd: ROOT })
    .output();
  assert(success);
  await Deno.symlink(new URL("node_modules", ROOT), `${folder}/node_modules`);
}

/** The second release takes the place of the first, of which nothing is left. */
async function switchRelease(folder: string): Promise<void> {
  await Deno.symlink("two", `${folder}/next`);
  await Deno.rename(`${folder}/next`, `${folder}/current`);
  await Deno.remove(`${folder}/one`, { recursive: true });
}

/** Whether the kernel sends keep-alives on what this port has accepted, see proc_net(5). */
function keptAlive(port: number): boolean {
  const local = `:${port.toString(16).toUpperCase().padStart(4, "0")}`;
  const lines = Deno.readTextFileSync("/proc/net/tcp").split("\n").map((line) =>
    line.trim().split(/\s+/)
  );
  const open = lines.filter(([, address, , state]) => address?.endsWith(local) && state === "01");
  return open.length > 0 && open.every(([, , , , , timer]) => timer.startsWith("02:"));
}

await onEachRuntime(({ on, test }) => {
  for (const [way, flags] of Object.entries(WAYS)) {
    if (way === "multiplex") continue; // it does not reload
    test(`serve ${way}: the release that a link leads to now is served after SIGHUP`, async () => {
      const folder = `${await Deno.makeTempDir()}/a #b%20 ü`;
      const current = await deploy(folder);
      // A shell tells what it starts by which path it has come to the folder.
      const inCurrent = ["sh", "-c", 'cd "$0" && exec "$@"', current] as const;
      await using command = new Command(
        ["serve", "--port", "0", "--spares", "1", ...flags, "--handler", "./handler.mjs"],
        { program: [...inCurrent, ...on.run, `${checkout}/cli.ts`] },
      );
      const address = await command.ready();
      const greeted = async (name: string) => {
        const client = await Client.open(address);
        assertEquals(await client.receiveText(3), name);
        return client;
      };
      const stays = await greeted("one");
      // Until the client has acknowledged what it got, the timer is another one.
      await until("keep-alive", () => keptAlive((address as { port: number }).port));
      await switchRelease(folder);
      command.child.kill("SIGHUP");
      await until("the reload", () => command.log.includes("\nreloaded"));
      for (let n = 0; n < 3; n++) await (await greeted("two")).close();
      await end(command, stays);
      await Deno.remove(folder, { recursive: true });
    });
  }
});
