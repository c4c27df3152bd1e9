/** Who may connect to a Unix socket. */
import { assertEquals, assertMatch, assertThrows } from "@std/assert";
import { type ModelName, serve } from "../../mod.ts";
import { MODELS } from "../../src/server/models.ts";
import { settle } from "../../src/server/settings.ts";
import { testAlone } from "../tools/alone.ts";
import { visit } from "../tools/client.ts";
import { CLI, Command } from "../tools/command.ts";
import { target } from "../tools/targets.ts";

const ECHO = new URL("../../src/handler/echo.ts", import.meta.url);
const bits = (path: string) => Deno.statSync(path).mode! & 0o777;

async function withPath(run: (path: string) => Promise<void>): Promise<void> {
  const folder = await Deno.makeTempDir();
  try {
    await run(`${folder}/socket`);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

const WAYS = [
  ...(Object.keys(MODELS) as ModelName[]).map((model) => ({ model })),
  { model: "process" as const, handOver: true },
];
for (const way of WAYS) {
  // The umask is the whole process's.
  const name = `${Object.values(way).join(", ")}: unixMode is the mode of the socket`;
  testAlone(import.meta.url, name, () =>
    withPath(async (path) => {
      const umask = Deno.umask();
      for (const unixMode of [0o600, 0o666]) {
        const server = await serve({ ...way, spares: 1, path, unixMode }, ECHO);
        assertEquals(bits(path), unixMode);
        assertEquals(Deno.umask(), umask);
        await visit(server.addr);
        await server.shutdown();
      }
    }));
}

// Bun's own listener, and node:net's; Deno's is above.
for (
  const [name, ...flags] of [["bun", "multiplex"], ["node", "process", "--hand-over"]] as const
) {
  const { run } = await target(name);
  Deno.test(`${name}: --unix-mode 0606 under ${flags.join(" ")}`, () =>
    withPath(async (path) => {
      await using command = new Command(
        ["serve", "--unix", path, "--unix-mode", "0606", "--spares", "1", "--model", ...flags],
        { program: [...run, CLI] },
      );
      await command.ready();
      assertEquals(bits(path), 0o606);
      command.child.kill("SIGTERM");
      assertEquals(await command.exit(), 0);
    }));
}

Deno.test("a mode that is wrong, or for no Unix socket, gets one clear line", async () => {
  assertThrows(() => settle({ unixMode: 0o600 }), TypeError, "it is for a Unix socket");
  assertThrows(() => settle({ path: "/socket", unixMode: 0o1000 }), TypeError, "unixMode 512");
  for (
    const [args, line] of [
      [["--unix-mode", "0660"], /--unix-mode goes with --unix PATH/],
      [["--unix", "/tmp/socket", "--unix-mode", "rw"], /three octal digits.*"rw"/],
    ] as const
  ) {
    await using command = new Command(["serve", ...args]);
    assertEquals(await command.exit(), 2);
    assertMatch(command.stderr, line);
  }
});
