/** Closes a server whose listener of events throws, while two clients are there. */
import process from "node:process";
import { connect, serve } from "../../mod.ts";

let thrown = 0;
process.on("uncaughtException", (error) => {
  if (error.message === "from onEvent") thrown++;
  else throw error;
});
const server = await serve({
  port: 0,
  onEvent: ({ type }) => {
    if (type === "closed") throw new Error("from onEvent");
  },
}, async (connection) => {
  const buffer = new Uint8Array(8);
  while (await connection.read(buffer) !== null) await connection.write(buffer);
});
const clients = [await connect(server.addr), await connect(server.addr)];
for (const client of clients) {
  await client.write(new Uint8Array(8));
  await client.read(new Uint8Array(8));
}
await server.close();
for (const client of clients) client.close();
await new Promise((resolve) => setTimeout(resolve, 0));
console.log(`finished, ${thrown} thrown`);
