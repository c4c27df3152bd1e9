/**
 * Three servers behind HAProxy or nginx, which tell them the clients' addresses (PROXY
 * protocol), while clients come. Each in turn is reloaded, restarted and killed. Only a client
 * whose connection a killed server had may see an error, and each address in a log is a
 * client's.
 *
 *     deno run -A scripts/soak/behind_proxy.ts --proxy haproxy --model process --seconds 300
 * @module
 */
import { parseArgs } from "@std/cli/parse-args";
import type { TcpAddress } from "../../mod.ts";
import { until } from "../../tests/tools/client.ts";
import { alive, descendants } from "../../tests/tools/command.ts";
import { type Activated, SocketUnit } from "../../tests/tools/socket_unit.ts";
import { type Target, target } from "../../tests/tools/targets.ts";
import { isListenedOn, openSockets } from "../../tests/tools/open_sockets.ts";
import { type Visit, visitors } from "./visitors.ts";

/** What is tried. */
export interface BehindProxy {
  readonly proxy: "haproxy" | "nginx";
  readonly runtime: Target["name"];
  /** Options of `serve`. */
  readonly args: string[];
  /** Clients a second. */
  readonly rate: number;
  /** How often all of it is done to all of them. */
  readonly rounds: number;
  /** Milliseconds between two of these deeds. */
  readonly every: number;
}

/** What came of it. */
export interface Outcome {
  readonly visits: number;
  /** Those that failed although no killed server had them. */
  readonly failed: Visit[];
  /** Those that a killed server had. */
  readonly killed: number;
  /** Addresses in the servers' logs that are no client's. */
  readonly strangers: string[];
  /** Lines of the logs that are neither of a client nor of what was done. */
  readonly noise: string[];
  /** How many clients each server had. */
  readonly shares: number[];
  /** What was done to each, and when. */
  readonly deeds: string[][];
}

/** An event of the log. */
interface Told {
  readonly type: string;
  /** Milliseconds since the epoch. */
  readonly time: number;
  readonly remoteAddr: TcpAddress;
  readonly bytesRead?: number;
  readonly bytesWritten?: number;
}

/** What was done to a server, when, and until when whom it had was cut. */
interface Deed {
  readonly what: "reload" | "restart" | "kill";
  readonly at: number;
  over: number;
}

/** One of the three, through all its lives. */
class Backend {
  readonly unit = new SocketUnit("trivet");
  readonly #run: readonly [string, ...string[]];
  readonly #args: string[];
  #server: Activated;
  /** What it had written before it was started again. */
  #log = "";
  #deed: Deed | null = null;
  /** When what was done to it, on the clock of `performance.now()`. */
  readonly deeds: Deed[] = [];

  constructor(run: readonly [string, ...string[]], args: string[]) {
    this.#run = run;
    this.#args = [...args, "--log", "json"];
    this.#server = this.#start();
  }

  #start(): Activated {
    return this.unit.start(this.#run, this.#args);
  }

  ready(): Promise<void> {
    return this.#server.ready();
  }

  /** Does it, and resolves when it serves again. */
  async do(what: "reload" | "restart" | "kill"): Promise<void> {
    const deed = { what, at: performance.now(), over: Infinity };
    this.deeds.push(deed);
    this.#deed = deed;
    await this[`_${what}`]();
  }

  async _reload(): Promise<void> {
    const before = this.#server.stderr.split('"reloaded"').length;
    Deno.kill(this.#server.child.pid!, "SIGHUP");
    await until("the reload", () => this.#server.stderr.split('"reloaded"').length > before);
  }

  async _restart(): Promise<void> {
    const code = await this.#server.stop();
    if (code !== 0) {
      throw new Error(`a server ended with ${code}: ${this.#server.stderr.slice(-500)}`);
    }
    await this.#again();
  }

  async _kill(): Promise<void> {
    const those = descendants(this.#server.child.pid!);
    Deno.kill(this.#server.child.pid!, "SIGKILL");
    await this.#server.exit();
    // Its workers end when the kernel has taken it down, and may take somebody meanwhile.
    await until("its workers are gone", () => !those.some(alive));
    this.#deed!.over = performance.now();
    await this.#again();
  }

  async #again(): Promise<void> {
    this.#log += this.#server.stderr;
    this.#server = this.#start();
    await this.#server.ready();
  }

  async stop(): Promise<void> {
    await this.#server.stop();
    this.#log += this.#server.stderr;
    this.unit.close();
  }

  /** Its events; what a kill has cut is none. */
  get events(): Told[] {
    return this.#log.split("\n").flatMap((line) => {
      try {
        return [JSON.parse(line)];
      } catch {
        return [];
      }
    });
  }
}

function configuration(
  proxy: BehindProxy["proxy"],
  file: string,
  port: number,
  ports: number[],
): string {
  if (proxy === "nginx") {
    return `daemon off; worker_processes 1; pid ${file}.pid; error_log stderr crit;
${NGINX_STREAM}
events { worker_connections 4096; }
stream {
  upstream trivets { ${ports.map((port) => `server 127.0.0.1:${port} fail_timeout=1s;`).join(" ")} }
  server { listen 127.0.0.1:${port}; proxy_pass trivets; proxy_protocol on; proxy_half_close on; }
}
`;
  }
  const servers = ports.map((port, i) =>
    `  server s${i} 127.0.0.1:${port} send-proxy-v2 check inter 200ms`
  );
  return `global
  maxconn 4096
defaults
  mode tcp
  timeout connect 10s
  timeout client 60s
  timeout server 60s
  retries 3
  option redispatch
listen front
  bind 127.0.0.1:${port}
${servers.join("\n")}
`;
}

/** Debian's package has it as a module of its own. */
const NGINX_STREAM = "load_module /usr/lib/nginx/modules/ngx_stream_module.so;";

async function startProxy(proxy: BehindProxy["proxy"], ports: number[]) {
  const probe = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const address = probe.addr as TcpAddress;
  probe.close();
  const file = await Deno.makeTempFile({ suffix: ".cfg" });
  await Deno.writeTextFile(file, configuration(proxy, file, address.port, ports));
  const args = proxy === "haproxy" ? ["-db", "-f", file] : ["-c", file];
  const program = proxy === "haproxy" ? "haproxy" : "nginx";
  const child = new Deno.Command(program, { args, stdout: "null", stderr: "null" }).spawn();
  await until("the proxy listens", () => isListenedOn(address.port));
  return {
    address,
    async stop() {
      child.kill("SIGTERM");
      await child.status;
      await Deno.remove(file);
    },
  };
}

/** From where the proxy looks whether a server is there; no client comes from it. */
const CHECKS = "127.0.0.1";

/** Events that are not of a client, and are what was asked for. */
const EXPECTED = [
  ...["listening", "accepted", "closed", "worker_started", "worker_exited"],
  ...["reloaded", "shutdown"],
];

/** Does it all. */
export async function behindProxy(
  { proxy, runtime, args, rate, rounds, every }: BehindProxy,
): Promise<Outcome> {
  const { run } = await target(runtime);
  const options = [...args, "--proxy-protocol", "127.0.0.0/8"];
  const backends = [1, 2, 3].map(() => new Backend(run, options));
  await Promise.all(backends.map((backend) => backend.ready()));
  const front = await startProxy(proxy, backends.map(({ unit }) => unit.addrs[0].port));
  const over = new AbortController();
  const coming = visitors(front.address, rate, over.signal);
  const canReload = args.includes("process") || args.includes("thread") ||
    args.includes("--workers");
  for (let round = 0; round < rounds; round++) {
    for (const backend of backends) {
      for (const deed of ["reload", "restart", "kill"] as const) {
        await new Promise((resolve) => setTimeout(resolve, every));
        if (deed !== "reload" || canReload) await backend.do(deed);
      }
    }
  }
  await new Promise((resolve) => setTimeout(resolve, every));
  over.abort();
  const visits = await coming;
  await until("all are gone", () => openSockets(front.address.port) === 0);
  await front.stop();
  for (const backend of backends) await backend.stop();
  return judge(visits, backends);
}

function judge(visits: readonly Visit[], backends: readonly Backend[]): Outcome {
  const clients = new Set(visits.map(({ from }) => from));
  // A port may be another client's minutes later.
  const served = new Map<string, { readonly by: Backend; readonly at: number }[]>();
  const strangers: string[] = [];
  const noise: string[] = [];
  const shares = backends.map((backend) => {
    let share = 0;
    for (const event of backend.events) {
      if (!EXPECTED.includes(event.type)) noise.push(JSON.stringify(event));
      if (event.type !== "accepted" && event.type !== "closed") continue;
      const { hostname, port } = event.remoteAddr;
      const from = `${hostname}:${port}`;
      // The proxy's own checks come from its own address, and say nothing.
      if (hostname === CHECKS) {
        if (event.bytesRead || event.bytesWritten) noise.push(JSON.stringify(event));
        continue;
      }
      if (!clients.has(from)) strangers.push(from);
      if (event.type === "accepted") {
        const at = event.time - performance.timeOrigin;
        served.set(from, [...served.get(from) ?? [], { by: backend, at }]);
        share++;
      }
    }
    return share;
  });
  const failures = visits.filter(({ error }) => error !== null);
  const failed = failures.filter(({ from, began, ended }) => {
    // Whom a killed server had just accepted is in no log.
    const during = (served.get(from) ?? []).filter(({ at }) =>
      at > began - 100 && at < ended + 100
    );
    const mayBe = during.length > 0 ? during.map(({ by }) => by) : backends;
    const wasCut = mayBe.some(({ deeds }) =>
      deeds.some(({ what, at, over }) => what === "kill" && at <= ended && over >= began)
    );
    return !wasCut;
  });
  const killed = failures.length - failed.length;
  const deeds = backends.map(({ deeds }) =>
    deeds.map(({ what, at }) => `${what} ${Math.round(at)}`)
  );
  return { visits: visits.length, failed, killed, strangers, noise, shares, deeds };
}

if (import.meta.main) {
  const given = parseArgs(Deno.args, {
    string: ["proxy", "model", "runtime", "seconds", "rate", "workers"],
  }) as Record<string, string | undefined>;
  const { proxy = "haproxy", model = "process", runtime = "deno" } = given;
  const seconds = Number(given.seconds ?? 60);
  const every = 1500;
  const outcome = await behindProxy({
    proxy: proxy as BehindProxy["proxy"],
    runtime: runtime as Target["name"],
    args: ["--model", model, ...(given.workers ? ["--workers", given.workers] : [])],
    rate: Number(given.rate ?? 200),
    rounds: Math.max(1, Math.round(seconds * 1000 / (9 * (every + 700)))),
    every,
  });
  const { visits, failed, killed, strangers, noise, shares } = outcome;
  console.log(
    `${proxy}, ${runtime} ${model}: ${visits} clients (${shares.join(", ")}), ${failed.length} ` +
      `failed, ${killed} cut by a kill, ${strangers.length} strange addresses, ` +
      `${noise.length} lines of noise`,
  );
  if (failed.length > 0) {
    console.log(outcome.deeds.map((deeds) => `  ${deeds.join(", ")}`).join("\n"));
  }
  for (
    const line of [...failed.map((v) => JSON.stringify(v)), ...strangers, ...noise].slice(0, 10)
  ) {
    console.log(`  ${line}`);
  }
  Deno.exit(failed.length + strangers.length + noise.length > 0 ? 1 : 0);
}
