/** Echo until bye through Web streams, with a timer and another socket on the way. */
import { connect, createServer, type Socket } from "node:net";
import type { Handler } from "../../mod.ts";
import { ByeScanner } from "../../src/handler/bye_scanner.ts";

/** A server of this worker's own that sends back what it gets. */
function mirror(): Promise<{ socket: Socket; close(): void }> {
  return new Promise((resolve, reject) => {
    const server = createServer((peer) => void peer.pipe(peer));
    server.listen(0, "127.0.0.1", () => {
      const { port } = server.address() as { port: number };
      const socket = connect(port, "127.0.0.1");
      socket.once("error", reject);
      socket.once("connect", () =>
        resolve({
          socket,
          close() {
            socket.destroy();
            server.close();
          },
        }));
    });
  });
}

/** What the other socket sends back. */
function through(socket: Socket, bytes: Uint8Array): Promise<Uint8Array> {
  const back: Uint8Array[] = [];
  let missing = bytes.length;
  return new Promise((resolve) => {
    socket.on("data", function take(chunk: Uint8Array) {
      back.push(chunk);
      missing -= chunk.length;
      if (missing > 0) return;
      socket.off("data", take);
      const all = new Uint8Array(bytes.length);
      back.reduce((at, chunk) => (all.set(chunk, at), at + chunk.length), 0);
      resolve(all);
    });
    socket.write(bytes);
  });
}

const handler: Handler = async (connection) => {
  const { socket, close } = await mirror();
  const scanner = new ByeScanner();
  const untilBye = new TransformStream<Uint8Array, Uint8Array>(
    {
      async transform(bytes, controller) {
        const stop = scanner.find(bytes);
        const echo = stop < 0 ? bytes : bytes.subarray(0, stop);
        if (bytes.length < 1000) await new Promise((resolve) => setTimeout(resolve, 1));
        if (echo.length > 0) controller.enqueue(await through(socket, echo));
        if (stop >= 0) controller.terminate();
      },
    },
    { highWaterMark: 1 },
    { highWaterMark: 0 },
  );
  try {
    await connection.readable.pipeThrough(untilBye, { preventCancel: true })
      .pipeTo(connection.writable);
  } finally {
    close();
  }
};
export default handler;
