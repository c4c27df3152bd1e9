/**
 * Where a server's status is told: a listener of its own, beside the one for clients,
 * with limits of its own.
 * @module
 */
import type { Address } from "../connection/connection.ts";
import { delay } from "../connection/delay.ts";
import { acceptErrorClass } from "../connection/errors.ts";
import type { SocketConnection } from "../connection/socket_connection.ts";
import { TooLong } from "../framing/errors.ts";
import { Framed } from "../framing/framed.ts";
import { Libc } from "../posix/libc.ts";
import type { LoopListener, Runtime } from "../runtime.ts";
import { NO_ROOM_WAIT } from "../serving/accept_loop.ts";
import {
  encodeResponse,
  LARGEST_REQUEST,
  parseRequest,
  plain,
  type Response,
} from "../status/http.ts";
import { answer, type Told } from "../status/pages.ts";
import { bind, listenBy } from "./bind.ts";
import { OwnFile } from "./own_file.ts";
import { resolveInOrder } from "./resolve_host.ts";

/** Connections at once. */
const MOST = 8;
/** Milliseconds that one may last. */
const TIMEOUT = 5000;
/** Clients that may wait meanwhile. */
const BACKLOG = 64;
/** Milliseconds to wait for a client's close after the answer. */
const LINGER = 1000;
/** What is always there to be opened, to keep its descriptor for a client. */
const ANY_FILE = "/dev/null";

/** The door; it tells until it is closed. */
export class StatusDoor {
  readonly addr: Address;
  readonly #told: Told;
  readonly #listener: LoopListener;
  readonly #file: OwnFile;
  /** By when they came; whether each has asked. */
  readonly #open = new Map<SocketConnection, "silent" | "asked">();
  readonly #libc: Libc | null;
  /** A descriptor that is given up for a client when there is no other. */
  #reserve = -1;
  #closed = false;
  #ended: Promise<void>;

  /**
   * Listens.
   * @throws {SystemError} with one line if the address cannot be had
   */
  static async open(
    runtime: Runtime,
    place: Address,
    mode: number,
    told: Told,
  ): Promise<StatusDoor> {
    const address = place.transport === "unix"
      ? place
      : { ...place, hostname: (await resolveInOrder(runtime, place.hostname))[0] };
    const listener = await bind(
      runtime,
      address,
      mode,
      () =>
        listenBy(
          runtime,
          { address, number: 0 },
          BACKLOG,
          (address, backlog, own) => runtime.listen(address, backlog, own, true),
        ),
    );
    return new StatusDoor(runtime, listener, told);
  }

  constructor(runtime: Runtime, listener: LoopListener, told: Told) {
    this.addr = listener.addr;
    this.#told = told;
    this.#listener = listener;
    this.#file = new OwnFile(runtime, listener.addr);
    this.#libc = runtime.libraryRefusal() === null ? new Libc(runtime) : null;
    this.#keepReserve();
    this.#ended = this.#accept();
  }

  /** Tells nobody any more. */
  async close(): Promise<void> {
    this.#closed = true;
    this.#file.remove();
    this.#listener.close();
    for (const connection of this.#open.keys()) connection.close();
    await this.#ended;
    this.#giveReserve();
    this.#libc?.unload();
  }

  async #accept(): Promise<void> {
    while (!this.#closed) {
      try {
        const connection = await this.#listener.accept();
        if (connection === null) return;
        this.#makeRoom();
        void this.#serve(connection);
      } catch (error) {
        // What cannot be mended here is for the next one: the server goes on.
        if (acceptErrorClass(error) === "client gone") continue;
        if (!this.#giveReserve()) await delay(NO_ROOM_WAIT);
      }
    }
  }

  /** Browsers open connections before they have something to ask; who asks is not kept out by them. */
  #makeRoom(): void {
    if (this.#open.size < MOST) return;
    const [oldest] = this.#open.keys();
    const silent = [...this.#open].find(([, what]) => what === "silent")?.[0];
    const last = silent ?? oldest;
    this.#open.delete(last);
    last.close();
  }

  async #serve(connection: SocketConnection): Promise<void> {
    this.#open.set(connection, "silent");
    const timer = setTimeout(() => connection.close(), TIMEOUT);
    try {
      const head = await readHead(connection);
      if (head === null) return;
      this.#open.set(connection, "asked");
      const request = head === "too large" ? null : parseRequest(head);
      const isTcp = this.addr.transport === "tcp";
      const response: Response = head === "too large"
        ? plain(413, "a request has at most 8 KiB")
        : request === null
        ? plain(400, "this is no request")
        : await answer(request, this.#told, isTcp);
      await connection.write(encodeResponse(response, request?.method ?? "GET"));
    } catch {
      // The client has gone, or took too long.
    } finally {
      await connection.finish(LINGER).catch(() => {});
      clearTimeout(timer);
      this.#open.delete(connection);
      this.#keepReserve();
    }
  }

  #keepReserve(): void {
    if (this.#reserve >= 0 || this.#libc === null || this.#closed) return;
    try {
      this.#reserve = this.#libc.openFile(ANY_FILE);
    } catch {
      // There is none to keep: the next client's end tries again.
    }
  }

  #giveReserve(): boolean {
    if (this.#reserve < 0) return false;
    this.#libc!.close(this.#reserve);
    this.#reserve = -1;
    return true;
  }
}

const END_OF_HEAD = new TextEncoder().encode("\r\n\r\n");

/**
 * Up to the empty line; null if the client has left before it has said anything.
 * @throws {UnexpectedEnd} if it has left later
 */
async function readHead(connection: SocketConnection): Promise<string | "too large" | null> {
  try {
    const io = new Framed(connection, { maxLine: LARGEST_REQUEST });
    const head = await io.readUntil(END_OF_HEAD);
    return head && new TextDecoder("latin1").decode(head);
  } catch (error) {
    if (error instanceof TooLong) return "too large";
    throw error;
  }
}
