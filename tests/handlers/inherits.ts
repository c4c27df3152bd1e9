/** Tells what a process that it starts inherits: a line for each descriptor. */
import { spawnSync } from "node:child_process";
import type { Handler } from "../../mod.ts";

const handler: Handler = async (connection) => {
  const { stdout } = spawnSync("ls", ["-l", "/proc/self/fd"]);
  await connection.write(stdout);
};
export default handler;
