/** Ends its thread, and leaves the connection open. */
import type { Handler } from "../../mod.ts";

const handler: Handler = () => {
  globalThis.close();
  return new Promise(() => {});
};
export default handler;
