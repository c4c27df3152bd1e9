/**
 * What `bench` needs of the machine and a server does not: text files, those of
 * /proc among them, and commands. node:fs and node:child_process have it alike on
 * all three runtimes, so it is no part of an adapter.
 * @module
 */
import { errorCode, errorMessage, SystemError } from "../connection/errors.ts";
import { builtin } from "./builtin.ts";

/** A file's text, or null where there is none to read. */
export function readText(path: string): string | null {
  try {
    return builtin.fs.readFileSync(path, "utf8");
  } catch {
    return null;
  }
}

const WRITE_HINTS: Record<string, string> = {
  ENOENT: "its folder does not exist",
  ENOTDIR: "its folder does not exist",
  EISDIR: "it is a folder",
  EACCES: "permission denied",
  EROFS: "its file system is read-only",
  ENOSPC: "no space is left",
};

/**
 * A file that is written later, and then whole: until it is, what was there stays.
 * @returns what writes it
 * @throws {Error} with one line, also later, if it cannot be written
 */
export function textFile(path: string): (text: string) => void {
  const { fs, process } = builtin;
  const orTell = <T>(write: () => T): T => {
    try {
      return write();
    } catch (error) {
      const why = WRITE_HINTS[errorCode(error) ?? ""] ?? errorMessage(error);
      throw new Error(`Cannot write ${path}: ${why}`, { cause: error });
    }
  };
  return orTell(() => {
    const before = fs.statSync(path, { throwIfNoEntry: false });
    if (before?.isDirectory()) throw new SystemError("EISDIR", "It is a folder");
    if (before && !before.isFile()) {
      // A pipe or a device, in whose place nothing can be put.
      fs.accessSync(path, fs.constants.W_OK);
      return (text) => orTell(() => fs.writeFileSync(path, text));
    }
    const file = before ? fs.realpathSync(path) : path;
    const beside = `${file}.${process.pid}.tmp`;
    const write = (text: string) => fs.writeFileSync(beside, text, { mode: before?.mode });
    write("");
    fs.unlinkSync(beside);
    return (text) =>
      orTell(() => {
        write(text);
        fs.renameSync(beside, file);
      });
  });
}

/** The names of what is in a folder. @throws {Error} with a POSIX `code` */
export function listFolder(path: string): string[] {
  return builtin.fs.readdirSync(path);
}

/** A path for a file that is of use while this program runs. */
export function temporaryPath(name: string): string {
  return `${builtin.process.env.TMPDIR ?? "/tmp"}/${name}`;
}

/** How wide the terminal behind standard error is now; 80 where that is not known. */
export function terminalColumns(): number {
  return builtin.process.stderr.columns || 80;
}

/** What runs a file on each runtime: a program on PATH, and its arguments before the file. */
export const RUNNERS: Readonly<Record<string, readonly string[]>> = {
  deno: ["deno", "run", "--quiet", "-A"],
  bun: ["bun"],
  node: ["node"],
};

/** The path of the runtime's own program. */
export function ownProgram(): string {
  return builtin.process.execPath;
}

/** A command that was started: a server that is measured. */
export interface StartedCommand {
  /** The PID; 0 if it could not be started. */
  readonly pid: number;
  /** What it has written to standard output, at most the last 4 KiB. */
  stdout(): string;
  /** The same of standard error. */
  stderr(): string;
  /** Resolves with how it ended, in words. */
  readonly ended: Promise<string>;
  /** Signals it and all that it started. */
  signal(signal: "SIGTERM" | "SIGKILL"): void;
}

/** How many characters of a command's output are kept. */
const KEPT = 4096;

/**
 * Starts a command, found on PATH, in a process group of its own, which is ended when
 * this process is gone, however it went.
 */
export function startCommand(words: readonly string[]): StartedCommand {
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
  if (child.pid) void ended.then(endWithThis(child.pid));
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

/**
 * Ends a process group when this process is gone, also by SIGKILL: a shell sees the end
 * of its input. Returns what leaves it alone.
 */
function endWithThis(group: number): () => void {
  const guard = builtin.childProcess.spawn(
    "/bin/sh",
    ["-c", `read -r _; kill -KILL -${group}`],
    { detached: true, stdio: ["pipe", "ignore", "ignore"] },
  );
  guard.on("error", () => {}); // there is no shell
  return () => void guard.kill("SIGKILL");
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
