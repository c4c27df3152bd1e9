/**
 * The options of `serve`, each declared once: the help text, the checks, the table
 * in docs/operations.md and what `serve()` is called with come from here.
 * @module
 */
import type { ServeOptions } from "../../mod.ts";
import { MODELS } from "../server/models.ts";
import { LARGEST_CREW, standard } from "../server/settings.ts";
import type { Option } from "./options.ts";
import { TLS_OPTIONS } from "./tls_options.ts";

/** The options of `serve()` whose values are of this type. */
type Taking<T> = {
  [name in keyof ServeOptions]-?: NonNullable<ServeOptions[name]> extends T ? name : never;
}[keyof ServeOptions];

/** What an option of the command line is given as, and the option of `serve()` that it sets. */
type Sets =
  | { readonly value?: undefined; readonly sets?: Taking<boolean> }
  | { readonly value?: undefined; readonly sets?: undefined; readonly unsets: Taking<boolean> }
  | { readonly range: readonly [number, number]; readonly sets?: Taking<number> }
  | { readonly value: "MODE"; readonly sets: Taking<number> }
  | { readonly value: typeof KEEPALIVE; readonly sets: "keepAlive" }
  | { readonly repeated: true; readonly sets?: Taking<string[]> }
  | { readonly list: true; readonly sets?: Taking<string[]> }
  | {
    readonly list?: undefined;
    readonly range?: undefined;
    readonly repeated?: false;
    readonly sets?: Taking<string | true>;
  };

/** An option of `serve`; one that sets nothing is for the command itself. */
export type ServeOption = Option & Sets;

/** How `--keepalive` is given. */
export const KEEPALIVE = "SECONDS[:INTERVAL[:COUNT]]";

/** The largest count, and the longest time in seconds. */
const LARGEST = 2_000_000;

/** The options of `serve`. */
export const SERVE_OPTIONS: readonly ServeOption[] = [
  {
    name: "model",
    often: true,
    sets: "model",
    value: "MODEL",
    choices: Object.keys(MODELS),
    default: "multiplex",
    help: "How many clients are served at once.",
  },
  {
    name: "workers",
    sets: "workers",
    value: "N",
    range: [0, LARGEST_CREW],
    default: "0, one loop in the main process",
    help: "Worker processes with an event loop each, which share the clients (multiplex).",
  },
  {
    name: "host",
    often: true,
    sets: "hostname",
    value: "HOST",
    default: "127.0.0.1",
    help: "The address or host name to listen on.",
  },
  {
    name: "port",
    often: true,
    sets: "port",
    value: "PORT",
    range: [0, 65535],
    default: `${standard("port")}`,
    help: "The TCP port; 0 takes a free one.",
  },
  {
    name: "unix",
    sets: "path",
    value: "PATH",
    help: "Listen on a Unix-domain socket instead.",
  },
  {
    name: "listen",
    value: "ADDR",
    repeated: true,
    default: "all that was passed on, as by systemd, or --host and --port",
    help: "One of several places: HOST:PORT, PORT, unix:PATH, or fd:NAME of a socket passed on; " +
      "then, for it alone, ,proxy-protocol=CIDR,... or =off, and ,tls=off.",
  },
  {
    name: "unix-mode",
    sets: "unixMode",
    value: "MODE",
    default: "what umask leaves",
    help: "Who may connect to it: permission bits, such as 0660.",
  },
  {
    name: "handler",
    often: true,
    value: "MODULE",
    default: 'echo until "bye"',
    help: "A path or URL whose default export is run for each connection.",
  },
  {
    name: "max-connections",
    sets: "maxConnections",
    value: "N",
    range: [1, LARGEST],
    default: Object.entries(MODELS).map(([name, m]) => `${m.maxConnections} ${name}`).join(", "),
    help: "Connections at once.",
  },
  {
    name: "over-limit",
    sets: "overLimit",
    value: "WHAT",
    choices: ["wait", "refuse"],
    default: "wait",
    help: "Let further clients wait, or close them at once.",
  },
  {
    name: "max-connections-per-source",
    sets: "maxConnectionsPerSource",
    value: "N",
    range: [0, LARGEST],
    default: "0, no limit",
    help: "Connections at once from an address or an IPv6 /64; further ones are closed.",
  },
  {
    name: "max-connections-per-worker",
    sets: "maxConnectionsPerWorker",
    value: "N",
    range: [0, LARGEST],
    default: "0, no limit",
    help: "Replace a worker after so many, or up to a fifth fewer (thread, process, --workers).",
  },
  {
    name: "allow",
    sets: "allow",
    value: "CIDR,...",
    list: true,
    default: "everybody",
    help: "Who may be a client, such as 10.0.0.0/8,::1,unix or @FILE; others are closed.",
  },
  {
    name: "deny",
    sets: "deny",
    value: "CIDR,...",
    list: true,
    default: "nobody",
    help: "Who may not, in the same way, also where --allow names it.",
  },
  {
    name: "proxy-protocol",
    sets: "proxyProtocol",
    value: "CIDR,...",
    list: true,
    default: "nobody; no header is read",
    help: "Who must send a PROXY header, such as 10.0.0.0/8,::1 or unix; nobody else is served.",
  },
  {
    name: "proxy-header-timeout",
    sets: "proxyHeaderTimeout",
    value: "SECONDS",
    range: [0.001, LARGEST],
    default: `${standard("proxyHeaderTimeout") / 1000}`,
    help: "Wait so long for the whole PROXY header.",
  },
  ...TLS_OPTIONS,
  {
    name: "idle-timeout",
    sets: "idleTimeout",
    value: "SECONDS",
    range: [0, LARGEST],
    default: "0, never",
    help: "End a connection on which no byte moved for so long.",
  },
  {
    name: "first-byte-timeout",
    sets: "firstByteTimeout",
    value: "SECONDS",
    range: [0, LARGEST],
    default: "0, never",
    help: "End a connection whose client has sent nothing for so long.",
  },
  {
    name: "connection-timeout",
    sets: "connectionTimeout",
    value: "SECONDS",
    range: [0, LARGEST],
    default: "0, never",
    help: "End a connection that has been open for so long.",
  },
  {
    name: "min-rate",
    sets: "minRate",
    value: "BYTES",
    range: [0, LARGEST],
    default: "0, as slow as it likes",
    help:
      "End a connection whose client takes or sends fewer bytes a second while it is waited for.",
  },
  {
    name: "min-rate-grace",
    sets: "minRateGrace",
    value: "SECONDS",
    range: [0.1, LARGEST],
    default: `${standard("minRateGrace") / 1000}`,
    help: "Count them over so long.",
  },
  {
    name: "keepalive",
    sets: "keepAlive",
    value: KEEPALIVE,
    default: "the system's times",
    help: "Ask a client that is silent for so long whether it is there; end it without answers.",
  },
  {
    name: "linger",
    sets: "linger",
    value: "SECONDS",
    range: [0, LARGEST],
    default: `${standard("linger") / 1000}`,
    help: "Wait so long for a client's close after the server's.",
  },
  {
    name: "drain-delay",
    sets: "drainDelay",
    value: "SECONDS",
    range: [0, LARGEST],
    default: "0",
    help: "Accept clients so long after the first Ctrl-C; /ready says no meanwhile.",
  },
  {
    name: "shutdown-timeout",
    sets: "shutdownTimeout",
    value: "SECONDS",
    range: [0, LARGEST],
    default: `${standard("shutdownTimeout") / 1000}`,
    help: "Let open connections go on so long once newcomers are refused.",
  },
  {
    name: "drain-spread",
    sets: "drainSpread",
    value: "SECONDS",
    range: [0, LARGEST],
    default: "0, all at once",
    help: "Tell and end them one by one over so much of that time.",
  },
  {
    name: "backlog",
    sets: "backlog",
    value: "N",
    range: [1, LARGEST],
    default: `${standard("backlog")}`,
    help: "Clients that may wait in the kernel's queue (thread, process, --workers).",
  },
  {
    name: "spares",
    sets: "spares",
    value: "N",
    range: [1, 1024],
    default: `${standard("spares")}`,
    help: "Idle workers kept ready (thread, process).",
  },
  {
    name: "hand-over",
    sets: "handOver",
    help: "Accept here and hand each socket over to a worker (process).",
  },
  {
    name: "no-fork",
    unsets: "fork",
    help: "Start each worker as a runtime of its own, also where it can be forked (process).",
  },
  {
    name: "worker-args",
    sets: "workerArgs",
    value: "ARG",
    repeated: true,
    help: "One more argument for the runtime of worker processes.",
  },
  {
    name: "max-worker-memory",
    sets: "maxWorkerMemory",
    value: "MIB",
    range: [0, LARGEST],
    default: "0, no limit",
    help:
      "Replace a worker that holds more; end one that holds twice as much (process, --workers).",
  },
  {
    name: "worker-permissions",
    sets: "workerPermissions",
    value: "FLAG",
    repeated: true,
    default: "those of the server",
    help: "A permission flag of Deno for worker processes, or none for none at all.",
  },
  {
    name: "status",
    often: true,
    sets: "status",
    value: "ADDR",
    help: "Tell who is there on HOST:PORT, PORT or unix:PATH: a page, JSON, metrics.",
  },
  {
    name: "status-mode",
    sets: "statusMode",
    value: "MODE",
    default: "0600",
    help: "Who may connect to its Unix socket: permission bits.",
  },
  {
    name: "status-public",
    sets: "statusPublic",
    help: "Let --status name an address that others can reach.",
  },
  {
    name: "log",
    value: "FORMAT",
    choices: ["pretty", "json", "none"],
    default: "pretty",
    help: "What goes to standard error.",
  },
  { name: "verbose", often: true, help: "Log each message too." },
  { name: "print-systemd", help: "Print units for systemd with these options, and do not serve." },
  { name: "help", help: "Show this." },
];
