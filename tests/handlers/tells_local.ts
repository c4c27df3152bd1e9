/** Says which address of this end its client has called. */
import type { Handler } from "../../mod.ts";

const handler: Handler = async (connection) => {
  const { localAddr } = connection;
  const text = localAddr.transport === "tcp" ? `${localAddr.hostname} ${localAddr.port}` : "unix";
  await connection.write(new TextEncoder().encode(text));
};
export default handler;
