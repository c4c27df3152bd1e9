/** A server whose queue is full: the kernel answers nobody who comes. */
import { connect, type Socket } from "node:net";
import { isUnanswered } from "./open_sockets.ts";

/** Listens, and lets clients come until one waits, while `use` runs. */
export async function withFullQueue(use: (port: number) => Promise<void>): Promise<void> {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0, tcpBacklog: 1 });
  const { port } = listener.addr as Deno.NetAddr;
  const sockets: Socket[] = [];
  try {
    for (let waits = false; !waits;) {
      const socket = connect(port, "127.0.0.1");
      sockets.push(socket);
      socket.on("error", () => {});
      let timer: ReturnType<typeof setInterval>;
      waits = await new Promise((resolve) => {
        socket.once("connect", () => resolve(false));
        // A pause of this process may be all that it has waited for.
        timer = setInterval(() => isUnanswered(port) && resolve(true), 300);
      });
      clearInterval(timer!);
    }
    await use(port);
  } finally {
    await Promise.all(sockets.map((socket) => {
      const closed = new Promise((resolve) => socket.once("close", resolve));
      socket.destroy();
      return closed;
    }));
    listener.close();
  }
}
