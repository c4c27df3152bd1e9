/**
 * The listener of a worker that has many connections: it takes clients from the
 * queue that all workers share, when it is its turn.
 * @module
 */
import { loopTurn } from "../connection/delay.ts";
import { acceptError, errorCode } from "../connection/errors.ts";
import { SocketConnection } from "../connection/socket_connection.ts";
import { adopt } from "../posix/adopted_socket.ts";
import { ClientQueues, descriptorsOf, type SharedSockets } from "../posix/client_queues.ts";
import { descriptorLimit } from "../posix/descriptors.ts";
import { EpollLoop } from "../posix/epoll_loop.ts";
import type { Accepted, Libc } from "../posix/libc.ts";
import type { Runtime } from "../runtime.ts";
import type { ConnectionSource } from "../serving/accept_loop.ts";
import { SPARE_DESCRIPTORS } from "../serving/refusals.ts";
import { MappedBoard } from "./board.ts";
import { type Doorbell, loopBell, threadBell } from "./doorbell.ts";
import { HEAD_START, Turns } from "./turns.ts";

/**
 * Milliseconds until a worker that lets others go first looks again: they may
 * have more than it by now, and clients must not wait while both wait.
 */
const NEXT_LOOK = 1;
/** Accepted before the event loop has its turn, and other workers theirs. */
const LARGEST_BURST = 16;

/** What a worker does with the queue. */
export interface QueueOptions {
  readonly bell: Doorbell;
  readonly turns: Turns;
  /** Takes a client out of the queue; null if nobody waits. */
  accept(): Accepted | null;
  /** Whether the worker shall leave. */
  shallLeave(): boolean;
  /** Makes a connection of it. Owns the descriptor. */
  connect(accepted: Accepted): SocketConnection;
}

/** Takes clients while it is this worker's turn. */
export class QueueListener implements ConnectionSource<SocketConnection> {
  readonly #options: QueueOptions;
  #isClosed = false;
  /** Whether somebody may wait. */
  #rung = true;
  /** How often it has looked since the event loop had its turn; before the first it asks for orders. */
  #burst = 0;
  /** Ends a pause. */
  #wake: (() => void) | null = null;

  constructor(options: QueueOptions) {
    this.#options = options;
  }

  async accept(): Promise<SocketConnection | null> {
    const { bell, turns, shallLeave } = this.#options;
    while (!this.#isClosed) {
      if (this.#burst === 0 && shallLeave()) break;
      if (!this.#rung) {
        this.#burst = 0;
        await bell.ring();
        this.#rung = true;
        turns.begin();
        continue;
      }
      if (++this.#burst > LARGEST_BURST) {
        this.#burst = 0;
        await loopTurn();
        continue;
      }
      const turn = turns.claim(performance.now());
      if (turn !== "mine") {
        await this.#pause(turn === "others" ? NEXT_LOOK : HEAD_START);
        continue;
      }
      try {
        const connection = this.#take();
        if (connection) return connection;
      } catch (error) {
        if (errorCode(error) === "EINVAL") break; // the supervisor has shut it down
        throw error;
      }
    }
    this.close();
    return null;
  }

  /** A connection that it gave has ended. */
  left(): void {
    this.#options.turns.left();
    this.#wake?.();
  }

  /** Takes nobody any more. */
  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#options.turns.end();
    this.#options.bell.stop();
  }

  /** For so many milliseconds, or until a connection of its own has ended. */
  async #pause(milliseconds: number): Promise<void> {
    let timer;
    await new Promise<void>((resolve) => {
      this.#wake = resolve;
      timer = setTimeout(resolve, milliseconds);
    });
    clearTimeout(timer);
    this.#wake = null;
  }

  /** To be called with a place that is reserved, which it gives back if it gives no connection. */
  #take(): SocketConnection | null {
    const { turns, accept, connect } = this.#options;
    let accepted: Accepted | null = null;
    let connection: SocketConnection | null = null;
    try {
      accepted = accept();
      if (accepted === null) this.#rung = false;
      else connection = connect(accepted);
      return connection;
    } finally {
      if (accepted === null) turns.missed();
      else if (connection === null) turns.left();
    }
  }
}

/** How workers that have many connections each share them. */
export interface Shares {
  /** The descriptor of the board with everybody's counts. */
  readonly board: number;
  /** The worker's own line on it. */
  readonly line: number;
  /** Connections at once, all workers together. */
  readonly most: number;
}

/** The listener of a worker process on the sockets that it was started with. */
export function listenToQueue(
  runtime: Runtime,
  libc: Libc,
  sockets: SharedSockets,
  { board, line, most }: Shares,
  shallLeave: () => boolean,
): QueueListener {
  const own = Math.max(1, descriptorLimit(libc) - SPARE_DESCRIPTORS);
  const loop = EpollLoop.share(runtime);
  const queues = new ClientQueues(libc, sockets);
  const watched = descriptorsOf(sockets);
  // Before the bell, which would keep a worker that cannot have it.
  const turns = new Turns(new MappedBoard(runtime, board), line, most, own);
  return new QueueListener({
    bell: loop ? loopBell(loop, watched) : threadBell(runtime, watched),
    turns,
    accept: () => queues.take(true),
    shallLeave,
    connect({ descriptor, remoteAddr, listener }) {
      try {
        const localAddr = libc.acceptedAddress(descriptor, queues.addrs[listener]);
        const connection = new SocketConnection(
          adopt(runtime, libc, loop, descriptor, localAddr, remoteAddr),
        );
        connection.place = queues.placeOf(listener);
        return connection;
      } catch (error) {
        libc.close(descriptor);
        throw acceptError(error);
      }
    },
  });
}
