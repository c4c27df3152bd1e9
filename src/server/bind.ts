/**
 * Take the address, or say in one line why not.
 * @module
 */
import { type Address, formatAddress, type UnixAddress } from "../connection/connection.ts";
import { errorCode, errorMessage, SystemError } from "../connection/errors.ts";
import { DARWIN, LINUX } from "../posix/constants.ts";
import { lockFolderOf } from "../posix/folder_lock.ts";
import { Libc } from "../posix/libc.ts";
import { listen } from "../posix/listening_socket.ts";
import { encodeAddress } from "../posix/socket_address.ts";
import type { Runtime } from "../runtime.ts";
import { OwnFile } from "./own_file.ts";

/**
 * Binds; where a Unix socket's file is left over from a server that is gone,
 * in its place. Of servers that start at once one does so: the folder is locked, for
 * an inode's number tells no file from the one that took its place, and its number.
 * @param mode the permission bits of a Unix socket's file; null: what umask leaves
 * @param open must bind before it returns, also where it returns a promise
 * @throws {SystemError} with one line that says what to do
 */
export async function bind<T>(
  runtime: Runtime,
  address: Address,
  mode: number | null,
  open: () => T | Promise<T>,
): Promise<T> {
  // By umask, because between bind and chmod the file would be open to more.
  const isFile = address.transport === "unix";
  const listen = () => {
    const before = mode === null || !isFile ? null : runtime.umask(0o777 & ~mode);
    try {
      return open();
    } finally {
      if (before !== null) runtime.umask(before);
    }
  };
  if (address.transport === "tcp") return await tryTo(listen, address);
  // Each runtime says in its own way that a path is too long.
  encodeAddress(address, runtime.os === "linux" ? LINUX : DARWIN);
  const unlock = await lockFolderOf(runtime, address.path);
  try {
    return await listen();
  } catch (error) {
    const free = errorCode(error) === "EADDRINUSE" && await makeRoom(runtime, address);
    if (!free) throw bindError(address, error);
    return await tryTo(listen, address);
  } finally {
    unlock();
  }
}

async function tryTo<T>(listen: () => T | Promise<T>, address: Address): Promise<T> {
  try {
    return await listen();
  } catch (error) {
    throw bindError(address, error);
  }
}

/** Whether the path is free now, once what a server that is gone has left is removed. */
async function makeRoom(runtime: Runtime, address: UnixAddress): Promise<boolean> {
  const file = runtime.socketFile(address.path);
  if (file === "not a socket") {
    throw new SystemError(
      "EADDRINUSE",
      `Cannot listen on ${
        formatAddress(address)
      }: a file is there that is no socket; pick another path`,
    );
  }
  if (file === "none") return true;
  if (await answers(runtime, address)) return false;
  const now = runtime.socketFile(address.path);
  // Another server may have replaced it meanwhile.
  if (typeof now === "object" && now.inode === file.inode) runtime.removeFile(address.path);
  return true;
}

async function answers(runtime: Runtime, address: Address): Promise<boolean> {
  try {
    (await runtime.connect(address)).close();
    return true;
  } catch (error) {
    return !["ECONNREFUSED", "ENOENT"].includes(errorCode(error) ?? "");
  }
}

/** One place where a server listens; its host is numeric. */
export interface ListenAt {
  readonly address: Address;
  /** Which of the places it is for that the options name. */
  readonly number: number;
  /** A socket that listens there already, with which this process was started. */
  readonly descriptor?: number;
  /** Whether another socket listens on the same port for IPv4. */
  readonly v6Only?: boolean;
  /**
   * The name that this is one address of, beside others: those have one port, and not each
   * has to be there.
   */
  readonly name?: string;
}

/** What listens, and where. */
export interface Bound<T> {
  readonly place: ListenAt;
  readonly listener: T;
}

/** Whether what listens there is another program's, and outlives this server. */
export function isInherited({ descriptor }: ListenAt): boolean {
  return descriptor !== undefined;
}

/** Those that end with this server. */
export function ownOf<T>(bound: readonly Bound<T>[]): T[] {
  return bound.filter(({ place }) => !isInherited(place)).map(({ listener }) => listener);
}

/** How a listener of some kind is made. */
export interface ListenerKind<T> {
  /** Listens there; it must bind before it returns, also where it returns a promise. */
  open(place: ListenAt): T | Promise<T>;
  /** Where it listens now. */
  addressOf(listener: T): Address;
  /** Sets what is not set yet, once all are bound. */
  prepare(listener: T, place: ListenAt): void;
  /** Takes it back. */
  close(listener: T): void;
}

/** Why one of a name's addresses may be left out; and a port that was free for another may not be. */
const NOT_HERE = ["EADDRNOTAVAIL", "EAFNOSUPPORT"];

/**
 * Binds all of them, or none.
 * @param mode as of {@linkcode bind}
 * @throws {SystemError} with one line that says what to do
 */
export async function bindAll<T>(
  runtime: Runtime,
  places: readonly ListenAt[],
  mode: number | null,
  { open, addressOf, prepare, close }: ListenerKind<T>,
): Promise<Bound<T>[]> {
  const all: Bound<T>[] = [];
  try {
    for (const wanted of places) {
      const sibling = wanted.name === undefined
        ? undefined
        : all.find(({ place }) => place.name === wanted.name);
      const place = sibling ? onPortOf(wanted, addressOf(sibling.listener)) : wanted;
      try {
        const listener = isInherited(place)
          ? await open(place)
          : await bind(runtime, place.address, mode, () => open(place));
        all.push({ place, listener });
      } catch (error) {
        const isMissed = sibling === undefined ||
          !NOT_HERE.includes(errorCode(error)!) && place === wanted;
        if (isMissed) throw error;
      }
    }
    for (const { listener, place } of all) prepare(listener, place);
    return all;
  } catch (error) {
    for (const { place, listener } of all) {
      if (!isInherited(place)) new OwnFile(runtime, place.address).remove();
      close(listener);
    }
    throw error;
  }
}

/** The place, on the port that the system gave another address of the same name. */
function onPortOf(place: ListenAt, other: Address): ListenAt {
  const { address } = place;
  if (address.transport === "unix" || other.transport === "unix" || address.port !== 0) {
    return place;
  }
  return { ...place, address: { ...address, port: other.port } };
}

/** A listening socket's descriptor, its caller's own. */
export function openSocket(libc: Libc, place: ListenAt, backlog: number): number {
  const { address, descriptor, v6Only } = place;
  return descriptor === undefined
    ? listen(libc, address, backlog, v6Only)
    : libc.duplicate(descriptor);
}

/**
 * Listens by the runtime's own means. A Unix socket is bound here, and the runtime gets
 * its descriptor: what a runtime has bound itself it removes by its name at the end,
 * whoever's file is there by then (Deno 2.9, Bun 1.4, Node 26.10).
 */
export async function listenBy<T>(
  runtime: Runtime,
  place: ListenAt,
  backlog: number,
  listen: (address: Address, backlog: number, descriptor?: number) => Promise<T>,
): Promise<T> {
  const { address, descriptor, v6Only } = place;
  const isPlain = address.transport === "tcp" && descriptor === undefined && !v6Only;
  if (isPlain || runtime.libraryRefusal() !== null) return listen(address, backlog);
  const libc = new Libc(runtime);
  try {
    const descriptor = openSocket(libc, place, backlog);
    libc.setNonblocking(descriptor);
    const bound = address.transport === "tcp" ? libc.localAddress(descriptor) : address;
    return await listen(bound, backlog, descriptor);
  } finally {
    libc.unload();
  }
}

const BIND_HINTS: Record<string, string> = {
  EADDRINUSE: "it is in use; stop what listens there or pick another",
  EADDRNOTAVAIL: "no interface of this machine has that address",
  EPERM: "permission denied",
  ENOENT: "its folder does not exist",
  ENOTDIR: "its folder does not exist",
};

function bindError(address: Address, error: unknown): Error {
  const code = errorCode(error);
  if (code === undefined || code === "ENAMETOOLONG") return error as Error;
  const reserved = code === "EACCES" && address.transport === "tcp" && address.port > 0 &&
    address.port < 1024;
  const hint = reserved
    ? "permission denied; ports below 1024 are for root"
    : code === "EACCES" && address.transport === "unix" && !/--allow/.test(errorMessage(error))
    ? "permission denied; its folder must be one that this user may write to"
    : BIND_HINTS[code] ?? errorMessage(error).split("\n")[0];
  return new SystemError(
    code,
    `Cannot listen on ${formatAddress(address)}: ${hint}`,
    error,
  );
}
