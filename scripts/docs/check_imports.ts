/**
 * The rooms of docs/architecture.md: a file imports only from its own room and
 * from those above it, and only runtimes/ names a runtime.
 * @module
 */
const ROOT = new URL("../..", import.meta.url);

/** The rooms, in the order in which they may import, and what each holds. */
const ROOMS: readonly (readonly [room: string, holds: string])[] = [
  ["src/version.ts", "the version"],
  ["src/module_beside.ts", "to find a module that runs in a thread or process of its own"],
  ["src/nearest.ts", "the name that somebody may have meant"],
  ["src/check_options.ts", "what is wrong with options"],
  ["src/connection/", "the contract of a connection, and its one implementation"],
  ["src/proxy/", "the PROXY protocol: whose connection it is that a proxy passes on"],
  ["src/tls/", "a connection that is encrypted, over one that is not"],
  ["src/framing/", "messages out of the bytes of a connection"],
  ["src/runtime.ts", "what Trivet needs of a runtime"],
  ["src/handler/", "what users write, and how it is loaded"],
  ["src/events.ts", "what happens in a server"],
  ["src/log/", "what happens as lines, for people and for machines"],
  ["src/options.ts", "what `serve()` and `connect()` can be told"],
  ["src/posix/", "system calls, and an event loop over them"],
  ["src/runtimes/", "the adapters, one for each runtime"],
  ["src/status/", "what a server tells of itself: from its events to numbers and a page"],
  ["src/serving/", "one connection and many, from `accept` to close"],
  ["src/queue/", "how workers with an event loop each share one queue of clients"],
  ["src/workers/", "one worker, and both ends of each way to talk to it"],
  ["src/supervisor/", "how many workers there are, and what becomes of them"],
  ["src/server/", "`serve()` and `connect()`"],
  ["mod.ts", "the public API"],
  ["src/cli/", "the command line: options, `serve`, `inetd`, `connect`, `status`"],
  ["src/bench/", "`bench`: load, measurement, tables, report"],
  ["cli.ts", "the command"],
];

/** What runs inside a worker: started by its URL, and never a part of its supervisor. */
const INSIDE = new Set(["src/workers/worker_start.ts", "src/workers/worker_main.ts"]);

/** Who may ask which runtime this is: where a thread, a process or a call begins. */
const ENTRIES = new Set([
  "src/queue/doorbell_thread.ts",
  "src/workers/worker_main.ts",
  "src/server/serve.ts",
  "src/server/connect.ts",
  "src/bench/load_worker.ts",
  "src/bench/blocked_handler.ts",
  "cli.ts",
]);

function roomOf(path: string): number {
  return ROOMS.findIndex(([room]) => room.endsWith("/") ? path.startsWith(room) : path === room);
}

function* files(folder: URL): Generator<URL> {
  for (const entry of Deno.readDirSync(folder)) {
    if (entry.isDirectory) yield* files(new URL(`${entry.name}/`, folder));
    else if (entry.name.endsWith(".ts")) yield new URL(entry.name, folder);
  }
}

/** What is wrong with one file, a line each. */
export function complaints(path: string, text: string): string[] {
  const wrong: string[] = [];
  const mine = roomOf(path);
  if (mine < 0) wrong.push(`${path}: is in no room`);
  const code = text.replace(/\/\*[\s\S]*?\*\/|\/\/.*/g, "");
  const imports = code.matchAll(
    /\bfrom\s+"([^"]+)"|\bimport\(\s*"([^"]+)"|\bimport\s+"([^"]+)"/g,
  );
  for (const match of imports) {
    const specifier = match[1] ?? match[2] ?? match[3];
    if (specifier.startsWith("node:")) {
      if (!path.startsWith("src/runtimes/")) {
        wrong.push(`${path}: imports ${specifier}`);
      }
    } else if (!specifier.startsWith(".")) {
      if (!path.startsWith("src/cli/") && path !== "cli.ts") {
        wrong.push(
          `${path}: imports ${specifier}, which does not resolve from a URL`,
        );
      }
    } else {
      const target = new URL(specifier, new URL(path, ROOT)).href.slice(
        ROOT.href.length,
      );
      const theirs = roomOf(target);
      if (theirs > mine || theirs < 0) {
        wrong.push(`${path}: imports ${target}, from a room below it`);
      }
      if (INSIDE.has(target) && !INSIDE.has(path)) {
        wrong.push(`${path}: imports ${target}, which runs inside a worker`);
      }
      if (target === "src/runtimes/detect.ts" && !ENTRIES.has(path)) {
        wrong.push(`${path}: asks which runtime this is; only entries may`);
      }
    }
  }
  if (!path.startsWith("src/runtimes/") && /\b(Deno|Bun)\s*[.[]/.test(code)) {
    wrong.push(`${path}: names a runtime`);
  }
  return wrong;
}

/** The rooms as the Markdown table of the docs. */
export function roomsTable(): string {
  const rows = ROOMS.map(([room, holds]) => `| \`${room}\` | ${holds} |`);
  return ["| room | what it holds |", "| --- | --- |", ...rows].join("\n");
}

if (import.meta.main) {
  const all = [
    ...files(new URL("src/", ROOT)),
    new URL("mod.ts", ROOT),
    new URL("cli.ts", ROOT),
  ];
  const wrong = all.flatMap((url) =>
    complaints(url.href.slice(ROOT.href.length), Deno.readTextFileSync(url))
  );
  for (const line of wrong) console.error(line);
  if (wrong.length > 0) Deno.exit(1);
}
