/**
 * The layers of docs/architecture.md: a file imports only from lines above it,
 * and only runtimes/ names a runtime.
 * @module
 */
const ROOT = new URL("..", import.meta.url);

/** The order; a folder stands for its files. */
const LAYERS = [
  "src/version.ts",
  "src/connection/delay.ts",
  "src/connection/connection.ts",
  "src/connection/errors.ts",
  "src/handler/handler.ts",
  "src/handler/bye_scanner.ts",
  "src/handler/echo.ts",
  "src/events.ts",
  "src/connection/socket_connection.ts",
  "src/runtime.ts",
  "src/posix/",
  "src/runtimes/",
  "src/serving/admission.ts",
  "src/serving/event_throttle.ts",
  "src/workers/messages.ts",
  "src/serving/serve_connection.ts",
  "src/serving/accept_loop.ts",
  "src/queue/turns.ts",
  "src/queue/doorbell.ts",
  "src/queue/doorbell_thread.ts",
  "src/queue/queue_listener.ts",
  "src/workers/worker_handle.ts",
  "src/workers/worker_channel.ts",
  "src/supervisor/worker_memory.ts",
  "src/supervisor/reload.ts",
  "src/supervisor/supervised_worker.ts",
  "src/supervisor/back_off.ts",
  "src/supervisor/supervisor.ts",
  "src/server/models.ts",
  "src/server/serve_options.ts",
  "src/handler/load_handler.ts",
  "src/server/bind.ts",
  "src/server/newcomers.ts",
  "src/server/entrance.ts",
  "src/server/base_server.ts",
  "src/server/main_server.ts",
  "src/server/worker_server.ts",
  "src/server/orphans.ts",
  "src/server/serve.ts",
  "src/workers/worker_main.ts",
  "src/workers/worker.ts",
  "src/server/connect.ts",
  "mod.ts",
  "src/cli/",
  "src/bench/",
  "cli.ts",
];

/** Who may ask which runtime this is: the entries. */
const ENTRIES = new Set([
  "src/server/serve.ts",
  "src/workers/worker_main.ts",
  "src/queue/doorbell_thread.ts",
  "src/server/connect.ts",
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
