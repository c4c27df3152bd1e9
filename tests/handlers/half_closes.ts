/** Sends FIN, and then reads to the end. */
import type { Handler } from "../../mod.ts";

const handler: Handler = async (connection) => {
  await connection.closeWrite();
  while (await connection.read(new Uint8Array(100)) !== null);
};
export default handler;
