/**
 * TLS here and in a proxy before: the same clients against Trivet with a certificate, against
 * nginx that decrypts before Trivet, and against nginx before any other echo server. Needs
 * nginx with its stream module, openssl, and a C compiler with OpenSSL's headers.
 *
 *     deno run -A scripts/tls/compare.ts --rounds 3
 *     deno run -A scripts/tls/compare.ts --behind "./my_echo_server PORT"
 * @module
 */
import { parseArgs } from "@std/cli/parse-args";
import { Authority } from "../../tests/tools/certificates.ts";
import { until } from "../../tests/tools/client.ts";
import { CLI, descendants } from "../../tests/tools/command.ts";
import { memoryOf } from "../../src/runtimes/proc.ts";
import { target } from "../../tests/tools/targets.ts";

const given = parseArgs(Deno.args, {
  string: ["behind", "rounds", "seconds", "runtimes", "idle"],
});
const behind = given.behind as string | undefined;
const rounds = Number(given.rounds ?? 3);
const seconds = `${given.seconds ?? 2}`;
const idleClients = Number(given.idle ?? 1000);
const names = `${given.runtimes ?? "deno,bun,node"}`.split(",") as ("deno" | "bun" | "node")[];

using authority = new Authority();
const issued = authority.issue("localhost", { names: ["localhost"] });

/** A server that was started, and how clients reach it. */
interface Candidate {
  readonly name: string;
  readonly port: number;
  /** All that it consists of, without their children. */
  readonly pids: readonly number[];
  readonly results: Map<string, number[]>;
}

const children: Deno.ChildProcess[] = [];
const candidates: Candidate[] = [];

function freePort(): number {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  return listener.addr.port;
}

function start(program: string, args: string[]): number {
  const child = new Deno.Command(program, { args, stdin: "null", stdout: "null", stderr: "null" })
    .spawn();
  children.push(child);
  return child.pid;
}

async function isUp(port: number): Promise<boolean> {
  try {
    (await Deno.connect({ hostname: "127.0.0.1", port })).close();
    return true;
  } catch {
    return false;
  }
}

async function add(name: string, port: number, ...pids: number[]): Promise<void> {
  await until(`${name} listens`, () => isUp(port));
  candidates.push({ name, port, pids, results: new Map() });
}

/** nginx, which decrypts for who listens on a port. */
function nginx(behind: number, port: number): number {
  const folder = authority.path(`nginx${port}`);
  Deno.mkdirSync(folder);
  const modules = ["/usr/lib/nginx/modules", "/usr/lib64/nginx/modules"]
    .map((path) => `${path}/ngx_stream_module.so`)
    .filter((path) => {
      try {
        return Deno.statSync(path).isFile;
      } catch {
        return false;
      }
    });
  Deno.writeTextFileSync(
    `${folder}/nginx.conf`,
    `${modules.map((path) => `load_module ${path};`).join("\n")}
worker_processes 1;
daemon off;
pid ${folder}/pid;
error_log ${folder}/error.log;
events { worker_connections 8192; }
stream { server {
  listen 127.0.0.1:${port} ssl;
  ssl_certificate ${issued.cert};
  ssl_certificate_key ${issued.key};
  ssl_protocols TLSv1.2 TLSv1.3;
  ssl_session_tickets off;
  tcp_nodelay on;
  proxy_pass 127.0.0.1:${behind};
} }
`,
  );
  return start("nginx", ["-c", `${folder}/nginx.conf`, "-e", `${folder}/error.log`]);
}

const load = authority.path("load");
const source = new URL("./load.c", import.meta.url).pathname;
const built = await new Deno.Command("cc", {
  args: ["-O2", "-o", load, source, "-lssl", "-lcrypto"],
}).output();
if (!built.success) throw new Error(new TextDecoder().decode(built.stderr));

/** How many a second. */
async function run(
  { port }: Candidate,
  what: "messages" | "connections",
  clients: number,
): Promise<number> {
  const { success, stdout, stderr } = await new Deno.Command(load, {
    args: [`${port}`, what, `${clients}`, "100", "1.5", seconds],
  }).output();
  if (!success) throw new Error(new TextDecoder().decode(stderr));
  return Number(new TextDecoder().decode(stdout).split(" ")[0]);
}

/** Bytes that its processes hold for themselves. */
function memory({ pids }: Candidate): number {
  const all = pids.flatMap((pid) => [pid, ...descendants(pid)]);
  return all.reduce((sum, pid) => sum + memoryOf(pid, 0)!, 0);
}

/** KiB that so many connections take, each, once they were shaken and have said something. */
async function idle(candidate: Candidate, clients: number): Promise<number> {
  const before = memory(candidate);
  const child = new Deno.Command(load, {
    args: [`${candidate.port}`, "messages", `${clients}`, "100", "3", "0.1"],
    stdout: "null",
  }).spawn();
  await new Promise((resolve) => setTimeout(resolve, 2900));
  const during = memory(candidate);
  await child.status;
  return (during - before) / clients / 1024;
}

try {
  if (behind) {
    const [program, ...args] = behind.split(" ");
    const port = freePort();
    const pid = start(program, args.map((arg) => arg === "PORT" ? `${port}` : arg));
    await until("what is behind listens", () => isUp(port));
    const front = freePort();
    await add(`nginx, ${program.split("/").at(-1)}`, front, nginx(port, front), pid);
  }
  for (const name of names) {
    const { run: [program, ...args] } = await target(name);
    const serve = [...args, CLI, "serve", "--log", "none"];
    const [plain, front, own] = [freePort(), freePort(), freePort()];
    const pid = start(program, [...serve, "--port", `${plain}`]);
    await until("Trivet listens", () => isUp(plain));
    await add(`nginx, Trivet ${name}`, front, nginx(plain, front), pid);
    const tls = ["--tls-cert", issued.cert, "--tls-key", issued.key];
    await add(`Trivet ${name}`, own, start(program, [...serve, "--port", `${own}`, ...tls]));
  }
  // First, while no server holds what others have left behind.
  const held = new Map<Candidate, number>();
  for (const candidate of candidates) held.set(candidate, await idle(candidate, idleClients));
  for (let round = 0; round < rounds; round++) {
    for (const candidate of candidates) {
      for (const [what, clients] of [["messages", 50], ["connections", 8]] as const) {
        const all = candidate.results.get(what) ?? [];
        all.push(await run(candidate, what, clients));
        candidate.results.set(what, all);
      }
    }
  }
  const median = (all: number[]) => all.toSorted((a, b) => a - b)[all.length >> 1];
  const first = candidates[0];
  console.log("| | messages/s | ratio | new connections/s | ratio | KiB a connection |");
  console.log("| --- | --- | --- | --- | --- | --- |");
  for (const candidate of candidates) {
    const cells = (["messages", "connections"] as const).flatMap((what) => {
      const rate = median(candidate.results.get(what)!);
      const ratio = rate / median(first.results.get(what)!);
      return [Math.round(rate).toLocaleString("en"), ratio.toFixed(2)];
    });
    console.log(`| ${[candidate.name, ...cells, held.get(candidate)!.toFixed(0)].join(" | ")} |`);
  }
} finally {
  for (const child of children) child.kill("SIGTERM");
  await Promise.all(children.map((child) => child.status));
}
