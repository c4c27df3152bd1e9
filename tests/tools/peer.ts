/** A server that a test writes itself, for what talks to servers. */
import { createServer, type Socket } from "node:net";

/** Listens on a free port while `use` runs; `serve` is called with each client. */
export async function withPeer(
  serve: (client: Socket) => void,
  use: (port: number) => Promise<void>,
): Promise<void> {
  const clients = new Set<Socket>();
  const server = createServer({ allowHalfOpen: true }, (client) => {
    clients.add(client);
    client.on("error", () => {}); // what the test looks at is what the other end says
    client.on("close", () => clients.delete(client));
    serve(client);
  });
  const listening = Promise.withResolvers<void>();
  server.listen(0, "127.0.0.1", listening.resolve);
  await listening.promise;
  try {
    await use((server.address() as { port: number }).port);
  } finally {
    for (const client of clients) client.destroy();
    await new Promise<void>((resolve) => server.close(() => resolve()));
  }
}
