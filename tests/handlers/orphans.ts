/** Starts a process that leaves an orphan, says so, and reads its own child's end. */
import { spawn } from "node:child_process";
import type { Handler } from "../../mod.ts";

const handler: Handler = async (connection) => {
  const child = spawn("sh", ["-c", "sleep 0.1 & exit 7"], { stdio: "ignore" });
  const code = await new Promise((resolve) => child.on("exit", resolve));
  await connection.write(new TextEncoder().encode(`exit ${code}`));
};
export default handler;
