/** Tries what a worker without permissions must not, says what came of each, then echoes. */
import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { connect } from "node:net";
import type { Handler } from "../../mod.ts";

const FILE = "/etc/hostname";

/** A connection by node:net. */
function connected(): Promise<void> {
  return new Promise((resolve, reject) => {
    const socket = connect(9, "127.0.0.1");
    socket.on("connect", resolve).on("error", reject);
  });
}

const TRIES: Record<string, () => unknown> = {
  "read a file": () => Deno.readTextFileSync(FILE),
  "read a file by node:fs": () => readFileSync(FILE),
  "write a file": () => Deno.writeTextFileSync("/tmp/never", ""),
  "import a module": () => import(String(new URL("./mixed.ts", import.meta.url))),
  "open a connection": () => Deno.connect({ port: 9 }),
  "open a connection by node:net": connected,
  "listen": () => Deno.listen({ port: 0 }),
  "start a program": () => new Deno.Command("true").outputSync(),
  "start a program by node:child_process": () => {
    const { error } = spawnSync("true");
    if (error) throw error;
  },
  "send a signal": () => Deno.kill(Deno.ppid, "SIGURG"),
  "open a library": () => Deno.dlopen("libc.so.6", {}),
  "look at the environment": () => Deno.env.get("PATH"),
};

const handler: Handler = async (connection) => {
  const came: Record<string, string> = {};
  for (const [what, attempt] of Object.entries(TRIES)) {
    try {
      await attempt();
      came[what] = "allowed";
    } catch (error) {
      const { name, code } = error as Error & { code?: string };
      came[what] = name === "NotCapable" || code === "EACCES" || code === "EPERM" ||
          /Requires \S+ access/.test(String(error))
        ? "refused"
        : String(error);
    }
  }
  await connection.write(new TextEncoder().encode(JSON.stringify(came) + "\n"));
  const buffer = new Uint8Array(100);
  for (let n; (n = await connection.read(buffer)) !== null;) {
    await connection.write(buffer.slice(0, n));
  }
};
export default handler;
