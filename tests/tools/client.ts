/** A client for tests, over node:net, which every runtime has. */
import { assertEquals } from "@std/assert";
import { connect, type Socket } from "node:net";
import { Duplex } from "node:stream";
import { connect as connectTls, type ConnectionOptions } from "node:tls";
import type { Address } from "../../mod.ts";

/** How long a condition may take: far more than a requirement names, for busy machines. */
export const DEADLINE = 60_000;

/** Rejects with what was waited for when it does not come in time. */
export async function within<T>(
  what: string,
  promise: Promise<T>,
  ms = DEADLINE,
): Promise<T> {
  let timer: ReturnType<typeof setTimeout>;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(
      () => reject(new Error(`${what}: not within ${ms} ms`)),
      ms,
    );
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer!);
  }
}

/**
 * Waits until `condition` holds. The longer it takes the more seldom it is looked at, up
 * to ten times a second: many a condition reads all of /proc.
 */
export async function until(
  what: string,
  condition: () => boolean | Promise<boolean>,
  ms = DEADLINE,
) {
  const start = Date.now();
  while (!await condition()) {
    const waited = Date.now() - start;
    if (waited > ms) throw new Error(`${what}: not within ${ms} ms`);
    await new Promise((resolve) => setTimeout(resolve, Math.min(100, Math.max(10, waited / 10))));
  }
}

/** Bytes that are encrypted at once: Deno's TLS keeps what is beyond 64 KiB until something comes (2.9.6). */
const PIECE = 32 * 1024;

/** Bytes in both directions, and every way to leave. */
export class Client {
  /** PEM: whose certificates are trusted; with it, clients speak TLS. */
  static ca: string | null = null;
  readonly socket: Socket;
  /** What TLS goes over. */
  readonly #below: Socket;
  /** Resolves when the kernel has what was written. */
  readonly #sent: () => Promise<void>;
  received = 0;
  error: (Error & { code?: string }) | null = null;
  ended = false;
  closed = false;
  static readonly #all = new Set<Client>();
  #chunks: Uint8Array[] = [];
  #wakers = new Set<() => void>();

  constructor(socket: Socket, below = socket, sent = () => Promise.resolve()) {
    this.socket = socket;
    this.#below = below;
    this.#sent = sent;
    Client.#all.add(this);
    const wake = () => {
      for (const waker of this.#wakers) waker();
      this.#wakers.clear();
    };
    socket.on("data", (chunk: Uint8Array) => {
      this.#chunks.push(new Uint8Array(chunk));
      this.received += chunk.length;
      wake();
    });
    socket.on("end", () => {
      this.ended = true;
      wake();
    });
    socket.on("error", (error: Error) => {
      this.error = error;
      wake();
    });
    socket.on("close", () => {
      this.closed = true;
      Client.#all.delete(this);
      wake();
    });
  }

  /**
   * Whoever the server resets before this end has noticed that it is connected is open too, with
   * that error.
   * @param from this end's address
   */
  static open(address: Address, from?: string): Promise<Client> {
    return new Promise((resolve, reject) => {
      const socket = address.transport === "unix"
        ? connect({ path: address.path, allowHalfOpen: true })
        : connect({
          port: address.port,
          host: address.hostname,
          localAddress: from,
          allowHalfOpen: true,
        });
      const fails = (error: Error & { code?: string }) => {
        if (error.code !== "ECONNRESET" || Client.ca !== null) return reject(error);
        const client = new Client(socket);
        client.error = error;
        resolve(client);
      };
      socket.once("error", fails);
      socket.once("connect", () => {
        socket.off("error", fails);
        if (Client.ca !== null) return resolve(Client.#encrypted(socket, Client.ca));
        resolve(new Client(socket));
      });
    });
  }

  /**
   * TLS over a stream between it and the socket, which stays the test's own: to reset it, to
   * pause it, to know what it has taken. Node ends the process by a signal if a socket that
   * a TLSSocket has got is reset (26.10), and Deno's takes whatever it is given (2.9.6).
   */
  static #encrypted(raw: Socket, ca: string): Promise<Client> {
    let last = Promise.resolve();
    const below = new Duplex({
      allowHalfOpen: true,
      read() {}, // the test says when the socket is paused
      write(chunk: Uint8Array, _encoding, done) {
        last = new Promise((resolve) => raw.write(chunk, () => resolve()));
        done();
      },
      final: (done) => raw.end(done),
      destroy(error, done) {
        raw.destroy();
        done(error);
      },
    });
    raw.on("data", (chunk: Uint8Array) => void below.push(chunk));
    raw.on("end", () => void below.push(null));
    raw.on("error", (error: Error) => void below.destroy(error));
    raw.on("close", () => void below.destroy());
    return new Promise((resolve, reject) => {
      const options = { socket: below, ca, servername: "localhost", allowHalfOpen: true };
      const socket = connectTls(options as ConnectionOptions);
      socket.once("error", reject);
      socket.once("secureConnect", () => {
        socket.off("error", reject);
        resolve(new Client(socket, raw, () => last));
      });
    });
  }

  /** Closes those that are open: a test that failed has left them. */
  static async closeAll(): Promise<void> {
    for (const client of Client.#all) await client.close();
  }

  async send(data: string | Uint8Array): Promise<void> {
    if (this.#below === this.socket) return await this.#write(data);
    const bytes = typeof data === "string" ? new TextEncoder().encode(data) : data;
    for (let at = 0; at < bytes.length; at += PIECE) {
      await this.#write(bytes.subarray(at, at + PIECE));
      await this.#sent();
    }
  }

  #write(data: string | Uint8Array): Promise<void> {
    return new Promise((resolve, reject) =>
      this.socket.write(data, (error) => error ? reject(error) : resolve())
    );
  }

  /** Takes nothing more of what the server sends. */
  pause(): void {
    this.socket.pause();
    this.#below.pause();
  }

  /** Takes it again. */
  resume(): void {
    this.#below.resume();
    this.socket.resume();
  }

  async #waitFor(
    what: string,
    condition: () => boolean,
    ms?: number,
  ): Promise<void> {
    while (!condition()) {
      if (this.closed || this.error) {
        throw new Error(
          `${what}: the connection ended${this.error ? ` (${this.error.code})` : ""}`,
        );
      }
      await within(
        what,
        new Promise<void>((resolve) => this.#wakers.add(resolve)),
        ms,
      );
    }
  }

  /** The next `length` bytes. */
  async receive(length: number, ms?: number): Promise<Uint8Array> {
    await this.#waitFor(
      `${length} bytes`,
      () => this.received >= length || this.ended,
      ms,
    );
    const all = this.#take();
    if (all.length < length) {
      throw new Error(`only ${all.length} of ${length} bytes came`);
    }
    if (all.length > length) this.#putBack(all.subarray(length));
    return all.subarray(0, length);
  }

  async receiveText(length: number, ms?: number): Promise<string> {
    return new TextDecoder().decode(await this.receive(length, ms));
  }

  /** Everything up to the server's FIN. */
  async receiveAll(ms?: number): Promise<Uint8Array> {
    await this.#waitFor("the end of the stream", () => this.ended, ms);
    return this.#take();
  }

  /** Everything up to the server's reset; fails if it is a good end. */
  async receiveUntilReset(ms?: number): Promise<Uint8Array> {
    await within("a reset", this.#gone(), ms);
    assertEquals([this.error?.code, this.ended], ["ECONNRESET", false]);
    return this.#take();
  }

  #take(): Uint8Array {
    const all = new Uint8Array(this.received);
    let at = 0;
    for (const chunk of this.#chunks) {
      all.set(chunk, at);
      at += chunk.length;
    }
    this.#chunks = [];
    this.received = 0;
    return all;
  }

  #putBack(bytes: Uint8Array): void {
    this.#chunks = [bytes];
    this.received = bytes.length;
  }

  /** Sends FIN; reading goes on. */
  halfClose(): void {
    this.socket.end();
  }

  /** Sends RST. */
  async reset(): Promise<void> {
    this.#below.resetAndDestroy();
    if (this.#below !== this.socket) this.socket.destroy();
    await this.#gone();
  }

  /** Closes, and waits until it is. */
  async close(): Promise<void> {
    this.socket.destroy();
    this.#below.destroy();
    await this.#gone();
  }

  async #gone(): Promise<void> {
    while (!this.closed) {
      await within(
        "the client's close",
        new Promise<void>((r) => this.#wakers.add(r)),
      );
    }
  }
}

/** A whole visit to the default handler: it is echoed until its bye, and both sides close. */
export async function visit(address: Address): Promise<void> {
  const client = await Client.open(address);
  await client.send("hello bye");
  assertEquals(new TextDecoder().decode(await client.receiveAll()), "hello ");
  await client.close();
}

/** A client that has been answered: it is served, and stays. */
export async function greeted(address: Address): Promise<Client> {
  const client = await Client.open(address);
  await client.send("hello");
  assertEquals(await client.receiveText(5), "hello");
  return client;
}
