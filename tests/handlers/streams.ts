/** Echo until bye through Web streams. */
import type { Handler } from "../../mod.ts";
import { ByeScanner } from "../../src/echo.ts";

const handler: Handler = async (connection) => {
  const scanner = new ByeScanner();
  const untilBye = new TransformStream<Uint8Array, Uint8Array>(
    {
      transform(bytes, controller) {
        const stop = scanner.find(bytes);
        controller.enqueue(stop < 0 ? bytes : bytes.subarray(0, stop));
        if (stop >= 0) controller.terminate();
      },
    },
    { highWaterMark: 1 },
    { highWaterMark: 0 },
  );
  await connection.readable.pipeThrough(untilBye, { preventCancel: true })
    .pipeTo(
      connection.writable,
    );
};
export default handler;
