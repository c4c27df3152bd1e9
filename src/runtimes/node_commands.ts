/**
 * Files, and commands that are run for somebody else, by node:fs and
 * node:child_process: what all three runtimes have alike.
 * @module
 */
import type { Runtime, StartedCommand } from "../runtime.ts";
import { builtin } from "./builtin.ts";

/** How much of a command's output is kept. */
const KEPT = 4096;

function startCommand(words: readonly string[]): StartedCommand {
  const child = builtin.childProcess.spawn(words[0], words.slice(1), {
    detached: true,
    stdio: ["ignore", "pipe", "pipe"],
  });
  const kept = { stdout: "", stderr: "" };
  for (const name of ["stdout", "stderr"] as const) {
    child[name].on("data", (chunk) => kept[name] = (kept[name] + chunk).slice(-KEPT));
    child[name].on("error", () => {}); // it has ended
  }
  const ended = new Promise<string>((resolve) => {
    child.on(
      "error",
      (error: Error & { code?: string }) =>
        resolve(error.code === "ENOENT" ? `${words[0]} is not on PATH` : error.message),
    );
    // "close", when its output is read; but what it started may keep that open.
    const tell = (code: number | null, signal: string | null) =>
      resolve(signal ? `ended by ${signal}` : `exit code ${code}`);
    child.on("close", tell);
    child.on("exit", (code, signal) => void setTimeout(() => tell(code, signal), 100));
  });
  return {
    pid: child.pid ?? 0,
    stdout: () => kept.stdout,
    stderr: () => kept.stderr,
    ended,
    signal(signal) {
      if (!child.pid) return;
      try {
        builtin.process.kill(-child.pid, signal);
      } catch {
        // None of them is left.
      }
    },
  };
}

/** What of a {@linkcode Runtime} this gives. */
export const commandParts: Pick<
  Runtime,
  "readText" | "writeText" | "listFolder" | "program" | "startCommand"
> = {
  readText(path) {
    try {
      return builtin.fs.readFileSync(path, "utf8");
    } catch {
      return null;
    }
  },
  writeText: (path, text) => builtin.fs.writeFileSync(path, text),
  listFolder: (path) => builtin.fs.readdirSync(path),
  get program() {
    return builtin.process.execPath;
  },
  startCommand,
};
