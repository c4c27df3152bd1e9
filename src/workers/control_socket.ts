/**
 * A worker process's control socket, seen from its supervisor.
 * @module
 */
import type { Libc } from "../posix/libc.ts";
import type { Runtime } from "../runtime.ts";
import { ADMITTED, decodeMessage, ORDERS, REFUSED } from "./encoding.ts";
import type { Order, ProcessMessage } from "./messages.ts";

/** Orders and answers go out as bytes, messages come in as lines. */
export class ControlSocket {
  /** Resolves when the worker has closed its end: it has said what it had to. */
  readonly said: Promise<void>;
  readonly #socket: ReturnType<Runtime["adopt"]>;

  /** @param descriptor this end, which it owns */
  constructor(
    runtime: Runtime,
    libc: Libc,
    descriptor: number,
    onMessage: (message: ProcessMessage) => void,
  ) {
    libc.setNonblocking(descriptor);
    const nowhere = { transport: "unix", path: "" } as const;
    this.#socket = runtime.adopt(descriptor, nowhere, nowhere);
    this.said = this.#read(onMessage);
  }

  /** Tells it something. */
  order(order: Order): void {
    void this.#send(ORDERS.indexOf(order));
  }

  /** Answers what it asked. */
  answer(admitted: boolean): void {
    void this.#send(admitted ? ADMITTED : REFUSED);
  }

  /** Closes this end. */
  close(): void {
    this.#socket.close();
  }

  async #send(byte: number): Promise<void> {
    try {
      await this.#socket.write(new Uint8Array([byte]));
    } catch {
      // It has ended, or is about to: whoever waits for its end is told.
    }
  }

  /** One JSON text a line, until the worker has closed its end. */
  async #read(onMessage: (message: ProcessMessage) => void): Promise<void> {
    const decoder = new TextDecoder();
    const buffer = new Uint8Array(16384);
    let rest = "";
    try {
      for (;;) {
        const length = await this.#socket.read(buffer);
        if (length === null) return;
        const lines = (rest + decoder.decode(buffer.subarray(0, length), { stream: true }))
          .split("\n");
        rest = lines.pop()!;
        for (const line of lines) {
          const message = decodeMessage<ProcessMessage>(line);
          if (message) onMessage(message);
        }
      }
    } catch {
      // A killed worker's socket may be reset; whoever waits for its end is told.
    }
  }
}
