/** Takes every descriptor that it can get at "fill", gives them back at "free", echoes all else. */
import { closeSync, openSync } from "node:fs";
import type { Handler } from "../../mod.ts";

const held: number[] = [];

const handler: Handler = async (connection) => {
  const buffer = new Uint8Array(100);
  for (let length; (length = await connection.read(buffer)) !== null;) {
    const text = new TextDecoder().decode(buffer.subarray(0, length));
    if (text === "fill") {
      try {
        for (;;) held.push(openSync("/dev/null", "r"));
      } catch {
        // There are no more.
      }
    } else if (text === "free") {
      for (const descriptor of held.splice(0)) closeSync(descriptor);
    }
    await connection.write(buffer.subarray(0, length));
  }
};
export default handler;
