/**
 * What Trivet needs of a runtime. One adapter provides it; nothing else knows
 * which runtime it is.
 * @module
 */
import type { Address, Listener } from "./connection/connection.ts";
import type { Socket } from "./connection/socket.ts";
import type { SocketConnection } from "./connection/socket_connection.ts";
import type { Tls } from "./tls/tls_engine.ts";

/** The types of a C function's parameters and results that Trivet uses. */
export type ForeignType = "i32" | "u32" | "u64" | "buffer" | "pointer";

/** The C functions to open, by name. */
export type ForeignFunctions = Record<
  string,
  {
    readonly parameters: readonly ForeignType[];
    readonly result: ForeignType;
    /** Its name in the library, if that is another. */
    readonly name?: string;
    /** Called beside the event loop, so that it returns a promise; see `callsInBackground`. */
    readonly nonblocking?: boolean;
  }
>;

/** An opened C library. */
export interface ForeignLibrary {
  /** The functions asked for; pointers go by as opaque values. */
  // deno-lint-ignore no-explicit-any -- only the caller knows a C function's signature
  readonly functions: Record<string, (...args: any[]) => any>;
  /** The 32-bit integer that a pointer points at. */
  readInt32(pointer: unknown): number;
  /** So many bytes from where a pointer points on, shared and not copied; null if it is none. */
  memoryAt(pointer: unknown, size: number): ArrayBuffer | null;
  /** Unloads it; nothing of it may be called any more. */
  close(): void;
}

/** The signals that end a server. */
export type StopSignal = "SIGINT" | "SIGTERM" | "SIGHUP";

/** Signals that a server may be sent and takes no notice of. */
export type UserSignal = "SIGUSR1" | "SIGUSR2";

/** The signals that somebody listens to: those, and the one that tells of a child's end. */
export type Signal = StopSignal | UserSignal | "SIGCHLD";

/** A socket that was accepted for somebody else: of the runtime's own kind, unread. */
export interface HandedSocket {
  readonly handed: unknown;
  readonly remoteAddr: Address;
  /** Which of the places where its server listens it came to; the first, unless it says so. */
  place?: number;
}

/** A worker's thread or process as the runtime sees it. */
export interface StartedWorker {
  /** The PID; 0 for a thread. */
  readonly pid: number;
  /**
   * Sends a message to a thread, or to a process that has an `ipc` channel. A
   * process can be handed a socket with it, which is closed here.
   */
  postMessage(message: unknown, socket?: HandedSocket): void;
  /** Called once when it has ended, with how, or why it could not even be begun. */
  onExit(listener: (reason: string, notStarted?: Error) => void): void;
  /** Called with each message that it posts. */
  onMessage(listener: (message: unknown) => void): void;
  /** Ends it without asking: SIGKILL, or the thread's termination. */
  kill(): void;
}

/** The inside of a worker thread. */
export interface ThreadScope {
  /** What it was started with. */
  readonly data: unknown;
  /** Sends a message to what started it. */
  postMessage(message: unknown): void;
  /** Called with each message of what started it. */
  onMessage(listener: (message: unknown) => void): void;
}

/** The inside of a process that was started with an `ipc` channel. */
export interface ProcessScope {
  /** Sends a message to what started it; false if many wait to be read. */
  postMessage(message: unknown): boolean;
  /** Called with each message, and with the socket that is handed over with it. */
  onMessage(listener: (message: unknown, socket: Socket | null) => void): void;
  /** Resolves when what was posted is out; nothing may be posted after it. */
  flush(): Promise<unknown>;
  /** Called when what started it is gone. */
  onGone(listener: () => void): void;
}

/** A listener whose connections are for other processes. */
export interface HandOverListener {
  readonly addr: Address;
  /** The listening socket's descriptor, where the runtime tells. */
  readonly descriptor?: number;
  /** The next one, or null once it is closed. */
  accept(): Promise<HandedSocket | null>;
  /** Closes one that nobody takes. */
  drop(socket: HandedSocket): void;
  /** Stops listening. Idempotent. */
  close(): void;
}

/** One listener of the runtime's event loop, giving Trivet's connections. */
export interface LoopListener extends Listener {
  /** The listening socket's descriptor, where the runtime tells. */
  readonly descriptor?: number;
  /** How many were accepted and nobody has asked for, by a loop that accepts on its own. */
  readonly waiting?: number;
  /**
   * Told of clients that were closed at once, by a loop that accepts on its own,
   * because too few descriptors were left.
   */
  onRefused?: (remoteAddr: Address) => void;
  accept(): Promise<SocketConnection | null>;
  /**
   * Stops listening. Idempotent.
   * @param serves whether `accept` still gives those who wait; else they are closed
   */
  close(serves?: boolean): void;
}

/** Sockets of the runtime's event loop. */
export interface Network {
  /** Whether its own event loop gives each connection its turn under load. */
  readonly loopIsFair: boolean;
  /**
   * Listens on the event loop. Rejects with a POSIX `code`.
   * @param descriptor a socket that listens on the address already; the listener owns it
   * @param toTheLast whether a client may have one of the last descriptors
   */
  listen(
    address: Address,
    backlog: number,
    descriptor?: number,
    toTheLast?: boolean,
  ): Promise<LoopListener>;
  /** Listens for connections that are handed over to processes. */
  listenToHandOver(
    address: Address,
    backlog: number,
    descriptor?: number,
  ): Promise<HandOverListener>;
  /**
   * Connects on the event loop, to the first of a name's addresses that answers.
   * Rejects with a POSIX `code`; gives the attempt up when `signal` is aborted.
   */
  connect(address: Address, signal?: AbortSignal): Promise<SocketConnection>;
  /** Whether this process may connect to the address, where permissions say so. */
  mayConnect(address: Address): boolean;
  /** Gives a connected, nonblocking descriptor to the event loop, which owns it. */
  adopt(descriptor: number, localAddr: Address, remoteAddr: Address): Socket;
  /** A host name's addresses, numeric, at least one. Rejects with `ENOTFOUND`. */
  lookup(hostname: string): Promise<string[]>;
}

/** The foreign function interface, to the C library alone. */
export interface LibraryOpener {
  /** Whether a C function can be called beside the event loop. */
  readonly callsInBackground: boolean;
  /** Why no C library can be opened here and what to do; null if it can. */
  libraryRefusal(): string | null;
  /** Opens the C library; throws if it cannot. */
  openLibrary(functions: ForeignFunctions): ForeignLibrary;
}

/** Threads and processes that run a module: to start them, and their inside. */
export interface Workers {
  /** Why no process can be started here and what to do; null if it can. */
  processRefusal(): string | null;
  /** Starts a thread that runs the module. */
  startThread(module: URL, data: unknown): StartedWorker;
  /**
   * Starts a process that runs the module in this process's world: the same
   * resolution of modules, no more permissions. `descriptors` become 3, 4, …;
   * with `"ipc"` instead it has a channel for messages and sockets.
   * @param args the last may be longer than the system lets an argument be, or have a private
   * key in it: then that is {@linkcode ON_INPUT}, and the process reads it from there
   * @param needs the files and URLs that the process must read
   * @param permissions flags instead of those of this process, see `restrictionRefusal`
   * @param connections how many it has at once: with one it needs less memory and fewer
   * helpers, and with none at all it `forks`
   */
  startProcess(
    module: URL,
    args: string[],
    descriptors: number[] | "ipc",
    needs: URL[],
    workerArgs: string[],
    permissions: string[] | null,
    connections: "one" | "many" | "forks",
  ): StartedWorker;
  /** Why a process that is started with these arguments cannot be forked; null if it can. */
  forkRefusal(workerArgs: string[]): string | null;
  /**
   * Tells the runtime that this process is a fork, as far as it can be told.
   * @param pid its id
   * @param exit ends it; null: this is a rehearsal, and the process keeps its own end
   */
  becomeFork(pid: number, exit: ((code: number) => never) | null): void;
  /** Collects garbage, where a fork would do it in memory of its own, and hold more for it. */
  collectGarbage(): void;
  /** Why a process cannot be started with these permission flags; null if it can. */
  restrictionRefusal(permissions: string[]): string | null;
  /**
   * Bytes of memory that a process holds for itself; null where that cannot be told.
   * @param enough up to so many, those that it shares may be counted too
   */
  memoryOf(pid: number, enough: number): number | null;
  /** The inside of this thread, if it is one that `startThread` started. */
  threadScope(): ThreadScope | null;
  /** The inside of this process, if it was started with an `ipc` channel. */
  processScope(): ProcessScope | null;
  /** Ends this thread. */
  endThread(): void;
}

/** What a runtime knows of a module that did not load. */
export interface BrokenModule {
  /** The place in a file, as `URL:line:column`; null where its stack says it, or nothing does. */
  readonly at: string | null;
  /** What to do about it; null where the message says it. */
  readonly hint: string | null;
}

/** The modules that it loads. */
export interface Modules {
  /**
   * What there is to know of an error with which the loading of a module ended;
   * it may reject, because the error may be anything.
   * @param again loads the module once more, which ends in the same way
   */
  brokenModule(error: unknown, again: () => Promise<unknown>): Promise<BrokenModule>;
  /** Calls `listener` with what the runtime itself would write to standard error. */
  onWarning(listener: (message: string) => void): void;
}

/** This process: what it was started with, its signals, its errors, its end. */
export interface Process {
  /** The arguments of the command line. */
  readonly args: string[];
  /** What stands before them: the program, its flags and the main module, by whole paths. */
  command(): string[];
  /** This process's id. */
  readonly pid: number;
  /** Its parent's. */
  parentPid(): number;
  /** A variable of the environment, if it is set and may be read. */
  env(name: string): string | undefined;
  /** Such a variable, which is unset: what this process starts from here on does not get it. */
  takeEnv(name: string): string | undefined;
  /** How many descriptors this process may have; null where that is not known. */
  descriptorLimit(): number | null;
  /** Calls `listener` for a signal instead of ending; returns what undoes it. */
  onSignal(signal: Signal, listener: () => void): () => void;
  /** Calls `listener` for errors that nobody handled, instead of ending. */
  onUnhandled(listener: (error: unknown) => void): void;
  /**
   * Calls `listener` when this process is about to end, as by `process.exit`; what it
   * returns is the exit code then. Returns what undoes it.
   */
  onExit(listener: () => number): () => void;
  /** Ends this process. */
  exit(code: number): never;
}

/** The file system, as far as Unix sockets and handlers' modules need it. */
export interface Files {
  /** Sets the bits that new files of this process do not get; returns those before. */
  umask(mask: number): number;
  /** What stands at a path: its identity if it is a socket, else why not. */
  socketFile(
    path: string,
  ): { readonly inode: number } | "none" | "not a socket";
  /** A file's text; throws with a POSIX `code`. */
  readText(path: string): string;
  /** All of standard input, for whose end it waits. */
  readInput(): string;
  /** Removes a file; throws with a POSIX `code`. */
  removeFile(path: string): void;
  /**
   * A file's URL; a relative path is relative to the current folder, by the path
   * that the shell came there, links and all.
   */
  fileUrl(path: string): URL;
  /** What to import so that a new worker gets a module as it is now, and not as it was. */
  freshUrl(url: string): string;
}

/** The standard streams, and whether a terminal is behind them. */
export interface Terminal {
  /** Standard input: the next bytes, or null at its end. */
  readStdin(): Promise<Uint8Array | null>;
  /** Writes to standard output or error; resolves when it is out. */
  writeOut(
    stream: "stdout" | "stderr",
    text: string | Uint8Array,
  ): Promise<void>;
  /** Writes a line to standard error; where nobody can read it, nothing happens. */
  complain(line: string): void;
  /**
   * What is written to standard output or error when nobody reads it any more is
   * lost, and is no error of whoever wrote it.
   */
  loseUnread(): void;
  /** Whether it is a terminal now: one whose window was closed is none any more. */
  isTerminal(stream: "stdin" | "stdout" | "stderr"): boolean;
}

/** What an adapter provides: what the runtime is, and the parts above. */
export interface Runtime
  extends Network, LibraryOpener, Workers, Modules, Process, Files, Terminal {
  /** `deno`, `bun` or `node`: for messages to people only. */
  readonly name: string;
  /** Its version: for messages to people only. */
  readonly version: string;
  /** `linux` or `darwin`. */
  readonly os: string;
  /** `x64` or `arm64`. */
  readonly arch: string;
  /** Its TLS, which is loaded when it is first asked for. */
  tls(): Promise<Tls>;
  /** Why its TLS heeds no list of revoked certificates; null if it does. */
  readonly revocationRefusal: string | null;
  /** Whether SIGUSR1 opens a debugger, also where somebody listens to it. */
  readonly opensDebugger: boolean;
  /**
   * Milliseconds that this thread's event loop has waited so far; null where the runtime
   * does not tell.
   */
  loopIdle(): number | null;
  /** Whether `performance.now()` costs more than a call of a C function. */
  readonly clockIsSlow: boolean;
}

/** In the place of an argument that comes on standard input, see `startProcess`. */
export const ON_INPUT = "trivet: what it is told is on standard input";
