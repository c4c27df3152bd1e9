/** Echoes, and throws when a message says boom. */
import type { Handler } from "../../mod.ts";

const handler: Handler = async (connection) => {
  const buffer = new Uint8Array(1000);
  for (;;) {
    const length = await connection.read(buffer);
    if (length === null) return;
    const text = new TextDecoder().decode(buffer.subarray(0, length));
    if (text.includes("boom")) throw new Error("boom, on purpose");
    await connection.write(buffer.subarray(0, length));
  }
};
export default handler;
