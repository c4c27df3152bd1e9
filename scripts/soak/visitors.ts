/**
 * Clients that come so many a second, say two things with a pause between, and want both
 * back and a good end.
 * @module
 */
import { connect } from "node:net";
import type { TcpAddress } from "../../mod.ts";

const MESSAGE = "x".repeat(99) + "\n";

/** What became of one. */
export interface Visit {
  /** Its own end, as `HOST:PORT`; empty where it was not even connected. */
  readonly from: string;
  /** On the clock of `performance.now()`. */
  readonly began: number;
  readonly ended: number;
  /** What went wrong; null if nothing did. */
  readonly error: string | null;
}

/** One visit; never rejects. */
function visit(address: TcpAddress, localAddress: string, pause: number): Promise<Visit> {
  const began = performance.now();
  return new Promise((resolve) => {
    const socket = connect({ port: address.port, host: address.hostname, localAddress });
    let from = "";
    let received = 0;
    let error: string | null = null;
    socket.on("connect", () => {
      from = `${localAddress}:${socket.localPort}`;
      socket.write(MESSAGE);
      setTimeout(() => socket.end(`${MESSAGE}bye\n`), pause);
    });
    socket.on("data", (bytes: Uint8Array) => received += bytes.length);
    socket.on(
      "error",
      (failure: Error & { code?: string }) => error = failure.code ?? `${failure}`,
    );
    socket.on("close", () => {
      if (error === null && received !== 2 * MESSAGE.length) error = `${received} bytes came back`;
      resolve({ from, began, ended: performance.now(), error });
    });
    socket.setTimeout(30_000, () => socket.destroy(new Error("nothing came for 30 s")));
  });
}

/**
 * They come until `signal` is aborted; resolves when the last has gone.
 * @param rate how many a second
 */
export async function visitors(
  address: TcpAddress,
  rate: number,
  signal: AbortSignal,
): Promise<Visit[]> {
  const visits: Promise<Visit>[] = [];
  const begin = performance.now();
  while (!signal.aborted) {
    const due = (performance.now() - begin) * rate / 1000;
    while (visits.length < due) {
      const source = `127.0.0.${2 + visits.length % 200}`;
      visits.push(visit(address, source, Math.random() * 50));
    }
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  return await Promise.all(visits);
}
