/**
 * The clients: one loop over epoll without a promise, because it must be faster
 * than any server that it measures. It blocks its thread until it is done.
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
import { type LoadResult, type LoadTask, RELEASE, STOP } from "./load.ts";
import { LARGEST_PIECE, Pattern } from "./pattern.ts";
import { Histogram } from "./statistics.ts";

const ENDED = EPOLLRDHUP | EPOLLHUP | EPOLLERR;
/** Connections under way at once, so that no server's queue overflows. */
const CONNECTING_AT_ONCE = 64;
/** Milliseconds that a client waits for a connection, an answer, or the close after `bye`. */
export const PATIENCE = 5000;
/** Milliseconds for what is under way at the end. */
const DRAIN = 2000;
/** Milliseconds before a connection that failed is tried again. */
const PAUSE = 10;
/** Failures in a row after which a server is given up. */
const TOO_MANY_FAILURES = 200;
const BYE = Uint8Array.from("bye", (letter) => letter.charCodeAt(0));

type State = "closed" | "connecting" | "open" | "leaving";

/** One client's place, which holds one connection after the other under `connect`. */
class Client {
  readonly index: number;
  descriptor = -1;
  state: State = "closed";
  /** The message that goes out next, and how much of it has. */
  outgoing = 0;
  outgoingBytes = 0;
  /** The message that comes back next, and how much of it has. */
  incoming = 0;
  incomingBytes = 0;
  /** Bytes that are on their way. */
  underway = 0;
  /** When its latest message, or its connection, began. */
  since = 0;
  /** When it may connect again. */
  retryAt = 0;
  /** Messages, or bytes where it streams, in the time that counts. */
  counted = 0;
  /** It has a place in the next turn. */
  queued = false;
  moreToRead = false;
  room = false;
  /** It has begun to send its first message, and has had an answer. */
  greeted = false;
  answered = false;

  constructor(index: number) {
    this.index = index;
  }
}

/** Runs one task. */
export class LoadGenerator {
  readonly #libc: Libc;
  readonly #epoll: Epoll;
  readonly #clock: () => number;
  readonly #task: LoadTask;
  readonly #control: Int32Array;
  readonly #pattern: Pattern;
  readonly #clients: Client[];
  /** By descriptor. */
  readonly #open: (Client | undefined)[] = [];
  #queue: Client[] = [];
  #spareQueue: Client[] = [];
  readonly #buffer = new Uint8Array(LARGEST_PIECE + 8);
  readonly #words = new Int32Array(this.#buffer.buffer);
  /** The buffer from each of its first 8 bytes: see {@linkcode Pattern.compare}. */
  readonly #pieces = Array.from(
    { length: 8 },
    (_, offset) => this.#buffer.subarray(offset, offset + LARGEST_PIECE),
  );
  readonly #latency = new Histogram();
  readonly #failures: Record<string, number> = {};
  #now = 0;
  #nextSweep = 0;
  #measuring = false;
  #begun = false;
  #draining = false;
  #connecting = 0;
  #connected = 0;
  /** Clients that have a connection, and that have had an answer. */
  #alive = 0;
  #answered = 0;
  /** When a client got its first. */
  #latestFirst = 0;
  #count = 0;
  #bytes = 0;
  #wrong = 0;
  #firstWrong: string | null = null;
  #failuresInRow = 0;

  constructor(libc: Libc, epoll: Epoll, clock: () => number, task: LoadTask) {
    this.#libc = libc;
    this.#epoll = epoll;
    this.#clock = clock;
    this.#now = this.#latestFirst = clock();
    this.#task = task;
    this.#control = new Int32Array(task.control);
    this.#pattern = new Pattern(task.size);
    this.#clients = Array.from({ length: task.connections }, (_, index) => new Client(index));
  }

  /**
   * Runs it, and closes what it opened.
   * @param tell called as the next part begins
   * @param processorTime how many milliseconds of it this thread has used
   */
  run(
    tell: (part: "measuring" | "measured" | "holding") => void,
    processorTime: () => number,
  ): LoadResult {
    const { load, warmup, duration, connections } = this.#task;
    const churning = load === "connect";
    const gone = () => !churning && this.#alive === 0;
    try {
      if (!churning) this.#connectAll();
      // A server that starts a worker for each client has its time to do so.
      if (!churning) this.#turns(60_000, () => gone() || this.#allServed());
      if (load !== "idle") {
        this.#begin();
        this.#turns(warmup, gone);
      }

      for (const client of this.#clients) client.counted = 0;
      tell("measuring");
      this.#measuring = load !== "idle";
      const [startTime, startUsed] = [this.#clock(), processorTime()];
      this.#turns(duration, gone);
      const milliseconds = this.#clock() - startTime;
      const busy = (processorTime() - startUsed) / milliseconds;
      this.#measuring = false;
      tell("measured");

      this.#draining = true;
      this.#turns(DRAIN, () => churning || load === "idle" || !this.#clients.some(isWaiting));
      this.#endOfDrain();
      tell("holding");
      this.#turns(60_000, () => Atomics.load(this.#control, RELEASE) !== 0);

      const counted = this.#clients.map((client) => client.counted);
      const idle = load === "idle";
      return {
        milliseconds,
        busy,
        connected: this.#connected,
        answered: this.#answered,
        count: idle ? this.#answered : this.#count,
        bytes: this.#bytes,
        latency: this.#latency.data(),
        fewest: counted.reduce((a, b) => Math.min(a, b)),
        most: counted.reduce((a, b) => Math.max(a, b)),
        unserved: idle
          ? connections - this.#answered
          : churning
          ? 0
          : counted.filter((n) => n === 0).length,
        wrong: this.#wrong,
        firstWrong: this.#firstWrong,
        failures: this.#failures,
      };
    } finally {
      for (const client of this.#clients) {
        if (client.descriptor >= 0) this.#libc.close(client.descriptor);
      }
    }
  }

  /** Turns for so many milliseconds, or until `done`. */
  #turns(milliseconds: number, done: () => boolean): void {
    this.#now = this.#clock();
    const end = this.#now + milliseconds;
    let nextLook = 0;
    while (this.#now < end) {
      if (this.#now >= nextLook) {
        if (Atomics.load(this.#control, STOP) !== 0 || done()) return;
        nextLook = this.#now + 1;
      }
      this.#turn();
    }
  }

  /** From now on clients send more than their first message. */
  #begin(): void {
    this.#begun = true;
    for (const client of this.#clients) {
      if (client.state !== "open" || !client.room) continue;
      client.since = this.#clock();
      this.#write(client);
    }
  }

  /** Whether every client has had an answer, or no more of them get one. */
  #allServed(): boolean {
    return this.#answered >= this.#alive || this.#now - this.#latestFirst > PATIENCE;
  }

  #turn(): void {
    const batch = this.#epoll.wait(this.#queue.length > 0 ? 0 : 1);
    if (batch.length === 0) this.#now = this.#clock();
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
    if (this.#task.load === "connect" && !this.#draining) this.#fillPlaces();
    if (this.#now >= this.#nextSweep) this.#sweep();
  }

  #connectAll(): void {
    const clients = this.#clients.values();
    let left = this.#clients.length;
    this.#turns(60_000, () => {
      while (left > 0 && this.#connecting < CONNECTING_AT_ONCE) {
        this.#connect(clients.next().value!);
        left--;
      }
      return left === 0 && this.#connecting === 0;
    });
  }

  #fillPlaces(): void {
    for (const client of this.#clients) {
      if (client.state === "closed" && this.#now >= client.retryAt) this.#connect(client);
    }
  }

  #connect(client: Client): void {
    client.since = this.#clock();
    client.outgoing = client.incoming = (client.index * 7) % this.#pattern.messages.length;
    client.outgoingBytes = client.incomingBytes = client.underway = 0;
    client.moreToRead = client.room = false;
    client.state = "connecting";
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
      this.#connected++;
      this.#alive++;
      client.state = "open";
      if (this.#task.load !== "connect") client.since = this.#clock();
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
      if (client.greeted && (!this.#begun || this.#draining)) return;
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
      length = this.#libc.receive(client.descriptor, this.#pieces[position & 7]);
    } catch (error) {
      return this.#failed(client, lost(error));
    }
    if (length === null) return;
    this.#now = this.#clock();
    if (length === 0) return this.#endOfStream(client);
    // A server that does not know "bye" sends it back like the rest.
    if (client.state === "leaving" && isBye(this.#pieces[position & 7].subarray(0, length))) return;
    const bad = this.#pattern.compare(position, this.#buffer, this.#words, length);
    if (bad >= 0 || length > client.underway) return this.#differs(client, position, bad);
    client.underway -= length;
    if (!client.answered) {
      client.answered = true;
      this.#answered++;
      this.#latestFirst = this.#now;
    }
    client.moreToRead = length === LARGEST_PIECE;
    if (this.#measuring) {
      this.#bytes += length;
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
    this.#failuresInRow = 0;
    if (this.#measuring || load === "idle") this.#latency.add(this.#now - client.since);
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
    if (this.#measuring) {
      this.#count++;
      client.counted++;
    }
    this.#write(client);
  }

  #endOfStream(client: Client): void {
    if (client.state !== "leaving") {
      return this.#failed(client, "the server closed a connection early");
    }
    if (this.#measuring) this.#count++;
    this.#drop(client);
  }

  #differs(client: Client, position: number, bad: number): void {
    this.#wrong++;
    const show = (byte: number) => `0x${byte.toString(16).padStart(2, "0")}`;
    this.#firstWrong ??= client.state === "leaving"
      ? "more than the answer came before the close"
      : bad < 0
      ? "more bytes came back than were sent"
      : `byte ${(client.incomingBytes + bad) % this.#task.size + 1} of a message was ${
        show(this.#pattern.bytes[position + bad])
      } and came back as ${show(this.#buffer[(position & 7) + bad])}`;
    this.#drop(client);
    client.retryAt = this.#now + PAUSE;
  }

  #failed(client: Client, why: string): void {
    this.#failures[why] = (this.#failures[why] ?? 0) + 1;
    this.#failuresInRow++;
    if (this.#failuresInRow === TOO_MANY_FAILURES) Atomics.store(this.#control, STOP, 1);
    this.#drop(client);
    client.retryAt = this.#now + PAUSE;
  }

  #drop(client: Client): void {
    if (client.state === "connecting") this.#connecting--;
    else this.#alive--;
    if (client.answered) this.#answered--;
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
    for (const client of this.#clients) {
      if (this.#now - client.since < PATIENCE) continue;
      if (client.state === "connecting") this.#failed(client, "cannot connect: ETIMEDOUT");
      else if (churning && client.state === "open") this.#failed(client, "an answer did not come");
      else if (client.state === "leaving") this.#failed(client, 'no close came after "bye"');
    }
  }

  /** What has not come back by now does not come. */
  #endOfDrain(): void {
    const { load } = this.#task;
    if (load === "connect" || load === "idle" || Atomics.load(this.#control, STOP) !== 0) return;
    const missing = this.#clients.filter((client) => isWaiting(client) && client.counted > 0);
    if (missing.length > 0) this.#failures["an answer did not come"] = missing.length;
  }
}

function isWaiting(client: Client): boolean {
  return client.state === "open" && client.underway > 0;
}

function isBye(bytes: Uint8Array): boolean {
  return bytes.length === BYE.length && bytes.every((byte, at) => byte === BYE[at]);
}

function lost(error: unknown): string {
  return `a connection broke: ${errorCode(error)}`;
}
