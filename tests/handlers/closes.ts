/** Answers the first bytes with as many as a kernel keeps for a client, and closes at once. */
import type { Handler } from "../../mod.ts";

const handler: Handler = async (connection) => {
  await connection.read(new Uint8Array(100));
  await connection.write(new Uint8Array(256 << 10));
  connection.close();
};
export default handler;
