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
  const program = onPath(words[0]);
  if (program === null) {
    const ended = Promise.resolve(`${words[0]} is not on PATH`);
    return { pid: 0, stdout: () => "", stderr: () => "", ended, signal() {} };
  }
  const child = builtin.childProcess.spawn(program, words.slice(1), {
    detached: true,
    stdio: ["ignore", "pipe", "pipe"],
  });
  const kept = { stdout: "", stderr: "" };
  for (const name of ["stdout", "stderr"] as const) {
    child[name].on("data", (chunk) => kept[name] = (kept[name] + chunk).slice(-KEPT));
    child[name].on("error", () => {}); // it has ended
  }
  const ended = new Promise<string>((resolve) => {
    child.on("error", (error) => resolve(error.message));
    // "close", when its output is read; but what it started may keep that open.
    let late: ReturnType<typeof setTimeout>;
    const tell = (code: number | null, signal: string | null) => {
      clearTimeout(late);
      resolve(signal ? `ended by ${signal}` : `exit code ${code}`);
    };
    child.on("close", tell);
    child.on("exit", (code, signal) => void (late = setTimeout(() => tell(code, signal), 100)));
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

/** Where Deno puts a `node` that is Deno, on PATH, if there is no other (2.9). */
const NO_NODE = "/node_compat_bin";

/** Where a program is, or null. */
function onPath(program: string): string | null {
  const { fs, process } = builtin;
  if (program.includes("/")) return program;
  const folders = (process.env.PATH ?? "").split(":").filter((path) => !path.endsWith(NO_NODE));
  const files = folders.map((folder) => `${folder || "."}/${program}`);
  const found = files.find((file) => {
    try {
      fs.accessSync(file, fs.constants.X_OK);
      return true;
    } catch {
      return false; // not here, or it may not be run
    }
  });
  return found ?? null;
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
