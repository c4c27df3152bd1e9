/**
 * What a service manager such as systemd is told of a server, in the words of
 * sd_notify(3): when it serves, reloads, stops, is alive, and how much it has to do.
 * @module
 */
import type { ServerEvent, WorkerName } from "../../mod.ts";
import { Later } from "../connection/delay.ts";
import { errorCode, errorMessage } from "../connection/errors.ts";
import { escape } from "../log/escape.ts";
import { monotonicMicroseconds } from "../posix/clock.ts";
import { NotifySocket } from "../posix/notify_socket.ts";
import type { Runtime } from "../runtime.ts";
import { watchdogPeriod } from "./watchdog.ts";

/** Milliseconds between two datagrams that tell only how much there is to do. */
const STATUS_INTERVAL = 1000;
/** Milliseconds until what the manager had no room for is sent again. */
const AGAIN = 50;
/** Milliseconds between two requests for more time to stop, and how much each asks for. */
const [EXTEND_INTERVAL, EXTEND] = [5000, 15_000];
/** How much of an error the manager is told: it takes 4096 bytes in all. */
const SHOWN = 500;

/** What the manager of this process is told; nothing, where there is none. */
export interface ServiceManager {
  /** Takes an event of the server. */
  event(event: ServerEvent): void;
  /** The server serves. */
  ready(): void;
  /** A reload begins, whose end this is told. */
  reloading(reload: Promise<void>): void;
  /** The server stops. */
  stopping(): void;
  /** It has stopped: nothing more is told. */
  close(): void;
}

/** Nobody wants to know. */
const NOBODY: ServiceManager = {
  event() {},
  ready() {},
  reloading: (reload) => void reload.catch(() => {}),
  stopping() {},
  close() {},
};

/**
 * The manager that the environment names, which is taken out of it: what a handler
 * starts would otherwise speak for the server.
 * @param stopTime milliseconds that the server may take to stop
 * @param warn told once, where the manager cannot be told anything
 */
export function serviceManager(
  runtime: Runtime,
  stopTime: number,
  warn: (message: string) => void,
): ServiceManager {
  const place = runtime.takeEnv("NOTIFY_SOCKET");
  const watchdog = [runtime.takeEnv("WATCHDOG_USEC"), runtime.takeEnv("WATCHDOG_PID")] as const;
  if (!place) return NOBODY;
  const refusal = runtime.libraryRefusal();
  if (refusal !== null) {
    warn(`the service manager is told nothing: ${refusal}`);
    return NOBODY;
  }
  const unusable = (error: unknown) => {
    const why = errorCode(error) ?? errorMessage(error);
    warn(`the service manager is told nothing: NOTIFY_SOCKET=${escape(place, SHOWN)}: ${why}`);
  };
  try {
    const socket = new NotifySocket(runtime, place);
    return new Manager(
      { send: (text) => socket.send(text), close: () => socket.close() },
      {
        pid: runtime.pid,
        microseconds: () => monotonicMicroseconds(runtime),
        watchdog: watchdogPeriod(...watchdog, runtime.pid, warn),
        stopTime,
        unusable,
      },
    );
  } catch (error) {
    unusable(error);
    return NOBODY;
  }
}

/** What a {@linkcode Manager} needs to know. */
export interface ManagerSettings {
  readonly pid: number;
  /** CLOCK_MONOTONIC. */
  readonly microseconds: () => bigint;
  /** Milliseconds between two signs of life; null if nobody waits for them. */
  readonly watchdog: number | null;
  readonly stopTime: number;
  /** Told once, if the manager cannot be reached. */
  readonly unusable: (error: unknown) => void;
}

/** A manager that listens. */
export class Manager implements ServiceManager {
  readonly #socket: Pick<NotifySocket, "send" | "close">;
  readonly #settings: ManagerSettings;
  readonly #timers: ReturnType<typeof setInterval>[] = [];
  readonly #status = new Later(() => this.#tellStatus());
  readonly #again = new Later(() => this.#flush());
  /** What the manager had no room for. */
  readonly #waiting: string[] = [];
  #state: "starting" | "serving" | "stopping" | "closed" = "starting";
  #connections = 0;
  /** The names of those that run; one that never did may be told to have exited. */
  readonly #workers = new Set<string>();
  #reloads = 0;
  /** What was wrong with the last reload. */
  #trouble = "";
  #told = "";
  #warned = false;

  constructor(socket: Pick<NotifySocket, "send" | "close">, settings: ManagerSettings) {
    this.#socket = socket;
    this.#settings = settings;
  }

  event(event: ServerEvent): void {
    if (event.type === "accepted") this.#connections++;
    else if (event.type === "closed") this.#connections--;
    else if (event.type === "worker_started") this.#workers.add(nameOf(event));
    else if (event.type === "worker_exited") this.#workers.delete(nameOf(event));
    else {
      if (event.type === "draining" || event.type === "shutdown") this.stopping();
      return;
    }
    if (this.#state !== "starting") this.#status.in(STATUS_INTERVAL);
  }

  ready(): void {
    const { pid, watchdog } = this.#settings;
    if (this.#state !== "starting") return;
    this.#state = "serving";
    const alive = watchdog === null ? [] : ["WATCHDOG=1"];
    this.#tell("READY=1", `MAINPID=${pid}`, ...alive, this.#statusLine());
    if (watchdog !== null) this.#every(watchdog, () => this.#tellIfRoom(...alive));
  }

  reloading(reload: Promise<void>): void {
    // Both in one datagram: without the time the manager waits for another one.
    const now = this.#settings.microseconds();
    if (this.#state === "serving") this.#tell("RELOADING=1", `MONOTONIC_USEC=${now}`);
    this.#reloads++;
    reload.then(
      () => this.#reloaded(""),
      (error) => this.#reloaded(`not reloaded: ${escape(errorMessage(error), SHOWN)}; `),
    );
  }

  /** Told after the last of those that are under way, whatever has become of it. */
  #reloaded(trouble: string): void {
    this.#trouble = trouble;
    if (--this.#reloads > 0 || this.#state !== "serving") return;
    this.#tell("READY=1", this.#statusLine(trouble || "reloaded; "));
  }

  stopping(): void {
    if (this.#state === "stopping" || this.#state === "closed") return;
    this.#state = "stopping";
    // Not for ever: a server that does not end in its time is for the manager to end.
    let asks = Math.ceil(this.#settings.stopTime / EXTEND_INTERVAL);
    const extend = `EXTEND_TIMEOUT_USEC=${EXTEND * 1000}`;
    this.#tell("STOPPING=1", extend, this.#statusLine());
    this.#every(EXTEND_INTERVAL, () => {
      if (asks-- > 0) this.#tellIfRoom(extend);
    });
  }

  close(): void {
    if (this.#state === "closed") return;
    this.#state = "closed";
    for (const timer of this.#timers) clearInterval(timer);
    this.#status.stop();
    this.#again.stop();
    this.#socket.close();
  }

  #every(milliseconds: number, call: () => void): void {
    this.#timers.push(setInterval(call, milliseconds));
  }

  #tellStatus(): void {
    if (this.#waiting.length > 0) return this.#status.in(STATUS_INTERVAL);
    const told = this.#told;
    const line = this.#statusLine();
    if (line !== told) this.#tell(line);
  }

  /** It is told at once. */
  #statusLine(before = ""): string {
    const stopping = this.#state === "stopping" ? "shutting down; " : "";
    const { size } = this.#workers;
    const workers = size > 0 ? `, ${counted(size, "worker")}` : "";
    const open = counted(this.#connections, "connection");
    return this.#told = `STATUS=${stopping}${before || this.#trouble}${open}${workers}`;
  }

  /** What comes again: behind what waits for a manager that hangs it would pile up. */
  #tellIfRoom(...lines: string[]): void {
    if (this.#waiting.length === 0) this.#tell(...lines);
  }

  #tell(...lines: string[]): void {
    this.#waiting.push(lines.join("\n"));
    if (this.#waiting.length === 1) this.#flush();
  }

  /** In their order, and none is lost: a manager that misses READY=1 waits for ever. */
  #flush(): void {
    try {
      while (this.#waiting.length > 0) {
        if (!this.#socket.send(this.#waiting[0])) return this.#again.in(AGAIN);
        this.#waiting.shift();
      }
    } catch (error) {
      this.#waiting.length = 0;
      if (!this.#warned) this.#settings.unusable(error);
      this.#warned = true;
    }
  }
}

function nameOf({ worker }: { readonly worker: WorkerName }): string {
  return `${worker.kind} ${worker.id}`;
}

function counted(count: number, what: string): string {
  return `${count} ${what}${count === 1 ? "" : "s"}`;
}
