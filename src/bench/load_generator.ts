/**
 * The clients' loop over epoll: without a promise, because it must be faster than
 * any server that it measures. It blocks its thread until it is done.
 * @module
 */
import { errorCode } from "../connection/errors.ts";
import {
  type Epoll,
  EPOLLERR,
  EPOLLET,
  EPOLLHUP,
  EPOLLIN,
  EPOLLOUT,
  EPOLLRDHUP,
} from "../posix/epoll.ts";
import type { Libc } from "../posix/libc.ts";
import { Client } from "./load_client.ts";
import { CLOSED_EARLY, type LoadTask, STOP } from "./load_messages.ts";
import { Tally } from "./load_tally.ts";
import { Inbox, LARGEST_PIECE, Pattern } from "./pattern.ts";

const ENDED = EPOLLRDHUP | EPOLLHUP | EPOLLERR;
/** Connections under way at once, so that no server's queue overflows. */
const CONNECTING_AT_ONCE = 64;
/** Milliseconds that a client waits for a connection, an answer, or the close after `bye`. */
const PATIENCE = 5000;
/** Milliseconds before a connection that failed is tried again. */
const PAUSE = 10;
/** Nanoseconds that a turn waits where nothing happens: a hundred turns in a second. */
const LONGEST_WAIT = 10_000_000;
const MINUTE = 60_000;
const BYE = Uint8Array.from("bye", (letter) => letter.charCodeAt(0));

/** The clients of one task, and the loop that all of them share. */
export class LoadGenerator {
  readonly clients: readonly Client[];
  /** What they have counted. */
  readonly tally: Tally;
  /** Tells milliseconds. */
  readonly clock: () => number;
  /** The words `STOP` and `RELEASE` of load_messages.ts. */
  readonly control: Int32Array;
  /** Whether what comes back counts. */
  measuring = false;
  /** Whether no client begins another message. */
  draining = false;
  /** Whether clients send more than their first message. */
  #begun = false;
  readonly #libc: Libc;
  readonly #epoll: Epoll;
  readonly #task: LoadTask;
  readonly #pattern: Pattern;
  /** By descriptor. */
  readonly #open: (Client | undefined)[] = [];
  /** Clients that go on without an event of epoll's in the next turn, and a list to swap. */
  #queue: Client[] = [];
  #spareQueue: Client[] = [];
  readonly #inbox = new Inbox();
  #now: number;
  #nextSweep = 0;
  #connecting = 0;

  constructor(libc: Libc, epoll: Epoll, clock: () => number, task: LoadTask) {
    this.#libc = libc;
    this.#epoll = epoll;
    this.clock = clock;
    this.#now = clock();
    this.tally = new Tally(this.#now);
    this.#task = task;
    this.control = new Int32Array(task.control);
    this.#pattern = new Pattern(task.size);
    this.clients = Array.from({ length: task.connections }, (_, index) => new Client(index));
  }

  /** Connects all clients; returns when each is connected, or a minute is over. */
  connectAll(): void {
    const clients = this.clients.values();
    let left = this.clients.length;
    this.runFor(MINUTE, () => {
      while (left > 0 && this.#connecting < CONNECTING_AT_ONCE) {
        this.#connect(clients.next().value!);
        left--;
      }
      return left === 0 && this.#connecting === 0;
    });
  }

  /** From now on clients send more than their first message. */
  begin(): void {
    this.#begun = true;
    for (const client of this.clients) {
      if (client.state !== "open" || !client.room) continue;
      client.since = this.clock();
      this.#write(client);
    }
  }

  /** Whether every client has had an answer, or no more of them get one. */
  allServed(): boolean {
    return this.tally.answered >= this.tally.alive || this.#now - this.tally.latestFirst > PATIENCE;
  }

  /** Runs the loop for so many milliseconds, until `done` or until it is stopped. */
  runFor(milliseconds: number, done: () => boolean): void {
    this.#now = this.clock();
    const end = this.#now + milliseconds;
    let nextLook = 0;
    while (this.#now < end) {
      if (this.#now >= nextLook) {
        if (Atomics.load(this.control, STOP) !== 0 || done()) return;
        nextLook = this.#now + 1;
      }
      this.#turn();
    }
  }

  /** Closes every connection. */
  close(): void {
    for (const client of this.clients) {
      if (client.descriptor >= 0) this.#libc.close(client.descriptor);
    }
  }

  #turn(): void {
    const batch = this.#epoll.wait(this.#queue.length > 0 ? 0 : LONGEST_WAIT);
    if (batch.length === 0) this.#now = this.clock();
    for (let i = 0; i < batch.length; i++) {
      const client = this.#open[batch.descriptor(i)];
      if (client !== undefined) this.#happened(client, batch.events(i));
    }
    if (this.#queue.length > 0) {
      const queue = this.#queue;
      this.#queue = this.#spareQueue;
      for (const client of queue) this.#proceed(client);
      queue.length = 0;
      this.#spareQueue = queue;
    }
    // After the events, so that none of an old connection is taken for a new one's.
    if (this.#task.load === "connect" && !this.draining) this.#fillPlaces();
    if (this.#now >= this.#nextSweep) this.#sweep();
  }

  #fillPlaces(): void {
    for (const client of this.clients) {
      if (client.state === "closed" && this.#now >= client.retryAt) this.#connect(client);
    }
  }

  #connect(client: Client): void {
    client.connect(this.clock(), this.#pattern.messages.length);
    this.#connecting++;
    try {
      client.descriptor = this.#libc.startConnect(this.#task.address);
      this.#open[client.descriptor] = client;
      this.#epoll.add(client.descriptor, EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET);
    } catch (error) {
      this.#failed(client, `cannot connect: ${errorCode(error)}`);
    }
  }

  #happened(client: Client, events: number): void {
    if (client.state === "connecting") {
      if ((events & (EPOLLOUT | EPOLLERR | EPOLLHUP)) === 0) return;
      const failure = this.#libc.connectFailure(client.descriptor);
      if (failure !== null) return this.#failed(client, `cannot connect: ${failure}`);
      this.#connecting--;
      this.tally.connected++;
      this.tally.alive++;
      client.state = "open";
      if (this.#task.load !== "connect") client.since = this.clock();
    }
    if (events & EPOLLOUT && !client.room) {
      client.room = true;
      this.#write(client);
    }
    if (events & (EPOLLIN | ENDED)) {
      this.#read(client);
      // What has ended tells so once: it is read until it says so itself.
      if (events & ENDED) client.moreToRead = true;
    }
    if (client.moreToRead) this.#later(client);
  }

  #proceed(client: Client): void {
    client.queued = false;
    if (client.moreToRead) {
      client.moreToRead = false;
      this.#read(client);
    }
    if (client.room && this.#task.load === "stream") this.#write(client);
    if (client.moreToRead) this.#later(client);
  }

  #later(client: Client): void {
    if (client.queued || client.state === "closed") return;
    client.queued = true;
    this.#queue.push(client);
  }

  /** Sends what there is to send: one write in a turn. */
  #write(client: Client): void {
    if (client.state !== "open") return;
    if (client.outgoingBytes === 0) {
      if (client.greeted && (!this.#begun || this.draining)) return;
      // Only a stream sends before the answer is there.
      if (client.underway > 0 && this.#task.load !== "stream") return;
      client.greeted = true;
    }
    const message = this.#pattern.messages[client.outgoing];
    const bytes = client.outgoingBytes === 0 ? message : message.subarray(client.outgoingBytes);
    let length: number | null;
    try {
      length = this.#libc.send(client.descriptor, bytes);
    } catch (error) {
      return this.#failed(client, lost(error));
    }
    client.underway += length ?? 0;
    if (length === bytes.length) {
      client.outgoingBytes = 0;
      if (++client.outgoing === this.#pattern.messages.length) client.outgoing = 0;
      if (this.#task.load === "stream" && this.#begun) this.#later(client);
    } else {
      client.outgoingBytes += length ?? 0;
      client.room = false; // epoll tells when there is some
    }
  }

  /** Reads once, and checks every byte. */
  #read(client: Client): void {
    if (client.state !== "open" && client.state !== "leaving") return;
    const { size, load } = this.#task;
    const position = client.incoming * size + client.incomingBytes;
    let length: number | null;
    try {
      length = this.#libc.receive(client.descriptor, this.#inbox.pieces[position & 7]);
    } catch (error) {
      return this.#failed(client, lost(error));
    }
    if (length === null) return;
    this.#now = this.clock();
    if (length === 0) return this.#endOfStream(client);
    // A server that does not know "bye" sends it back like the rest.
    if (client.state === "leaving" && isBye(this.#inbox.pieces[position & 7].subarray(0, length))) {
      return;
    }
    const bad = this.#pattern.compare(position, this.#inbox.bytes, this.#inbox.words, length);
    if (bad >= 0 || length > client.underway) return this.#differs(client, position, bad);
    client.underway -= length;
    if (!client.answered) {
      client.answered = true;
      this.tally.answered++;
      this.tally.latestFirst = this.#now;
    }
    client.moreToRead = length === LARGEST_PIECE;
    if (this.measuring) {
      this.tally.bytes += length;
      if (load === "stream") client.counted += length;
    }
    client.incomingBytes += length;
    while (client.incomingBytes >= size) {
      client.incomingBytes -= size;
      if (++client.incoming === this.#pattern.messages.length) client.incoming = 0;
      if (load !== "stream") this.#answer(client);
    }
  }

  /** A whole message has come back. */
  #answer(client: Client): void {
    const { load } = this.#task;
    this.tally.failuresInRow = 0;
    if (this.measuring || load === "idle") this.tally.latency.add(this.#now - client.since);
    client.since = this.#now;
    if (load === "connect") {
      try {
        this.#libc.send(client.descriptor, BYE);
        client.state = "leaving";
      } catch (error) {
        this.#failed(client, lost(error));
      }
      return;
    }
    if (this.measuring) {
      this.tally.count++;
      client.counted++;
    }
    this.#write(client);
  }

  #endOfStream(client: Client): void {
    if (client.state !== "leaving") {
      return this.#failed(client, CLOSED_EARLY);
    }
    if (this.measuring) this.tally.count++;
    this.#drop(client);
  }

  #differs(client: Client, position: number, bad: number): void {
    this.tally.wrong++;
    this.tally.firstWrong ??= client.state === "leaving"
      ? "more than the answer came before the close"
      : bad < 0
      ? "more bytes came back than were sent"
      : this.#pattern.difference(position, this.#inbox.bytes, bad);
    this.#drop(client);
    client.retryAt = this.#now + PAUSE;
  }

  #failed(client: Client, why: string): void {
    if (this.tally.failed(why)) Atomics.store(this.control, STOP, 1);
    this.#drop(client);
    client.retryAt = this.#now + PAUSE;
  }

  #drop(client: Client): void {
    if (client.state === "connecting") this.#connecting--;
    else this.tally.alive--;
    if (client.answered) this.tally.answered--;
    client.answered = client.greeted = false;
    if (client.descriptor >= 0) {
      this.#open[client.descriptor] = undefined;
      this.#libc.close(client.descriptor);
    }
    client.descriptor = -1;
    client.state = "closed";
    client.moreToRead = false;
  }

  /** Ends the wait of clients that have waited too long. */
  #sweep(): void {
    this.#nextSweep = this.#now + 100;
    const churning = this.#task.load === "connect";
    for (const client of this.clients) {
      if (this.#now - client.since < PATIENCE) continue;
      if (client.state === "connecting") this.#failed(client, "cannot connect: ETIMEDOUT");
      else if (churning && client.state === "open") this.#failed(client, "an answer did not come");
      else if (client.state === "leaving") this.#failed(client, 'no close came after "bye"');
    }
  }
}

function isBye(bytes: Uint8Array): boolean {
  return bytes.length === BYE.length && bytes.every((byte, at) => byte === BYE[at]);
}

function lost(error: unknown): string {
  return `a connection broke: ${errorCode(error)}`;
}
