/** Says FIN "first", and then reads to the end; or reads to the end, and answers "after" a while. */
import type { Handler } from "../../mod.ts";

const handler: Handler = async (connection) => {
  const buffer = new Uint8Array(100);
  const length = await connection.read(buffer) ?? 0;
  const word = new TextDecoder().decode(buffer.subarray(0, length));
  if (word === "first") await connection.closeWrite();
  while (await connection.read(buffer) !== null);
  if (word === "first") return;
  await new Promise((resolve) => setTimeout(resolve, 20));
  await connection.write(new TextEncoder().encode(word));
};
export default handler;
