/**
 * Listeners of Deno's own event loop.
 * @module
 */
import type { Address } from "../connection/connection.ts";
import type { SocketConnection } from "../connection/socket_connection.ts";
import type { LoopListener } from "../runtime.ts";
import { fail, systemError } from "./deno_errors.ts";
import { addressOf, wrap } from "./deno_socket.ts";

class DenoListener implements LoopListener {
  readonly addr: Address;
  readonly #listener: Deno.Listener;
  #closed = false;

  constructor(listener: Deno.Listener) {
    this.#listener = listener;
    this.addr = addressOf(listener.addr);
  }

  async accept(): Promise<SocketConnection | null> {
    try {
      return wrap(await this.#listener.accept());
    } catch (error) {
      if (this.#closed) return null;
      throw systemError(error);
    }
  }

  close(): void {
    if (!this.#closed) this.#listener.close();
    this.#closed = true;
  }
}

/** Listens on Deno's loop. Rejects with a POSIX `code`. */
export function listen(address: Address, backlog: number): Promise<LoopListener> {
  const start = () =>
    address.transport === "unix"
      ? Deno.listen({ transport: "unix", path: address.path })
      : Deno.listen({ hostname: address.hostname, port: address.port, tcpBacklog: backlog });
  return Promise.try(() => new DenoListener(start())).catch(fail);
}
