/** Echo until bye that waits for a timer before each answer's second half. */
import type { Handler } from "../../mod.ts";
import { ByeScanner } from "../../src/echo.ts";

const handler: Handler = async (connection) => {
  const scanner = new ByeScanner();
  const buffer = new Uint8Array(65536);
  for (;;) {
    const length = await connection.read(buffer);
    if (length === null) return;
    const stop = scanner.find(buffer.subarray(0, length));
    const end = stop < 0 ? length : stop;
    const half = end >> 1;
    await connection.write(buffer.subarray(0, half));
    if (length < 1000) await new Promise((resolve) => setTimeout(resolve, 1));
    await connection.write(buffer.subarray(half, end));
    if (stop >= 0) return;
  }
};
export default handler;
