/**
 * The units with which systemd runs a server, as one text.
 * @module
 */
import type { ServeOptions } from "../../mod.ts";
import { type Address, formatAddress } from "../connection/connection.ts";
import type { Runtime } from "../runtime.ts";
import { FIRST_PASSED_ON } from "../server/inherited_sockets.ts";
import { resolveInOrder } from "../server/resolve_host.ts";
import { type Settings, settle } from "../server/settings.ts";
import type { Given } from "./options.ts";
import { SERVE_OPTIONS } from "./serve_options.ts";
import { TLS_FILES } from "./tls_options.ts";
import { UsageError } from "./usage_error.ts";

/** What is the socket unit's where systemd listens. */
const PLACE = ["host", "port", "unix", "unix-mode", "listen", "keepalive"];
/** What is no part of the service's command line. */
const OWN = ["print-systemd", "help"];
/** Seconds beyond --shutdown-timeout, in which what it has ended ends. */
const LAST_SECONDS = 5;
/** Descriptors that a service has at least, whatever the limit of connections. */
const LEAST_FILES = 65_536;
/** The first port that needs no privilege. */
const UNPRIVILEGED = 1024;

/** The units for these options. @throws {UsageError} where they suit no service */
export async function systemdUnits(
  runtime: Runtime,
  given: Given,
  options: ServeOptions,
): Promise<string> {
  const settings = settle(options);
  const absolute = (path: string) => decodeURIComponent(runtime.fileUrl(path).pathname);
  const words = commandLine(given, absolute);
  const places = settings.places.map((place) => addressOf(place, absolute));
  const addresses = await Promise.all(places.map((place) => numeric(runtime, place)));
  const folders = [...places, settings.status].flatMap((where) =>
    typeof where === "object" && where?.transport === "unix" ? folderOf(absolute(where.path)) : []
  );
  const name = places.map(formatAddress).join(", ");
  const passedOn = passedOnPlaces(given, addresses.map(({ length }) => length));
  const start = (words: readonly string[]) => `ExecStart=${execLine(runtime.command(), words)}`;
  const isSocketsOwn = ([flag]: readonly string[]) => PLACE.includes(flag.slice(2));
  return `# Made by trivet serve --print-systemd. The first file is enough. With the other two
# systemd listens, and whoever comes while the server is started anew waits.
#
# systemctl daemon-reload
# systemctl enable --now trivet.service     or, with all three, trivet.socket

# ---- /etc/systemd/system/trivet.service ----

[Unit]
Description=${specifiers(`Trivet on ${name}`)}
After=network.target

[Service]
${runtime.libraryRefusal() === null ? TYPE : TYPE_WITHOUT_LIBRARY}
${start(words.flat())}
# What --drain-delay and --shutdown-timeout say, and what comes after them.
TimeoutStopSec=${Math.ceil((settings.drainDelay + settings.shutdownTimeout) / 1000) + LAST_SECONDS}
# The first signal is for the main process, which lets connections finish.
KillMode=mixed
Restart=on-failure
# A mistake in the command line stays one.
RestartPreventExitStatus=2
# It was stopped before it was ready.
SuccessExitStatus=143
# What --max-connections may take.
LimitNOFILE=${Math.max(LEAST_FILES, settings.maxConnections * 2)}

# Nobody in particular: give User= instead, if the files above are not for everybody to read.
DynamicUser=yes
CacheDirectory=trivet
Environment=XDG_CACHE_HOME=%C/trivet
${[...capabilities(places), ...new Set(folders)].join("\n")}
NoNewPrivileges=yes
ProtectSystem=strict
ProtectHome=read-only
PrivateTmp=yes
PrivateDevices=yes
ProtectClock=yes
ProtectHostname=yes
ProtectControlGroups=yes
ProtectKernelLogs=yes
ProtectKernelModules=yes
ProtectKernelTunables=yes
RestrictAddressFamilies=AF_UNIX AF_INET AF_INET6 AF_NETLINK
RestrictNamespaces=yes
RestrictRealtime=yes
RestrictSUIDSGID=yes
LockPersonality=yes
SystemCallArchitectures=native
# Not MemoryDenyWriteExecute: the runtime compiles what it runs.

[Install]
WantedBy=multi-user.target

# ---- /etc/systemd/system/trivet.socket ----

[Unit]
Description=${specifiers(`Trivet's socket, ${name}`)}

[Socket]
${addresses.flat().map((each) => `ListenStream=${specifiers(each)}`).join("\n")}
${socketLines(places, settings).join("\n")}

[Install]
WantedBy=sockets.target

# ---- /etc/systemd/system/trivet.service.d/socket.conf ----

[Unit]
Requires=trivet.socket
After=trivet.socket

[Service]
ExecStart=
${start([...words.filter((each) => !isSocketsOwn(each)), ...passedOn].flat())}
${folders.some((line) => line.startsWith("RuntimeDirectory")) ? KEEP_FOLDER : ""}`;
}

const TYPE =
  `# Reloads need systemd 253; an older one warns of the second line, and takes the first.
Type=notify
Type=notify-reload`;

const TYPE_WITHOUT_LIBRARY = `# It can tell systemd nothing: for that it needs the C library.
Type=exec`;

const KEEP_FOLDER = `# The socket is in it, and stays when the server stops.
RuntimeDirectoryPreserve=yes
`;

/** The options that were given, each with its values, and with whole paths. */
function commandLine(given: Given, absolute: (path: string) => string): string[][] {
  const whole = (name: string, text: string) => {
    if (name === "unix" || TLS_FILES.includes(name)) return absolute(text);
    if (name === "listen") {
      return text.replace(/^(unix:)?([^,:]*\/[^,]*)/, (_, __, path) => `unix:${absolute(path)}`);
    }
    if (name === "handler") return /^[a-z][a-z0-9+.-]+:/i.test(text) ? text : absolute(text);
    return name === "status" && text.startsWith("unix:") ? `unix:${absolute(text.slice(5))}` : text;
  };
  return SERVE_OPTIONS.filter(({ name }) => !OWN.includes(name)).flatMap(({ name, value }) => {
    if (!value) return given.has(name) ? [[`--${name}`]] : [];
    // In one word where it could be taken for an option.
    return given.texts(name).map((text) =>
      text.startsWith("-") ? [`--${name}=${text}`] : [`--${name}`, whole(name, text)]
    );
  });
}

/** The place as the unit has it. @throws {UsageError} where a service cannot have it */
function addressOf(place: Settings["places"][number], absolute: (path: string) => string): Address {
  if ("inherited" in place) {
    throw new UsageError(
      "--print-systemd goes without fd:…: name the addresses, and the socket unit passes them on",
    );
  }
  const { address } = place;
  if (address.transport === "unix") return { ...address, path: absolute(address.path) };
  if (address.port === 0) {
    throw new UsageError("--print-systemd goes without port 0: a service has a port of its own");
  }
  return address;
}

/**
 * `--listen` for each socket that is passed on, where something is said of one alone; else none
 * is needed.
 * @param counts of each place, how many sockets it is
 */
function passedOnPlaces(given: Given, counts: readonly number[]): string[][] {
  const own = given.texts("listen").map((text) => /,.*$/.exec(text)?.[0] ?? "");
  if (own.every((options) => options === "")) return [];
  let next = FIRST_PASSED_ON;
  return own.flatMap((options, i) =>
    Array.from({ length: counts[i] }, () => ["--listen", `fd:${next++}${options}`])
  );
}

/** Where systemd shall listen: it takes no names. */
async function numeric(runtime: Runtime, place: Address): Promise<string[]> {
  if (place.transport === "unix") return [place.path];
  const { hostname, port } = place;
  const all = await resolveInOrder(runtime, hostname);
  return all.map((each) => formatAddress({ transport: "tcp", hostname: each, port }));
}

/** What lets the service write where a socket of its own shall be. */
function folderOf(path: string): string {
  const [, folder] = /^\/run\/([^/]+)\//.exec(path) ?? [];
  if (folder) return `RuntimeDirectory=${specifiers(folder)}`;
  if (/^\/(var\/)?tmp\//.test(path)) {
    throw new UsageError(`a service has a /tmp of its own: not ${path}, but /run/trivet/…`);
  }
  return `ReadWritePaths=${quoted(path.slice(0, path.lastIndexOf("/")) || "/")}`;
}

function capabilities(places: readonly Address[]): string[] {
  const isLow = places.some((place) => place.transport === "tcp" && place.port < UNPRIVILEGED);
  return isLow
    ? [
      "CapabilityBoundingSet=CAP_NET_BIND_SERVICE",
      "AmbientCapabilities=CAP_NET_BIND_SERVICE",
    ]
    : ["CapabilityBoundingSet="];
}

function socketLines(
  places: readonly Address[],
  { backlog, unixMode, keepAlive }: Settings,
): string[] {
  const isTcp = places.some(({ transport }) => transport === "tcp");
  return [
    `Backlog=${backlog}`,
    ...isTcp ? ["NoDelay=yes", "KeepAlive=yes"] : [],
    ...keepAlive === null ? [] : [
      `KeepAliveTimeSec=${keepAlive.idle}`,
      `KeepAliveIntervalSec=${keepAlive.interval}`,
      `KeepAliveProbes=${keepAlive.count}`,
    ],
    ...unixMode === null ? [] : [`SocketMode=0${unixMode.toString(8)}`],
  ];
}

function execLine([program, ...flags]: readonly string[], words: readonly string[]): string {
  const args = [...flags, "serve", ...words].map((word) => quoted(word).replaceAll("$", "$$$$"));
  return [quoted(program), ...args].join(" "); // a variable may not be the program
}

/** A word as a unit has it, see systemd.syntax(7). */
function quoted(text: string): string {
  const word = specifiers(text);
  if (!/[\s"'\\;]/.test(word) && word !== "") return word;
  const escaped = word.replace(/[\\"]/g, "\\$&").replace(/\n/g, "\\n").replace(/\t/g, "\\t");
  return `"${escaped}"`;
}

/** A percent sign begins what systemd fills in. */
function specifiers(text: string): string {
  return text.replaceAll("%", "%%");
}
