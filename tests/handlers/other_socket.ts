/** Echo until bye, where each answer first goes through another socket. */
import { connect, createServer, type Socket } from "node:net";
import type { Handler } from "../../mod.ts";

const BYE = "bye";
const latin1 = new TextDecoder("latin1");

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

const handler: Handler = async (connection) => {
  const { socket, close } = await mirror();
  try {
    const buffer = new Uint8Array(65536);
    let before = "";
    for (let n; (n = await connection.read(buffer)) !== null;) {
      const all = before + latin1.decode(buffer.subarray(0, n));
      const at = all.indexOf(BYE);
      const echo = at < 0 ? n : Math.max(0, at - before.length);
      before = all.slice(-2);
      if (echo > 0) {
        let got = 0;
        const back = new Promise<void>((resolve) =>
          socket.on("data", function take(chunk: Uint8Array) {
            got += chunk.length;
            if (got < echo) return;
            socket.off("data", take);
            resolve();
          })
        );
        socket.write(buffer.slice(0, echo));
        await back;
        await connection.write(buffer.slice(0, echo));
      }
      if (at >= 0) return;
    }
  } finally {
    close();
  }
};
export default handler;
