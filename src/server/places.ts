/**
 * Where a server listens: what the options say, and what becomes of it when names are looked
 * up and sockets that were passed on are found.
 * @module
 */
import { type Address, formatAddress } from "../connection/connection.ts";
import { errorMessage } from "../connection/errors.ts";
import type { ListenOptions, ServeOptions } from "../options.ts";
import type { Runtime } from "../runtime.ts";
import { parsePlace } from "../status/place.ts";
import type { ListenAt } from "./bind.ts";
import { checkOptions, checkPlace } from "./check_options.ts";
import { inheritedSockets } from "./inherited_sockets.ts";
import { resolveInOrder } from "./resolve_host.ts";

/** A place as the options name it. */
export type Place =
  | { readonly address: Address }
  /** The name or number of a socket with which this process was started, or `*` for all of them. */
  | { readonly inherited: string };

const INHERITED = /^fd:(.*)$/s;

/** What an entry of `listen` that is an object may hold. */
const KINDS = { at: "a string" } as const satisfies Record<keyof ListenOptions, "a string">;

/**
 * The places, at least one.
 * @param port where none is given
 * @throws {TypeError} with one line for the first that is wrong
 */
export function placesOf(options: ServeOptions, port: number): Place[] {
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

function place(given: string | ListenOptions): Place {
  if (typeof given !== "string") checkOptions("listen", given, KINDS);
  const { at } = typeof given === "string" ? { at: given } : given;
  if (at === undefined) throw new TypeError("Cannot listen without at: it says where");
  const [, inherited] = INHERITED.exec(at) ?? [];
  if (inherited === "") throw new TypeError("Cannot listen on fd: without a name or a number");
  if (inherited !== undefined) return { inherited };
  try {
    return { address: parsePlace(at) };
  } catch (error) {
    throw new TypeError(`Cannot listen on ${at}: ${errorMessage(error)}`);
  }
}

function nameOf(place: Place): string {
  return "inherited" in place ? `fd:${place.inherited}` : formatAddress(place.address);
}

/** Whether the place is a Unix socket, as far as its name tells. */
export function isUnix(place: Place): boolean {
  return "address" in place && place.address.transport === "unix";
}

/**
 * Looks names up, of whose addresses each is a place of its own, and finds what was passed on.
 * @throws {SystemError} with one line that says what to do
 */
export async function findPlaces(runtime: Runtime, places: readonly Place[]): Promise<ListenAt[]> {
  const all: ListenAt[] = [];
  for (const place of places) {
    if ("inherited" in place) all.push(...inheritedSockets(runtime, place.inherited));
    else all.push(...await lookUp(runtime, place.address));
  }
  return all.map((at) =>
    isAny(at, "::") && all.some((v4) => beside(v4, at)) ? { ...at, v6Only: true } : at
  );
}

async function lookUp(runtime: Runtime, address: Address): Promise<ListenAt[]> {
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
