/**
 * Where a server listens: what the options say, and what becomes of it when names are looked
 * up and sockets that were passed on are found.
 * @module
 */
import { type Address, formatAddress } from "../connection/connection.ts";
import { errorMessage, SystemError } from "../connection/errors.ts";
import type { ListenOptions, ServeOptions } from "../options.ts";
import type { Runtime } from "../runtime.ts";
import { parsePlace } from "../status/place.ts";
import type { ListenAt } from "./bind.ts";
import type { ProxySettings } from "../serving/proxy_prelude.ts";
import type { TlsServerSettings } from "../tls/tls_settings.ts";
import { checkOptions, checkPlace, type Kind } from "../check_options.ts";
import { inheritedSockets } from "./inherited_sockets.ts";
import { proxySettings } from "./proxy_settings.ts";
import { resolveInOrder } from "./resolve_host.ts";
import { tlsGiven } from "../serving/tls_files.ts";

/** Where a place is, as the options name it. */
type Where =
  | { readonly address: Address }
  /** The name or number of a socket with which this process was started, or `*` for all of them. */
  | { readonly inherited: string };

/** A place, and what is so for those who come there. */
export type Place = Where & {
  /** Whose PROXY headers are read; null: none is expected. */
  readonly proxy: ProxySettings | null;
  /** How it is encrypted, its files not read yet; null: it is not. */
  readonly tls: TlsServerSettings | null;
};

const INHERITED = /^fd:(.*)$/s;

/** What an entry of `listen` that is an object may hold. */
const KINDS = {
  at: "a string",
  proxyProtocol: "an array of strings",
  tls: "an object or false",
} as const satisfies Record<keyof ListenOptions, Kind>;

/**
 * The places, at least one.
 * @param port where none is given
 * @param timeout milliseconds that a PROXY header may take
 * @throws {TypeError} with one line for the first that is wrong
 */
export function placesOf(options: ServeOptions, port: number, timeout: number): Place[] {
  const { proxyProtocol, proxyHeaderTimeout } = options;
  const given = placesGiven(options, port);
  if (proxyProtocol?.length === 0) {
    throw new TypeError("Cannot serve with proxyProtocol: name somebody who sends a PROXY header");
  }
  const secured = options.tls === undefined ? null : tlsGiven(options.tls);
  const places = given.map(({ trusted = proxyProtocol ?? [], tls, ...where }) => ({
    ...where,
    proxy: trusted.length === 0 ? null : proxySettings(trusted, timeout, transportOf(where)),
    tls: tls === undefined ? secured : tls === false ? null : tlsGiven(tls),
  }));
  if (secured !== null && !places.some(({ tls }) => tls === secured)) {
    throw new TypeError("Cannot serve with tls: each place has its own, or tls: false");
  }
  if (proxyHeaderTimeout !== undefined && places.every(({ proxy }) => proxy === null)) {
    throw new TypeError(
      "Cannot serve with proxyHeaderTimeout: no PROXY header is expected, so give proxyProtocol too",
    );
  }
  return places;
}

/** A place, and what is said of it alone. */
type Given = Where & {
  readonly trusted?: readonly string[];
  readonly tls?: ListenOptions["tls"];
};

function placesGiven(options: ServeOptions, port: number): Given[] {
  const { listen, path } = options;
  checkPlace("serve", options);
  if (listen === undefined) {
    if (path !== undefined) return [{ address: { transport: "unix", path } }];
    // As connect() takes it, and the log shows it.
    const hostname = /^\[(.*:.*)\]$/.exec(options.hostname ?? "")?.[1] ?? options.hostname;
    if (hostname?.includes(":") && !URL.canParse(`http://[${hostname}]`)) {
      throw new TypeError(`Cannot serve on "${hostname}": it is no IPv6 address`);
    }
    return [{ address: { transport: "tcp", hostname: hostname ?? "127.0.0.1", port } }];
  }
  const other = (["hostname", "port", "path"] as const).find((name) => options[name] !== undefined);
  if (other) {
    throw new TypeError(
      `Cannot serve with listen and ${other}: listen names all places, so put that one there too`,
    );
  }
  if (listen.length === 0) throw new TypeError("Cannot serve with listen []: name one place");
  const places = listen.map(place);
  const names = places.map(nameOf);
  const twice = names.find((name, i) => !/:0$/.test(name) && names.indexOf(name) !== i);
  if (twice) throw new TypeError(`Cannot listen twice on ${twice}`);
  return places;
}

function place(given: string | ListenOptions): Given {
  if (typeof given !== "string") checkOptions("listen", given, KINDS);
  const { at, proxyProtocol: trusted, tls }: ListenOptions = typeof given === "string"
    ? { at: given }
    : given;
  if (at === undefined) throw new TypeError("Cannot listen without at: it says where");
  const [, inherited] = INHERITED.exec(at) ?? [];
  if (inherited === "") throw new TypeError("Cannot listen on fd: without a name or a number");
  if (inherited !== undefined) return { inherited, trusted, tls };
  try {
    return { address: parsePlace(at), trusted, tls };
  } catch (error) {
    throw new TypeError(`Cannot listen on ${at}: ${errorMessage(error)}`);
  }
}

function nameOf(place: Where): string {
  return "inherited" in place ? `fd:${place.inherited}` : formatAddress(place.address);
}

/** What is listened on there; null where its name does not tell. */
function transportOf(where: Where): Address["transport"] | null {
  return "address" in where ? where.address.transport : null;
}

/** Whether the place is a Unix socket, as far as its name tells. */
export function isUnix(place: Where): boolean {
  return transportOf(place) === "unix";
}

/**
 * Looks names up, of whose addresses each is a place of its own, and finds what was passed on.
 * @throws {SystemError} with one line that says what to do
 */
export async function findPlaces(runtime: Runtime, places: readonly Place[]): Promise<ListenAt[]> {
  const all: ListenAt[] = [];
  for (const [number, place] of places.entries()) {
    const found = "inherited" in place
      ? inheritedSockets(runtime, place.inherited)
      : await lookUp(runtime, place.address);
    const isThere = ({ descriptor }: Omit<ListenAt, "number">) =>
      descriptor !== undefined && all.some((other) => other.descriptor === descriptor);
    if (found.some(isThere)) {
      throw new SystemError("EINVAL", `Cannot listen twice on ${nameOf(place)}: it is one socket`);
    }
    all.push(...found.map((at) => ({ ...at, number })));
  }
  return all.map((at) =>
    isAny(at, "::") && all.some((v4) => beside(v4, at)) ? { ...at, v6Only: true } : at
  );
}

async function lookUp(runtime: Runtime, address: Address): Promise<Omit<ListenAt, "number">[]> {
  if (address.transport === "unix") return [{ address }];
  const { hostname } = address;
  const all = await resolveInOrder(runtime, hostname);
  const name = all.length > 1 ? { name: formatAddress(address) } : {};
  return all.map((hostname) => ({ address: { ...address, hostname }, ...name }));
}

function isAny({ address }: ListenAt, any: string): boolean {
  return address.transport === "tcp" && address.hostname === any;
}

/** Whether the first is for all of IPv4, on the port of the other. */
function beside(v4: ListenAt, { address }: ListenAt): boolean {
  const other = v4.address;
  return isAny(v4, "0.0.0.0") && other.transport === "tcp" && address.transport === "tcp" &&
    other.port === address.port;
}
