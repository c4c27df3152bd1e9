/**
 * The layers of docs/architecture.md: a file imports only from lines above it,
 * and only runtimes/ names a runtime.
 * @module
 */
const ROOT = new URL("..", import.meta.url);

/** The order; a folder stands for its files. */
const LAYERS = [
  "src/version.ts",
  "src/delay.ts",
  "src/connection.ts",
  "src/errors.ts",
  "src/handler.ts",
  "src/bye_scanner.ts",
  "src/echo.ts",
  "src/events.ts",
  "src/socket_connection.ts",
  "src/runtime.ts",
  "src/posix/",
  "src/runtimes/",
  "src/limits.ts",
  "src/condense.ts",
  "src/messages.ts",
  "src/serve_connection.ts",
  "src/accept_loop.ts",
  "src/turns.ts",
  "src/doorbell.ts",
  "src/bell.ts",
  "src/queue_listener.ts",
  "src/worker_handle.ts",
  "src/worker_channel.ts",
  "src/worker_memory.ts",
  "src/reload.ts",
  "src/supervised_worker.ts",
  "src/back_off.ts",
  "src/supervisor.ts",
  "src/models.ts",
  "src/serve_options.ts",
  "src/load_handler.ts",
  "src/bind.ts",
  "src/newcomers.ts",
  "src/entrance.ts",
  "src/base_server.ts",
  "src/main_server.ts",
  "src/worker_server.ts",
  "src/orphans.ts",
  "src/server.ts",
  "src/worker_main.ts",
  "src/worker.ts",
  "src/client.ts",
  "mod.ts",
  "src/cli/",
  "src/bench/",
  "cli.ts",
];

/** Who may ask which runtime this is: the entries. */
const ENTRIES = new Set([
  "src/server.ts",
  "src/worker_main.ts",
  "src/bell.ts",
  "src/client.ts",
  "src/bench/load_worker.ts",
  "src/bench/blocked_handler.ts",
  "cli.ts",
]);

function layer(path: string): number {
  return LAYERS.findIndex((l) => l.endsWith("/") ? path.startsWith(l) : path === l);
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
  const mine = layer(path);
  if (mine < 0) wrong.push(`${path}: is in no layer`);
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
      const theirs = layer(target);
      if (theirs > mine || theirs < 0) {
        wrong.push(`${path}: imports ${target}, a layer below it`);
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
