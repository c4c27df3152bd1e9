/** Echoes; a client that sends "flood" is written to without end, a byte at a time. */
import type { Handler } from "../../mod.ts";

const handler: Handler = async (connection) => {
  const buffer = new Uint8Array(64);
  for (;;) {
    const length = await connection.read(buffer);
    if (length === null) return;
    const bytes = buffer.subarray(0, length);
    if (new TextDecoder().decode(bytes) === "flood") {
      for (;;) await connection.write(buffer.subarray(0, 1));
    }
    await connection.write(bytes);
  }
};

export default handler;
